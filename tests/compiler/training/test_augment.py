"""Moved images: the right pixels in the right places, by a stream of the seed and the epoch."""

import numpy as np
import pytest
import torch

from lithify.compiler.nets import Thermometer
from lithify.compiler.nets.space import Shape
from lithify.compiler.training.augment import Augment, Distorted, distort, maps
from lithify.ir.errors import InputError

IMAGE = Shape(2, 6, 8)
X = np.random.default_rng(0).integers(0, 256, (40, IMAGE.rows), dtype=np.uint8)
CPU = torch.device("cpu")


def moved(
    x: np.ndarray, image: Shape, *, turn: float = 0, right: int = 0, down: int = 0, side: int = 1
) -> np.ndarray:
    one = np.ones(len(x))
    shifts = -np.array([right * one, down * one]).astype(int)
    places = maps(image, turn * one, shifts, (side * one).astype(int))
    return distort(torch.from_numpy(x).float(), image, places).numpy()


@pytest.mark.parametrize(("right", "down"), [(0, 0), (2, -1), (-3, 0), (0, 4)])
def test_shifts_repeat_the_edge(right: int, down: int) -> None:
    images = X.reshape(-1, 2, 6, 8)
    wide = np.pad(images, ((0, 0), (0, 0), (5, 5), (5, 5)), mode="edge")
    expected = wide[:, :, 5 - down : 11 - down, 5 - right : 13 - right]
    found = moved(X, IMAGE, right=right, down=down)
    np.testing.assert_allclose(found, expected.reshape(len(X), -1), atol=1e-3)


def test_mirrors_exchange_left_and_right() -> None:
    expected = X.reshape(-1, 2, 6, 8)[..., ::-1].reshape(len(X), -1)
    np.testing.assert_allclose(moved(X, IMAGE, side=-1), expected, atol=1e-3)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_turns_keep_the_centre(quarters: int) -> None:
    x = X[:, :50].reshape(-1, 2, 5, 5)
    expected = np.rot90(x, quarters, axes=(2, 3)).reshape(len(X), -1)
    found = moved(X[:, :50], Shape(2, 5, 5), turn=quarters * np.pi / 2)
    np.testing.assert_allclose(found, expected, atol=1e-2)


def test_a_turn_of_a_wide_image_is_no_shear() -> None:
    image = Shape(1, 3, 9)
    x = np.zeros((1, 3, 9), np.uint8)
    x[0, 1, 3:6] = 100
    found = moved(x.reshape(1, -1), image, turn=np.pi / 2).reshape(3, 9)
    expected = np.zeros((3, 9))
    expected[:, 4] = 100
    np.testing.assert_allclose(found, expected, atol=1e-2)


def distorted(augment: Augment, seed: int = 0, x: np.ndarray = X) -> Distorted:
    encoder = Thermometer.uniform(X, thresholds=3, low=0, high=255, image=IMAGE)
    return Distorted(encoder, x, augment, IMAGE, seed=seed, device=CPU)


def bits_of(source: Distorted, epoch: int) -> torch.Tensor:
    source.begin(epoch)
    return source.take(torch.arange(len(X)))


def test_bits_follow_from_seed_and_epoch() -> None:
    augment = Augment(shift=2, rotation=15.0, mirror=True)
    source = distorted(augment)
    first = bits_of(source, 0)
    assert first.shape == (40, 3 * IMAGE.rows)
    assert first.dtype == torch.uint8
    assert not torch.equal(bits_of(source, 1), first)
    assert torch.equal(bits_of(source, 0), first)
    assert torch.equal(bits_of(distorted(augment), 0), first)
    assert not torch.equal(bits_of(distorted(augment, seed=1), 0), first)
    chosen = torch.tensor([7, 3])
    assert torch.equal(source.take(chosen), first[chosen])


def test_moved_images_reach_the_bits() -> None:
    source = distorted(Augment(shift=1))
    bits = bits_of(source, 4).reshape(40, 6, 6, 8).numpy()
    wide = np.pad(X.reshape(-1, 2, 6, 8), ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    seen = set()
    for sample in range(40):
        for dy, dx in np.ndindex(3, 3):
            crop = wide[sample, :, dy : dy + 6, dx : dx + 8].reshape(1, -1)
            expected = source.encoder.hard(crop).reshape(6, 6, 8)
            if np.array_equal(bits[sample], expected):
                seen.add((dy, dx))
                break
        else:
            pytest.fail(f"sample {sample} is no shifted image")
    assert len(seen) == 9


def test_whole_numbers_stay_whole() -> None:
    plain, real = distorted(Augment(rotation=20.0)), distorted(Augment(rotation=20.0), x=X + 0.25)
    assert (plain.whole, real.whole) == (True, False)
    assert (plain.x.dtype, real.x.dtype) == (torch.uint8, torch.float32)
    assert distorted(Augment(1), x=X.astype(float)).x.dtype == torch.uint8
    assert distorted(Augment(1), x=X.astype(int) - 1).x.dtype == torch.float32


@pytest.mark.parametrize(
    ("image", "what"), [(None, "of no known shape"), (Shape(1, 6, 8), "of 1 x 6 x 8")]
)
def test_samples_that_are_no_images(image: Shape | None, what: str) -> None:
    encoder = Thermometer.uniform(X, thresholds=1)
    with pytest.raises(InputError) as caught:
        Distorted(encoder, X, Augment(1), image, seed=0, device=CPU)
    assert str(caught.value) == (
        f"samples {what} cannot be shifted, turned or mirrored; the net takes 96 features, which "
        "must be the pixels of an image"
    )


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"shift": -1}, "shift is -1; it must be a number of pixels, 0 or more"),
        ({"rotation": -2.0}, "rotation is -2.0; it must be from 0 to 180 degrees"),
        ({"rotation": float("nan")}, "rotation is nan; it must be from 0 to 180 degrees"),
    ],
)
def test_moves_that_cannot_be(options: dict[str, float], text: str) -> None:
    with pytest.raises(InputError) as caught:
        Augment(**options)  # type: ignore[arg-type]
    assert str(caught.value) == text


def test_nothing_to_do() -> None:
    assert Augment().idle
    assert not Augment(mirror=True).idle
