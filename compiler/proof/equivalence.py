"""Proof that two circuits of one interface say the same: `prove_equal`.

Gates are first found equal by their forms (`twins`), which proves circuits that differ in no more.
The rest is left to an engine, over one copy of what is equal; that the copy is the seen circuit is
proved by forms too. Outputs are then compared over classes of signals that behave alike on test
vectors, across both circuits: words bit by bit, scores as linear forms, bias and weights as
integers. One run of `&cec` proves every signal equal to the first of its class. Its
counterexamples are tried on both circuits and split the classes where they refute nothing. What
engines get was itself proved to be the circuits, gate by gate.
"""

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lithify.backends import abc
from lithify.backends.aiger import Aig, read, to_aig, write_aig
from lithify.compiler.proof.forms import Gap, demand, outputs_agree
from lithify.compiler.proof.graph import check_copy, check_file, check_graph
from lithify.compiler.proof.guard import guarded_inputs, legal_codes
from lithify.compiler.proof.simulation import confirm, difference, planes_of, vectors_for
from lithify.compiler.proof.twins import Twins, twins
from lithify.compiler.proof.verdict import NotProved, Proved, Verdict, timed
from lithify.compiler.signatures import Classes, classify, from_literals
from lithify.ir.arithmetic import SCORES, expand
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError, MismatchError
from lithify.ir.netlist import Netlist
from lithify.ir.ports import Output, Score
from lithify.ir.simulate import pack, run_planes

LINEAR = "linear forms over signals proved equal by &cec"
BITWISE = "&cec of the bits of the scores"
BITS = "&cec"
FORMS = "equal forms, gate by gate"
OWN = "lithify"
SPLITS = 200  # counterexamples that may split classes before the proof is given up
ALONE = 2  # of them before a sweep splits all classes at once
NEIGHBOURS = 63
BITWISE_LIMIT = 10.0
CHECKED_WORDS = 8


def prove_equal(
    expected: Circuit,
    seen: Circuit,
    *,
    time_limit: float = 60.0,
    vectors: int = 2048,
    samples: ArrayLike | None = None,
    seed: int = 0,
) -> Verdict:
    """Whether two circuits have equal words and scores for every input in the ports' ranges.

    `samples[n, elements]`, for instance real inputs, join the random test vectors; engines run for
    at most `time_limit` CPU seconds in all.
    """
    start = time.perf_counter()
    check_interfaces(expected, seen)
    rng = np.random.default_rng(seed)
    codes = vectors_for(expected, vectors, rng, samples)
    verdict: Verdict | None = difference(expected, seen, codes)
    if verdict is None:
        found = twins(expected, seen)
        if found.agree():
            verdict = Proved(FORMS, (OWN,), found.found, len(codes), 0.0)
        else:
            verdict = _by_engine(found, codes, rng, time_limit)
    return timed(verdict, time.perf_counter() - start)


def _by_engine(
    found: Twins,
    codes: NDArray[np.int64],
    rng: np.random.Generator,
    time_limit: float,
) -> Verdict:
    merged = found.merged()
    try:
        demand(twins(found.seen, merged).agree(), "one copy of equal gates is another circuit")
        return _Proof(found.expected, merged, codes, rng, time_limit).run()
    except Gap as gap:
        reason = f"what engines would get was not found to be the circuits: {gap}"
        return NotProved(reason, len(codes), 0.0)


def check_interfaces(expected: Circuit, seen: Circuit) -> None:
    """Nothing where inputs and outputs have the same names, shapes and order."""
    if expected.inputs != seen.inputs:
        raise InputError("the circuits have other inputs; only circuits of one interface compare")
    shapes = [[_shape(output) for output in c.outputs] for c in (expected, seen)]
    if shapes[0] != shapes[1] or expected.readout != seen.readout:
        raise InputError("the circuits have other outputs; only circuits of one interface compare")


def _shape(output: Output) -> tuple[object, ...]:
    if isinstance(output, Score):
        return (output.name,)
    return output.name, output.kind, output.signals.shape


@dataclass(frozen=True, slots=True, eq=False)
class _Joint:
    """Both circuits behind one guard as one graph, and their signals in the joint circuit."""

    circuit: Circuit
    netlist: Netlist
    graph: Aig
    inputs: NDArray[np.int32]
    expected: NDArray[np.int32]
    seen: NDArray[np.int32]

    @classmethod
    def of(cls, expected: Circuit, seen: Circuit) -> "_Joint":
        builder = Builder(fold=False, hash=False)
        inputs = guarded_inputs(builder, expected.inputs)
        sides = [builder.copy(circuit, inputs=inputs) for circuit in (expected, seen)]
        circuit = builder.finish()
        netlist = expand(circuit)
        return cls(circuit, netlist, to_aig(netlist.circuit), inputs, *sides)

    def literals(self, signals: NDArray[np.int32]) -> NDArray[np.int32]:
        """The literals of signals of the joint circuit."""
        return self.graph.literal_of[self.netlist.signal_of[signals]]

    def check(self, expected: Circuit, seen: Circuit) -> None:
        """Nothing, if the graph was proved to be both circuits, else Gap."""
        check_copy(expected, self.circuit, self.inputs, self.expected)
        check_copy(seen, self.circuit, self.inputs, self.seen)
        check_graph(self.circuit, self.netlist, self.graph)

    def aiger(self, literals: NDArray[np.int32]) -> bytes:
        """The AIGER file of these literals as outputs, which was found to be so."""
        return _file(self.graph, literals)


def _file(graph: Aig, literals: NDArray[np.int32]) -> bytes:
    data = write_aig(graph, literals, (), ())
    check_file(data, graph, literals)
    return data


class _Proof:
    """One proof: the signals that outputs read, their classes, and the time that is left.

    Rows are the constant 0, then the output signals of the expected circuit, then of the seen one.
    """

    def __init__(
        self,
        expected: Circuit,
        seen: Circuit,
        codes: NDArray[np.int64],
        rng: np.random.Generator,
        time_limit: float,
    ) -> None:
        self._sides = expected, seen
        self._codes = codes
        self._rng = rng
        self._left = time_limit
        self._joint = _Joint.of(expected, seen)
        self._starts = 1, 1 + expected.output_signals.size
        self._literals = np.concatenate(
            [
                np.zeros(1, np.int32),
                self._joint.literals(self._joint.expected[expected.output_signals]),
                self._joint.literals(self._joint.seen[seen.output_signals]),
            ]
        )
        self._planes = self._simulate(codes)
        self._swept: Classes | None = None

    def run(self) -> Verdict:
        """The verdict, once test vectors agree."""
        self._check_graph(self._codes[: 64 * CHECKED_WORDS])
        self._joint.check(*self._sides)
        for split in range(SPLITS):
            if split == ALONE:
                self._sweep()
            classes = self._classes()
            if self._swept is not None and not self._agree(classes):
                self._swept = None  # it gives up on hard pairs, equal ones among them
                classes = self._classes()
            if not self._agree(classes):
                return self._prove_bits()
            left, right = self._pairs(classes)
            found = self._compare(self._joint.aiger(left), self._joint.aiger(right))
            if found.outcome == "equal":
                method = LINEAR if self._sides[0].scores else BITS
                equal = classes.number.size - np.unique(classes.number).size
                return self._proved(method, (abc.version(),), equal)
            if found.outcome == "undecided" or found.pattern is None:
                return self._open(found.reason or "the engine gave no counterexample")
            code = legal_codes(self._sides[0].inputs, found.pattern)
            if refuted := confirm(*self._sides, code):
                return refuted
            self._split(code)
        return self._open(f"{SPLITS} counterexamples split classes, but refuted no output")

    def _check_graph(self, codes: NDArray[np.int64]) -> None:
        """Nothing, if the file that engines get says what the interpreter says."""
        made = read(self._joint.aiger(self._literals))
        planes = run_planes(made, pack(self._sides[0], codes))[made.words[0].signals.ravel()]
        words = len(codes) // 64
        if not np.array_equal(planes[:, :words], self._planes[:, :words]):
            raise MismatchError("the and-inverter graph of the circuits does not compute them")

    def _simulate(self, codes: NDArray[np.int64]) -> NDArray[np.uint64]:
        rows = [planes_of(c, c.output_signals, codes) for c in self._sides]
        return np.concatenate([np.zeros((1, rows[0].shape[1]), np.uint64), *rows])

    def _classes(self) -> Classes:
        """Rows that behave alike, as far as vectors and the sweep tell."""
        classes = classify(self._planes)
        if self._swept is None:
            return classes
        both = classes.number * len(self._literals) + self._swept.number
        return Classes(np.unique(both, return_inverse=True)[1], classes.inverted)

    def _agree(self, classes: Classes) -> bool:
        """Whether words and scores are equal where the rows of a class are."""
        chosen = classes.representatives()
        inverted = classes.inverted ^ classes.inverted[chosen]
        # In the forms the class of constant 0 is signal 0, and signal 1 carries the constant.
        literals = 2 * np.where(chosen == 0, 0, chosen + 1) + inverted
        return outputs_agree(
            self._sides,
            lambda side, signals: literals[self._rows(side, signals)],
            len(self._literals) + 1,
        )

    def _rows(self, side: int, signals: NDArray[np.int32]) -> NDArray[np.int64]:
        """The rows of output signals of one side."""
        rows: NDArray[np.int64] = np.searchsorted(self._sides[side].output_signals, signals)
        return rows + self._starts[side]

    def _pairs(self, classes: Classes) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Literals of the joint graph, and those that they must equal."""
        chosen = classes.representatives()
        inverted = classes.inverted ^ classes.inverted[chosen]
        right = self._literals[chosen] ^ inverted.astype(np.int32)
        unlike = right != self._literals
        return self._literals[unlike], right[unlike]

    def _compare(self, left: bytes, right: bytes) -> abc.Comparison:
        """What the engine says of two files in the time that is left."""
        if self._left <= 0:
            return abc.Comparison("undecided", 0.0, reason="the time was up")
        found = abc.compare(left, right, time_limit=self._left)
        self._left -= found.seconds
        return found

    def _sweep(self) -> None:
        """Split all classes by what SAT sweeping finds equal; the proof is still `&cec`'s."""
        swept = abc.sweep(self._joint.aiger(self._literals), time_limit=max(self._left / 2, 1))
        self._left -= swept.seconds
        if swept.literals is not None:
            self._swept = from_literals(swept.literals)

    def _split(self, code: NDArray[np.int64]) -> None:
        """Add an input that tells signals apart, and others near it, to the test vectors."""
        near = np.repeat(code[None], NEIGHBOURS + 1, axis=0)
        drawn = vectors_for(self._sides[0], NEIGHBOURS, self._rng)[-NEIGHBOURS:]
        if near.size:
            at = self._rng.integers(near.shape[1], size=NEIGHBOURS)
            rows = np.arange(NEIGHBOURS)
            near[1 + rows, at] = drawn[rows, at]
        self._codes = np.concatenate([self._codes, near])
        self._planes = np.concatenate([self._planes, self._simulate(near)], axis=1)

    def _prove_bits(self) -> Verdict:
        """The verdict where linear forms differ: the scores' bits, as far as time allows."""
        if refuted := difference(*self._sides, self._codes):
            return refuted
        if not self._sides[0].scores:
            return self._open("outputs that agree on all test vectors are in other classes")
        self._left = min(self._left, BITWISE_LIMIT)
        left, right = self._bits()
        found = self._compare(left, right)
        if found.outcome == "equal":
            return self._proved(BITWISE, (abc.version(),), 1)
        if found.outcome == "different" and found.pattern is not None:
            code = legal_codes(self._sides[0].inputs, found.pattern)
            if refuted := confirm(*self._sides, code):
                return refuted
        return self._open(
            "the scores are other linear forms, and their bits were not compared in time"
            + (f" ({found.reason})" if found.reason else "")
        )

    def _bits(self) -> tuple[bytes, bytes]:
        """AIGER files of the words and the bits of the scores of both sides, guarded."""
        made, graphs = [], []
        for circuit in self._sides:
            builder = Builder(fold=False, hash=False)
            inputs = guarded_inputs(builder, circuit.inputs)
            renamed = builder.copy(circuit, inputs=inputs)
            for i, score in enumerate(circuit.scores):
                builder.score(f"{i}", renamed[score.signals], score.weights, bias=score.bias)
            for i, word in enumerate(circuit.words):
                builder.output(f"word {i}", renamed[word.signals], kind=word.kind)
            guarded = builder.finish(readout="scores")
            netlist = expand(guarded)
            graph = to_aig(netlist.circuit)
            check_copy(circuit, guarded, inputs, renamed)
            check_graph(guarded, netlist, graph)
            made.append(netlist.circuit)
            graphs.append(graph)
        scores = [next(w.signals for w in c.words if w.name == SCORES) for c in made]
        width = max(s.shape[1] for s in scores)
        files = []
        for circuit, graph, bits in zip(made, graphs, scores, strict=True):
            sign = np.repeat(bits[:, -1:], width - bits.shape[1], axis=1)
            rest = [w.signals.ravel() for w in circuit.words if w.name != SCORES]
            roots = np.concatenate([np.hstack([bits, sign]).ravel(), *rest])
            files.append(_file(graph, graph.literal_of[roots]))
        return files[0], files[1]

    def _proved(self, method: str, engines: tuple[str, ...], pairs: int) -> Proved:
        return Proved(method, engines, pairs, len(self._codes), 0.0)

    def _open(self, reason: str) -> NotProved:
        return NotProved(reason, len(self._codes), 0.0)
