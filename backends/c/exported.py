"""The exported C of a circuit, compiled here and asked, to compare it with the interpreter."""

from __future__ import annotations

import ctypes
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lithify.backends.c.emit import export_size
from lithify.backends.toolchain import run
from lithify.ir.circuit import Circuit
from lithify.ir.errors import MismatchError

FLAGS = ("-std=c99", "-O1", "-w", "-fPIC", "-shared")
SECONDS = 600.0
MOST_STACK = 1 << 22  # bytes; what needs more runs fewer samples at once


def answers_of(
    circuit: Circuit, files: Mapping[str, bytes], codes: NDArray[np.int64], *, name: str
) -> NDArray[np.int64]:
    """What the files that `emit` gave answer to codes[samples, elements]: class, scores, words.

    The files are compiled and run, so they must be our own. MismatchError where they refuse codes.
    """
    header = files[f"{name}.h"].decode()
    of_input, of_score = re.findall(rf"typedef (\w+)_t {name}_(?:input|score);", header)
    inputs = np.ascontiguousarray(codes, of_input)
    scores = np.zeros((len(codes), len(circuit.scores)), of_score)
    classes = np.zeros(len(codes), np.intc)
    words = np.zeros((len(codes), sum(word.count for word in circuit.words)), np.int64)
    lanes = 64 if export_size(circuit).stack_bytes_64 <= MOST_STACK else 8
    command = [*FLAGS, f"-D{name.upper()}_LANES={lanes}", f"{name}.c", "-o", "net.so"]
    with tempfile.TemporaryDirectory(prefix="lithify-") as folder:
        place = Path(folder)
        for file, data in files.items():
            (place / file).write_bytes(data)
        run("cc", command, cwd=place, timeout_s=SECONDS)
        batch = getattr(ctypes.CDLL(str(place / "net.so")), f"{name}_batch")
        results = [ctypes.c_void_p(one.ctypes.data) for one in (scores, classes, words)]
        count = ctypes.c_size_t(len(codes))
        if batch(ctypes.c_void_p(inputs.ctypes.data), count, *results) != 0:
            raise MismatchError(f"{name}.c refuses codes that are in the ranges of its ports")
    return np.concatenate([classes[:, None], scores, words], axis=1).astype(np.int64)
