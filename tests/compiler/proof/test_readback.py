"""Files read back and proved to be their netlists, gate by gate, and those that are not."""

import re
from dataclasses import replace

import numpy as np
import pytest
from circuit_strategies import circuits
from hypothesis import given, settings
from hypothesis import strategies as st

from lithify.backends.aiger import write
from lithify.backends.verilog.description import FILE, Description
from lithify.backends.verilog.emit import VerilogOptions, emit
from lithify.compiler.pipeline import EFFORTS, parse, run
from lithify.compiler.proof import matching
from lithify.compiler.proof.matching import prove_same_gates
from lithify.compiler.proof.readback import prove_verilog, read_netlist
from lithify.compiler.proof.verdict import NotProved, Proved, Refuted
from lithify.ir.arithmetic import expand
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError, MismatchError
from lithify.ir.simulate import random_codes
from lithify.ir.simulate import run as answer


def net(seed: int = 0, *, gates: int = 400, classes: int = 10) -> Circuit:
    rng = np.random.default_rng(seed)
    b = Builder()
    x = b.input("x", count=50).ravel()
    for _ in range(3):
        tables = rng.integers(0, 16, gates).astype(np.uint64)
        x = b.tables(tables, x[rng.integers(0, x.size, (gates, 2))])
    for label in range(classes):
        b.score(f"class{label}", x[label::classes])
    circuit = run(parse(EFFORTS[1]), b.finish(readout="argmax")).circuit
    return expand(circuit).circuit


NETLIST = net()


def verilog(options: VerilogOptions | None = None) -> tuple[bytes, Description]:
    files = emit(NETLIST, options)
    description = Description.from_json(files[FILE])
    return files[description.file], description


@pytest.mark.parametrize(
    "options",
    [
        VerilogOptions(),
        VerilogOptions(interface="pipeline", every=3),
        VerilogOptions(interface="stream", every=4),
    ],
    ids=lambda options: options.interface,
)
def test_verilog_is_proved_with_its_adders(options: VerilogOptions) -> None:
    verdict = prove_verilog(NETLIST, *verilog(options))
    assert isinstance(verdict, Proved), verdict
    assert verdict.method == "gate-by-gate matching"
    assert verdict.pairs == NETLIST.num_gates
    assert verdict.engines[0] == "lithify" and verdict.engines[1].startswith("read by yosys 0.")


def test_many_samples_that_say_little_do_not_hide_the_gates(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Fewer vectors than there are samples, all of them zero, can be looked at."""
    text, description = verilog()
    monkeypatch.setattr(matching, "MOST_WORDS", 32 * 2 * NETLIST.num_signals)
    samples = np.zeros((5000, 50), np.int64)
    verdict = prove_verilog(NETLIST, text, description, samples=samples)
    assert isinstance(verdict, Proved), verdict
    assert verdict.method == "gate-by-gate matching"


@pytest.mark.parametrize("seed", range(6))
def test_one_altered_operator_is_refuted(seed: int) -> None:
    text, description = verilog()
    rng = np.random.default_rng(seed)
    lines = text.decode().split("\n")
    places = [i for i, line in enumerate(lines) if re.search(r"=[^=]*[&|^]", line)]
    at = int(rng.choice(places))
    lines[at] = re.sub(
        r"(=[^=]*?)([&|^])",
        lambda m: m[1] + {"&": "|", "|": "&", "^": "&"}[m[2]],
        lines[at],
        count=1,
    )
    verdict = prove_verilog(NETLIST, "\n".join(lines).encode(), description)
    assert isinstance(verdict, Refuted), verdict
    code = np.array([verdict.codes])
    assert answer(NETLIST, code).words[verdict.output][0].tolist() == list(verdict.expected)


@settings(max_examples=60, deadline=None)
@given(circuits(most_gates=60))
def test_what_aiger_writes_is_matched_or_proved(circuit: Circuit) -> None:
    netlist = expand(circuit).circuit
    seen = read_netlist(netlist, write(netlist), what="the file")
    assert isinstance(prove_same_gates(netlist, seen, vectors=256), Proved)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**31))
def test_matching_proves_nothing_wrong(seed: int) -> None:
    """One gate of what was read is changed: only changes without effect are proved."""
    rng = np.random.default_rng(seed)
    seen = read_netlist(NETLIST, write(NETLIST), what="the file")
    tables = seen.tables.copy()
    gate = int(rng.integers(seen.num_gates))
    tables[gate] ^= np.uint64(1 << int(rng.integers(1 << len(seen.gate_fanins(gate)))))
    wrong = replace(seen, tables=tables)
    # Simulation would find it: leave the matching alone with it, on few vectors.
    hashed = matching._hashed(wrong)
    found, owner = matching._matched(NETLIST, hashed, random_codes(NETLIST, 64, rng))
    codes = random_codes(NETLIST, 20000, rng)
    right = answer(wrong, codes)
    if found is not None:
        left = answer(NETLIST, codes)
        assert all(np.array_equal(left.words[n], right.words[n]) for n in left.words)
    # What is left for the engine is what was read, whatever was matched.
    left = answer(matching._joined(NETLIST, hashed, owner), codes)
    assert all(np.array_equal(left.words[n], right.words[n]) for n in left.words)


def test_rewired_outputs_are_not_matched() -> None:
    seen = read_netlist(NETLIST, write(NETLIST), what="the file")
    signals = seen.words[0].signals.copy()
    signals[[0, 1]] = signals[[1, 0]]
    swapped = replace(seen, outputs=(replace(seen.words[0], signals=signals), seen.words[1]))
    codes = random_codes(NETLIST, 64, np.random.default_rng(0))
    assert matching._matched(NETLIST, matching._hashed(seen), codes)[0] == NETLIST.num_gates
    assert matching._matched(NETLIST, matching._hashed(swapped), codes)[0] is None
    assert isinstance(prove_same_gates(NETLIST, swapped), Refuted)


def test_where_gates_do_not_match_the_engine_is_asked() -> None:
    def made(nands: bool) -> Circuit:
        b = Builder(fold=False, hash=False)
        x, y, z = (int(b.input(n)[0, 0]) for n in "xyz")
        if nands:
            nand = b.table(0b0111, x, y)
            inner = b.table(0b0111, b.table(0b0111, x, nand), b.table(0b0111, y, nand))
            b.output("o", [b.table(0b0110, inner, z)])
        else:
            b.output("o", [b.table(0b0110, x, b.table(0b0110, y, z))])
        return b.finish()

    verdict = prove_same_gates(made(False), made(True))
    assert isinstance(verdict, Proved) and verdict.method == "&cec"


def test_what_nobody_proves_in_time_is_left_open(monkeypatch: pytest.MonkeyPatch) -> None:
    b = Builder()
    x = b.input("x", count=90)
    b.score("s", x)
    one = expand(b.finish(readout="scores")).circuit
    moved = Builder()
    y = moved.input("x", count=90).ravel()
    order = np.random.default_rng(0).permutation(y)
    moved.output("scores", moved.copy(one, inputs=order)[one.words[0].signals], kind="int")
    verdict = prove_same_gates(one, moved.finish(), time_limit=1)
    assert isinstance(verdict, NotProved)
    assert verdict.vectors >= 2048 and verdict.reason.startswith("yosys-abc ")


def test_constant_outputs_may_be_gates_without_fan_ins() -> None:
    def made(*signals: int, gate: bool) -> Circuit:
        b = Builder(fold=False, hash=False)
        b.input("x")
        b.output("y", [b.table(s) if gate else s for s in signals])
        return b.finish()

    wires = made(1, 0, gate=False)
    verdict = prove_same_gates(wires, made(1, 0, gate=True))
    assert isinstance(verdict, Proved) and verdict.method == "gate-by-gate matching"
    assert isinstance(prove_same_gates(wires, made(0, 0, gate=True)), Refuted)
    assert isinstance(prove_same_gates(made(1, 0, gate=True), wires), Proved)


def test_names_of_ports_must_be_the_netlists() -> None:
    data = write(NETLIST)
    with pytest.raises(MismatchError) as caught:
        read_netlist(NETLIST, data.replace(b"i3 x[3]\n", b"i3 x[4]\n"), what="the file")
    assert str(caught.value) == "the inputs of the file are not the netlist's: x[3] is missing"
    mixed = data.replace(b"i3 x[3]\n", b"i3 ?\n").replace(b"i4 x[4]\n", b"i4 x[3]\n")
    with pytest.raises(MismatchError) as caught:
        read_netlist(NETLIST, mixed.replace(b"i3 ?\n", b"i3 x[4]\n"), what="the file")
    assert str(caught.value) == (
        "the inputs of the file are not the netlist's: they stand in another order"
    )


def test_only_tables_can_be_matched() -> None:
    b = Builder()
    b.score("s", b.input("x"))
    circuit = b.finish(readout="scores")
    with pytest.raises(InputError) as caught:
        prove_same_gates(circuit, circuit)
    assert str(caught.value) == (
        "only circuits of tables and words can be matched; expand them first"
    )


@pytest.mark.parametrize(("inputs", "output"), [(("b", "a"), "y"), (("a", "b"), "z")])
def test_gates_of_other_names_are_not_the_same(inputs: tuple[str, str], output: str) -> None:
    circuits = []
    for names, out in ((("a", "b"), "y"), (inputs, output)):
        b = Builder()
        x, y = (int(b.input(name)[0, 0]) for name in names)
        b.output(out, [b.table(0b0010, x, y)])
        circuits.append(b.finish())
    what = "inputs" if inputs != ("a", "b") else "outputs"
    with pytest.raises(InputError) as error:
        prove_same_gates(*circuits)
    assert str(error.value) == (
        f"the circuits have other {what}; only circuits of one interface compare"
    )


def test_sums_that_no_test_vector_moves_are_matched_by_what_they_read() -> None:
    """Behind neurons that never fire on random inputs thousands of adders behave alike."""
    rng = np.random.default_rng(0)
    b = Builder(fold=False, hash=False)
    x = b.input("x", count=150).ravel()
    first, second = (rng.choice([-1, 1], s).astype(np.int32) for s in ((24, 150), (160, 24)))
    quiet = b.thresholds(first.sum(1) // 2 + 50, np.broadcast_to(x, first.shape), first)
    fired = b.thresholds(second.sum(1) // 2, np.broadcast_to(quiet, second.shape), second)
    for label in range(2):
        b.score(f"class{label}", fired[label::2])
    circuit = b.finish(readout="argmax")
    netlist = expand(circuit).circuit
    design = emit(circuit)
    description = Description.from_json(design[FILE])
    verdict = prove_verilog(netlist, design["net.v"], description, time_limit=0)
    assert isinstance(verdict, Proved), verdict
    assert verdict.method == matching.METHOD and verdict.pairs == netlist.num_gates
