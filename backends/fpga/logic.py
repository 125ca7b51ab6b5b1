"""A clocked design as plain logic: what every output and every flip-flop's next bit is made of."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lithify.backends.verilog.registers import Graph

Literal = int
"""2 * variable + inverted, as in AIGER; 0 and 1 are the constants."""


class Logic:
    """And gates over named inputs, equal ones shared; no larger than what a chip holds."""

    def __init__(self, inputs: Sequence[str]) -> None:
        """Variables 1, 2, ... are the inputs."""
        self.inputs = tuple(inputs)
        self.leaves = {name: 2 * at + 2 for at, name in enumerate(self.inputs)}
        self._gates: list[tuple[Literal, Literal]] = []
        self._known: dict[tuple[Literal, Literal], Literal] = {}

    def both(self, a: Literal, b: Literal) -> Literal:
        """`a` and `b`."""
        if a > b:
            a, b = b, a
        if a == 0 or a ^ 1 == b:
            return 0
        if a == 1 or a == b:
            return b
        if (a, b) not in self._known:
            self._gates.append((b, a))
            self._known[a, b] = 2 * (len(self.inputs) + len(self._gates))
        return self._known[a, b]

    def choose(self, condition: Literal, then: Literal, other: Literal) -> Literal:
        """`then` where the condition is high, else `other`."""
        if then == other:
            return then
        return self.both(self.both(condition, then) ^ 1, self.both(condition ^ 1, other) ^ 1) ^ 1

    def table(self, bits: int, pins: Sequence[Literal]) -> Literal:
        """A table's output; bit i of `bits` is that for the pattern i, the first pin lowest."""
        half = 1 << (len(pins) - 1) if pins else 0
        if bits == 0:
            return 0
        if bits == (1 << (1 << len(pins))) - 1:
            return 1
        low, high = bits & ((1 << half) - 1), bits >> half
        if low == high:
            return self.table(low, pins[:-1])
        return self.choose(pins[-1], self.table(high, pins[:-1]), self.table(low, pins[:-1]))

    def majority(self, a: Literal, b: Literal, c: Literal) -> Literal:
        """Whether at least two are high."""
        return self.choose(a, self.both(b ^ 1, c ^ 1) ^ 1, self.both(b, c))

    def graph(self, outputs: Mapping[str, Literal]) -> Graph:
        """The graph of some outputs, in their order."""
        return Graph(
            self.inputs,
            np.empty(0, np.int64),
            tuple(outputs),
            np.array(list(outputs.values()), np.int64),
            np.array(self._gates, np.int64).reshape(-1, 2),
        )

    def values(self, pattern: Mapping[str, int]) -> Callable[[Literal], int]:
        """What every literal is for one input pattern; inputs that it lacks are 0."""
        found = [0, *(pattern.get(name, 0) for name in self.inputs)]
        for a, b in self._gates:
            found.append((found[a >> 1] ^ a & 1) & (found[b >> 1] ^ b & 1))
        return lambda literal: found[literal >> 1] ^ (literal & 1)


@dataclass(frozen=True, slots=True)
class Machine:
    """What a design computes in one clock cycle, and which clock moves each flip-flop.

    `outputs` are those of pins, `nexts` and `clocks` of each flip-flop by its name.
    """

    outputs: Mapping[str, Literal]
    nexts: Mapping[str, Literal]
    clocks: Mapping[str, Hashable]


def resolve(
    wanted: Hashable,
    done: dict[Hashable, Literal],
    sources: Callable[[Hashable], Sequence[Hashable]],
    make: Callable[[Hashable], Literal],
) -> Literal:
    """The literal of a node after those of its sources, which `done` gathers; deep nets are fine.

    RecursionError, said in one word, is a loop of gates: a node that is its own source.
    """
    stack = [wanted]
    open_nodes: set[Hashable] = set()
    while stack:
        node = stack[-1]
        if node in done:
            stack.pop()
            continue
        missing = [one for one in sources(node) if one not in done]
        if not missing:
            done[node] = make(node)
            open_nodes.discard(stack.pop())
        elif node in open_nodes:
            raise RecursionError(node)
        else:
            open_nodes.add(node)
            stack.extend(missing)
    return done[wanted]


Bits = NDArray[np.uint8]
