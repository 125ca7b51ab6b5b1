"""How far the soft net is from the hard one that becomes gates."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike

from lithify.compiler.codes import finite_features
from lithify.compiler.nets.layer import to_numpy
from lithify.compiler.nets.net import Net

# Samples that the soft net works on at a time: as many as in a large training step.
SOFT_BATCH = 256


def soft_accuracy(net: Net, x: ArrayLike, y: ArrayLike) -> float:
    """The share of samples that the soft net, without noise, puts into their class.

    With straight-through estimation the soft net computes its hard choices. A draw goes to the
    lowest class.
    """
    samples, labels = np.asarray(x), np.asarray(y)
    before = net.training
    net.eval()
    right = 0
    with torch.no_grad():
        for start in range(0, len(samples), SOFT_BATCH):
            rows = slice(start, start + SOFT_BATCH)
            raw = finite_features(samples[rows], net.features)
            best = to_numpy(net(torch.from_numpy(raw).to(net.device))).argmax(axis=1)
            right += int((best == labels[rows]).sum())
    net.train(before)
    return right / len(samples)
