"""Files of every format, told by what they hold."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from command import lithify as command
from same_function import assert_same_words
from tiny_nets import tiny_net

import lithify
from lithify.backends import aiger, bench, blif
from lithify.compiler.design_file import to_bytes
from lithify.compiler.nets import save
from lithify.compiler.recognise import KNOWN, recognise
from lithify.compiler.source import open_file
from lithify.ir import binary
from lithify.ir.arithmetic import expand
from lithify.ir.circuit import Circuit
from lithify.ir.errors import FormatError, InputError
from lithify.ir.generate import random_circuit

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def bits() -> Circuit:
    """A circuit that every format can hold."""
    return expand(random_circuit(np.random.default_rng(3), gates=30, readout="bits")).circuit


def written(circuit: Circuit) -> dict[str, bytes]:
    """The circuit in every format that circuits are written in, by the name of the format."""
    return {
        "aiger": aiger.write(circuit),
        "aiger ": aiger.write_ascii(circuit),
        "blif": blif.write(circuit),
        "bench": bench.write(circuit),
        "text circuit": str(circuit).encode(),
        "binary circuit": binary.to_bytes(circuit),
        "design": to_bytes(lithify.compile(circuit)),
    }


def test_the_content_tells_the_format(bits: Circuit, tmp_path: Path) -> None:
    files = written(bits)
    assert {name: recognise(data, "") for name, data in files.items()} == {
        name: name.strip() for name in files
    }
    pla = b"# made by hand\n\n.i 1\n.o 1\n1 1\n.e\n"
    assert (recognise(pla, ""), recognise(b"# made\n" + files["blif"], "")) == ("pla", "blif")
    assert recognise(b"#\nINPUT(a)\n", "") == recognise(b"y= NOT(a)\n", "") == "bench"
    save(tiny_net(), tmp_path / "net.txt")
    assert recognise((tmp_path / "net.txt").read_bytes(), "") == "model"
    assert recognise(pickle.dumps([1, 2]), "") == "torch"
    with pytest.raises(FormatError) as caught:
        recognise(b"\x00\x01nonsense", "net.aig")
    assert str(caught.value) == (
        "net.aig: what it holds is not known (it starts with b'\\x00\\x01nonsense'); there are "
        f"{KNOWN}"
    )


def test_every_format_is_compiled_and_proved(bits: Circuit, tmp_path: Path) -> None:
    for name, data in written(bits).items():
        path = tmp_path / "9net.whatever"
        path.write_bytes(data)
        design = lithify.compile(path, interface="comb", effort=1).verify()
        assert design.certificate is not None and design.certificate.ok, name
        assert design.name == ("net" if name == "design" else "net_9net")
        assert_same_words(bits, design.circuit, np.random.default_rng(0))


def test_what_is_loaded_is_as_it_came(bits: Circuit, tmp_path: Path) -> None:
    path = tmp_path / "some.file"
    path.write_bytes(blif.write(bits))
    design = lithify.load(path)
    assert design.lowered == design.circuit == blif.read(blif.write(bits))
    assert design.provenance == {"imported": {"format": "blif", "file": "some.file"}}
    assert design.pipeline == ""
    optimised = lithify.compile(design)
    assert optimised.lowered == design.lowered and optimised.pipeline != ""
    optimised.save(path)
    assert lithify.load(path).circuit == optimised.circuit
    assert open_file(path).circuit == design.lowered
    assert lithify.load(optimised.write(tmp_path / "build")).circuit == optimised.circuit
    assert open_file(tmp_path / "build").circuit == design.lowered


def test_a_model_is_loaded_as_its_hard_net(tmp_path: Path) -> None:
    net = tiny_net()
    design = lithify.load(save(net, tmp_path / "m"))
    x = net.example()
    assert np.array_equal(design.scores(x), net.hard_scores(x))
    assert (design.classes, design.code) == (net.classes, net.code)


def test_the_verb_writes_a_design_that_compiles(
    bits: Circuit, tmp_path: Path, capsys: Capture
) -> None:
    path, out = tmp_path / "a.b", tmp_path / "net.lith"
    path.write_bytes(bench.write(bits))
    ran = command(capsys, ["import", path, "-o", out, "--name", "My net", "--json"])
    assert ran.result == {
        "name": "my_net",
        "format": "bench",
        "input_bits": bits.num_input_bits,
        "gates": lithify.load(out).circuit.num_gates,
        "readout": "bits",
        "file": str(out),
    }
    ran = command(capsys, ["import", path, "-o", out])
    assert (ran.code, ran.out.splitlines()[-1]) == (0, f"written: {out}")
    build = tmp_path / "build"
    assert command(capsys, ["compile", out, "-o", build, "--quiet"]).code == 0
    assert (build / "verilog" / "a.v").is_file() and (build / "c" / "a.c").is_file()


def test_what_cannot_be_read(tmp_path: Path) -> None:
    for name in ("none.aig", "none.lith"):
        with pytest.raises(InputError) as caught:
            open_file(tmp_path / name)
        assert str(caught.value) == (
            f"{tmp_path / name}: cannot be read (No such file or directory); check the path and "
            "its permissions"
        )
    path = tmp_path / "n.circuit"
    path.write_bytes(b"lithify circuit 1\n\xff\n")
    with pytest.raises(FormatError) as refused:
        open_file(path)
    assert str(refused.value) == f"{path} is no text circuit: byte 18 is no text"


def test_an_aiger_header_cannot_ask_for_memory() -> None:
    for data in (b"aig 900000000 900000000 0 0 0\n", b"aag 900000000 0 0 0 0\n"):
        with pytest.raises(FormatError) as caught:
            aiger.read(data, "n")
        assert str(caught.value) == (
            f"n has 900000000 variables in {len(data)} bytes; at most 1048576 more than bytes can "
            "be read"
        )
