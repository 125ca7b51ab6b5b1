"""The compiled kernel: built once per machine with `cc`, cached, checked and loaded."""

from __future__ import annotations

import ctypes
import hashlib
import logging
import os
import platform
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lithify.backends.toolchain import Tool, require_tool, run
from lithify.ir.cache import user_folder
from lithify.ir.errors import ToolFailed

FLAGS = (
    "-O3",
    "-std=gnu11",
    "-fno-strict-aliasing",
    "-fPIC",
    "-shared",
    "-fvisibility=hidden",
    "-w",
)
SOURCES = (
    "kernel.c",
    "kernel.h",
    "kernel_body.h",
    "kernel_input.h",
    "kernel_output.h",
    "kernel_sums.h",
    "kernel_counts.h",
    "kernel_features.h",
)
BUILD_SECONDS = 300.0
MOST_KERNELS = 8  # in the cache; a new Lithify or compiler makes a new one

log = logging.getLogger(__name__)


class NetProgram(ctypes.Structure):
    """`net_program` of kernel.h."""

    _fields_ = [
        ("operands", ctypes.c_void_p),
        ("rounds", ctypes.c_void_p),
        ("stages", ctypes.c_void_p),
        ("num_stages", ctypes.c_int64),
        ("sums", ctypes.c_void_p),
        ("addends", ctypes.c_void_p),
        ("pins", ctypes.c_void_p),
        ("slots", ctypes.c_int64),
        ("wide", ctypes.c_int64),
        ("chunks", ctypes.c_void_p),
        ("num_chunks", ctypes.c_int64),
        ("tested", ctypes.c_void_p),
        ("above", ctypes.c_void_p),
        ("input_bits", ctypes.c_int64),
        ("runs", ctypes.c_void_p),
        ("num_runs", ctypes.c_int64),
        ("terms", ctypes.c_void_p),
        ("biases", ctypes.c_void_p),
        ("num_scores", ctypes.c_int64),
        ("score_bits", ctypes.c_int64),
        ("wide_scores", ctypes.c_int64),
        ("word_slots", ctypes.c_void_p),
        ("word_masks", ctypes.c_void_p),
        ("word_fields", ctypes.c_void_p),
        ("num_word_elements", ctypes.c_int64),
    ]


class CountNet(ctypes.Structure):
    """`count_program` of kernel.h."""

    _fields_ = [
        ("chunks", ctypes.c_void_p),
        ("above", ctypes.c_void_p),
        ("least", ctypes.c_void_p),
        ("input_words", ctypes.c_int64),
        ("elements", ctypes.c_int64),
        ("layers", ctypes.c_void_p),
        ("num_layers", ctypes.c_int64),
        ("planes", ctypes.c_void_p),
        ("weights", ctypes.c_void_p),
        ("offsets", ctypes.c_void_p),
        ("added", ctypes.c_void_p),
        ("num_scores", ctypes.c_int64),
        ("row_words", ctypes.c_int64),
        ("high", ctypes.c_int64),
    ]


class FeatureCode(ctypes.Structure):
    """`feature_code` of kernel.h."""

    _fields_ = [
        ("bounds", ctypes.c_void_p),
        ("num_bounds", ctypes.c_int64),
        ("elements", ctypes.c_int64),
        ("item_bytes", ctypes.c_int64),
        ("code_bytes", ctypes.c_int64),
        ("low", ctypes.c_int64),
        ("high", ctypes.c_int64),
    ]


class NetJob(ctypes.Structure):
    """`net_job` of kernel.h."""

    _fields_ = [
        ("codes", ctypes.c_void_p),
        ("row_bytes", ctypes.c_int64),
        ("item_bytes", ctypes.c_int64),
        ("item_signed", ctypes.c_int64),
        ("low", ctypes.c_void_p),
        ("span", ctypes.c_void_p),
        ("planes", ctypes.c_void_p),
        ("plane_words", ctypes.c_int64),
        ("scores32", ctypes.c_void_p),
        ("scores64", ctypes.c_void_p),
        ("classes", ctypes.c_void_p),
        ("words", ctypes.c_void_p),
        ("workspace", ctypes.c_void_p),
    ]


class Kernel:
    """The loaded kernel; every call gives the GIL back while it runs."""

    def __init__(self, path: Path) -> None:
        """Load the library at `path`."""
        self.path = path
        library = ctypes.CDLL(str(path))
        program, job, integer = ctypes.POINTER(NetProgram), ctypes.POINTER(NetJob), ctypes.c_int64
        self.run = library.kernel_run
        self.run.argtypes = [program, job, integer, integer, integer]
        self.gates = library.kernel_gates
        self.gates.argtypes = [program, ctypes.c_void_p, integer, integer]
        self.workspace = library.kernel_workspace
        self.workspace.argtypes = [program, integer]
        self.counts = library.kernel_counts
        self.counts.argtypes = [ctypes.POINTER(CountNet), job, integer, integer, integer]
        self.features = library.kernel_features
        address = ctypes.c_void_p
        code = ctypes.POINTER(FeatureCode)
        self.features.argtypes = [code, address, integer, integer, integer, address]
        for function in (self.run, self.gates, self.workspace, self.counts, self.features):
            function.restype = integer
        self.vectors = _widths(library.kernel_vectors)
        """The vector widths in bits that this machine has, ascending."""
        self.counting_vectors = _widths(library.kernel_counts_vectors)
        """Those of them by which nets of sums run."""


def _widths(function: Any) -> tuple[int, ...]:
    """The vector widths that one of the kernel's functions knows."""
    function.restype = ctypes.c_int64
    found = function()
    return tuple(64 << k for k in range(4) if found >> k & 1)


@cache
def load() -> Kernel:
    """The kernel of this machine, built now if it never was, and tried on a known net."""
    kernel = Kernel(library_path())
    for width in kernel.vectors:
        counts = width not in kernel.counting_vectors or _counted(kernel, width) == KNOWN_SCORES
        if _tried(kernel, width) != KNOWN_ANSWERS or not counts:
            raise ToolFailed(
                f"the C engine gives wrong answers with vectors of {width} bits on this machine: "
                f"{kernel.path} was miscompiled; remove it and set LITHIFY_CC to another compiler"
            )
    return kernel


KNOWN_ANSWERS = [0, 30, 28, 21] * 128
"""x & y, x & ~y, x | y, x ^ y and a pool that is x | y as bits 0 to 4, for x and y low, x high,
y high, both high."""

KNOWN_SCORES = [[0, 0], [1, -1], [0, 0], [1, 1]] * 3
"""a + b and a - b, for a = x & y and b = x & ~y and the same codes."""


def _counted(kernel: Kernel, width: int) -> list[list[int]]:
    """What vectors of this width answer for a net of two neurons and two scores."""
    never = np.iinfo(np.int64).max
    weights = aligned_bytes(8 * 16).view(np.uint64)
    weights[:] = 0
    weights[[1, 9]] = 2  # the second neuron and the second score take their second bit inverted
    net: dict[str, NDArray[Any]] = {
        "chunks": np.zeros(1, np.int32),
        "above": np.array([0, 0] + [255] * 62, np.uint8),
        "least": np.array([1, 1] + [never] * 62, np.int64),
        "layers": np.array([[1, 1, 0, 1], [1, 1, 1, 1]], np.int64),
        "planes": np.array([[0, 0, 0], [0, 0, 8]], np.int64),
        "weights": weights,
        "offsets": np.array([2, 2] + [never] * 6, np.int64),
        "added": np.array([0, -1], np.int64),
    }
    addresses = {name: array.ctypes.data for name, array in net.items()}
    sizes = {"input_words": 1, "elements": 2, "num_layers": 2, "num_scores": 2, "row_words": 1}
    program = CountNet(**addresses, **sizes, high=1)
    codes = np.array([[0, 0], [1, 0], [0, 1], [1, 1]] * 3, np.uint8)
    scores = np.zeros((len(codes), 2), np.int32)
    workspace = aligned_bytes(2 * 8 * (2 + 8))
    job = NetJob(codes=codes.ctypes.data, row_bytes=2, item_bytes=1, scores32=scores.ctypes.data)
    job.workspace = workspace.ctypes.data
    kernel.counts(program, job, 0, len(codes), width // 64)
    return scores.tolist()


def _tried(kernel: Kernel, width: int) -> list[int]:
    """What vectors of this width answer for a net of one gate of each operation, and a pool."""
    net: dict[str, NDArray[Any]] = {
        "operands": np.array([0, 1, 2, 0, 1, 3, 0, 1, 4, 0, 1, 5, *range(6), 0, 1, 6], np.uint16),
        "rounds": np.array([[0] * 15 + [1] * 4 + [0] * 7 + [1]], np.uint32),
        "stages": np.array([[1, 0]], np.int32),
        "chunks": np.array([[0, 2, 0, 1, 0, 0, 0, 0, 1, 1]], np.int32),
        "tested": np.zeros(1, np.uint8),
        "above": np.empty((0, 64), np.uint8),
        "word_slots": np.arange(2, 7, dtype=np.uint32),
        "word_masks": np.array([[~np.uint64(0), 0]] * 5, np.uint64),
        "word_fields": np.array([[5, 0]], np.int32),
    }
    addresses = {name: array.ctypes.data for name, array in net.items()}
    sizes = {"num_stages": 1, "slots": 7, "num_chunks": 1, "input_bits": 2, "num_word_elements": 1}
    program = NetProgram(**addresses, **sizes)
    codes = np.array([[0, 0], [1, 0], [0, 1], [1, 1]] * 128, np.uint8)
    answers = np.zeros(len(codes), np.int64)
    workspace = aligned_bytes(kernel.workspace(program, width // 64))
    job = NetJob(codes=codes.ctypes.data, row_bytes=2, item_bytes=1, words=answers.ctypes.data)
    job.workspace = workspace.ctypes.data
    kernel.run(program, job, 0, len(codes), width // 64)
    return answers.tolist()


def aligned_bytes(size: int) -> NDArray[np.uint8]:
    """A writable array of `size` bytes whose address is a multiple of a page."""
    page = 4096
    whole = np.empty(size + page, np.uint8)
    start = -whole.ctypes.data % page
    return whole[start : start + size]


def library_path() -> Path:
    """The path of the built kernel whose bytes are what was built: from the cache, or made now."""
    compiler = require_tool("cc")
    sources = {name: (Path(__file__).parent / name).read_bytes() for name in SOURCES}
    key = _key(compiler, sources)
    folder = user_folder()
    for path in sorted(folder.glob(f"kernel-{key}-*.so")):
        if path.stem.endswith(f"-{_short_digest(path.read_bytes())}"):
            with suppress(OSError):  # of another user, say: then it counts as old
                os.utime(path)
            return path
        log.warning("the cached kernel %s is damaged; it is built again", path)
        path.unlink(missing_ok=True)
    return _build(compiler, sources, folder, key)


def _key(compiler: Tool, sources: dict[str, bytes]) -> str:
    """What decides whether a built kernel can be used: sources, compiler, flags, machine."""
    h = hashlib.sha256()
    for part in (*compiler.command, compiler.version, platform.machine(), *FLAGS):
        h.update(part.encode() + b"\0")
    for name, text in sources.items():
        h.update(name.encode() + b"\0" + text + b"\0")
    return h.hexdigest()[:20]


def _short_digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:20]


def _prune(folder: Path) -> None:
    """Remove the kernels that were not used for longest; those loaded elsewhere stay loaded."""
    try:
        built = sorted(folder.glob("kernel-*.so"), key=lambda path: path.stat().st_mtime)
        for path in built[:-MOST_KERNELS]:
            path.unlink(missing_ok=True)
    except OSError as error:
        log.warning("old kernels in %s could not be removed: %s", folder, error)


def _build(compiler: Tool, sources: dict[str, bytes], folder: Path, key: str) -> Path:
    """The path of the kernel built now; processes that build at once all end with a whole file."""
    log.info("building the C engine's kernel for this machine: some seconds, only the first time")
    with tempfile.TemporaryDirectory(prefix=".build-", dir=folder) as name:
        place = Path(name)
        for source, text in sources.items():
            (place / source).write_bytes(text)
        built = place / "kernel.so"
        run(compiler, [*FLAGS, "kernel.c", "-o", built.name], cwd=place, timeout_s=BUILD_SECONDS)
        if not built.is_file():
            raise ToolFailed(
                f"{compiler.path} ended without an error but wrote no library; "
                "set LITHIFY_CC to a C compiler"
            )
        path = folder / f"kernel-{key}-{_short_digest(built.read_bytes())}.so"
        os.replace(built, path)
    _prune(folder)
    return path
