"""Adders, multipliers and decoders compute what they say, and come out smaller and proved."""

import numpy as np
import pytest

from lithify.compiler.pipeline import run_effort
from lithify.compiler.proof.equivalence import prove_equal
from lithify.compiler.proof.verdict import Proved
from lithify.ir.check import check
from lithify.ir.circuit import Circuit
from lithify.ir.classics import adder, decoder, multiplier
from lithify.ir.errors import InputError
from lithify.ir.simulate import random_codes, run


@pytest.mark.parametrize("bits", [1, 3, 8, 20])
def test_they_compute_what_they_are_called(bits: int) -> None:
    codes = random_codes(adder(bits), 300, np.random.default_rng(bits))
    x, y = codes.T
    assert run(adder(bits), codes).words["sum"][:, 0].tolist() == (x + y).tolist()
    assert run(multiplier(bits), codes).words["product"][:, 0].tolist() == (x * y).tolist()


def test_a_decoder_says_which_number() -> None:
    seen = run(decoder(5), np.arange(32)[:, None]).words["is"]
    assert np.array_equal(seen, np.eye(32, dtype=np.int64))


@pytest.mark.parametrize(
    ("circuit", "most"), [(adder(16), 77), (multiplier(5), 110), (decoder(6), 124)]
)
def test_they_are_optimised_and_proved(circuit: Circuit, most: int) -> None:
    after = run_effort(3, circuit).circuit
    check(after)
    assert after.num_gates <= most < circuit.num_gates
    assert isinstance(prove_equal(circuit, after), Proved)


def test_sizes_that_make_no_circuit_are_refused() -> None:
    for make in (adder, multiplier):
        with pytest.raises(InputError, match=r"^numbers of 32 bits; they have 1 to 31$"):
            make(32)
    with pytest.raises(InputError, match=r"^a decoder of 0 bits; it has 1 to 31$"):
        decoder(0)
