"""Approximation: fewer gates within the budget, nothing without one, and a price that is true."""

import numpy as np
import pytest

from lithify.compiler.approximate import approximate
from lithify.ir.builder import Builder
from lithify.ir.check import check
from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError
from lithify.ir.simulate import run


def net(seed: int = 0) -> Circuit:
    """A random net of two layers over 16 bits, with three classes."""
    rng = np.random.default_rng(seed)
    b = Builder()
    signals = b.input("x", count=16, kind="bit").ravel()
    for size in (60, 60):
        pins = signals[rng.integers(0, signals.size, (size, 2))]
        signals = b.tables(rng.integers(1, 15, size).astype(np.uint64), pins)
    for label in range(3):
        b.score(f"class{label}", signals[20 * label : 20 * label + 20])
    return b.finish(readout="argmax")


def samples(count: int, seed: int = 1) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Bits of which each is most often like the one before."""
    rng = np.random.default_rng(seed)
    return np.cumsum(rng.random((count, 16)) < 0.15, axis=1).astype(np.int64) % 2


@pytest.mark.parametrize("allow_error", [0.01, 0.1])
def test_gates_go_and_the_price_is_what_it_says(allow_error: float) -> None:
    circuit, codes = net(), samples(400)
    labels = run(circuit, codes).classes
    after, price = approximate(circuit, codes, labels, allow_error=allow_error)
    check(after)
    assert after.num_gates < circuit.num_gates
    assert (after.inputs, after.readout) == (circuit.inputs, circuit.readout)
    assert (price.samples, price.held) == (400, 200)
    assert price.changed <= allow_error * 200
    assert price.accuracy_before == 1.0
    assert price.accuracy_after == 1 - price.changed / 200
    order = np.random.default_rng(0).permutation(400)[200:]
    differ = run(after, codes[order]).classes != labels[order]
    assert int(differ.sum()) == price.changed


def test_a_larger_budget_leaves_fewer_gates() -> None:
    circuit, codes = net(2), samples(400)
    sizes = [approximate(circuit, codes, allow_error=e)[0].num_gates for e in (0.005, 0.05, 0.3)]
    assert sizes[0] >= sizes[1] >= sizes[2]
    assert sizes[0] > sizes[2]


def test_gates_that_no_sample_needs_go_for_nothing() -> None:
    b = Builder()
    x = b.input("x", count=3, kind="bit").ravel().tolist()
    b.output("o", [b.table(0x6, x[0], b.and_(x[1], x[2]))])
    codes = np.array([[0, 0, 1], [1, 0, 0], [1, 1, 0], [0, 0, 0]] * 10)
    after, price = approximate(b.finish(), codes, allow_error=0.001)
    assert after.num_gates == 0
    assert price.changed == 0
    assert price.line() == "0 of 20 held-back answers changed, of a share of 0.001 allowed"


def test_words_count_as_answers() -> None:
    b = Builder()
    x = b.input("x", count=16, kind="bit").ravel().tolist()
    b.output("reject", [b.xor(x[0], x[9])])
    b.score("s", [x[0]])
    b.score("t", [x[1]])
    circuit = b.finish(readout="argmax")
    after, _ = approximate(circuit, samples(200), allow_error=0.01)
    assert after == circuit


@pytest.mark.parametrize(
    ("count", "allow_error", "message"),
    [
        (40, 0.0, "an allowed error of 0; it is a share above 0 and below 1"),
        (40, 1.5, "an allowed error of 1.5; it is a share above 0 and below 1"),
        (9, 0.1, "9 samples to approximate by; at least 10 are needed"),
    ],
)
def test_what_cannot_be_judged_is_refused(count: int, allow_error: float, message: str) -> None:
    with pytest.raises(InputError) as caught:
        approximate(net(), samples(count), allow_error=allow_error)
    assert str(caught.value) == message
