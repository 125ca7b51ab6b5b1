"""Images shifted, turned and mirrored at random, anew in every epoch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.nn import functional

from lithify.compiler.nets.encoders import Thermometer
from lithify.compiler.nets.space import Shape
from lithify.ir.errors import InputError


@dataclass(frozen=True, slots=True)
class Augment:
    """How far training images may be moved: pixels each way, degrees each way, and mirrored.

    What a shift or a turn uncovers shows the nearest pixel of the edge.
    """

    #: pixels by which an image moves at most, each way
    shift: int = 0
    #: degrees by which an image turns at most, each way
    rotation: float = 0.0
    #: whether half of the images are mirrored, left to right
    mirror: bool = False

    def __post_init__(self) -> None:
        """Refuse what moves nothing into nowhere."""
        if self.shift < 0:
            raise InputError(f"shift is {self.shift}; it must be a number of pixels, 0 or more")
        if not 0 <= self.rotation <= 180:
            raise InputError(f"rotation is {self.rotation}; it must be from 0 to 180 degrees")

    @property
    def idle(self) -> bool:
        """Whether every image stays as it is."""
        return self == Augment()

    def draw(self, image: Shape, samples: int, generator: np.random.Generator) -> Tensor:
        """Where the pixels of each sample come from: affine maps `[samples, 2, 3]`."""
        turn = generator.uniform(-1, 1, samples) * math.radians(self.rotation)
        moved = generator.integers(-self.shift, self.shift, (2, samples), endpoint=True)
        side = 1 - 2 * generator.integers(0, 1, samples, endpoint=self.mirror)
        return maps(image, turn, moved, side)


def maps(
    image: Shape,
    turn: NDArray[np.floating[Any]],
    moved: NDArray[np.integer[Any]],
    side: NDArray[np.integer[Any]],
) -> Tensor:
    """Affine maps `[samples, 2, 3]`: a turn in radians, pixels left and up, mirrored at side -1."""
    cos, sin, ratio = np.cos(turn), np.sin(turn), image.height / image.width
    across = (cos * side, -sin * ratio, 2 * moved[0] / image.width)
    down = (sin * side / ratio, cos, 2 * moved[1] / image.height)
    rows = [np.stack(row, axis=1) for row in (across, down)]
    return torch.from_numpy(np.stack(rows, axis=1).astype(np.float32))


def distort(x: Tensor, image: Shape, maps: Tensor) -> Tensor:
    """Images `[samples, features]` whose pixels come from where the maps say, interpolated."""
    shape = (len(x), image.channels, image.height, image.width)
    places = functional.affine_grid(maps, list(shape), align_corners=False)
    moved = functional.grid_sample(
        x.view(shape), places, padding_mode="border", align_corners=False
    )
    return moved.view(len(x), -1)


class Distorted:
    """Training images that `begin` draws anew for an epoch, a function of seed and epoch."""

    def __init__(
        self,
        encoder: Thermometer,
        x: ArrayLike,
        augment: Augment,
        image: Shape | None,
        *,
        seed: int,
        device: torch.device,
    ) -> None:
        """Refuse samples that are no images."""
        if image is None or image.rows != encoder.features:
            what = "of no known shape" if image is None else f"of {image}"
            raise InputError(
                f"samples {what} cannot be shifted, turned or mirrored; the net takes "
                f"{encoder.features} features, which must be the pixels of an image"
            )
        self.encoder = encoder
        self.augment = augment
        self.image = image
        self.seed = seed
        values = np.asarray(x).reshape(-1, image.rows)
        self.whole = bool((values == np.floor(values)).all())
        self.x = torch.from_numpy(_narrow(values)).to(device)
        self.maps = torch.empty(0)

    def begin(self, epoch: int) -> None:
        """Draw how every sample is moved in this epoch."""
        generator = np.random.default_rng(np.random.SeedSequence([self.seed, 6, epoch]))
        self.maps = self.augment.draw(self.image, len(self.x), generator).to(self.x.device)

    def take(self, chosen: Tensor) -> Tensor:
        """Moved samples `[samples, …]` as the encoder keeps them."""
        x = self.x.index_select(0, chosen).to(torch.float32)
        moved = distort(x, self.image, self.maps.index_select(0, chosen))
        return self.encoder.prepare(moved.round_() if self.whole else moved)


def _narrow(values: NDArray[Any]) -> NDArray[Any]:
    """The values as bytes where they fit, else in single precision."""
    fits = values.dtype == np.uint8 or (
        values.min() >= 0 and values.max() < 256 and (values == np.floor(values)).all()
    )
    return values.astype(np.uint8 if fits else np.float32)
