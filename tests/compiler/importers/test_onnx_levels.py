"""Quantisers of QONNX: levels of features and of sums, and quantised weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lithify
from benchmarks.onnx_files import OnnxFile
from lithify.compiler.importers.lookup import Array
from lithify.compiler.importers.onnx_graph import Node
from lithify.compiler.importers.onnx_levels import ladder, quantised
from lithify.ir.errors import HardenError

QONNX = "qonnx.custom_op.general"
SAMPLES = 10_000
# Roundings as the operation's definition has them.
ROUND: dict[str, Callable[[Array], Array]] = {
    "ROUND": np.round,
    "CEIL": np.ceil,
    "FLOOR": np.floor,
    "UP": lambda v: np.sign(v) * np.ceil(np.abs(v)),
    "DOWN": np.fix,
    "HALF_UP": lambda v: np.sign(v) * np.floor(np.abs(v) + 0.5),
    "HALF_DOWN": lambda v: np.sign(v) * np.ceil(np.abs(v) - 0.5),
}


def f32(values: Any) -> Array:
    return np.array(values, np.float32)


def quant(x: Array, scale: float, zero: float, bits: int, **how: Any) -> Array:
    """What `Quant` gives."""
    signed, narrow = how.get("signed", 1), how.get("narrow", 1)
    low = -(1 << bits >> 1) + narrow if signed else 0
    high = (1 << bits >> 1) - 1 if signed else (1 << bits) - 1 - narrow
    value = x / np.float32(scale) + np.float32(zero)
    if signed and bits == 1:
        whole = np.where(value >= 0, 1, -1)
    else:
        whole = ROUND[how.get("rounding_mode", "ROUND")](np.clip(value, low, high))
    return (whole - zero) * scale


@pytest.mark.parametrize("mode", ROUND)
@pytest.mark.parametrize(("bits", "signed", "narrow"), [(2, 1, 1), (3, 1, 0), (2, 0, 0), (1, 1, 1)])
def test_constants_are_quantised(mode: str, bits: int, signed: int, narrow: int) -> None:
    how: dict[str, Any] = {"signed": signed, "narrow": narrow, "rounding_mode": mode}
    x = np.arange(-40, 41).astype(np.float32) / 8
    node = Node("q", "Quant", (), (), how)
    found = quantised(node, [x, f32(0.5), f32(1), f32(bits)])
    assert np.array_equal(found, quant(x, 0.5, 1, bits, **how))


def test_two_bit_activations_are_two_thresholds(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    file = OnnxFile(6)
    names = [file.constant(f32(v)) for v in (0.25, 0, 2)]
    file.last = file.node("Quant", [file.last, *names], domain=QONNX, signed=1, narrow=1)
    first, second = (rng.normal(size=size).astype(np.float32) for size in ((6, 8), (8, 3)))
    ones = [file.constant(f32(v)) for v in (1, 0, 1)]
    weights = file.node("Quant", [file.constant(first), *ones], domain=QONNX, signed=1, narrow=1)
    file.last = file.node("MatMul", [file.last, weights])
    file.then("Relu")
    names = [file.constant(f32(v)) for v in (0.5, 0, 2)]
    file.last = file.node("Quant", [file.last, *names], domain=QONNX, signed=0, narrow=0)
    signs = file.node("Quant", [file.constant(second), *ones], domain=QONNX, signed=1, narrow=1)
    file.last = file.node("MatMul", [file.last, signs])
    path = tmp_path / "net"
    path.write_bytes(file.finish(3))
    design = lithify.load(path)
    x = rng.uniform(-0.5, 0.5, (SAMPLES, 6)).astype(np.float32)
    x[:5] = f32([-0.125, 0.125, 0, np.nextafter(f32(0.125), f32(1)), 0.25])[:, None]
    value = quant(x, 0.25, 0, 2) @ quant(first, 1, 0, 1)
    value = quant(np.maximum(value, 0), 0.5, 0, 2, signed=0, narrow=0) @ quant(second, 1, 0, 1)
    notes = design.provenance["imported"]
    assert np.array_equal(design.scores(x) * notes["unit"] + notes["offset"], value)
    assert design.code is not None and design.code.width == 2 and value.std() > 0


@pytest.mark.parametrize(
    ("given", "attributes", "message"),
    [
        ([f32(1), f32(0)], {}, "q: its scale, zero point and bits are no constants"),
        ([f32(-1), f32(0), f32(2)], {}, "q: its scale is no positive number"),
        ([f32(1), f32(0), f32(9)], {}, "q: 9 bits; 1 to 8, alike, can be read"),
        ([f32(1), f32(0.5), f32(2)], {}, "q: its zero point is no one whole number of its bits"),
        (
            [f32(1), f32(0), f32(2)],
            {"rounding_mode": "ODD"},
            "q: its rounding ODD is not known here",
        ),
        (
            [f32(1), f32(0), f32(1)],
            {"signed": 0, "narrow": 1},
            "q: its bits hold one number only",
        ),
    ],
)
def test_quantisers_that_are_refused(
    given: list[Array], attributes: dict[str, Any], message: str
) -> None:
    with pytest.raises(HardenError) as caught:
        ladder(Node("q", "Quant", (), (), attributes), 3, given, True)
    assert str(caught.value) == message


def test_bounds_below_a_relu_are_refused(tmp_path: Path) -> None:
    file = OnnxFile(4)
    file.then("BipolarQuant", f32([1]), domain=QONNX)
    file.then("MatMul", np.ones((4, 2), np.float32))
    file.then("Relu")
    file.then("BipolarQuant", f32([1]), domain=QONNX)
    (tmp_path / "net").write_bytes(file.finish(2))
    with pytest.raises(HardenError) as caught:
        lithify.load(tmp_path / "net")
    assert str(caught.value) == (
        f"{tmp_path / 'net'}: v7 (BipolarQuant): after Relu only comparisons with bounds above 0 "
        "have an exact form here"
    )
    with pytest.raises(HardenError) as wrong:
        quantised(Node("q", "Quant", (), (), {}), [f32([1]), f32([[1], [1]]), f32(0), f32(2)])
    assert str(wrong.value) == "q: a scale [2, 1] for values [1]"
