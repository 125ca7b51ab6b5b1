"""The laws of a scheduled program, and its meaning when run step by step."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from c_nets import layered

from lithify.backends.c.program import Program, schedule
from lithify.backends.c.schedule import PAIRS
from lithify.ir import simulate
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError
from lithify.ir.ports import Port

SEEDS = range(6)
IN_POOL = (0, 2, 4, 6)


def net(seed: int) -> Circuit:
    rng = np.random.default_rng(seed)
    widths = tuple(int(w) for w in rng.integers(1, 300, rng.integers(1, 6)))
    return layered(rng, widths=widths, weight=int(rng.integers(1, 9)), words=True)


def of_shape(shape: int, x: np.ndarray, b: np.ndarray) -> np.ndarray:
    results: tuple[np.ndarray, ...] = (x & b, x & ~b, b & ~x, x | b, x ^ b)
    return results[shape]


def slots_after(program: Program, planes: np.ndarray) -> np.ndarray:
    """What the slots hold at the end, by runs that read all before one gate writes."""
    state = np.zeros((max(program.slots, 1), planes.shape[1]), np.uint64)
    state[: program.num_input_bits] = planes
    at = 0
    for counts in program.rounds.tolist():
        for (first, second), count in zip(PAIRS, counts[: len(PAIRS)], strict=True):
            x, b, y, target = program.operands[at : at + 4 * count].reshape(-1, 4).T
            results = of_shape(first, state[x], state[b]), of_shape(second, state[y], state[b])
            state[b], state[target] = results
            assert len({*b.tolist(), *target.tolist()}) == 2 * count
            at += 4 * count
        for shape, count in zip((0, 1, 3, 4), counts[len(PAIRS) : -8], strict=True):
            x, b, target = program.operands[at : at + 3 * count].reshape(-1, 3).T
            state[target] = of_shape(shape, state[x], state[b])
            assert len(set(target.tolist())) == len(target)
            at += 3 * count
        for kind, count in enumerate(counts[-8:]):
            *sources, target = program.operands[at : at + 9 * count].reshape(-1, 9).T
            inner = [of_shape((0, 1, 3, 4)[kind // 2], *state[sources[i : i + 2]]) for i in IN_POOL]
            state[target] = (np.bitwise_and, np.bitwise_or)[kind % 2].reduce(inner)
            at += 9 * count
    assert at == len(program.operands)
    return state


@pytest.mark.parametrize("window", [1, 5, 32, 50, 512])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_steps_compute_the_words(seed: int, window: int) -> None:
    circuit = net(seed)
    program = schedule(circuit, window=window)
    codes = simulate.random_codes(circuit, 130, np.random.default_rng(seed))
    planes = simulate.pack(circuit, codes)
    state = slots_after(program, planes)
    right = simulate.run_planes(circuit, planes)
    signals = np.concatenate([word.signals.ravel() for word in circuit.words])
    masks = program.word_masks
    found = (state[program.word_slots] & masks[:, :1]) ^ masks[:, 1:]
    assert np.array_equal(found, right[signals])


@pytest.mark.parametrize("seed", SEEDS)
def test_the_runs_add_up_to_the_scores(seed: int) -> None:
    circuit = net(seed)
    program = schedule(circuit)
    codes = simulate.random_codes(circuit, 100, np.random.default_rng(seed))
    state = slots_after(program, simulate.pack(circuit, codes))
    bits = simulate.unpack_bits(state, len(codes)).astype(np.int64)
    scores = np.tile(program.biases, (len(codes), 1))
    at = 0
    for score, place, inverted, count in program.runs.tolist():
        terms = bits[program.terms[at : at + count]] ^ inverted
        scores[:, score] += terms.sum(0) << place
        at += count
    assert at == len(program.terms)
    assert np.array_equal(scores, simulate.run(circuit, codes).scores)
    assert (scores - program.biases).max() < 1 << program.score_bits


def test_gates_that_alone_share_a_source_are_pairs() -> None:
    rng = np.random.default_rng(0)
    b = Builder(fold=False, hash=False)
    signals = b.input("x", count=1000).ravel()
    for _ in range(3):
        fanins = rng.permutation(np.resize(rng.permutation(signals), 2000)).reshape(1000, 2)
        fanins[:, 1] = np.where(fanins[:, 0] == fanins[:, 1], fanins[::-1, 1], fanins[:, 1])
        signals = b.tables(np.full(1000, 8, np.uint64), fanins)
    b.score("s", signals)
    program = schedule(b.finish(readout="scores"), window=300)
    pairs = int(program.rounds[:, : len(PAIRS)].sum())
    assert 2 * pairs > 0.85 * program.num_gates
    assert len(program.operands) == 3 * program.num_gates - 2 * pairs
    assert len(program.rounds) <= program.num_gates / 300 + 6


def test_slots_are_used_again() -> None:
    circuit = layered(np.random.default_rng(0), widths=(1000,) * 8, classes=4)
    program = schedule(circuit)
    assert program.num_gates > 7000
    assert program.slots < 1200


def test_only_live_gates_remain_and_inverters_vanish() -> None:
    b = Builder(fold=False, hash=False)
    x = b.input("x", count=3).ravel()
    dead = b.xor(x[0], x[1])
    b.and_(dead, x[2])
    inverted = b.not_(b.not_(b.not_(x[0])))
    same = b.table(0b1010, inverted, x[1])
    constant = b.table(0b1111, x[0], x[1])
    lone = b.table(0x6, same, same)
    kept = b.table(0b0111, inverted, x[2])
    b.output("y", [inverted, same, constant, lone, kept, 1, 0])
    program = schedule(b.finish())
    assert program.num_gates == 1
    assert program.rounds.tolist() == [[0] * len(PAIRS) + [0, 1, 0, 0] + [0] * 8]
    assert program.operands[:2].tolist() == [2, 0]
    assert (program.word_masks[:, 0] != 0).tolist() == [
        True,
        True,
        False,
        False,
        True,
        False,
        False,
    ]
    assert (program.word_masks[:, 1] != 0).tolist() == [True, True, True, False, True, True, False]


@pytest.mark.parametrize("table", range(16))
def test_every_table_of_two_fanins(table: int) -> None:
    b = Builder(fold=False, hash=False)
    x = b.input("x", count=2).ravel()
    b.output("y", [b.table(table, x[0], x[1]), b.table(table, b.not_(x[1]), x[0])])
    circuit = b.finish()
    program = schedule(circuit)
    planes = simulate.pack(circuit, [[0, 0], [1, 0], [0, 1], [1, 1]])
    masks = program.word_masks
    found = (slots_after(program, planes)[program.word_slots] & masks[:, :1]) ^ masks[:, 1:]
    assert simulate.unpack_bits(found, 4).tolist() == [
        [table >> p & 1 for p in (0, 1, 2, 3)],
        [table >> p & 1 for p in (1, 3, 0, 2)],
    ]


def test_slots_are_wide_only_where_they_must_be() -> None:
    def joined(count: int) -> Program:
        b = Builder()
        x = b.input("x", count=count).ravel()
        b.output("y", b.tables(np.full(count // 2, 6, np.uint64), x.reshape(-1, 2)))
        return schedule(b.finish())

    assert joined(65536).operands.dtype == np.uint16
    assert joined(65538).operands.dtype == np.uint32


def test_neighbouring_ports_of_one_width_are_read_together() -> None:
    ports = (Port("a", 1, 3), Port("b", 1, 2, "bit"), Port("c", 4, 5), Port("d", 4, 1, "int"))
    program = schedule(layered(np.random.default_rng(0), ports=ports, widths=(50,)))
    expected = [[0, 5, 0, 1, 0, 0, 0, 0, 1, 1], [5, 6, 0, 4, 0, 0, 0, 5, 4, 1]]
    assert program.chunks.tolist() == expected and program.in_order
    assert (program.elements, program.num_input_bits) == (11, 29)


def test_a_program_is_frozen_and_has_a_digest() -> None:
    circuit = net(0)
    program, again, other = schedule(circuit), schedule(circuit), schedule(net(1))
    assert program.digest == again.digest != other.digest
    assert len(program.digest) == 64
    assert program.table_bytes > 4 * program.num_gates
    with pytest.raises(ValueError, match="read-only"):
        program.operands[0] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        program.slots = 3  # type: ignore[misc]


def test_bits_of_every_weight_are_counted_once() -> None:
    b = Builder()
    x = b.input("x", count=4).ravel()
    b.score("s", x, [5, -6, 1, 0], bias=2)
    program = schedule(b.finish(readout="scores"))
    rows = program.runs.tolist()
    assert rows == [[0, 0, 0, 2], [0, 1, 1, 1], [0, 2, 0, 1], [0, 2, 1, 1]]
    assert program.terms.tolist() == [0, 2, 1, 0, 1]
    assert program.biases.tolist() == [-4]
    assert (program.score_bits, program.wide_scores) == (4, False)


@pytest.mark.parametrize(("bias", "wide"), [((1 << 31) - 4, False), ((1 << 31) - 3, True)])
def test_scores_are_wide_where_32_bits_are_too_few(bias: int, wide: bool) -> None:
    b = Builder()
    b.score("s", b.input("x", count=3).ravel(), bias=bias)
    assert schedule(b.finish(readout="scores")).wide_scores is wide


def test_a_score_beyond_64_bits_is_refused() -> None:
    b = Builder()
    b.score("big", b.input("x", count=2).ravel())
    circuit = b.finish(readout="scores")
    big = dataclasses.replace(circuit.scores[0], bias=(1 << 63) - 2)
    with pytest.raises(InputError) as caught:
        schedule(dataclasses.replace(circuit, outputs=(big,)))
    assert str(caught.value) == (
        "score big reaches 9223372036854775806..9223372036854775808, beyond 64 bits; "
        "scale its weights down"
    )


def test_a_word_of_more_than_64_bits_is_refused() -> None:
    b = Builder()
    b.output("long", b.input("x", count=65).reshape(1, 65), kind="uint")
    with pytest.raises(InputError) as caught:
        schedule(b.finish())
    assert str(caught.value) == ("output long: integers of 65 bits; the C engine gives at most 64")
