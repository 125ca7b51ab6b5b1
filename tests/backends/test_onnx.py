"""Circuits as ONNX models: onnxruntime gives what the interpreter gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from same_function import assert_same_words

import lithify
from lithify.backends import onnx
from lithify.compiler.codes import InputCode
from lithify.compiler.source import Source, open_file
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError
from lithify.ir.generate import random_circuit, random_layered
from lithify.ir.simulate import pack, random_codes, read_scores, run, run_planes

Array = NDArray[Any]


def runtime_answers(data: bytes, feeds: dict[str, Array]) -> dict[str, Array]:
    """What onnxruntime makes of a model."""
    import onnxruntime

    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, feeds), strict=True))


def by_port(circuit: Circuit, codes: Array) -> dict[str, Array]:
    """The codes of each port."""
    ends = np.cumsum([port.count for port in circuit.inputs])[:-1]
    parts = np.split(codes.astype(np.int64), ends, axis=1)
    return {port.name: part for port, part in zip(circuit.inputs, parts, strict=True)}


def assert_answers(circuit: Circuit, codes: Array, found: dict[str, Array]) -> None:
    """The words, scores and class of a model are those of the interpreter."""
    wanted = run(circuit, codes)
    for name, values in wanted.words.items():
        assert np.array_equal(found[name], values), name
    assert ("scores" in found, "class" in found) == (
        bool(circuit.scores), circuit.readout == "argmax",
    )  # fmt: skip
    if circuit.scores:
        assert np.array_equal(found["scores"], wanted.scores)
    if circuit.readout == "argmax":
        assert np.array_equal(found["class"], wanted.classes)


@pytest.mark.parametrize("seed", range(12))
def test_strange_circuits_there_and_back(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    circuit = random_circuit(rng, gates=60, odd_names=True)
    codes = random_codes(circuit, 300, rng)
    data = onnx.write(circuit)
    assert_answers(circuit, codes, runtime_answers(data, by_port(circuit, codes)))
    (tmp_path / "net").write_bytes(data)
    back = open_file(tmp_path / "net").circuit
    assert_same_words(circuit, back, rng)
    planes = pack(circuit, codes)
    mine, theirs = (read_scores(one, run_planes(one, planes), 300) for one in (circuit, back))
    assert np.array_equal(mine, theirs) and back.readout == circuit.readout


def test_a_net_of_gates_on_ten_thousand_inputs() -> None:
    rng = np.random.default_rng(1)
    circuit = random_layered(rng, inputs=100, layers=[400, 400], classes=10)
    codes = random_codes(circuit, 10_000, rng)
    data = onnx.write(circuit)
    assert_answers(circuit, codes, runtime_answers(data, by_port(circuit, codes)))


def test_wide_thresholds_are_a_product(tmp_path: Path) -> None:
    rng, builder = np.random.default_rng(2), Builder()
    x = builder.input("x", count=40).ravel()
    pins = np.broadcast_to(x, (16, 40))
    made = builder.thresholds(rng.integers(-5, 6, 16), pins, rng.choice([-1, 1, 3], (16, 40)))
    builder.score("a", made, rng.choice([-(2**26), 5], 16), bias=-3)
    builder.score("b", made[:3])
    circuit = builder.finish(readout="argmax")
    codes = random_codes(circuit, 500, rng)
    data = onnx.write(circuit)
    assert data.count(b"MatMul") == 2
    assert_answers(circuit, codes, runtime_answers(data, by_port(circuit, codes)))
    (tmp_path / "net").write_bytes(data)
    design = lithify.load(tmp_path / "net")
    assert np.array_equal(design.scores(codes), run(circuit, codes).scores)


def test_a_model_of_features(tmp_path: Path) -> None:
    code = InputCode.rank([[0.1, 0.1 + 1e-12, 0.25], [-1e300, 2.0], []])
    builder = Builder()
    x = builder.port(code.ports()[0])
    for element in range(3):
        builder.score(f"s{element}", x[element], [1, 2])
    circuit = builder.finish(readout="argmax")
    design = Source(name="net", circuit=circuit, code=code).design()
    edges = np.array([0.1, 0.25, 2.0, -3e38, 0.0], np.float32)
    around = [np.nextafter(edges, np.float32(side)) for side in (-np.inf, np.inf)]
    rows = np.concatenate([edges, *around])[:, None].repeat(3, axis=1)
    data = onnx.write(circuit, thresholds=code.thresholds)
    found = runtime_answers(data, {"x": rows})
    assert np.array_equal(found["scores"], design.scores(rows))
    (tmp_path / "net").write_bytes(data)
    assert np.array_equal(lithify.load(tmp_path / "net").scores(rows), found["scores"])


def test_what_cannot_be_written() -> None:
    builder = Builder()
    x = builder.input("x", count=2, kind="bit")
    builder.output("x", x.ravel())
    with pytest.raises(InputError) as caught:
        onnx.write(builder.finish())
    assert str(caught.value) == ("two of the inputs and outputs are called x; rename one of them")
    builder = Builder()
    builder.output("y", [1])
    with pytest.raises(InputError) as caught:
        onnx.write(builder.finish())
    assert str(caught.value) == (
        "a circuit without inputs has no samples; an ONNX model needs an input"
    )
    builder = Builder(fold=False, hash=False)
    pins = builder.input("x", count=3).ravel().tolist()
    builder.output("y", [builder.threshold(1, pins, [2**30] * 3)])
    with pytest.raises(InputError) as caught:
        onnx.write(builder.finish())
    assert str(caught.value) == (
        "a gate whose weights add up to 3221225472; less than 2^31 can be written"
    )
