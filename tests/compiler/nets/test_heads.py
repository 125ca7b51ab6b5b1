"""The group sum: soft logits are the hard counts over the temperature."""

import numpy as np
import pytest
import torch

from lithify.compiler.nets import GroupSum
from lithify.ir import simulate
from lithify.ir.builder import Builder
from lithify.ir.errors import FormatError, InputError


def test_soft_hard_and_circuit_agree_at_the_corners() -> None:
    head = GroupSum(12, 3, temperature=2.5)
    bits = np.random.default_rng(0).random((12, 50)) < 0.5
    builder = Builder()
    head.lower(builder, builder.input("x", count=12).ravel(), ["a", "b", "c"])
    circuit = builder.finish(readout="argmax")
    hard = head.hard(bits)
    assert hard.dtype == np.int64
    assert np.array_equal(hard[:, 1], bits[4:8].sum(axis=0))
    assert np.array_equal(simulate.run(circuit, bits.T.astype(int)).scores, hard)
    assert [score.name for score in circuit.scores] == ["a", "b", "c"]
    soft = head(torch.from_numpy(bits).float()).numpy()
    assert np.allclose(soft, hard / 2.5)


@pytest.mark.parametrize(
    ("inputs", "classes", "temperature", "text"),
    [
        (
            11,
            3,
            1.0,
            "11 outputs of the last layer do not divide into 3 classes; make the last layer a "
            "multiple of 3",
        ),
        (
            5,
            0,
            1.0,
            "5 outputs of the last layer do not divide into 0 classes; make the last layer a "
            "multiple of 1",
        ),
        (12, 3, 0.0, "the temperature is 0.0; a positive number is needed"),
        (12, 3, float("inf"), "the temperature is inf; a positive number is needed"),
    ],
)
def test_heads_that_cannot_be(inputs: int, classes: int, temperature: float, text: str) -> None:
    with pytest.raises(InputError) as caught:
        GroupSum(inputs, classes, temperature=temperature)
    assert str(caught.value) == text


def test_restore_reads_what_describe_wrote() -> None:
    head = GroupSum(12, 3, temperature=2.5)
    assert GroupSum.restore(head.describe(), {}, "head").describe() == head.describe()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"temperature": True}, "head: temperature is True; a number is needed"),
        (
            {"classes": 2**31},
            "head: classes is 2147483648; an integer from 1 to 2147483647 is needed",
        ),
        (
            {"classes": 5},
            "head: 12 outputs of the last layer do not divide into 5 classes; make the last layer "
            "a multiple of 5",
        ),
    ],
)
def test_descriptions_that_cannot_be(change: dict[str, object], text: str) -> None:
    with pytest.raises(FormatError) as caught:
        GroupSum.restore(GroupSum(12, 3, temperature=2.5).describe() | change, {}, "head")
    assert str(caught.value) == text
