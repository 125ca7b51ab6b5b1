"""Ensembles from a posterior over binary weights: drawn nets, and the margin to reject by."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike

from lithify.compiler.nets.binary.latent import latents
from lithify.compiler.nets.binary.norm import refresh_norms
from lithify.compiler.nets.ensemble import ensemble, rejected
from lithify.compiler.nets.layer import Bits, features_first
from lithify.compiler.nets.model_file import Model
from lithify.compiler.nets.net import Net
from lithify.compiler.nets.reject import margin_for
from lithify.compiler.training import bernoulli, data
from lithify.compiler.training.bayes import Bayes
from lithify.compiler.training.loop import accuracy
from lithify.compiler.training.recipe import Recipe, read_recipe
from lithify.compiler.training.settings import require_seed
from lithify.compiler.training.ste import require_binary
from lithify.ir.errors import InputError

MOST_MEMBERS = 1024
# Samples that the statistics of a drawn net are taken from, and how many at a time.
NORM_SAMPLES, NORM_BATCH = 4000, 100


def draw_nets(net: Net, x: ArrayLike, *, members: int, seed: int = 0) -> list[Net]:
    """Nets drawn from the posterior that `net` was trained to by the method `bayes`.

    The running statistics of each are its own, taken from raw features `x` of training samples.
    """
    require_seed(seed)
    if not 1 <= members <= MOST_MEMBERS:
        raise InputError(f"{members} members; 1 to {MOST_MEMBERS} can be drawn")
    if not net.trainable:
        raise InputError(
            "this net was hardened, so nothing is left of its posterior; draw from the model that "
            "`lithify train` wrote"
        )
    require_binary(net, "bayes")
    rng = np.random.default_rng(np.random.SeedSequence([seed, 4]))
    samples = np.asarray(x)
    bits = net.encoder.hard(samples[rng.permutation(len(samples))[:NORM_SAMPLES]])
    noises = [torch.Generator().manual_seed(int(rng.integers(2**63))) for _ in range(members)]
    return [_drawn(net, bits, noise) for noise in noises]


def posterior_ensemble(
    net: Net,
    x: ArrayLike,
    *,
    members: int = 8,
    seed: int = 0,
    reject: float = 0.0,
    held: ArrayLike | None = None,
) -> Net:
    """An ensemble of drawn nets that rejects at most the share `reject` of the samples `held`.

    Draws between two classes are rejected even where they are more. `x` are raw features of
    training samples, `held` of others; without a share to reject there is no reject output.
    """
    nets = draw_nets(net, x, members=members, seed=seed)
    if not reject:
        return ensemble(nets)
    if held is None:
        raise InputError(
            f"a share of {reject} to reject, but no samples to choose the margin by; give `held`"
        )
    return ensemble(nets, margin=max(1, margin_for(ensemble(nets).hard_scores(held), reject)))


@dataclass(frozen=True, slots=True, eq=False)
class Answered:
    """An ensemble, and how it does on the test samples beside the net that it was drawn from."""

    net: Net
    mode_accuracy: float
    accuracy: float
    rejected: float
    accuracy_of_accepted: float
    provenance: dict[str, Any]


def follow(
    recipe: str | os.PathLike[str],
    model: Model,
    *,
    members: int = 8,
    reject: float = 0.0,
    seed: int = 0,
) -> Answered:
    """The ensemble drawn from a model of this recipe, measured on the recipe's test samples."""
    read = read_recipe(recipe)
    dataset, split = _data(read, model.provenance, Path(recipe))
    net = posterior_ensemble(
        model.net,
        dataset.x[split.train],
        members=members,
        seed=seed,
        reject=reject,
        held=dataset.x[split.validation],
    )
    x, y = dataset.x[split.test], dataset.y[split.test]
    kept = ~rejected(net, x)
    right = net.hard_predict(x) == y
    figures = {
        "members": members,
        "draw_seed": seed,
        "margin": net.head.describe()["margin"],
        "mode_accuracy": accuracy(model.net, x, y),
        "test_accuracy": float(right.mean()),
        "rejected": float(1 - kept.mean()),
        "accuracy_of_accepted": float(right[kept].mean()) if kept.any() else 0.0,
    }
    return Answered(
        net,
        figures["mode_accuracy"],
        figures["test_accuracy"],
        figures["rejected"],
        figures["accuracy_of_accepted"],
        {**model.provenance, **figures},
    )


def _data(
    recipe: Recipe, provenance: Mapping[str, Any], path: Path
) -> tuple[data.Dataset, data.Split]:
    """The data that the model was trained on, split as it was then."""
    if not isinstance(recipe.method, Bayes):
        raise InputError(
            f"{path}: method {recipe.method.kind!r} leaves no posterior to draw from; train with "
            f"the method {Bayes.kind!r}"
        )
    dataset = data.load(recipe.data.name, folder=path.parent)
    seed = provenance.get("seed")
    if provenance.get("data_digest") != dataset.digest or not isinstance(seed, int):
        raise InputError(
            f"{path}: the model was trained on other data than this recipe names; use the recipe "
            "that it was trained by"
        )
    split = data.split(dataset, seed=seed, test=recipe.data.test, validation=recipe.data.validation)
    return dataset, split


def _drawn(net: Net, bits: Bits, noise: torch.Generator) -> Net:
    """A net of drawn weights, normed by these bits `[bits, samples]`."""
    drawn = copy.deepcopy(net)
    for part in latents(drawn):
        natural = part.real.detach()
        with torch.no_grad():
            part.real.copy_(bernoulli.draw(natural, bernoulli.uniform(natural, noise), 0.0))
    whole = features_first(bits.T).to(net.device)
    refresh_norms(drawn, torch.split(whole, NORM_BATCH, dim=1))
    return drawn
