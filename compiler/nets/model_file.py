"""Model files: safetensors with a JSON header that says how the tensors make a net.

Files come from anywhere, so all sizes are compared with the file before anything is built.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor

from lithify.compiler.nets.encoders import Thermometer
from lithify.compiler.nets.families import HEADS, LAYERS
from lithify.compiler.nets.layer import Layer, Shapes
from lithify.compiler.nets.learned import LearnedThermometer
from lithify.compiler.nets.net import Net
from lithify.compiler.nets.packing import pack, unpack
from lithify.ir.errors import FormatError, InputError
from lithify.ir.files import write_atomically

FORMAT = "lithify-model"
VERSION = 1
MOST_HEADER = 64 * 2**20
ENCODERS: dict[str, type[Thermometer]] = {
    kind.kind: kind for kind in (LearnedThermometer, Thermometer)
}


def save(
    net: Net,
    path: str | os.PathLike[str],
    *,
    hard: bool = False,
    provenance: Mapping[str, Any] | None = None,
) -> Path:
    """The path written: the net with its wiring, codes, class names and provenance.

    With `hard` the file is small: it holds the hard net alone, which compiles to the same circuit
    but cannot be trained. Provenance is what is JSON-able and worth knowing: recipe, seed, data
    digest, accuracy.
    """
    kept = net.hardened() if hard else net
    header, tensors = describe(kept), state_of(kept)
    header["provenance"] = dict(provenance or {})
    if not kept.trainable:
        tensors, header["packed"] = pack(tensors)
    metadata = {FORMAT: json.dumps(header, sort_keys=True, allow_nan=False)}
    return write_atomically(path, safetensors.torch.save(tensors, metadata))


@dataclass(frozen=True, slots=True)
class Model:
    """What a model file holds: the net, and where it comes from."""

    net: Net
    provenance: dict[str, Any]


def load(path: str | os.PathLike[str]) -> Model:
    """The model in a file; FormatError, with the reason, where it holds none."""
    return read(_bytes_of(path), str(path))


def describe(net: Net) -> dict[str, Any]:
    """The architecture as JSON-able values, without the weights."""
    return {
        "version": VERSION,
        "encoder": net.encoder.describe(),
        "layers": [layer.describe() for _, layer in net.steps()],
        "head": net.head.describe(),
        "class_names": list(net.classes),
    }


def state_of(net: Net) -> dict[str, Tensor]:
    """The tensors of the net's state, on the host."""
    return {name: value.detach().cpu().contiguous() for name, value in net.state_dict().items()}


def read(data: bytes, name: str) -> Model:
    """The model in the bytes of a model file called `name`."""
    header, tensors = open_safetensors(data, name, FORMAT, "model")
    if header.get("version") != VERSION:
        raise FormatError(
            f"{name}: model format version {header.get('version')!r} is unknown; this "
            f"Lithify reads version {VERSION}"
        )
    try:
        hard = "packed" in header
        whole = unpack(tensors, header["packed"]) if hard else tensors
        return Model(_restore(header, whole, not hard), _object(header, "provenance"))
    except (FormatError, InputError) as error:
        raise FormatError(f"{name}: {error}") from error


def open_safetensors(
    data: bytes, name: str, key: str, what: str
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The JSON header under `key` and the tensors of safetensors bytes."""
    refuse_pickle(data, name)
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > min(len(data) - 8, MOST_HEADER):
        raise FormatError(
            f"{name}: not a Lithify {what}, or cut short ({len(data)} bytes); write it again with "
            "`lithify train`"
        )
    try:
        outer = json.loads(data[8 : 8 + length])
        header = json.loads(outer["__metadata__"][key])
        tensors = safetensors.torch.load(data)
    except (ValueError, KeyError, TypeError, RecursionError, safetensors.SafetensorError) as error:
        raise FormatError(
            f"{name}: not a Lithify {what}, or damaged ({type(error).__name__}: {error}); write it "
            "again with `lithify train`"
        ) from error
    if not isinstance(header, dict):
        raise FormatError(
            f"{name}: its header is no JSON object; write it again with `lithify train`"
        )
    return header, tensors


def refuse_pickle(data: bytes, name: str) -> None:
    """Raise FormatError for the formats that run code when they are read.

    A safetensors file starts with a length, which can be any bytes, and then a JSON object.
    """
    if data[8:9] == b"{":
        return
    if data[:2] == b"PK" or data[:1] == b"\x80" or b"torch_package" in data[:64]:
        raise FormatError(
            f"{name}: this is a pickle (a torch .pt or .pth file, say), and reading a pickle runs "
            "whatever code is in it. Load it yourself where you trust it, and write the net with "
            "lithify.nets.save(net, 'net.safetensors')"
        )


def _bytes_of(path: str | os.PathLike[str]) -> bytes:
    try:
        return Path(path).read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; `lithify train` writes model files") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error


def _restore(header: Mapping[str, Any], tensors: Mapping[str, Tensor], trainable: bool) -> Net:
    """The net of a header and its tensors, checked part by part before it is built."""
    encoder_plain = _object(header, "encoder")
    layers_plain = header.get("layers")
    if not isinstance(layers_plain, list) or not layers_plain:
        raise FormatError("layers is no list of layers")
    encoder_class = _known(ENCODERS, encoder_plain, "encoder")
    planned: list[tuple[str, type[Layer], dict[str, Any]]] = []
    shapes = _under("encoder", encoder_class.shapes(encoder_plain, "encoder"))
    for index, plain in enumerate(layers_plain):
        path = f"layers.{index}"
        kind = _known(LAYERS, plain, path)
        planned.append((path, kind, plain))
        shapes |= _under(path, kind.shapes(plain, path))
    head_plain = _object(header, "head")
    head_class = _known(HEADS, head_plain, "head")
    shapes |= _under("head", head_class.shapes(head_plain, "head"))
    require_shapes(tensors, shapes)
    head = head_class.restore(head_plain, _of(tensors, "head"), "head")
    layers = [kind.restore(plain, _of(tensors, path), path) for path, kind, plain in planned]
    encoder = encoder_class.restore(encoder_plain, _of(tensors, "encoder"), "encoder")
    names = header.get("class_names")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise FormatError("class_names is no list of names")
    return Net(encoder, layers, head, class_names=names, trainable=trainable)


def _object(header: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = header.get(key)
    if not isinstance(value, dict):
        raise FormatError(f"{key} is missing from the header; the file is damaged")
    return value


def _known(table: Mapping[str, type[Any]], plain: Any, path: str) -> type[Any]:
    """The class that a description names."""
    kind = plain.get("kind") if isinstance(plain, dict) else None
    if not isinstance(kind, str) or kind not in table:
        raise FormatError(
            f"{path}: kind {kind!r} is unknown; this Lithify knows {', '.join(sorted(table))}"
        )
    return table[kind]


def _under(path: str, shapes: Shapes) -> Shapes:
    return {f"{path}.{name}": shape for name, shape in shapes.items()}


def _of(tensors: Mapping[str, Tensor], path: str) -> dict[str, Tensor]:
    prefix = f"{path}."
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def require_shapes(tensors: Mapping[str, Tensor], shapes: Shapes) -> None:
    """Raise FormatError where the tensors are not the ones that the header implies."""
    names = {"torch.float32": "F32", "torch.float64": "F64", "torch.int32": "I32"}
    for name, (dtype, shape) in shapes.items():
        if name not in tensors:
            raise FormatError(f"tensor {name} is missing; the file is damaged")
        found = tensors[name]
        kind = names.get(str(found.dtype), str(found.dtype))
        if (kind, tuple(found.shape)) != (dtype, shape):
            raise FormatError(
                f"tensor {name} is {kind} {list(found.shape)}, but the header says {dtype} "
                f"{list(shape)}; the file is damaged"
            )
    for name in tensors:
        if name not in shapes:
            raise FormatError(f"tensor {name} belongs to no part of the net; the file is damaged")
