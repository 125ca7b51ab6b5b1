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
from lithify.compiler.importers import compactlogic, difflogic, dwn, torchlogix
from lithify.compiler.importers.hints import Hints
from lithify.compiler.importers.lookup import Array, Lookup, LookupNet, Sum, group_sum
from lithify.compiler.importers.windows import Shape, pool, whole_shape
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
    shape: Shape | None = None

    def add(self, kind: str, layers: list[Lookup], shape: Shape | None = None) -> None:
        """Note layers, and the shape of the image that they give."""
        self.kinds |= {kind}
        self.layers += layers
        self.shape = shape


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
                f"{path}: a {name} has no exact form here; a torch.nn.Sequential of layers of "
                "difflogic, torchlogix, CompactLogic or torch-dwn, and their class sums, has one"
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
    weights, indices = _numbers(part.weights), _numbers(part.indices)
    if hasattr(part, "gate_sequence"):
        gates = _numbers(part.gate_sequence)
        made = compactlogic.dense(path, weights, indices, gates, int(part.in_dim))
        found.add("compactlogic", [made])
        return
    found.add("difflogic", [difflogic.layer(path, weights, indices, int(part.in_dim))])


def _compact_convolution(path: str, part: Any, found: _Found) -> None:
    made, shape = compactlogic.convolution(
        path,
        _numbers(part.weights),
        _numbers(part.gate_sequence),
        (_numbers(part.offsets_ch), _numbers(part.offsets_h), _numbers(part.offsets_w)),
        whole_shape(path, part.in_shape),
        (int(part.stride), int(part.ks), int(part.padding)),
    )
    found.add("compactlogic", [made], shape)


def _torchlogix(path: str, part: Any, found: _Found) -> None:
    kind = _parametrisation(part)
    weights = getattr(part.connections, "weights", None)
    candidates = None if weights is None else _numbers(weights)
    wires = torchlogix.resolved(path, _numbers(part.connections.indices), candidates)
    weight = _numbers(part.weight)
    found.add("torchlogix", [torchlogix.layer(path, weight, wires, kind, int(part.in_dim))])


def _parametrisation(part: Any) -> str:
    return type(part.parametrization).__name__.removesuffix("LUTParametrization").lower()


def _torchlogix_convolution(path: str, part: Any, found: _Found) -> None:
    levels = [_numbers(one) for one in part.connections.indices]
    weights = [_numbers(one) for one in part.tree_weights]
    window = {int(size) for size in part.receptive_field_size}
    if len(window) > 1:
        raise HardenError(f"{path}: its windows {sorted(window)} are not square")
    geometry = int(part.stride), window.pop(), int(part.padding)
    image = whole_shape(path, (part.channels, *part.in_dim)), geometry
    kind = _parametrisation(part)
    found.add(
        "torchlogix",
        *torchlogix.convolution(path, weights, levels[0], levels[1:], image, kind),
    )


def _pool(path: str, part: Any, found: _Found) -> None:
    if found.shape is None:
        raise HardenError(f"{path}: it pools what no convolution gave, of unknown shape")
    size = len(found.shape) - 1
    spans = (part.kernel_size, part.stride or part.kernel_size, part.padding)
    each = [one if isinstance(one, tuple) else (one,) * size for one in spans]
    if any(len(one) != size for one in each):
        raise HardenError(f"{path}: its windows do not fit an image {list(found.shape)}")
    found.add("torchlogix", *pool(path, found.shape, *each))


def _dwn(path: str, part: Any, found: _Found) -> None:
    if not part.ste:
        raise HardenError(
            f"{path}: with ste=False it gives the numbers in its tables rather than bits"
        )
    weights = getattr(part.mapping, "weights", None)
    mapping = _numbers(part.mapping if weights is None else weights)
    made = dwn.layer(path, _numbers(part.luts), mapping, learned=weights is not None)
    found.add("torch-dwn", [Lookup(path, made.rows, made.wires, int(part.input_size))])


def _group_sum(path: str, part: Any, found: _Found) -> None:
    if not found.layers:
        raise HardenError(f"{path}: class sums without a layer before them")
    bits, tau = len(found.layers[-1].wires), float(part.tau)
    if hasattr(part, "randperm") or "compactlogic" in found.kinds:
        order = getattr(part, "randperm", None)
        order = None if order is None else _numbers(order)
        found.head = dwn.group_sum(path, bits, int(part.k), tau=tau, order=order)
    else:
        beta = float(getattr(part, "beta", 0.0))
        found.head = group_sum(path, bits, int(part.k), tau=tau, beta=beta)


READERS: dict[str, Callable[[str, Any, _Found], None]] = {
    "LogicLayer": _difflogic,
    "LogicDense": _torchlogix,
    "ConvLayer": _compact_convolution,
    "LogicConv2d": _torchlogix_convolution,
    "LogicConv3d": _torchlogix_convolution,
    "OrPooling2d": _pool,
    "OrPooling3d": _pool,
    "LUTLayer": _dwn,
    "GroupSum": _group_sum,
}
