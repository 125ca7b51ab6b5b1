"""Binary convolutional nets in ONNX files: every score is that of onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lithify
from benchmarks.onnx_files import OnnxFile
from lithify.compiler.importers import onnx_windows
from lithify.compiler.importers.onnx_values import Levels
from lithify.ir.builder import Builder
from lithify.ir.errors import HardenError

SAMPLES = 10_000


def f32(values: Any) -> np.ndarray:
    """A constant."""
    return np.array(values, np.float32)


def binary(file: OnnxFile, bounds: np.ndarray) -> None:
    """Levels 1 and -1, high from the bounds on."""
    high = file.node("GreaterOrEqual", [file.last, file.constant(bounds)])
    names = [file.constant(f32([v])) for v in (1, -1)]
    file.last = file.node("Where", [high, *names])


def network(rng: np.random.Generator) -> bytes:
    """Two convolutions with batch normalisation, a pooling between, and a dense layer."""
    file = OnnxFile(2, 6, 6)
    file.then("Mul", f32([2]))
    file.then("Sub", f32(rng.uniform(0.5, 1.5, (1, 2, 1, 1))))
    binary(file, f32([0]))
    kernels = rng.choice([-1.0, 1.0], (4, 2, 3, 3)).astype(np.float32)
    file.then("Conv", kernels, pads=[1, 1, 1, 1], strides=[1, 1], kernel_shape=[3, 3])
    parts = [rng.uniform(0.5, 2, 4), rng.normal(size=4), rng.normal(size=4), rng.uniform(5, 9, 4)]
    file.then("BatchNormalization", *map(f32, parts), epsilon=1e-5)
    binary(file, f32([0]))
    file.then("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    kernels = rng.choice([-1.0, 1.0], (5, 4, 2, 2)).astype(np.float32)
    file.then("Conv", kernels, f32(rng.integers(-3, 4, 5)), kernel_shape=[2, 2])
    binary(file, f32(rng.integers(-3, 4, (1, 5, 1, 1))))
    file.then("Flatten")
    file.then("MatMul", rng.choice([-1.0, 1.0], (20, 3)).astype(np.float32))
    return file.finish(3)


def test_a_convolutional_net_gives_the_same_scores(tmp_path: Path) -> None:
    import onnxruntime

    rng = np.random.default_rng(4)
    data = network(rng)
    (tmp_path / "net").write_bytes(data)
    design = lithify.load(tmp_path / "net")
    x = rng.random((SAMPLES, 2, 6, 6), np.float32)
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    (theirs,) = session.run(None, {"x": x})
    notes = design.provenance["imported"]
    found = design.scores(x.reshape(SAMPLES, -1)) * notes["unit"] + notes["offset"]
    assert np.array_equal(found, theirs) and theirs.std() > 0
    proved = lithify.compile(design).verify()
    assert proved.certificate is not None and proved.certificate.ok


def levels(count: int, *, step: float = 2.0) -> Levels:
    """Levels of as many inputs."""
    signals = Builder().input("x", count=count).reshape(-1, 1)
    return Levels(signals, np.full(count, -1.0), np.full(count, step))


KERNEL = np.ones((1, 1, 2, 2))


@pytest.mark.parametrize(
    ("kernel", "attributes", "message"),
    [
        (KERNEL[0], {}, "n: kernels [1, 2, 2] for an image [1, 3, 3]"),
        (KERNEL, {"group": 2}, "n: its channels are in groups; one group is read"),
        (
            KERNEL,
            {"dilations": [2, 2]},
            "n: only images with given padding, and no dilation, are read",
        ),
        (KERNEL, {"strides": [1]}, "n: its windows have not two sizes"),
        (KERNEL, {"pads": [2, 2, 2, 2]}, "n: windows [2, 2] do not fit an image [1, 3, 3]"),
        (KERNEL, {"pads": 1}, "n: its pads are not small numbers"),
        (
            KERNEL * np.array([[1, 0.3], [1, 1]]),
            {},
            "n: the weights of unit 0 are no whole multiples of one number; only binary (and "
            "whole) weights have an exact form",
        ),
    ],
)
def test_convolutions_that_are_refused(
    kernel: np.ndarray, attributes: dict[str, Any], message: str
) -> None:
    with pytest.raises(HardenError) as caught:
        onnx_windows.convolve("n", levels(9), kernel, (1, 3, 3), attributes)
    assert str(caught.value) == message


def test_pooling_that_is_refused() -> None:
    with pytest.raises(HardenError) as caught:
        onnx_windows.pool("n", Builder(), levels(9, step=-2.0), (1, 3, 3), {})
    assert str(caught.value) == "n: it is read of levels that rise alike, and with ceil_mode 0"
