"""Named arrays, as state dicts and archives hold them, read as layers of lookup tables.

The names of one layer start alike, as `1.weight` and `1.connections.indices` do; the layers follow
one another in the order of their names in the file.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from lithify.compiler.importers import difflogic, dwn
from lithify.compiler.importers.compactlogic import Described
from lithify.compiler.importers.hints import Hints
from lithify.compiler.importers.lookup import Array, Lookup, LookupNet, Sum, group_sum
from lithify.compiler.importers.state_layers import ENDING, Group, read_layer
from lithify.compiler.importers.windows import Shape
from lithify.ir.errors import FormatError

NUMBERED = re.compile(r"\d{1,9}(\.\d{1,9})*", re.ASCII)
PACKED = re.compile(r"(gate|a|b)(0|[1-9]\d{0,5})", re.ASCII)
SCALARS = ("classes", "inputs", "tau", "beta")


def read_state(arrays: Mapping[str, Array], hints: Hints) -> LookupNet:
    """The net of these arrays; FormatError, with the name, for one that belongs to no layer."""
    rest = dict(arrays)
    scalars = {name: _scalar(name, rest.pop(name)) for name in SCALARS if name in rest}
    thresholds = rest.pop("thresholds", None)
    if any(PACKED.fullmatch(name) for name in rest):
        layers, kind = _packed(rest), "difflogic"
    else:
        layers, kind = _layers(rest, hints)
    if layers and "inputs" in scalars and thresholds is None:
        count = _count("inputs", scalars["inputs"])
        first = layers[0]
        layers[0] = replace(first, inputs=first.inputs or count)
        if layers[0].inputs != count:
            raise FormatError(f"inputs is {count}, but the first layer takes {first.inputs}")
    head = _head(layers, kind, scalars, hints) if layers else None
    return LookupNet(layers, thresholds, head, {"format": kind})


def _head(
    layers: list[Lookup], kind: str, scalars: Mapping[str, float], hints: Hints
) -> Sum | None:
    """The sums that the archive or the hints ask for."""
    given = hints.classes if hints.classes is not None else scalars.get("classes")
    if given is None:
        return None
    classes = len(given) if isinstance(given, tuple) else _count("classes", given)
    units, tau = len(layers[-1].wires), scalars.get("tau", 1.0)
    if kind in ("torch-dwn", "compactlogic"):
        return dwn.group_sum("classes", units, classes, tau=tau)
    return group_sum("classes", units, classes, tau=tau, beta=scalars.get("beta", 0.0))


def _scalar(name: str, value: Array) -> float:
    if value.size != 1 or value.dtype.kind not in "biuf":
        raise FormatError(f"{name} is no single number")
    return float(value.reshape(()))


def _count(name: str, value: float) -> int:
    if not 1 <= value < 2**31 or value != int(value):
        raise FormatError(f"{name} is {value:g}; a number from 1 is needed")
    return int(value)


def _packed(arrays: Group) -> list[Lookup]:
    """The layers of `gate0`, `a0`, `b0` and so on."""
    count = 1 + max(int(match[2]) for name in arrays if (match := PACKED.fullmatch(name)))
    names = [f"{letter}{index}" for index in range(min(count, len(arrays))) for letter in "ab"]
    names += [f"gate{index}" for index in range(min(count, len(arrays)))]
    wrong = sorted(arrays.keys() ^ {*names})
    if wrong:
        what = "belongs to no layer" if wrong[0] in arrays else "is missing"
        raise FormatError(f"array {wrong[0]} {what}; there are gate0, a0, b0, gate1 and so on")
    return [
        difflogic.chosen(f"layers.{i}", arrays[f"gate{i}"], arrays[f"a{i}"], arrays[f"b{i}"])
        for i in range(count)
    ]


def _layers(arrays: Group, hints: Hints) -> tuple[list[Lookup], str]:
    """The layers of names that start alike, and what they are of."""
    groups: dict[str, Group] = {}
    for name, array in arrays.items():
        match = ENDING.fullmatch(name)
        if match is None:
            raise FormatError(
                f"array {name} belongs to no layer of difflogic, torchlogix, CompactLogic or "
                "torch-dwn; only nets of their layers and class sums can be read"
            )
        groups.setdefault(match["prefix"], {})[match["ending"]] = array
    if all(NUMBERED.fullmatch(prefix) for prefix in groups):  # as a Sequential has them
        groups = dict(sorted(groups.items(), key=lambda item: [int(n) for n in item[0].split(".")]))
    layers, kinds = list[Lookup](), set[str]()
    shape: Shape | None = None
    for index, (prefix, group) in enumerate(groups.items()):
        before, path = shape, f"layers.{prefix or index}"
        kind, (made, shape) = read_layer(path, group, hints, before)
        if kind == "torchlogix" and before is not None and shape is None:
            _require_all_read(path, made[0], math.prod(before))
        layers += made
        kinds.add(kind)
    if len(kinds) > 1:
        raise FormatError(f"layers of {' and '.join(sorted(kinds))} in one file")
    return layers, "".join(kinds)


def _require_all_read(path: str, layer: Lookup, bits: int) -> None:
    """Raise FormatError where a dense layer leaves out the last bit of an image."""
    if layer.wires.max() != bits - 1:
        raise FormatError(
            f"{path}: it reads {layer.wires.max() + 1} bits of an image of {bits}; a pooling, "
            "which a state dict leaves out, may be missing: say it in the wiring file, or hand the "
            "module to lithify.from_torch"
        )


def with_description(arrays: Group, described: Described) -> Group:
    """The arrays of a checkpoint of CompactLogic, and what its description adds to them."""
    names = [name.removesuffix("offsets_ch") for name in arrays if name.endswith("offsets_ch")]
    if len(names) != len(described.windows):
        raise FormatError(
            f"the description is of {len(described.windows)} convolutions; there are {len(names)}"
        )
    more = {
        f"{name}geometry": np.array(one) for name, one in zip(names, described.windows, strict=True)
    }
    if names:
        more[f"{names[0]}shape"] = np.array(described.shape)
    plain = {"inputs": math.prod(described.shape), "classes": described.classes}
    return arrays | more | {n: np.array(v) for n, v in {**plain, "tau": described.tau}.items()}
