"""The binary form of a circuit: one zip archive of a JSON manifest and plain .npy arrays.

Entries are stored, not compressed, so that none can be larger than the file; every array is kept
in the narrowest integer type that holds it. Equal circuits make equal bytes. The layout is in
`docs/ir.md`.
"""

from __future__ import annotations

import io
import json
import os
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lithify.ir.check import check
from lithify.ir.circuit import ARRAYS, MOST_SIGNALS, Circuit
from lithify.ir.errors import CheckError, FormatError, InputError
from lithify.ir.files import write_atomically
from lithify.ir.origin import Origin
from lithify.ir.ports import Output, Port, Score, Word

FORMAT = "lithify circuit"
VERSION = 1
MANIFEST = "manifest.json"
MOST_MANIFEST = 1 << 28
DATE = (1980, 1, 1, 0, 0, 0)
NARROW = tuple(np.dtype(name) for name in ("u1", "i1", "<u2", "<i2", "<u4", "<i4", "<i8", "<u8"))
# What zipfile raises over damaged archives, encrypted ones among them.
ZIP_TROUBLE = (
    zipfile.BadZipFile, EOFError, OSError, OverflowError, RuntimeError, ValueError, struct.error,
    zlib.error,
)  # fmt: skip
# What numpy raises over the header of a damaged .npy file, which is Python text.
NPY_TROUBLE = (ValueError, SyntaxError, TypeError, RecursionError, tokenize.TokenError)
Arrays = dict[str, NDArray[Any]]


def save(circuit: Circuit, path: str | os.PathLike[str]) -> Path:
    """The path to which the binary form was written, whole or not at all."""
    return write_atomically(path, to_bytes(circuit))


def load(path: str | os.PathLike[str]) -> Circuit:
    """The circuit in a binary file; raises FormatError where the file is not sound."""
    shown = Path(path)
    try:
        data = shown.read_bytes()
    except OSError as error:
        raise FormatError(
            f"cannot read {shown}: {error.strerror}; check the path and its permissions"
        ) from error
    return from_bytes(data, str(shown))


def to_bytes(circuit: Circuit) -> bytes:
    """The binary form."""
    arrays: Arrays = {name: getattr(circuit, name) for name in ARRAYS if name != "offsets"}
    arrays["arities"] = np.diff(circuit.offsets)
    arrays["output_signals"] = _joined([output.signals.ravel() for output in circuit.outputs])
    arrays["score_weights"] = _joined([score.weights for score in circuit.scores])
    entries = {MANIFEST: _manifest(circuit)}
    entries |= {f"{name}.npy": _npy(arrays[name]) for name in sorted(arrays)}
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, content in entries.items():
            entry = zipfile.ZipInfo(name, DATE)
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return stream.getvalue()


def from_bytes(data: bytes, filename: str = "<bytes>") -> Circuit:
    """The circuit in these bytes; `filename` names them in errors."""
    try:
        circuit = _circuit(*_entries(data))
        check(circuit)
    except (CheckError, FormatError, InputError) as error:
        raise FormatError(_message(filename, str(error))) from error
    return circuit


def _message(filename: str, reason: str) -> str:
    return f"{filename} is no sound binary circuit: {reason}; write it anew or take another copy"


def _joined(parts: list[NDArray[np.int32]]) -> NDArray[np.int32]:
    return np.concatenate(parts) if parts else np.empty(0, np.int32)


def _manifest(circuit: Circuit) -> bytes:
    """The manifest: everything but the arrays."""
    value = {
        "format": FORMAT,
        "version": VERSION,
        "gates": circuit.num_gates,
        "fanins": circuit.fanins.size,
        "inputs": [
            {"name": p.name, "width": p.width, "count": p.count, "kind": p.kind}
            | {"low": p.low, "high": p.high}
            | ({"pattern": p.pattern} if p.pattern != "any" else {})
            for p in circuit.inputs
        ],
        "outputs": [_described(output) for output in circuit.outputs],
        "readout": circuit.readout,
        "origins": [{"path": origin.path, "part": origin.part} for origin in circuit.origins],
        "weighted": bool(circuit.weights.size),
    }
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _described(output: Output) -> dict[str, str | int]:
    if isinstance(output, Score):
        return {"name": output.name, "bias": output.bias, "terms": output.signals.size}
    return {
        "name": output.name,
        "kind": output.kind,
        "count": output.count,
        "width": output.width,
    }


def _npy(array: NDArray[Any]) -> bytes:
    """The array as a .npy file in the narrowest type that holds its values."""
    low, high = (int(array.min()), int(array.max())) if array.size else (0, 0)
    fits = (t for t in NARROW if np.iinfo(t).min <= low and high <= np.iinfo(t).max)
    narrow = array.astype(next(fits))
    stream = io.BytesIO()
    np.lib.format.write_array(stream, narrow, version=(1, 0), allow_pickle=False)
    return stream.getvalue()


def _open(data: bytes) -> tuple[zipfile.ZipFile, dict[str, zipfile.ZipInfo]]:
    """The archive and its entries, none of them larger than the data."""
    if not data.startswith(b"PK"):
        raise FormatError("it is not a zip archive")
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except ZIP_TROUBLE as error:
        raise FormatError("it is cut off or damaged") from error
    infos = {info.filename: info for info in archive.infolist()}
    if len(infos) != len(archive.infolist()):
        raise FormatError("two entries have one name")
    if any(info.compress_type != zipfile.ZIP_STORED for info in infos.values()):
        raise FormatError("an entry is compressed, which this form does not do")
    sizes = [info.file_size for info in infos.values()]
    if sizes != [info.compress_size for info in infos.values()] or sum(sizes) > len(data):
        raise FormatError("its entries claim sizes that they cannot have")
    return archive, infos


def _entries(data: bytes) -> tuple[dict[str, Any], Callable[[str, int], NDArray[Any]]]:
    """The manifest, and what reads an array of a known length."""
    archive, infos = _open(data)

    def entry(name: str) -> bytes:
        if name not in infos:
            raise FormatError(f"entry {name} is missing")
        try:
            return archive.read(infos[name])
        except ZIP_TROUBLE as error:
            raise FormatError(f"entry {name} is damaged") from error

    def array(name: str, length: int) -> NDArray[Any]:
        return _read_npy(entry(f"{name}.npy"), name, length)

    if MANIFEST in infos and infos[MANIFEST].file_size > MOST_MANIFEST:
        raise FormatError(f"entry {MANIFEST} is larger than {MOST_MANIFEST} bytes")
    return _read_manifest(entry(MANIFEST)), array


def _read_manifest(content: bytes) -> dict[str, Any]:
    try:
        manifest = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"entry {MANIFEST} is no JSON") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise FormatError("it holds something other than a circuit")
    version = manifest.get("version")
    if version != VERSION:
        raise FormatError(f"its version is {version!r}, and this reader reads {VERSION}")
    return manifest


def _read_npy(content: bytes, name: str, length: int) -> NDArray[Any]:
    """A one-dimensional array of integers whose header, length and content agree."""
    stream = io.BytesIO(content)
    try:
        if np.lib.format.read_magic(stream) != (1, 0):
            raise FormatError(f"array {name} is of an unknown .npy version")
        shape, _, dtype = np.lib.format.read_array_header_1_0(stream, max_header_size=1000)
    except NPY_TROUBLE as error:
        raise FormatError(f"array {name} has no .npy header") from error
    if dtype not in NARROW:
        raise FormatError(f"array {name} is of type {dtype}, which holds no plain integers")
    if shape != (length,):
        raise FormatError(f"array {name} has shape {shape} where the manifest asks for ({length},)")
    if len(content) - stream.tell() != length * dtype.itemsize:
        raise FormatError(f"array {name} is shorter or longer than its header says")
    return np.frombuffer(content, dtype, offset=stream.tell())


def _circuit(manifest: dict[str, Any], array: Callable[[str, int], NDArray[Any]]) -> Circuit:
    """The circuit of a manifest and its arrays; the checker has yet to judge it."""
    gates, pins = _natural(manifest, "gates"), _natural(manifest, "fanins")
    arities = array("arities", gates).astype(np.int64)
    return Circuit(
        inputs=tuple(_port(one) for one in _objects(manifest, "inputs")),
        kinds=_cast(array("kinds", gates), "kinds"),
        tables=array("tables", gates).astype(np.uint64),
        offsets=np.concatenate([np.zeros(1, np.int64), np.cumsum(arities)]),
        fanins=_cast(array("fanins", pins), "fanins"),
        weights=_cast(array("weights", pins if manifest.get("weighted") else 0), "weights"),
        outputs=_outputs(_objects(manifest, "outputs"), array),
        readout=_text(manifest, "readout"),
        origins=tuple(
            Origin(_text(one, "path"), _text(one, "part")) for one in _objects(manifest, "origins")
        ),
        origin_of=_cast(array("origin_of", gates), "origin_of"),
        unit_of=_cast(array("unit_of", gates), "unit_of"),
    )


def _outputs(
    described: list[dict[str, Any]], array: Callable[[str, int], NDArray[Any]]
) -> tuple[Output, ...]:
    """The outputs, their signals and weights cut from two arrays."""
    sizes = [
        _natural(one, "terms")
        if "terms" in one
        else _natural(one, "count") * _natural(one, "width")
        for one in described
    ]
    terms = [size if "terms" in one else 0 for size, one in zip(sizes, described, strict=True)]
    signals = _cast(array("output_signals", sum(sizes)), "fanins")
    weights = _cast(array("score_weights", sum(terms)), "weights")
    rows = np.split(signals, np.cumsum(sizes)[:-1])
    pulls = np.split(weights, np.cumsum(terms)[:-1])
    outputs: list[Output] = []
    for one, row, pull in zip(described, rows, pulls, strict=False):
        name = _text(one, "name")
        if "terms" in one:
            outputs.append(Score(name, _integer(one, "bias"), row, pull))
        else:
            shape = _natural(one, "count"), _natural(one, "width")
            outputs.append(Word(name, row.reshape(shape), _text(one, "kind")))
    return tuple(outputs)


def _port(one: dict[str, Any]) -> Port:
    return Port(
        _text(one, "name"),
        _natural(one, "width"),
        _natural(one, "count"),
        _text(one, "kind"),
        _integer(one, "low"),
        _integer(one, "high"),
        _text(one, "pattern") if "pattern" in one else "any",
    )


def _cast(array: NDArray[Any], name: str) -> NDArray[Any]:
    """The array in the type that the circuit keeps, if that holds every value."""
    limits = np.iinfo(np.dtype(ARRAYS[name]))
    if array.size and not (limits.min <= int(array.min()) and int(array.max()) <= limits.max):
        raise FormatError(f"array {name} has a value that does not fit {limits.bits} bits")
    return array.astype(ARRAYS[name])


def _objects(manifest: dict[str, Any], key: str) -> list[dict[str, Any]]:
    value = manifest.get(key)
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise FormatError(f"{key} of the manifest is no list of objects")
    return value


def _text(one: dict[str, Any], key: str) -> str:
    value = one.get(key)
    if not isinstance(value, str):
        raise FormatError(f"{key} in the manifest is {value!r}, not a text")
    return value


def _integer(one: dict[str, Any], key: str) -> int:
    value = one.get(key)
    if type(value) is not int:
        raise FormatError(f"{key} in the manifest is {value!r}, not an integer")
    return value


def _natural(one: dict[str, Any], key: str) -> int:
    value = _integer(one, key)
    if not 0 <= value <= MOST_SIGNALS:
        raise FormatError(f"{key} in the manifest is {value}, not a size")
    return value
