"""From a net, a circuit or a file to a design, and what a design knows."""

from dataclasses import replace
from pathlib import Path

import networkx
import numpy as np
import pytest
from tiny_nets import blobs, tiny_net

from lithify.backends import aiger, blif
from lithify.backends.verilog.description import FILE, Description
from lithify.compiler import report
from lithify.compiler.design import Design
from lithify.compiler.design_file import from_bytes, to_bytes
from lithify.compiler.driver import compile
from lithify.compiler.nets import save
from lithify.compiler.pipeline import EFFORTS, cost, parse
from lithify.compiler.proof.equivalence import prove_equal
from lithify.compiler.proof.verdict import Proved
from lithify.ir import binary, simulate, text
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError, MismatchError, PassError, TargetError
from lithify.ir.generate import random_circuit


@pytest.fixture(scope="module")
def design() -> Design:
    return compile(tiny_net(), name="tiny")


@pytest.fixture
def bits() -> Circuit:
    """A circuit that every exchange format can hold."""
    return compile(tiny_net(), effort=0).netlist.circuit


def test_a_net_becomes_a_design_with_its_classes_and_code(design: Design) -> None:
    net, (x, _) = tiny_net(), blobs(30)
    assert design.name == "tiny" and design.classes == net.classes and design.code == net.code
    assert np.array_equal(design.scores(x), net.hard_scores(x))
    assert np.array_equal(design.interpret(x).scores, net.hard_scores(x))
    assert design.pipeline.startswith("fold; strash; absorb; prune; simplify; share")
    assert [step.text for step in design.steps] == design.pipeline.split("; ")


def test_a_model_file_brings_its_provenance_and_name(tmp_path: Path) -> None:
    path = save(tiny_net(), tmp_path / "my model.safetensors", provenance={"seed": 3})
    design = compile(path)
    assert (design.name, design.provenance) == ("my_model", {"seed": 3})


@pytest.mark.parametrize("suffix", [".circuit", ".npz", ".aig", ".aag", ".blif"])
def test_circuits_come_from_every_format(suffix: str, bits: Circuit, tmp_path: Path) -> None:
    content = {
        ".circuit": lambda: text.dump(bits).encode(),
        ".npz": lambda: binary.to_bytes(bits),
        ".aig": lambda: aiger.write(bits),
        ".aag": lambda: aiger.write_ascii(bits),
        ".blif": lambda: blif.write(bits),
    }[suffix]()
    path = tmp_path / f"2net{suffix}"
    path.write_bytes(content)
    design = compile(path, effort=1)
    assert design.name == "net_2net"
    codes = simulate.random_codes(bits, 200, np.random.default_rng(0))
    planes = simulate.pack(bits, codes)
    lowered = simulate.run_planes(design.lowered, planes)
    for mine, theirs in zip(bits.words, design.lowered.words, strict=True):
        signals = theirs.signals.ravel()
        expected = simulate.run_planes(bits, planes)[mine.signals.ravel()]
        assert np.array_equal(lowered[signals], expected)
    assert isinstance(prove_equal(design.lowered, design.circuit), Proved)


def test_what_cannot_be_compiled_is_refused(tmp_path: Path) -> None:
    circuit = random_circuit(np.random.default_rng(0))
    with pytest.raises(InputError, match=r"^effort 4: there are 0 to 3$"):
        compile(circuit, effort=4)
    with pytest.raises(TargetError, match=r"^'hx9k' is not a known board; nearest: hx8k-evn; "):
        compile(circuit, target="hx9k")
    with pytest.raises(PassError, match=r"^pass 'x' is unknown; "):
        compile(circuit, pipeline="x")
    with pytest.raises(InputError, match=r"^interface 'axi' is none of comb, pipeline, stream$"):
        compile(circuit, interface="axi")


def test_the_highest_effort_ends_where_nothing_more_is_found(tmp_path: Path) -> None:
    design = compile(tiny_net(), effort=3, dump_to=tmp_path)
    assert len(design.steps) % len(parse(EFFORTS[3])) == 0
    rounds = len(design.steps) // len(parse(EFFORTS[3]))
    assert rounds >= 2
    last = design.steps[-len(parse(EFFORTS[3])) :]
    assert last[0].gates[0] == last[-1].gates[1] == design.circuit.num_gates
    assert (tmp_path / f"again-{rounds - 1}" / "09-simplify.circuit").is_file()
    assert cost(design.circuit) <= cost(compile(tiny_net(), effort=2).circuit)
    assert isinstance(prove_equal(design.lowered, design.circuit), Proved)


def test_the_design_decides_how_its_verilog_is_clocked() -> None:
    for interface, every in (("comb", 0), ("pipeline", 2), ("stream", 4)):
        design = compile(tiny_net(), interface=interface, every=every or 3)
        described = Description.from_json(design.verilog[FILE])
        assert (described.interface, described.every) == (interface, every)


def test_a_design_without_a_code_takes_integers_only() -> None:
    design = compile(random_circuit(np.random.default_rng(1)))
    with pytest.raises(InputError) as caught:
        design.codes(np.zeros((1, design.circuit.elements)))
    assert str(caught.value) == (
        "features of type float64; this design has no code for raw features and takes integers"
    )


def test_a_design_file_keeps_the_design(design: Design) -> None:
    proved = replace(design.verify(), target="icebreaker")
    again = from_bytes(to_bytes(proved), "memory")
    assert (again.lowered, again.circuit) == (proved.lowered, proved.circuit)
    for name in ("name", "pipeline", "code", "classes", "target", "interface", "every"):
        assert getattr(again, name) == getattr(proved, name)
    assert again.certificate == proved.certificate
    assert to_bytes(again) == to_bytes(proved)


def test_a_design_that_is_not_its_net_is_refuted(design: Design) -> None:
    score = replace(design.circuit.scores[0], bias=design.circuit.scores[0].bias + 1)
    outputs = (score, *design.circuit.outputs[1:])
    wrong = replace(design, circuit=replace(design.circuit, outputs=outputs))
    with pytest.raises(MismatchError, match=r"^stage optimise: optimised is not lowered; refuted"):
        wrong.verify()


def test_the_report_counts_what_the_circuits_hold(design: Design) -> None:
    stages = report.data(design)["stages"]
    for name, circuit in (("lowered", design.lowered), ("optimised", design.circuit)):
        assert stages[name]["gates"] == circuit.num_gates == sum(circuit.size_by_part().values())
    assert stages["netlist"]["score terms"] == 0 < stages["netlist"]["head"]
    assert sum(report.layers(design.circuit).values()) == design.circuit.num_gates
    assert report.flat({"a": {"b": 1, "c": {"d": 2}}, "e": 3}) == {"a.b": 1, "a.c.d": 2, "e": 3}
    assert report.text(design).splitlines()[0] == (
        "tiny: 4 integers of 2 bits, 3 scores, readout argmax"
    )
    assert "other" not in report.text(design)


def test_the_report_counts_gates_of_no_part() -> None:
    builder = Builder()
    bits = builder.input("x", kind="uint", count=1, width=3).ravel()
    builder.output("y", [int(builder.and_(int(bits[0]), int(bits[1])))])
    design = compile(builder.finish(readout="bits"), name="own")
    assert report.text(design) == (
        "own: 1 integer of 3 bits, 1 word, readout bits\n"
        "stage      encoder gates  core gates  head gates  other gates  score terms  depth\n"
        "lowered                0           0           0            1            0      1\n"
        "optimised              0           0           0            1            0      1\n"
        "netlist                0           0           0            1            0      1\n"
    )
    nothing = compile(Builder().finish(readout="bits"), name="nothing")
    assert report.describe(nothing) == "nothing: no inputs, no outputs, readout bits"


def test_codes_that_do_not_fit_are_refused() -> None:
    plain = compile(random_circuit(np.random.default_rng(1), readout="bits"), effort=0)
    codes = np.full((1, plain.circuit.elements), 2**64 - 1, np.uint64)
    with pytest.raises(InputError) as error:
        plain.codes(codes)
    assert str(error.value) == (
        "features up to 18446744073709551615; this design takes 64-bit integers"
    )


def test_a_description_of_another_file_is_said(design: Design) -> None:
    with pytest.raises(InputError) as error:
        design.subjects({FILE: design.verilog[FILE]})
    assert str(error.value) == (f"design.json speaks of {design.name}.v, which is not beside it")


@pytest.mark.parametrize(
    ("source", "kind", "hint"),
    [
        (3, "int", ""),
        (None, "NoneType", ""),
        (
            networkx.DiGraph(),
            "DiGraph",
            "; lithify.Circuit.from_graph makes a circuit of this graph",
        ),
    ],
)
def test_what_cannot_be_compiled(source: object, kind: str, hint: str) -> None:
    with pytest.raises(InputError) as caught:
        compile(source)  # type: ignore[arg-type]
    assert str(caught.value) == (
        f"a {kind} cannot be compiled; hand in a net, a circuit or the path of a file that "
        f"holds one{hint}"
    )
