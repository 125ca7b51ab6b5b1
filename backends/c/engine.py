"""A circuit as a Python callable: codes in; scores, classes and words out."""

from __future__ import annotations

import itertools
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import get_ident
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lithify.backends.c.counting import NEVER, CountProgram, counting
from lithify.backends.c.library import Kernel, NetJob, aligned_bytes, load
from lithify.backends.c.program import Program, schedule
from lithify.backends.c.running import BatchRunner, CountRunner, GateRunner, Runner
from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError
from lithify.ir.ports import element_names
from lithify.ir.simulate import Answers, unpack_word

SPANS_PER_THREAD = 4
BLOCK = 512
"""Samples that no two threads share; no kernel runs more at once."""
Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Limits:
    """What codes of one type must keep, element by element, in unsigned numbers of that type."""

    low: Array
    span: Array
    never: bool
    """Whether some element cannot be right in this type."""


class Engine:
    """A net ready to run: results are those of the interpreter, for any threads and vectors.

    One engine may be used by several Python threads at once.
    """

    def __init__(
        self,
        net: Circuit | Program | CountProgram,
        *,
        threads: int = 1,
        vector: int | Literal["auto"] = "auto",
    ) -> None:
        """Prepare `net` for `threads` threads and vectors of `vector` bits (auto: the widest).

        A circuit runs as counts of bits where it is a net of wide sums, else as gates; or in small
        batches as counts and in large ones as gates.
        """
        kernel = load()
        self.threads = _checked_threads(threads)
        self.vector = _checked_vector(vector, kernel)
        programs = _programs(net) if isinstance(net, Circuit) else (net,)
        self.runner = _runner(programs, kernel, self.vector)
        self.program = programs[-1]
        self._workspaces: dict[int, Array] = {}
        self._limits: dict[str, Limits | None] = {}
        self._pool = ThreadPoolExecutor(threads - 1) if threads > 1 else None
        bounds = np.array([p.bounds for p in self.program.inputs], np.int64).reshape(-1, 2)
        self._bounds = np.repeat(bounds, [p.count for p in self.program.inputs], axis=0)

    def run(self, codes: ArrayLike) -> Answers:
        """Words, scores and classes for codes[samples, elements], as the interpreter gives them."""
        array = self._checked_codes(codes)
        return self._answers(self._coded(array), len(array), array)

    def run_planes(self, planes: ArrayLike, samples: int | None = None) -> Answers:
        """The same for packed inputs: uint64 planes[input bits, words], bit s % 64 of word s // 64.

        Without `samples` every bit of every word is one. Ranges of the ports are not checked.
        """
        packed, count = self._checked_planes(planes, samples)
        if isinstance(self.program, CountProgram) or not self.program.in_order:
            codes = self._codes_of(packed, count)
            job = self._coded(codes)
            job.low = job.span = None
            return self._answers(job, count, None)
        job = NetJob(planes=packed.ctypes.data, plane_words=packed.shape[1])
        return self._answers(job, count, None)

    def scores(self, codes: ArrayLike) -> NDArray[np.int32] | NDArray[np.int64]:
        """The scores[samples, scores]: int32, or int64 where they can leave the 32-bit integers."""
        array = self._checked_codes(codes)
        job = self._coded(array)
        scores = self._scores_into(job, len(array))
        self._spread(job, len(array), array)
        return scores

    def predict(self, codes: ArrayLike) -> NDArray[np.int64]:
        """The class of each sample: the lowest of those with the highest score."""
        if not self.program.scores:
            raise InputError(
                "the circuit has no scores, so it has no classes to predict; use words() instead"
            )
        array = self._checked_codes(codes)
        job = self._coded(array)
        classes = np.empty(len(array), np.int64)
        job.classes = classes.ctypes.data
        self._spread(job, len(array), array)
        return classes

    def words(self, codes: ArrayLike) -> dict[str, NDArray[np.int64]]:
        """The words by name, each [samples, count]."""
        array = self._checked_codes(codes)
        job = self._coded(array)
        words = self._words_into(job, len(array))
        self._spread(job, len(array), array)
        return self._by_name(words)

    def _answers(self, job: NetJob, samples: int, codes: Array | None) -> Answers:
        """Everything that the circuit answers."""
        scores = self._scores_into(job, samples)
        classes = np.zeros(samples, np.int64)
        if self.program.scores:
            job.classes = classes.ctypes.data
        words = self._words_into(job, samples)
        self._spread(job, samples, codes)
        return Answers(self._by_name(words), scores.astype(np.int64, copy=False), classes)

    def _scores_into(self, job: NetJob, samples: int) -> Array:
        wide = self.program.wide_scores
        shape = (samples, len(self.program.scores))
        scores: Array = np.empty(shape, np.int64 if wide else np.int32)
        setattr(job, "scores64" if wide else "scores32", scores.ctypes.data)
        return scores

    def _words_into(self, job: NetJob, samples: int) -> NDArray[np.int64]:
        count = sum(shape.count for shape in self.program.words)
        words = np.empty((samples, count), np.int64)
        if words.shape[1]:
            job.words = words.ctypes.data
        return words

    def _by_name(self, words: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
        named, at = {}, 0
        for shape in self.program.words:
            named[shape.name] = words[:, at : at + shape.count]
            at += shape.count
        return named

    def _coded(self, codes: Array) -> NetJob:
        """A job that reads these codes, with the limits that their type does not keep by itself."""
        job = NetJob(
            codes=codes.ctypes.data,
            row_bytes=codes.strides[0],
            item_bytes=codes.itemsize,
            item_signed=int(codes.dtype.kind == "i"),
        )
        if codes.dtype.str not in self._limits:
            self._limits[codes.dtype.str] = _limits(self._bounds, codes.dtype)
        limits = self._limits[codes.dtype.str]
        if limits is not None:
            job.low, job.span = limits.low.ctypes.data, limits.span.ctypes.data
            if limits.never and len(codes):
                self._refuse(codes)
        return job

    def _spread(self, job: NetJob, samples: int, codes: Array | None) -> None:
        """Run the job over all samples, on every thread, and refuse codes that are out of range."""
        blocks = -(-samples // BLOCK)
        spans = min(blocks, self.threads * SPANS_PER_THREAD if self._pool else 1)
        edges = [blocks * i // spans * BLOCK for i in range(spans)] + [samples]
        left = deque(itertools.pairwise(edges))
        others: list[Future[bool]] = []
        if self._pool and spans > 1:
            helpers = min(self.threads, spans) - 1
            others = [self._pool.submit(self._work, job, left) for _ in range(helpers)]
        try:
            bad = self._work(job, left)
        finally:
            wait(others)
        if (bad or any(other.result() for other in others)) and codes is not None:
            self._refuse(codes)

    def _work(self, job: NetJob, left: deque[tuple[int, int]]) -> bool:
        """Run spans of samples as long as there are any; whether a code was out of range."""
        bad = False
        while True:
            try:
                span = left.popleft()
            except IndexError:
                return bad
            bad |= self._span(job, span)

    def _span(self, job: NetJob, piece: tuple[int, int]) -> bool:
        """Whether a code of samples piece[0]:piece[1] was out of range, after running them."""
        mine = NetJob.from_buffer_copy(job)
        workspace = self._workspace()
        try:
            mine.workspace = workspace.ctypes.data
            return self.runner(mine, *piece)
        finally:
            self._workspaces[get_ident()] = workspace

    def _workspace(self) -> Array:
        """One that no thread uses now: what this thread had last is still in its core's cache."""
        mine = self._workspaces.pop(get_ident(), None)
        if mine is not None:
            return mine
        try:
            return self._workspaces.popitem()[1]
        except KeyError:
            return aligned_bytes(self.runner.workspace_bytes)

    def _checked_codes(self, codes: ArrayLike) -> Array:
        """The codes as an array that the kernel can read: native integers, whole rows."""
        array = np.asarray(codes)
        elements = self.program.elements
        if array.ndim != 2 or array.shape[1] != elements:
            raise InputError(
                f"inputs of shape {array.shape}; the circuit takes [samples, {elements}]"
            )
        if array.dtype.kind not in "biu":
            raise InputError(
                f"inputs of type {array.dtype}; the circuit takes integers: "
                "encode raw features first"
            )
        if array.dtype.kind == "b":
            array = array.view(np.uint8) if array.flags.c_contiguous else array.astype(np.uint8)
        array = array.astype(array.dtype.newbyteorder("="), copy=False)
        if array.shape[1] > 1 and array.strides[1] != array.itemsize:
            array = np.ascontiguousarray(array)
        return array

    def _checked_planes(self, planes: ArrayLike, samples: int | None) -> tuple[Array, int]:
        array = np.asarray(planes)
        bits = self.program.num_input_bits
        if array.ndim != 2 or array.shape[0] != bits or array.dtype != np.uint64:
            raise InputError(
                f"planes of shape {array.shape} and type {array.dtype}; "
                f"the circuit takes uint64 planes[{bits}, words]"
            )
        room = 64 * array.shape[1]
        count = room if samples is None else samples
        if not 0 <= count <= room:
            raise InputError(
                f"{count} samples in planes of {array.shape[1]} words; they hold 0 to {room}"
            )
        return np.ascontiguousarray(array, np.uint64), count

    def _codes_of(self, planes: Array, samples: int) -> Array:
        """The codes[samples, elements] that packed inputs stand for."""
        parts, at = [np.empty((samples, 0), np.int64)], 0
        for port in self.program.inputs:
            bits = planes[at : at + port.bits].reshape(port.count, port.width, -1)
            parts.append(unpack_word(bits, port.kind, samples))
            at += port.bits
        return np.concatenate(parts, axis=1)

    def _refuse(self, codes: Array) -> None:
        """Say which code is out of range."""
        low, high = self._bounds.T
        bad = (codes < low) | (codes > high)
        sample, element = (int(i) for i in np.argwhere(bad)[0])
        value, at = codes[sample, element], element
        for port in self.program.inputs:
            if at < port.count:
                raise InputError(
                    f"sample {sample}, input {element_names(port)[at]}: {value} is not in "
                    f"{low[element]}..{high[element]}"
                )
            at -= port.count


def _programs(circuit: Circuit) -> tuple[Program | CountProgram, ...]:
    """The program of a circuit; or that for small batches, and that for large ones."""
    counts = counting(circuit)
    if counts and counts.most_samples == NEVER:
        return (counts,)
    gates = schedule(circuit, compare=True, count=True)
    return (counts, gates) if counts else (gates,)


def _runner(programs: tuple[Program | CountProgram, ...], kernel: Kernel, vector: int) -> Runner:
    runners = [
        CountRunner(one, kernel, vector)
        if isinstance(one, CountProgram)
        else GateRunner(one, kernel, vector)
        for one in programs
    ]
    match runners:
        case [CountRunner() as counts, GateRunner() as gates]:
            return BatchRunner(counts, gates)
    return runners[0]


def _limits(bounds: NDArray[np.int64], dtype: np.dtype[Any]) -> Limits | None:
    """The limits for codes of this type, or None where every code of the type is right."""
    info = np.iinfo(dtype)
    least, most = int(info.min), min(int(info.max), np.iinfo(np.int64).max)
    low, high = np.maximum(bounds[:, 0], least), np.minimum(bounds[:, 1], most)
    if (low == least).all() and (high == info.max).all():
        return None
    unsigned = np.dtype(f"u{dtype.itemsize}")
    span = np.maximum(high - low, 0)
    return Limits(low.astype(unsigned), span.astype(unsigned), bool((high < low).any()))


def _checked_threads(threads: int) -> int:
    if threads < 1:
        raise InputError(f"{threads} threads; the C engine needs at least 1")
    return threads


def _checked_vector(vector: int | str, kernel: Kernel) -> int:
    """The vector width in bits."""
    if vector == "auto":
        return kernel.vectors[-1]
    if vector not in kernel.vectors:
        widths = ", ".join(str(width) for width in kernel.vectors)
        raise InputError(f"vectors of {vector!r} bits; this machine has {widths}, or say 'auto'")
    return int(vector)
