"""The layers that named arrays hold, a group of names a layer."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from lithify.compiler.importers import compactlogic, difflogic, dwn, torchlogix
from lithify.compiler.importers.hints import Hints
from lithify.compiler.importers.lookup import Array, Lookup
from lithify.compiler.importers.windows import Geometry, Shape, pool, whole_shape
from lithify.ir.errors import FormatError

ENDING = re.compile(
    r"(?P<prefix>.*?)\.?(?P<ending>connections\._export_indices|connections\.indices"
    r"|connections\.weights|connections\._indices_L\d{1,2}|tree_weights\.\d{1,2}"
    r"|_export_lut_ids(?:_L\d{1,2})?|_LUTLayer__dummy_mapping|mapping\.weights|indices\.[01]"
    r"|given_x_indices_of_(?:y_start|y|gate)|offsets_(?:ch|h|w)|gate_sequence|geometry|indices"
    r"|mapping|weights|weight|shape|pool|luts|w)",
    re.ASCII,
)
Group = dict[str, Array]
Made = tuple[list[Lookup], Shape | None]


def read_layer(path: str, group: Group, hints: Hints, shape: Shape | None) -> tuple[str, Made]:
    """The tool that keeps a layer under these names, and the layers of tables that it is."""
    kinds: tuple[tuple[str, str, Callable[[str, Group, Hints, Shape | None], Made]], ...] = (
        ("pool", "torchlogix", _pool),
        ("luts", "torch-dwn", _dwn),
        ("tree_weights.0", "torchlogix", _torchlogix_convolution),
        ("weight", "torchlogix", _torchlogix),
        ("offsets_ch", "compactlogic", _compact_convolution),
        ("gate_sequence", "compactlogic", _compact),
        ("weights", "difflogic", _difflogic),
    )
    for name, kind, reader in kinds:
        if name in group:
            try:
                return kind, reader(path, group, hints, shape)
            except KeyError as error:
                raise FormatError(f"{path}: its array {error.args[0]} is missing") from error
    raise FormatError(f"{path}: {', '.join(group)} without the weights of its gates")


def _difflogic(path: str, group: Group, hints: Hints, shape: Shape | None) -> Made:
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
    return [difflogic.layer(path, group["weights"], group["indices"])], None


def _torchlogix(path: str, group: Group, hints: Hints, shape: Shape | None) -> Made:
    indices = group.get("connections.indices", group.get("indices"))
    if indices is None:
        raise FormatError(
            f"{path}: its wiring (connections.indices) is missing; this state was saved by a "
            "torchlogix that left it out"
        )
    wires = torchlogix.resolved(path, indices, group.get("connections.weights"))
    return [torchlogix.layer(path, group["weight"], wires, hints.parametrisation)], None


def _torchlogix_convolution(path: str, group: Group, hints: Hints, shape: Shape | None) -> Made:
    depth = sum(name.startswith("tree_weights.") for name in group)
    weights = [group[f"tree_weights.{level}"] for level in range(depth)]
    return torchlogix.convolution(
        path,
        weights,
        group["connections._indices_L0"],
        [group[f"connections._indices_L{level}"] for level in range(1, depth)],
        (_shape(path, group, shape), _geometry(path, group)),
        hints.parametrisation,
    )


def _pool(path: str, group: Group, hints: Hints, shape: Shape | None) -> Made:
    known = _shape(path, group, shape)
    window, stride, padding = ((n,) * (len(known) - 1) for n in _numbers(path, group, "pool", 3))
    return pool(path, known, window, stride, padding)


def _compact(path: str, group: Group, hints: Hints, shape: Shape | None) -> Made:
    gates = group["gate_sequence"]
    return [compactlogic.dense(path, group["weights"], group["indices"], gates)], None


def _compact_convolution(path: str, group: Group, hints: Hints, shape: Shape | None) -> Made:
    made, given = compactlogic.convolution(
        path,
        group["weights"],
        group["gate_sequence"],
        (group["offsets_ch"], group["offsets_h"], group["offsets_w"]),
        _shape(path, group, shape),
        _geometry(path, group),
    )
    return [made], given


def _dwn(path: str, group: Group, hints: Hints, shape: Shape | None) -> Made:
    learned = "mapping.weights" in group
    mapping = group.get("mapping.weights" if learned else "mapping")
    if mapping is None:
        raise FormatError(f"{path}: its mapping is missing")
    return [dwn.layer(path, group["luts"], mapping, learned=learned)], None


def _shape(path: str, group: Group, shape: Shape | None) -> Shape:
    """The shape of the image that a layer reads: its own array, or that of what came before."""
    if "shape" in group:
        return whole_shape(path, _numbers(path, group, "shape", group["shape"].size))
    if shape is None:
        raise FormatError(
            f"{path}: the shape of its image is missing, which a state dict leaves out. Hand the "
            "module to lithify.from_torch, or give a wiring file as docs/import.md says"
        )
    return shape


def _geometry(path: str, group: Group) -> Geometry:
    stride, window, padding = _numbers(path, group, "geometry", 3)
    return stride, window, padding


def _numbers(path: str, group: Group, name: str, count: int) -> list[int]:
    """So many whole numbers of an array."""
    if name not in group:
        raise FormatError(
            f"{path}: its {name} is missing, which a state dict leaves out. Hand the module to "
            "lithify.from_torch, or give a wiring file as docs/import.md says"
        )
    array = difflogic.require_whole(f"{path}.{name}", group[name]).ravel()
    if array.size != count or not 0 <= array.min(initial=0) <= array.max(initial=0) < 1 << 20:
        raise FormatError(
            f"{path}.{name} is {array.tolist()[:9]}; {count} small numbers are needed"
        )
    return [int(value) for value in array]
