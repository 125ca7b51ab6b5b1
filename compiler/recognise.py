"""Which format a file has, by what it holds; its name says nothing."""

from __future__ import annotations

import io
import re
import zipfile

from lithify.compiler import design_file
from lithify.ir import binary
from lithify.ir.binary import ZIP_TROUBLE
from lithify.ir.errors import FormatError

HEAD = 1 << 16
COMMENTS = re.compile(rb"\s*(?:#[^\n]*\n\s*)*")
BENCH = re.compile(rb"(?:INPUT|OUTPUT)\s*\(|[^\s#(),=]+\s*=", re.IGNORECASE)
VERILOG = re.compile(
    rb"(?:\s++|//[^\n]*+\n|(?>/\*.*?\*/)|(?>\(\*.*?\*\))|`[a-z]++[^\n]*+\n)*+module\s", re.DOTALL
)
TORCHLOGIX = re.compile(rb'\{\s*"n_inputs"')
WORDS = {b".model": "blif"} | dict.fromkeys(
    (b".i", b".o", b".p", b".ilb", b".ob", b".type", b".phase"), "pla"
)
KNOWN = (
    "Lithify's designs, models and circuits, AIGER, BLIF, BENCH, PLA and Verilog circuits, graphs "
    "of networkx as JSON and GraphML, truth tables (.npy), .npz archives and torch state dicts and "
    "ONNX files of nets"
)


def recognise(data: bytes, filename: str) -> str:
    """The name of the format of these bytes; FormatError where it is none that can be read."""
    found = _binary(data) or _text(data[:HEAD])
    if found is None:
        raise FormatError(
            f"{filename}: what it holds is not known (it starts with {data[:24]!r}); there are "
            f"{KNOWN}"
        )
    return found


def _binary(data: bytes) -> str | None:
    if data[:4] in (b"aig ", b"aag "):
        return "aiger"
    if data[:6] == b"\x93NUMPY":
        return "truth tables"
    if data[8:9] == b"{":
        return "model"
    if data[:2] == b"PK":
        return _archive(data)
    if data[:1] == b"\x08" and data[1:2] < b"\x40":
        return "onnx"  # the version of its form comes first
    return "torch" if data[:1] == b"\x80" else None


def _archive(data: bytes) -> str | None:
    """What a zip archive holds, told by the names in it."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = set(archive.namelist())
    except ZIP_TROUBLE:
        return "binary circuit"  # whose reader says that it is damaged
    if design_file.LOWERED in names:
        return "design"
    if any(name.endswith("data.pkl") for name in names):
        return "torch"
    return "binary circuit" if binary.MANIFEST in names else "arrays"


def _text(head: bytes) -> str | None:
    if VERILOG.match(head):
        return "verilog"
    start = COMMENTS.match(head)
    rest = head[start.end() :] if start else head
    if rest.startswith(b"lithify circuit"):
        return "text circuit"
    if rest[:1] == b"{":
        return "torchlogix circuit" if TORCHLOGIX.match(rest) else "node-link graph"
    if rest.startswith((b"<?xml", b"<graphml")):
        return "graphml"
    word = rest.split(None, 1)[0] if rest.split(None, 1) else b""
    if word in WORDS:
        return WORDS[word]
    return "bench" if BENCH.match(rest) else None
