"""What other compilers of such nets write: one function with a 64-bit local for each gate.

Codes are packed bit by bit, classes counted by ripple counters. The gates are compiled at -O1 up
to 8,000, and at -O0 above, because higher levels do not end in a reasonable time; all else at -O2.
Clang, as the ziglang package has it, compiles a million: gcc takes too long.
"""

from __future__ import annotations

import ctypes
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lithify.backends.c.program import _two_input
from lithify.ir.circuit import Circuit
from lithify.ir.ports import Score

MOST_OPTIMISED, MOST_FOR_GCC = 10_000, 500_000
CLANG = (sys.executable, "-m", "ziglang", "cc", "-fno-sanitize=undefined")
STACK = 1 << 26
"""Bytes of stack: the gates of one function are locals of it."""
EXPRESSIONS = (
    "0", "~(a | b)", "a & ~b", "~b", "b & ~a", "~a", "a ^ b", "~(a & b)",
    "a & b", "~(a ^ b)", "a", "a | ~b", "b", "b | ~a", "a | b", "~(uint64_t)0",
)  # fmt: skip
AROUND = """
#include <stdint.h>
#include <string.h>
void net(const uint64_t *in, uint64_t *out);
void gates(int64_t times) {
    static uint64_t in[BITS + 1], out[TERMS + 1];
    for (int64_t i = 0; i < times; i++) net(in, out);
}
void predict(const uint8_t *codes, int64_t samples, const uint8_t *widths, const int32_t *terms,
             const int64_t *biases, int64_t *classes) {
    static uint64_t in[BITS + 1], out[TERMS + 1], counters[CLASSES + 1][64];
    for (int64_t first = 0; first < samples; first += 64) {
        const int64_t count = samples - first < 64 ? samples - first : 64;
        memset(in, 0, sizeof in);
        memset(counters, 0, sizeof counters);
        for (int64_t i = 0; i < count; i++)
            for (int64_t e = 0, bit = 0; e < ELEMENTS; e++)
                for (int k = 0; k < widths[e]; k++, bit++)
                    in[bit] |= (uint64_t)(codes[(first + i) * ELEMENTS + e] >> k & 1) << i;
        net(in, out);
        for (int64_t t = 0; t < TERMS; t++)
            for (int k = 0; k < 31; k++)
                if (terms[3 * t + 1] >> k & 1) {
                    uint64_t carry = terms[3 * t + 2] ? ~out[t] : out[t];
                    uint64_t *counter = counters[terms[3 * t]];
                    for (int j = k; carry; j++) {
                        const uint64_t next = counter[j] & carry;
                        counter[j] ^= carry;
                        carry = next;
                    }
                }
        for (int64_t i = 0; i < count; i++) {
            int64_t best = 0, top = INT64_MIN;
            for (int64_t c = 0; c < CLASSES; c++) {
                int64_t sum = biases[c];
                for (int j = 0; j < SCORE_BITS; j++) sum += (int64_t)(counters[c][j] >> i & 1) << j;
                if (sum > top) top = sum, best = c;
            }
            classes[first + i] = best;
        }
    }
}
"""


def compiled(
    texts: dict[str, tuple[str, str]], folder: Path, *flags: str
) -> tuple[ctypes.CDLL, float]:
    """The library made of C texts at their levels of optimisation, and the seconds that took."""
    before, objects = time.monotonic(), []
    for name, (text, level) in texts.items():
        source = folder / f"{name}.c"
        source.write_text(text)
        objects.append(str(source.with_suffix(".o")))
        large = text.count("\n") > MOST_FOR_GCC
        command = [
            *(CLANG if large else ("cc",)),
            level,
            *flags,
            "-fPIC",
            "-w",
            "-c",
            str(source),
            "-o",
            objects[-1],
        ]
        subprocess.run(command, check=True)
    library = folder / f"{'-'.join(texts)}.so"
    subprocess.run(["cc", "-shared", *objects, "-o", str(library)], check=True)
    return ctypes.CDLL(str(library)), time.monotonic() - before


def _gates_source(circuit: Circuit, ends: NDArray[np.int32]) -> str:
    """The one function: a local for each gate, 64 samples a call, all ends written out."""
    first = circuit.first_gate

    def text_of(signal: int) -> str:
        if signal < 2:
            return "~(uint64_t)0" if signal else "(uint64_t)0"
        return f"in[{signal - 2}]" if signal < first else f"v{signal}"

    lines = ["#include <stdint.h>", "void net(const uint64_t *in, uint64_t *out) {"]
    offsets, fanins = circuit.offsets.tolist(), circuit.fanins.tolist()
    for gate, table in enumerate(circuit.bounds.tolist()):
        pins = fanins[offsets[gate] : offsets[gate + 1]]
        full = table & 15 if len(pins) == 2 else (table & 3) * 5 if pins else (table & 1) * 15
        a, b = (*map(text_of, pins), "0", "0")[:2]
        text = EXPRESSIONS[full].replace("a", "@").replace("b", b).replace("@", a)
        lines.append(f"const uint64_t v{first + gate} = {text};")
    lines += [f"out[{i}] = {text_of(signal)};" for i, signal in enumerate(ends.tolist())]
    return "\n".join([*lines, "}", ""])


class Yardstick:
    """The compiled yardstick of a circuit with scores and codes of at most eight bits."""

    def __init__(self, circuit: Circuit, folder: Path, name: str) -> None:
        """Write and compile it."""
        scores: tuple[Score, ...] = circuit.scores
        ends = np.concatenate([score.signals for score in scores])
        weights = np.concatenate([score.weights for score in scores]).astype(np.int64)
        bare, ends = _two_input(circuit, ends)
        rows = np.repeat(np.arange(len(scores)), [len(score.signals) for score in scores])
        negative = weights < 0
        self._terms = np.stack([rows, np.abs(weights), negative], 1).astype(np.int32)
        moved = np.bincount(rows, np.where(negative, weights, 0), len(scores)).astype(np.int64)
        self._biases = np.array([score.bias for score in scores], np.int64) + moved
        widths = [port.width for port in circuit.inputs for _ in range(port.count)]
        self._widths = np.array(widths, np.uint8)
        most = max(int(np.abs(score.weights.astype(np.int64)).sum()) for score in scores)
        sizes = {
            "BITS": int(self._widths.sum()), "ELEMENTS": len(widths), "TERMS": len(ends),
            "CLASSES": len(scores), "SCORE_BITS": max(1, most.bit_length()),
        }  # fmt: skip
        level = "-O1" if bare.num_gates <= MOST_OPTIMISED else "-O0"
        texts = {f"{name}_gates": (_gates_source(bare, ends), level), name: (AROUND, "-O2")}
        defined = [f"-D{key}={value}" for key, value in sizes.items()]
        _, most_stack = resource.getrlimit(resource.RLIMIT_STACK)
        resource.setrlimit(resource.RLIMIT_STACK, (STACK, most_stack))
        self._library, self.build_seconds = compiled(texts, folder, *defined)
        self.num_gates = bare.num_gates

    def gates(self, samples: int) -> Callable[[], object]:
        """A call that runs the gates alone on so many samples."""
        times = ctypes.c_int64(-(-samples // 64))
        return lambda: self._library.gates(times)

    def predict(self, codes: NDArray[np.uint8]) -> NDArray[np.int64]:
        """The classes of codes[samples, elements]."""
        classes = np.empty(len(codes), np.int64)
        arrays = (self._widths, self._terms, self._biases, classes)
        pointers = [ctypes.c_void_p(array.ctypes.data) for array in arrays]
        codes_at = ctypes.c_void_p(codes.ctypes.data)
        self._library.predict(codes_at, ctypes.c_int64(len(codes)), *pointers)
        return classes
