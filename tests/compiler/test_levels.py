"""A circuit over levels says the same as before, and one that needs more of an integer has none."""

import numpy as np
import pytest

from lithify.compiler.levels import MOST_LEVELS, at_levels, rejoined
from lithify.compiler.proof.equivalence import prove_equal
from lithify.compiler.proof.verdict import Proved
from lithify.ir import simulate
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit


def comparing(bounds: list[list[int]], *, kind: str = "uint", width: int = 8) -> Circuit:
    """Integers, each compared with some bounds; scores and a word over what that says."""
    b = Builder()
    x = b.input("x", width=width, count=len(bounds), kind=kind)
    weights = [1 << i for i in range(width)]
    bits = [b.threshold(t, row, weights) for row, some in zip(x, bounds, strict=True) for t in some]
    gates = [b.xor(p, q) for p, q in zip(bits, [*bits[1:], bits[0]], strict=True)]
    b.output("gates", gates)
    b.score("even", [*gates[::2], bits[0]])
    b.score("odd", gates[1::2], bias=-1)
    return b.finish(readout="argmax")


@pytest.mark.parametrize("seed", range(3))
def test_levels_say_what_the_integers_said(seed: int) -> None:
    rng = np.random.default_rng(seed)
    bounds = [[[86, 171], [86], [171], [], [86, 200]][i] for i in rng.integers(0, 5, 20)]
    circuit = comparing([[86, 171], [200], *bounds])
    over = at_levels(circuit)
    assert over is not None
    assert [one.bound for one in over.arriving.levels] == [86, 171, 200]
    assert over.circuit.num_input_bits == sum(map(len, bounds)) + 3
    assert over.circuit.num_gates < circuit.num_gates
    codes = rng.integers(0, 256, (200, len(bounds) + 2))
    codes[:4] = np.array([85, 86, 170, 171])[:, None]
    bits = np.concatenate(
        [codes[:, one.elements] >= one.bound for one in over.arriving.levels], axis=1
    )
    before, after = simulate.run(circuit, codes), simulate.run(over.circuit, bits.astype(np.int64))
    assert np.array_equal(before.scores, after.scores)
    assert np.array_equal(before.words["gates"], after.words["gates"])
    assert isinstance(prove_equal(circuit, rejoined(over)), Proved)


def test_the_elements_of_a_level_are_those_that_are_compared() -> None:
    over = at_levels(comparing([[3], [], [3, 5], [5]], width=3))
    assert over is not None
    first, second = over.arriving.levels
    assert (first.port, first.bound, first.elements.tolist()) == (0, 3, [0, 2])
    assert (second.port, second.bound, second.elements.tolist()) == (0, 5, [2, 3])
    assert [port.name for port in over.circuit.inputs] == ["x_3", "x_5"]


def test_too_many_bounds_and_wide_or_signed_integers_have_no_levels() -> None:
    assert at_levels(comparing([list(range(1, MOST_LEVELS + 1))])) is not None
    assert at_levels(comparing([list(range(1, MOST_LEVELS + 2))])) is None
    assert at_levels(comparing([[1000]], width=12)) is None
    assert at_levels(comparing([[5]], width=1, kind="bit")) is None


def test_what_reads_integers_in_another_way_has_no_levels() -> None:
    def refused(build: str) -> bool:
        b = Builder()
        x = b.input("x", width=3, count=2)
        one = b.threshold(3, x[0], [1, 2, 4]) if build != "nothing" else 1
        match build:
            case "a bit":
                b.output("y", [b.xor(one, int(x[1, 2]))])
            case "an output":
                b.output("y", [one, int(x[1, 2])])
            case "two elements":
                b.output("y", [one, b.threshold(5, [*x[0], *x[1]], [1, 2, 4] * 2)])
            case "not rising":
                b.output("y", [one, b.threshold(1, x[1], [1, 2, -4])])
            case "nothing":
                b.output("y", [one])
        return at_levels(b.finish(readout="bits")) is None

    kinds = ("a bit", "an output", "two elements", "not rising", "nothing")
    assert [refused(kind) for kind in kinds] == [True] * 5
