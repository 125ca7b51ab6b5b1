"""A binary net by counts, against the barest loop over its weights: the same rows, counted once."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.engine.measure import Figures, medians
from benchmarks.engine.yardstick import compiled
from lithify.backends.c.counting import CountProgram
from lithify.backends.c.engine import Engine
from lithify.backends.c.library import aligned_bytes, load
from lithify.backends.c.program import schedule
from lithify.backends.c.running import CountRunner
from lithify.ir.generate import random_sums
from lithify.ir.ports import Port

WIDTHS = (784, 256, 256, 10)
BATCHES = (1, 64, 4096)
SAMPLES = 65536
FLAGS = "-mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512vpopcntdq".split()
BARE = """
#include <immintrin.h>
#include <stdint.h>
static void layer(const uint64_t *weights, const int64_t *bounds, const uint64_t *bits,
                  int64_t words, int64_t groups, uint8_t *fired, int64_t *sums) {
    for (int64_t g = 0; g < groups; g += 4) {
        const int64_t some = groups - g < 4 ? groups - g : 4, stride = 8 * words;
        const uint64_t *w = weights + g * stride;
        __m512i sum[4] = {_mm512_setzero_si512(), _mm512_setzero_si512(),
                          _mm512_setzero_si512(), _mm512_setzero_si512()};
        if (some == 4) {
            for (int64_t i = 0; i < words; i++) {
                const __m512i b = _mm512_set1_epi64(bits[i]);
                for (int k = 0; k < 4; k++) {
                    const __m512i row = _mm512_load_si512(w + k * stride + 8 * i);
                    sum[k] = _mm512_add_epi64(sum[k],
                        _mm512_popcnt_epi64(_mm512_xor_si512(b, row)));
                }
            }
        } else {
            for (int64_t i = 0; i < words; i++) {
                const __m512i b = _mm512_set1_epi64(bits[i]);
                for (int k = 0; k < some; k++) {
                    const __m512i row = _mm512_load_si512(w + k * stride + 8 * i);
                    sum[k] = _mm512_add_epi64(sum[k],
                        _mm512_popcnt_epi64(_mm512_xor_si512(b, row)));
                }
            }
        }
        for (int64_t k = 0; k < some; k++) {
            if (fired) {
                fired[g + k] = _mm512_cmpge_epi64_mask(sum[k],
                    _mm512_loadu_si512(bounds + 8 * (g + k)));
            } else {
                _mm512_storeu_si512(sums + 8 * (g + k), sum[k]);
            }
        }
    }
}
void bare(const uint64_t *weights, const int64_t *bounds, const uint64_t *bits, int64_t batch,
          int64_t times, int64_t *sums) {
    for (int64_t t = 0; t < times; t++)
        for (int64_t s = 0; s < batch; s++) {
            uint64_t one[4], two[4];
            layer(weights, bounds, bits + 13 * s, 13, 32, (uint8_t *)one, 0);
            layer(weights + 13 * 256, bounds + 256, one, 4, 32, (uint8_t *)two, 0);
            layer(weights + 17 * 256, bounds + 512, two, 4, 2, 0, sums + 16 * s);
        }
}
"""
REPEAT = """
#include <stdint.h>
void repeat(int64_t (*run)(const void *, const void *, int64_t, int64_t, int64_t),
            const void *program, const void *job, int64_t batch, int64_t words, int64_t times) {
    for (int64_t t = 0; t < times; t++) run(program, job, 0, batch, words);
}
"""


def of_binary(folder: Path) -> Figures:
    """Times against the bare loop, which is given packed bits while the engine packs bytes."""
    rng = np.random.default_rng(0)
    port = Port("x", width=1, count=WIDTHS[0])
    circuit = random_sums(rng, [port], widths=WIDTHS[1:-1], classes=WIDTHS[-1])
    engine = Engine(circuit)
    program = engine.program
    if not isinstance(program, CountProgram):
        raise SystemExit("the binary net does not run as counts")
    codes = rng.integers(0, 2, (max(BATCHES), WIDTHS[0]), dtype=np.uint8)
    plain = schedule(circuit)
    gates = Engine(plain)
    right = gates.scores(codes)
    if not np.array_equal(engine.scores(codes), right):
        raise SystemExit("the counts answer otherwise than the gates")
    spent = medians(
        {"gates": lambda: gates.predict(codes), "counts": lambda: engine.predict(codes)}
    )
    figures = {
        "gates of two inputs": float(plain.num_gates),
        "times the speed of its gates": spent["gates"] / spent["counts"],
        "bytes of tables": float(program.table_bytes),
        "bytes of its gates' tables": float(plain.table_bytes),
    }
    if engine.vector == 512 and 512 in load().counting_vectors:
        figures |= against_bare(engine, program, codes, right, folder)
    return figures


def against_bare(
    engine: Engine, program: CountProgram, codes: NDArray[np.uint8], right: Any, folder: Path
) -> Figures:
    """Nanoseconds a sample of both, and how many times as long the engine takes."""
    library, _ = compiled({"bare": (BARE, "-O3"), "repeat": (REPEAT, "-O3")}, folder, *FLAGS)
    runner = CountRunner(program, load(), 512)
    classes, scores = np.empty(len(codes), np.int64), np.empty(right.shape, np.int32)
    workspace = aligned_bytes(runner.workspace_bytes)
    bits = np.packbits(np.pad(codes, ((0, 0), (0, 48))), axis=1, bitorder="little")
    sums = np.zeros((len(codes), 16), np.int64)
    job = engine._coded(codes)
    job.classes, job.scores32 = classes.ctypes.data, scores.ctypes.data
    job.workspace = workspace.ctypes.data
    bounds, weights = program.offsets, runner.weights
    pointers = [ctypes.c_void_p(a.ctypes.data) for a in (weights, bounds, bits)]

    def bare(batch: int) -> None:
        counts = ctypes.c_int64(batch), ctypes.c_int64(SAMPLES // batch)
        library.bare(*pointers, *counts, ctypes.c_void_p(sums.ctypes.data))

    def mine(batch: int) -> None:
        counts = [ctypes.c_int64(n) for n in (batch, 8, SAMPLES // batch)]
        library.repeat(runner.kernel.counts, ctypes.byref(runner.net), ctypes.byref(job), *counts)

    calls: dict[str, Callable[[], Any]] = {}
    for batch in BATCHES:
        calls |= {f"bare {batch}": partial(bare, batch), f"mine {batch}": partial(mine, batch)}
    spent = medians(calls)
    if not np.array_equal(sums[:, :10] + program.added, right) or not np.array_equal(scores, right):
        raise SystemExit("the bare loop answers otherwise than the engine")
    figures = {}
    for batch in BATCHES:
        figures[f"batch {batch}: ns a sample"] = spent[f"mine {batch}"] / SAMPLES * 1e9
        ratio = spent[f"mine {batch}"] / spent[f"bare {batch}"]
        figures[f"batch {batch}: of the bare loop's time"] = ratio
    return figures
