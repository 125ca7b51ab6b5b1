"""ONNX files of binary nets: the circuit gives the scores of the model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lithify
from benchmarks.onnx_files import QONNX, OnnxFile, f32, tensor, tfc, value_info
from lithify.backends.protobuf import field
from lithify.compiler.importers import onnx_windows
from lithify.compiler.importers.lookup import Array
from lithify.ir.errors import HardenError, LithifyError

SAMPLES = 10_000


def samples(features: int) -> Array:
    """Features in 0..1, some of them on the threshold and beside it."""
    rng = np.random.default_rng(3)
    x = rng.random((SAMPLES, features), np.float32)
    half = np.float32(0.5)
    x[:3] = np.array([half, np.nextafter(half, np.float32(0)), np.nextafter(half, np.float32(1))])[
        :, None
    ]
    return x


@pytest.mark.parametrize(("plain", "bits"), [(True, 1), (False, 1), (False, 2)])
def test_a_tfc_net_gives_the_same_scores(plain: bool, bits: int, tmp_path: Path) -> None:
    data, forward = tfc([49, 64, 64, 10], plain=plain, bits=bits)
    path = tmp_path / "tfc"
    path.write_bytes(data)
    design = lithify.load(path)
    x = samples(49)
    notes = design.provenance["imported"]
    assert np.array_equal(design.scores(x) * notes["unit"] + notes["offset"], forward(x) / 8)
    assert (notes["format"], notes["unit"], notes["file"]) == ("onnx", 0.25 / bits**2, "tfc")


def test_an_imported_net_is_compiled_and_proved(tmp_path: Path) -> None:
    path = tmp_path / "tiny"
    path.write_bytes(tfc([9, 7, 5, 3], plain=False)[0])
    proved = lithify.compile(path).verify()
    assert proved.certificate is not None and proved.certificate.ok


def test_onnxruntime_gives_the_same_scores(tmp_path: Path) -> None:
    import onnxruntime

    data, _ = tfc([784, 64, 64, 64, 10], plain=True, seed=2)
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    path = tmp_path / "net.onnx"
    path.write_bytes(data)
    design = lithify.load(path)
    x = samples(784)
    (theirs,) = session.run(None, {"x": x})
    notes = design.provenance["imported"]
    assert np.array_equal(design.scores(x) * notes["unit"] + notes["offset"], theirs)


def test_two_bit_activations_and_whole_weights(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    file = OnnxFile(6)
    file.then("GreaterOrEqual", f32([0.25]))
    file.then("Cast", to=1)
    first = rng.integers(-3, 4, (6, 8)).astype(np.float32)
    file.then("MatMul", first)
    bounds = np.sort(rng.integers(-6, 7, (8, 3)), axis=1).astype(np.float32)
    file.then("MultiThreshold", bounds, domain=QONNX, out_scale=2.0, out_bias=-3.0)
    second = rng.choice([-1.0, 0.0, 1.0], (8, 3)).astype(np.float32)
    file.then("MatMul", second)
    file.then("Add", f32([4, 0, 2]))
    path = tmp_path / "net"
    path.write_bytes(file.finish(3))
    design = lithify.load(path, classes=("a", "b", "c"))
    x = rng.random((SAMPLES, 6), np.float32)
    inner = (x >= np.float32(0.25)).astype(float) @ first
    levels = 2.0 * (inner[:, :, None] >= bounds).sum(axis=2) - 3.0
    notes = design.provenance["imported"]
    found = design.scores(x) * notes["unit"] + notes["offset"]
    assert np.array_equal(found, levels @ second + [4, 0, 2])


@pytest.mark.parametrize(
    ("op", "compare"),
    [
        ("Greater", np.greater),
        ("GreaterOrEqual", np.greater_equal),
        ("Less", np.less),
        ("LessOrEqual", np.less_equal),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_comparisons_of_features_and_sums(
    op: str, compare: np.ufunc, turned: bool, tmp_path: Path
) -> None:
    rng = np.random.default_rng(6)
    file = OnnxFile(5)
    bounds = [rng.random(5).astype(np.float32), f32([0, 1, -1, 0])]
    matrices = [rng.choice([-1.0, 1.0], s).astype(np.float32) for s in ((5, 4), (4, 2))]
    x = rng.random((SAMPLES, 5), np.float32)
    x[:100] = bounds[0]
    value: Array = x
    for bound, matrix in zip(bounds, matrices, strict=True):
        name = file.constant(bound)
        file.last = file.node(op, [name, file.last] if turned else [file.last, name])
        file.then("Cast", to=1)
        file.then("MatMul", matrix)
        value = compare(bound, value) if turned else compare(value, bound)
        value = value.astype(float) @ matrix
    path = tmp_path / "net"
    path.write_bytes(file.finish(2))
    design = lithify.load(path)
    notes = design.provenance["imported"]
    assert np.array_equal(design.scores(x) * notes["unit"] + notes["offset"], value)


def refused(file: OnnxFile, tmp_path: Path) -> str:
    """What is said of a file."""
    path = tmp_path / "net"
    path.write_bytes(file.finish(2))
    with pytest.raises(HardenError) as caught:
        lithify.load(path)
    return str(caught.value).removeprefix(f"{path}: ")


def test_what_has_no_exact_form_is_refused(tmp_path: Path) -> None:
    ones = np.ones((4, 2), np.float32)
    file = OnnxFile(4)
    file.then("MatMul", ones)
    assert refused(file, tmp_path) == ("v2 (MatMul): no exact form of it on features is known here")

    def binary() -> OnnxFile:
        file = OnnxFile(4)
        file.then("BipolarQuant", f32([1]), domain=QONNX)
        return file

    file = binary()
    file.then("MatMul", ones)
    file.then("Sign")
    assert refused(file, tmp_path) == (
        "v5 (Sign): the sum of unit 0 can be 0, of which Sign is 0: that is no binary activation. "
        "BipolarQuant is 1 there"
    )
    file = binary()
    file.then("MatMul", f32([[1, 0.3], [1, 1], [1, 1], [1, 1]]))
    assert refused(file, tmp_path) == (
        "v4 (MatMul): the weights of unit 1 are no whole multiples of one number; only binary (and "
        "whole) weights have an exact form"
    )
    file = binary()
    file.then("MatMul", ones)
    file.then("Exp")
    assert refused(file, tmp_path) == "v5 (Exp): no exact form of it on sums is known here"
    file = binary()
    file.then("MatMul", ones)
    file.then("Add", f32([0, 0.3]))
    assert refused(file, tmp_path) == (
        "the output: the scores of the classes are scaled differently, or shifted by parts of a "
        "step; whole scores of one positive scale have an exact form"
    )
    file = binary()
    file.then("MatMul", ones)
    file.then("Mul", f32([0.1]))
    file.then("Sub", f32([0.2]))
    file.then("BipolarQuant", f32([1]), domain=QONNX)
    assert refused(file, tmp_path) == (
        "v10 (BipolarQuant): for unit 0 the rounding of floating-point numbers decides what it "
        "gives; move its bias a little and try again"
    )
    file = OnnxFile(4)
    file.then("Mul", f32([2]))
    assert refused(file, tmp_path) == (
        "the features are never made binary; nothing can be read exactly"
    )


def test_weights_that_are_computed(tmp_path: Path) -> None:
    raw = np.random.default_rng(6).normal(size=(5, 3)).astype(np.float32)
    file = OnnxFile(5)
    file.then("BipolarQuant", f32([1]), domain=QONNX)
    zero, one, minus = (file.constant(f32([v])) for v in (0, 1, -1))
    high = file.node("GreaterOrEqual", [file.constant(raw), zero])
    weights = file.node("Cast", [file.node("Where", [high, one, minus])], to=7)
    file.last = file.node("MatMul", [file.last, weights])
    path = tmp_path / "net.onnx"
    path.write_bytes(file.finish(3))
    x = np.random.default_rng(3).normal(size=(100, 5))
    design = lithify.load(path)
    notes = design.provenance["imported"]
    right = np.where(x >= 0, 1, -1) @ np.where(raw >= 0, 1, -1)
    assert np.array_equal(design.scores(x) * notes["unit"] + notes["offset"], right)


@pytest.mark.parametrize(
    ("op", "shapes", "message"),
    [
        ("Mul", [(2, 3), (4,)], "v4 (Mul): its constants do not fit (shape mismatch: objects can"),
        ("Less", [(9000, 1), (9000,)], "v4 (Less): 81,000,000 values; at most 67,108,864 are made"),
        ("Exp", [(2,)], "v3 (Exp): this operation on constants is not known here"),
    ],
)
def test_constants_that_are_refused(
    op: str, shapes: list[tuple[int, ...]], message: str, tmp_path: Path
) -> None:
    file = OnnxFile(4)
    file.then("BipolarQuant", f32([1]), domain=QONNX)
    file.made = 1
    made = file.node(op, [file.constant(np.ones(shape, np.float32)) for shape in shapes])
    file.last = file.node("MatMul", [file.last, made])
    path = tmp_path / "net.onnx"
    path.write_bytes(file.finish(2))
    with pytest.raises(LithifyError) as caught:
        lithify.load(path)
    assert str(caught.value).startswith(f"{path}: {message}")


@pytest.mark.parametrize(
    ("op", "attributes", "fine"),
    [
        ("Softmax", {"axis": 1}, True),
        ("ArgMax", {"axis": -1}, True),
        ("ArgMax", {}, False),
        ("ArgMax", {"axis": 1, "select_last_index": 1}, False),
        ("TopK", {}, True),
        ("TopK", {"largest": 0}, False),
    ],
)
def test_classes_in_order(op: str, attributes: dict[str, Any], fine: bool, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    for more in ("Identity", "Mul"):
        file = OnnxFile(3)
        file.then("BipolarQuant", f32([1]), domain=QONNX)
        file.then("MatMul", np.eye(3, 2, dtype=np.float32))
        file.then(op, *([np.ones(1, np.int64)] if op == "TopK" else []), **attributes)
        file.then(more, *([f32([2])] if more == "Mul" else []))
        path.write_bytes(file.finish(2))
        if fine and more == "Identity":
            assert lithify.load(path).scores([[0.5, -0.5, 1]]).tolist() == [[1, 0]]
            continue
        with pytest.raises(HardenError) as caught:
            lithify.load(path)
        message = str(caught.value).split(": ", 2)[2]
        assert message == (
            "after the classes were put in order nothing more is read"
            if fine
            else "only the largest of the classes (axis 1 or -1), the first of equal ones, has a "
            "form here"
        )


def quantiser(file: OnnxFile) -> None:
    """Levels of eight bits."""
    file.then("Quant", f32([1]), f32([0]), f32([8]), domain=QONNX, signed=1, narrow=0)


def ladders(file: OnnxFile) -> None:
    """Two thousand bounds of each of 200 sums."""
    file.then("BipolarQuant", f32([1]), domain=QONNX)
    file.then("MatMul", np.ones((300, 200), np.float32))
    rows = np.broadcast_to(np.arange(2000, dtype=np.float32), (200, 2000))
    file.then("MultiThreshold", rows.copy(), domain=QONNX)


def wide_convolution(file: OnnxFile) -> None:
    """Windows of ninety by ninety."""
    file.then("BipolarQuant", f32([1]), domain=QONNX)
    file.then("Conv", np.ones((1, 1, 90, 90), np.float32))


def pool(file: OnnxFile) -> None:
    """The largest of two by two."""
    file.then("BipolarQuant", f32([1]), domain=QONNX)
    file.last = file.node("MaxPool", [file.last], kernel_shape=[2, 2])


@pytest.mark.parametrize(
    ("features", "made", "message"),
    [
        ((5000,), quantiser, "v4 (Quant): 1,275,000 bounds; at most 1,048,576"),
        (
            (300,),
            ladders,
            "v6 (MultiThreshold): 2000 bounds of 200 sums of 300 bits; at most 67,108,864 bits in "
            "all can be read",
        ),
        (
            (1, 200, 200),
            wide_convolution,
            "v4 (Conv): its windows have over 16777216 places; that is too large",
        ),
        ((2, 4, 4), pool, "v3 (MaxPool): it is over 71 bits; that is too large"),
    ],
)
def test_small_files_cannot_ask_for_large_circuits(
    features: tuple[int, ...],
    made: Callable[[OnnxFile], None],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = OnnxFile(*features)
    made(file)
    monkeypatch.setattr(onnx_windows, "MOST_PINS", 71)
    path = tmp_path / "net.onnx"
    path.write_bytes(file.finish(2))
    with pytest.raises(HardenError) as caught:
        lithify.load(path)
    assert str(caught.value) == f"{path}: {message}"


@pytest.mark.parametrize("kind", [6, 7, 9, 10])
def test_casts_that_change_values_are_refused(kind: int, tmp_path: Path) -> None:
    whole = kind in (6, 7)
    for size, levels, fine in ((1, 1, whole), (0.5, 1, False), (1, 0, whole or kind == 9)):
        file = OnnxFile(3)
        if levels:
            file.then("BipolarQuant", f32([size]), domain=QONNX)
        else:
            file.then("Greater", f32([0]))
        file.last = file.node("Cast", [file.last], to=kind)
        file.then("MatMul", np.ones((3, 2), np.float32))
        path = tmp_path / "net.onnx"
        path.write_bytes(file.finish(2))
        if fine:
            assert lithify.load(path).circuit.scores
            continue
        with pytest.raises(HardenError, match=r"a cast that may change values has no exact form"):
            lithify.load(path)
    file = OnnxFile(3)
    file.last = file.node("Cast", [file.last], to=kind)
    file.then("BipolarQuant", f32([1]), domain=QONNX)
    (tmp_path / "net.onnx").write_bytes(file.finish(3))
    with pytest.raises(HardenError, match=r"a cast that may change values has no exact form here$"):
        lithify.load(tmp_path / "net.onnx")


def test_damaged_files(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    data, _ = tfc([6, 5, 2], plain=True)
    for bad, message in (
        (data[:-40], r": cut off, or damaged, at byte \d+$"),
        (field(1, 8), r": an ONNX model has one graph; this has 0$"),
        (
            field(1, 8) + field(7, field(1, field(5, field(3, b"")))),
            r": a field of one number has 0; the file is damaged$",
        ),
        (
            field(1, 8) + field(7, field(1, field(4, "Sign"))),
            r": node 0 \(Sign\) gives nothing; the file is damaged$",
        ),
        (field(1, 8) + field(7, field(2, "x")), r": 0 inputs and 0 outputs; a net of one input"),
        (
            field(1, 8) + field(7, field(5, field(1, 2**40) + tensor("c", np.zeros(1)))),
            r": constant c of shape \[1099511627776, 1\] has 1 values$",
        ),
        (
            field(1, 8) + field(7, field(11, value_info("x", [0, 2**50])) + field(12, b"")),
            r"the input has shape \[0, 1125899906842624\]; 1 to 262,144 features can be read, and "
            r"--inputs says how many where the file does not$",
        ),
    ):
        path.write_bytes(bad)
        with pytest.raises(LithifyError, match=message):
            lithify.load(path)
    rng = np.random.default_rng(7)
    for _ in range(300):
        mutant = bytearray(data)
        for place in rng.integers(2, len(mutant), 3):
            mutant[place] = rng.integers(256)
        path.write_bytes(mutant)
        try:
            lithify.load(path)
        except LithifyError:
            continue
