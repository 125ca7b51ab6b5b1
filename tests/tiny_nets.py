"""Small nets and data for tests."""

import numpy as np
import torch
from numpy.typing import NDArray

from lithify.compiler.nets import Net, Thermometer, logic

# Nets this small gain nothing from threads, and lose much where the machine is busy.
torch.set_num_threads(1)

Samples = tuple[NDArray[np.float64], NDArray[np.int64]]


def blobs(samples: int = 240, *, classes: int = 3, features: int = 4, seed: int = 0) -> Samples:
    """Clouds of points around a centre a class."""
    rng = np.random.default_rng(seed)
    labels = np.arange(samples) % classes
    centres = rng.normal(scale=3, size=(classes, features))
    return centres[labels] + rng.normal(size=(samples, features)), labels


def tiny_net(*, seed: int = 0, parametrisation: str = "softmax16") -> Net:
    """An untrained net for the blobs."""
    x, _ = blobs()
    return logic(
        encoder=Thermometer.quantile(x, thresholds=3),
        layers=[40, 30],
        classes=3,
        temperature=2.0,
        parametrisation=parametrisation,
        residual=0.3,
        seed=seed,
    )
