"""Named arrays, as state dicts and archives hold them, read as layers of lookup tables.

The names of one layer start alike, as `1.weight` and `1.connections.indices` do; the layers follow
one another in the order of their names in the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import numpy as np

from lithify.compiler.importers import difflogic, dwn, torchlogix
from lithify.compiler.importers.hints import Hints
from lithify.compiler.importers.lookup import Array, Lookup, LookupNet, Sum, group_sum
from lithify.ir.errors import FormatError

ENDINGS = (
    "connections._export_indices",
    "connections.indices",
    "connections.weights",
    "_export_lut_ids",
    "_LUTLayer__dummy_mapping",
    "mapping.weights",
    "indices.0",
    "indices.1",
    "indices",
    "mapping",
    "weights",
    "weight",
    "luts",
)
PACKED = re.compile(r"(gate|a|b)(0|[1-9]\d{0,5})", re.ASCII)
SCALARS = ("classes", "inputs", "tau", "beta")
Group = dict[str, Array]


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
        layers[0] = Lookup(first.path, first.rows, first.wires, count)
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
    if kind == "torch-dwn":
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
        ending = next((e for e in ENDINGS if name == e or name.endswith(f".{e}")), None)
        if ending is None:
            raise FormatError(
                f"array {name} belongs to no layer of difflogic, torchlogix or torch-dwn; only "
                "nets of their dense layers and class sums can be read"
            )
        groups.setdefault(name[: -len(ending)].rstrip("."), {})[ending] = array
    layers, kinds = [], set[str]()
    for index, (prefix, group) in enumerate(groups.items()):
        path = f"layers.{prefix or index}"
        kind, read = _kind(path, group)
        layers.append(read(path, group, hints))
        kinds.add(kind)
    if len(kinds) > 1:
        raise FormatError(f"layers of {' and '.join(sorted(kinds))} in one file")
    return layers, "".join(kinds)


def _kind(path: str, group: Group) -> tuple[str, Callable[[str, Group, Hints], Lookup]]:
    """The tool that keeps a layer under these names, and what reads it."""
    if "luts" in group:
        return "torch-dwn", _dwn
    if "weight" in group:
        return "torchlogix", _torchlogix
    if "weights" in group:
        return "difflogic", _difflogic
    raise FormatError(f"{path}: {', '.join(group)} without the weights of its gates")


def _difflogic(path: str, group: Group, hints: Hints) -> Lookup:
    pair = [group[f"indices.{k}"] for k in (0, 1) if f"indices.{k}" in group]
    if len(pair) == 2 and pair[0].shape == pair[1].shape:
        group = {"indices": np.stack(pair), "weights": group["weights"]}
    if "indices" not in group:
        raise FormatError(
            f"{path}: its wiring is missing, which difflogic keeps outside of the state dict. Hand "
            "the module to lithify.from_torch, or write an .npz file with, for each layer, "
            "NAME.indices = np.stack([i.cpu().numpy() for i in layer.indices]) and give it as the "
            "wiring"
        )
    return difflogic.layer(path, group["weights"], group["indices"])


def _torchlogix(path: str, group: Group, hints: Hints) -> Lookup:
    indices = group.get("connections.indices", group.get("indices"))
    if indices is None:
        raise FormatError(
            f"{path}: its wiring (connections.indices) is missing; this state was saved by a "
            "torchlogix that left it out"
        )
    wires = torchlogix.resolved(path, indices, group.get("connections.weights"))
    return torchlogix.layer(path, group["weight"], wires, hints.parametrisation)


def _dwn(path: str, group: Group, hints: Hints) -> Lookup:
    learned = "mapping.weights" in group
    mapping = group.get("mapping.weights" if learned else "mapping")
    if mapping is None:
        raise FormatError(f"{path}: its mapping is missing")
    return dwn.layer(path, group["luts"], mapping, learned=learned)
