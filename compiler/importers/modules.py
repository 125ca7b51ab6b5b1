"""Live modules of torch read as nets of lookup tables; their packages need not be there.

A module is known by the name of its class and the attributes that carry its meaning, and is read
as what it computes in `eval` mode.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import nn

from lithify.compiler.design import Design
from lithify.compiler.importers import difflogic, dwn, torchlogix
from lithify.compiler.importers.hints import Hints
from lithify.compiler.importers.lookup import Array, Lookup, LookupNet, Sum, group_sum
from lithify.compiler.source import of_lookups
from lithify.ir.errors import FormatError, HardenError

# What does nothing to bits in `eval` mode.
PASSING = ("Flatten", "Identity", "Dropout", "STE")


@dataclass(slots=True)
class _Found:
    """What has been read so far."""

    layers: list[Lookup] = field(default_factory=list)
    head: Sum | None = None
    kinds: set[str] = field(default_factory=set)


def from_torch(
    module: nn.Module,
    *,
    thresholds: Any = None,
    classes: tuple[str, ...] | None = None,
    name: str = "net",
) -> Design:
    """The design of a live module of difflogic, torchlogix or torch-dwn, nothing optimised yet.

    The module is one layer or a `torch.nn.Sequential` of layers that may end in class sums.
    `thresholds` are those that make bits of the features, [features, thresholds], or a thermometer
    that has them; without them the features are bits. `classes` names the classes.
    """
    hints = Hints(classes=tuple(classes) if classes is not None else None)
    return of_lookups(read_module(module, thresholds), name, "", hints).design()


def read_module(module: nn.Module, thresholds: Any = None) -> LookupNet:
    """The net of a module: a layer, or a Sequential of layers that may end in class sums.

    `thresholds` are those of the features [features, thresholds], or an object that has them; where
    there are none the net reads bits.
    """
    found = _Found()
    for path, part in _parts(module, "layers"):
        name = type(part).__name__
        if name in PASSING:
            continue
        if found.head is not None:
            raise HardenError(f"{path}: a {name} after the class sums; these must be the last")
        reader = READERS.get(name)
        if reader is None:
            raise HardenError(
                f"{path}: a {name} has no exact form here; a torch.nn.Sequential of dense layers "
                "of difflogic, torchlogix or torch-dwn, and their class sums, has one"
            )
        try:
            reader(path, part, found)
        except AttributeError as error:
            raise HardenError(
                f"{path}: this {name} is not the one that is known here ({error})"
            ) from error
        except FormatError as error:
            raise HardenError(str(error)) from error
    kind = " and ".join(sorted(found.kinds))
    bounds = getattr(thresholds, "thresholds", thresholds)
    rows = None if bounds is None else _numbers(bounds)
    return LookupNet(found.layers, rows, found.head, {"format": kind})


def _parts(module: nn.Module, path: str) -> Iterator[tuple[str, nn.Module]]:
    """The modules that run one after the other, with their paths."""
    if isinstance(module, nn.Sequential):
        for name, child in enumerate(module):  # also where one module stands twice
            yield from _parts(child, f"{path}.{name}")
    else:
        yield path, module


def _numbers(tensor: Any) -> Array:
    """The values of a tensor, or of a sequence of them, on the host."""
    if isinstance(tensor, tuple | list):
        return np.stack([_numbers(one) for one in tensor])
    return np.asarray(tensor.detach().cpu().numpy() if hasattr(tensor, "detach") else tensor)


def _difflogic(path: str, part: Any, found: _Found) -> None:
    found.kinds.add("difflogic")
    indices = _numbers(part.indices)
    found.layers.append(difflogic.layer(path, _numbers(part.weights), indices, int(part.in_dim)))


def _torchlogix(path: str, part: Any, found: _Found) -> None:
    found.kinds.add("torchlogix")
    kind = type(part.parametrization).__name__.removesuffix("LUTParametrization").lower()
    weights = getattr(part.connections, "weights", None)
    candidates = None if weights is None else _numbers(weights)
    wires = torchlogix.resolved(path, _numbers(part.connections.indices), candidates)
    weight = _numbers(part.weight)
    found.layers.append(torchlogix.layer(path, weight, wires, kind, int(part.in_dim)))


def _dwn(path: str, part: Any, found: _Found) -> None:
    found.kinds.add("torch-dwn")
    if not part.ste:
        raise HardenError(
            f"{path}: with ste=False it gives the numbers in its tables rather than bits"
        )
    weights = getattr(part.mapping, "weights", None)
    mapping = _numbers(part.mapping if weights is None else weights)
    made = dwn.layer(path, _numbers(part.luts), mapping, learned=weights is not None)
    found.layers.append(Lookup(path, made.rows, made.wires, int(part.input_size)))


def _group_sum(path: str, part: Any, found: _Found) -> None:
    if not found.layers:
        raise HardenError(f"{path}: class sums without a layer before them")
    bits, tau = len(found.layers[-1].wires), float(part.tau)
    if hasattr(part, "randperm"):
        order = None if part.randperm is None else _numbers(part.randperm)
        found.head = dwn.group_sum(path, bits, int(part.k), tau=tau, order=order)
    else:
        beta = float(getattr(part, "beta", 0.0))
        found.head = group_sum(path, bits, int(part.k), tau=tau, beta=beta)


READERS: dict[str, Callable[[str, Any, _Found], None]] = {
    "LogicLayer": _difflogic,
    "LogicDense": _torchlogix,
    "LUTLayer": _dwn,
    "GroupSum": _group_sum,
}
