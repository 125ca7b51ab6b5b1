"""The engine against the interpreter: circuits, batch sizes, vectors, threads, types, errors."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from c_nets import assert_same, layered

from lithify.backends.c.engine import Engine
from lithify.backends.c.library import load
from lithify.backends.c.program import schedule
from lithify.ir import simulate
from lithify.ir.builder import Builder
from lithify.ir.errors import InputError
from lithify.ir.generate import random_circuit
from lithify.ir.ports import Port

VECTORS = load().vectors
SIZES = (0, 1, 63, 64, 65, 255, 256, 257, 511, 512, 513, 4097)
MIXED = (
    Port("flags", 1, 70, "bit"),
    Port("pixels", 5, 64, "uint", 0, 16),
    Port("temperatures", 12, 3, "int", -500, 1000),
    Port("wide", 40, 2, "int"),
)


def test_128_bits_and_64_always_work() -> None:
    assert VECTORS[:2] == (64, 128)


@pytest.mark.parametrize("seed", range(40))
def test_random_circuits_give_the_interpreters_answers(seed: int) -> None:
    rng = np.random.default_rng(seed)
    circuit = random_circuit(rng, gates=int(rng.integers(0, 150)), odd_names=True)
    codes = simulate.random_codes(circuit, int(rng.integers(0, 700)), rng)
    program = schedule(circuit, window=int(rng.choice([1, 16, 256])))
    right = simulate.run(circuit, codes)
    for vector in VECTORS:
        assert_same(Engine(program, vector=vector).run(codes), right)


@pytest.mark.parametrize("vector", VECTORS)
@pytest.mark.parametrize("weight", [1, 3, 1000, (1 << 31) - 1])
def test_every_batch_size(vector: int, weight: int) -> None:
    rng = np.random.default_rng(weight)
    circuit = layered(rng, ports=MIXED, weight=weight, words=True)
    engine = Engine(circuit, vector=vector)
    codes = simulate.random_codes(circuit, max(SIZES), rng)
    right = simulate.run(circuit, codes)
    for size in SIZES:
        part = simulate.Answers(
            {name: word[:size] for name, word in right.words.items()},
            right.scores[:size],
            right.classes[:size],
        )
        assert_same(engine.run(codes[:size]), part)
        assert_same(engine.run_planes(simulate.pack(circuit, codes[:size]), size), part)
        assert np.array_equal(engine.predict(codes[:size]), part.classes)
        scores = engine.scores(codes[:size])
        assert np.array_equal(scores, part.scores)
        assert scores.dtype == (np.int64 if engine.program.wide_scores else np.int32)
        for name, word in engine.words(codes[:size]).items():
            assert np.array_equal(word, part.words[name])


@pytest.mark.parametrize("classes", [1, 2, 3, 4, 5, 8, 9, 17])
@pytest.mark.parametrize("signals", [3, 200, 40_000])
def test_any_number_of_classes_and_bits_of_a_score(classes: int, signals: int) -> None:
    rng = np.random.default_rng(classes)
    b = Builder()
    x = b.input("x", count=50).ravel()
    for i in range(classes):
        b.score(f"s{i}", rng.choice(x, signals), rng.choice([-1, 1], signals), bias=-i)
    circuit = b.finish(readout="argmax")
    codes = simulate.random_codes(circuit, 70, rng)
    assert_same(Engine(circuit).run(codes), simulate.run(circuit, codes))


def test_ties_go_to_the_lowest_class() -> None:
    b = Builder()
    x = b.input("x", count=3).ravel()
    for i in range(3):
        b.score(f"s{i}", [x[i]])
    engine = Engine(b.finish(readout="argmax"))
    codes = [[0, 0, 0], [0, 1, 1], [1, 0, 1], [0, 0, 1], [1, 1, 1]]
    assert engine.predict(codes).tolist() == [0, 1, 0, 2, 0]


def test_wide_slots() -> None:
    rng = np.random.default_rng(5)
    ports = (Port("x", 1, 66_000),)
    circuit = layered(rng, ports=ports, widths=(66_000, 66_000), words=True)
    program = schedule(circuit)
    assert program.operands.dtype == np.uint32
    codes = rng.integers(0, 2, (65, 66_000), dtype=np.uint8)
    right = simulate.run(circuit, codes)
    for vector in VECTORS:
        assert_same(Engine(program, vector=vector).run(codes), right)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_change_nothing(threads: int) -> None:
    rng = np.random.default_rng(1)
    circuit = layered(rng, words=True)
    codes = simulate.random_codes(circuit, 5000, rng)
    engine = Engine(circuit, threads=threads, vector=64)
    right = simulate.run(circuit, codes)
    for size in (0, 1, 64, 65, 128, 129, 5000):
        assert np.array_equal(engine.scores(codes[:size]), right.scores[:size])
    assert_same(engine.run(codes), right)


def test_one_engine_serves_many_threads() -> None:
    rng = np.random.default_rng(2)
    circuit = layered(rng)
    engine = Engine(circuit, threads=2)
    batches = [simulate.random_codes(circuit, int(n), rng) for n in rng.integers(0, 3000, 24)]
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(engine.predict, batches))
    for codes, classes in zip(batches, found, strict=True):
        assert np.array_equal(classes, simulate.run(circuit, codes).classes)


@pytest.mark.parametrize("dtype", "? b B h H i I l L >i2 <u4 >i8".split())
def test_any_integer_type_and_layout(dtype: str) -> None:
    rng = np.random.default_rng(3)
    signed = np.dtype(dtype).kind == "i"
    ports = (Port("x", 1, 130), Port("y", 7 if signed else 1, 70, "uint" if signed else "bit"))
    circuit = layered(rng, ports=ports)
    codes = simulate.random_codes(circuit, 200, rng).astype(dtype)
    right = simulate.run(circuit, codes).scores
    engine = Engine(circuit)
    padded = np.zeros((200, 300), dtype)
    padded[:, 7:207] = codes
    assert np.array_equal(engine.scores(codes), right)
    assert np.array_equal(engine.scores(np.asfortranarray(codes)), right)
    assert np.array_equal(engine.scores(padded[:, 7:207]), right)
    assert np.array_equal(engine.scores(codes[::-1]), right[::-1])
    assert np.array_equal(engine.scores(codes[::3]), right[::3])
    assert np.array_equal(engine.scores(np.repeat(codes, 2, axis=1)[:, ::2]), right)
    assert np.array_equal(engine.scores(codes[:, ::-1][:, ::-1]), right)
    one = np.broadcast_to(codes[:1], (100, 200))
    assert np.array_equal(engine.scores(one), np.broadcast_to(right[:1], (100, 10)))


def test_lists_do() -> None:
    b = Builder()
    b.output("y", b.input("x", count=2).ravel())
    assert Engine(b.finish()).words([[0, 1], [1, 0]])["y"].tolist() == [[0, 1], [1, 0]]


def test_narrow_types_are_extended_by_their_sign() -> None:
    b = Builder()
    b.output("y", b.input("x", width=20, kind="int"), kind="int")
    b.output("z", b.input("w", width=20, kind="uint"), kind="uint")
    engine = Engine(b.finish())
    codes = np.array([[-128, 127], [-1, 0], [5, 3]], np.int8)
    answers = engine.words(codes)
    assert answers["y"].ravel().tolist() == [-128, -1, 5]
    assert answers["z"].ravel().tolist() == [127, 0, 3]


def test_a_circuit_without_gates_inputs_or_outputs() -> None:
    b = Builder()
    b.output("high", [1, 0])
    b.score("s", [1, 1, 0], [3, -5, 7], bias=1)
    circuit = b.finish(readout="scores")
    answers = Engine(circuit).run(np.zeros((3, 0), np.uint8))
    assert_same(answers, simulate.run(circuit, np.zeros((3, 0), np.uint8)))
    assert answers.scores.tolist() == [[-1]] * 3
    empty = Engine(Builder().finish())
    assert empty.words(np.zeros((2, 0), np.int64)) == {}
    assert empty.scores(np.zeros((2, 0), np.int64)).shape == (2, 0)


def engine_of(*ports: Port) -> Engine:
    b = Builder()
    signals = np.concatenate([b.port(port).ravel() for port in ports])
    b.output("y", signals)
    return Engine(b.finish(), threads=2)


@pytest.mark.parametrize("dtype", ["i1", "i2", "i4", "i8", "u8"])
def test_a_code_out_of_range_is_named(dtype: str) -> None:
    engine = engine_of(Port("x", 1, 3), Port("pixels", 5, 200, "uint", 2, 16))
    codes = np.full((3000, 203), 2, dtype)
    codes[:, :3] = 1
    assert engine.words(codes)["y"].shape == (3000, 1003)
    codes[2500, 150] = 17
    codes[2999, 3] = 1
    with pytest.raises(InputError) as caught:
        engine.words(codes)
    assert str(caught.value) == "sample 2500, input pixels[147]: 17 is not in 2..16"
    codes[2500, 150] = 3
    with pytest.raises(InputError) as caught:
        engine.run(codes)
    assert str(caught.value) == "sample 2999, input pixels[0]: 1 is not in 2..16"


@pytest.mark.parametrize(
    ("port", "code", "dtype", "said"),
    [
        (Port("a", 4, 1, "int", -3, 5), -4, "i1", "input a: -4 is not in -3..5"),
        (Port("a", 4, 1, "int", -3, 5), 6, "i8", "input a: 6 is not in -3..5"),
        (Port("a", 4, 1, "int"), -9, "i2", "input a: -9 is not in -8..7"),
        (Port("a", 4, 1, "int"), 255, "u1", "input a: 255 is not in -8..7"),
        (Port("a", 9, 1, "uint", 300, 400), 44, "u1", "input a: 44 is not in 300..400"),
        (Port("a", 9, 1, "uint", 300, 400), -7, "i1", "input a: -7 is not in 300..400"),
        (
            Port("a", 62, 1, "uint"),
            1 << 63,
            "u8",
            f"input a: {1 << 63} is not in 0..{(1 << 62) - 1}",
        ),
        (
            Port("a", 62, 1, "int"),
            -(1 << 63),
            "i8",
            f"input a: {-(1 << 63)} is not in {-(1 << 61)}..{(1 << 61) - 1}",
        ),
        (Port("a", 1, 1, "bit"), 2, "u4", "input a: 2 is not in 0..1"),
    ],
)
def test_limits_of_every_type(port: Port, code: int, dtype: str, said: str) -> None:
    engine = engine_of(port)
    with pytest.raises(InputError) as caught:
        engine.run(np.array([[code]], dtype))
    assert str(caught.value) == f"sample 0, {said}"
    assert engine.run(np.zeros((0, 1), dtype)).words["y"].shape == (0, port.bits)


@pytest.mark.parametrize(
    ("codes", "said"),
    [
        (np.zeros((2, 3), np.uint8), "inputs of shape (2, 3); the circuit takes [samples, 2]"),
        (np.zeros(2, np.uint8), "inputs of shape (2,); the circuit takes [samples, 2]"),
        (
            np.zeros((1, 2), np.float32),
            "inputs of type float32; the circuit takes integers: encode raw features first",
        ),
    ],
)
def test_codes_of_a_wrong_form_are_refused(codes: np.ndarray, said: str) -> None:
    with pytest.raises(InputError) as caught:
        engine_of(Port("x", 1, 2)).run(codes)
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("planes", "samples", "said"),
    [
        (
            np.zeros((3, 1), np.uint64),
            None,
            "planes of shape (3, 1) and type uint64; the circuit takes uint64 planes[2, words]",
        ),
        (
            np.zeros((2, 1), np.int64),
            None,
            "planes of shape (2, 1) and type int64; the circuit takes uint64 planes[2, words]",
        ),
        (
            np.zeros((2, 2), np.uint64),
            129,
            "129 samples in planes of 2 words; they hold 0 to 128",
        ),
    ],
)
def test_planes_of_a_wrong_form_are_refused(
    planes: np.ndarray, samples: int | None, said: str
) -> None:
    with pytest.raises(InputError) as caught:
        engine_of(Port("x", 1, 2)).run_planes(planes, samples)
    assert str(caught.value) == said


def test_planes_without_a_number_are_full() -> None:
    planes = np.array([[1, 0], [3, 1 << 63]], np.uint64)
    found = engine_of(Port("x", 1, 2)).run_planes(np.asfortranarray(planes)).words["y"]
    assert found.shape == (128, 2)
    assert np.argwhere(found).tolist() == [[0, 0], [0, 1], [1, 1], [127, 1]]


def test_unusable_options_are_refused() -> None:
    circuit = layered(np.random.default_rng(0), widths=(10,))
    with pytest.raises(InputError) as caught:
        Engine(circuit, threads=0)
    assert str(caught.value) == "0 threads; the C engine needs at least 1"
    with pytest.raises(InputError) as caught:
        Engine(circuit, vector=100)
    widths = ", ".join(map(str, VECTORS))
    assert str(caught.value) == (f"vectors of 100 bits; this machine has {widths}, or say 'auto'")
    with pytest.raises(InputError) as caught:
        engine_of(Port("x")).predict([[1]])
    assert str(caught.value) == (
        "the circuit has no scores, so it has no classes to predict; use words() instead"
    )
