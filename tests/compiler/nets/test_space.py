"""Shapes and windows, against torch's own convolution and unfolding."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from lithify.compiler.nets.space import OUTSIDE, Shape, Window
from lithify.ir.errors import FormatError, InputError

WINDOWS = [
    (Shape(1, 5, 5), Window(3)),
    (Shape(2, 6, 9), Window(3, 2, 1)),
    (Shape(3, 7, 4), Window(2, 2)),
    (Shape(4, 3, 3), Window(1)),
    (Shape(2, 4, 4), Window(5, 3, 4)),
    (Shape(2, 5, 6), Window(4, 1, 1)),
]


@pytest.mark.parametrize(("image", "window"), WINDOWS)
def test_rows_are_those_that_torch_unfolds(image: Shape, window: Window) -> None:
    x = torch.rand((3, image.channels, image.height, image.width), dtype=torch.float64) + 1
    unfolded = functional.unfold(x, window.kernel, 1, window.padding, window.stride).numpy()
    rows = window.rows(image)
    assert rows.dtype == np.int32
    flat = np.concatenate([x.reshape(3, -1).numpy(), np.zeros((3, 1))], axis=1)
    assert np.array_equal(flat[:, rows], unfolded)
    assert set(rows[rows < 0].tolist()) <= {OUTSIDE}


@pytest.mark.parametrize(("image", "window"), WINDOWS)
def test_positions_are_those_of_a_convolution(image: Shape, window: Window) -> None:
    x = torch.zeros((1, image.channels, image.height, image.width))
    filters = torch.zeros((7, image.channels, window.kernel, window.kernel))
    y = functional.conv2d(x, filters, stride=window.stride, padding=window.padding)
    found = window.over(image, 7)
    assert found.to_list() == list(y.shape[1:])
    assert window.cells(image).shape == (window.kernel**2, found.cells)
    assert found.rows == y.numel()


def test_the_cells_are_the_rows_of_the_first_channel() -> None:
    image, window = Shape(3, 6, 5), Window(3, 2, 1)
    assert np.array_equal(window.rows(image)[:9], window.cells(image))


@pytest.mark.parametrize(
    ("sides", "text"),
    [
        (
            (0, 3, 3),
            "an image of 0 x 3 x 3; every side is at least 1, and all pixels at most 1073741824",
        ),
        (
            (2**20, 2**10, 2),
            "an image of 1048576 x 1024 x 2; every side is at least 1, and all pixels at most "
            "1073741824",
        ),
    ],
)
def test_images_that_cannot_be(sides: tuple[int, int, int], text: str) -> None:
    with pytest.raises(InputError) as caught:
        Shape(*sides)
    assert str(caught.value) == text


@pytest.mark.parametrize("numbers", [(0, 1, 0), (3, 0, 0), (3, 1, 3), (3, 1, -1)])
def test_windows_that_cannot_be(numbers: tuple[int, int, int]) -> None:
    with pytest.raises(InputError) as caught:
        Window(*numbers)
    kernel, stride, padding = numbers
    assert str(caught.value) == (
        f"a window of kernel {kernel}, stride {stride} and padding {padding}; kernel and stride "
        "are at least 1, padding is 0 to kernel - 1"
    )


def test_a_window_that_does_not_fit() -> None:
    with pytest.raises(InputError) as caught:
        Window(5, 1, 1).cells(Shape(1, 9, 2))
    assert str(caught.value) == (
        "a window of kernel 5 and padding 1 does not fit into an image of 1 x 9 x 2"
    )


def test_shapes_come_back_from_descriptions() -> None:
    shape = Shape(2, 3, 4)
    assert Shape.read({"image": shape.to_list()}, "image", "encoder") == shape


@pytest.mark.parametrize(
    ("plain", "text"),
    [
        (None, "image is None; [channels, height, width] are needed"),
        ([1, 2], "image is [1, 2]; [channels, height, width] are needed"),
        ([1, 2, True], "image is [1, 2, True]; [channels, height, width] are needed"),
        (
            [1, -2, 3],
            "image: an image of 1 x -2 x 3; every side is at least 1, and all pixels at most "
            "1073741824",
        ),
    ],
)
def test_shapes_that_cannot_be_read(plain: object, text: str) -> None:
    with pytest.raises(FormatError) as caught:
        Shape.read({"image": plain}, "image", "encoder")
    assert str(caught.value) == f"encoder: {text}"
