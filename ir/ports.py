"""What goes into a circuit and what comes out: ports, words and scores."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lithify.ir.errors import InputError

Signals = NDArray[np.int32]
KINDS = ("bit", "uint", "int")
PATTERNS = ("any", "thermometer", "onehot")


def full_range(width: int, kind: str) -> tuple[int, int]:
    """The lowest and highest integer that `width` bits of this kind can hold."""
    return (-(1 << (width - 1)), (1 << (width - 1)) - 1) if kind == "int" else (0, (1 << width) - 1)


@dataclass(frozen=True, slots=True)
class Port:
    """An input: `count` integers of `width` bits each, least significant bit first.

    Element i occupies bits i*width to (i+1)*width - 1. Every element lies in low..high. Where the
    pattern is "thermometer" a bit is 1 only if all bits below it are; where it is "onehot" exactly
    one bit is 1.
    """

    name: str
    width: int = 1
    count: int = 1
    kind: str = "uint"
    low: int | None = None
    high: int | None = None
    pattern: str = field(default="any", repr=False)

    def __post_init__(self) -> None:
        """Resolve the missing bounds to what the bits can hold, and refuse nonsense."""
        if self.kind not in KINDS:
            raise InputError(f"port {self.name}: kind {self.kind!r} is none of {', '.join(KINDS)}")
        limit = 1 if self.kind == "bit" else 62
        if not (1 <= self.width <= limit and self.count >= 1):
            raise InputError(
                f"port {self.name}: {self.count} elements of {self.width} bits; "
                f"a {self.kind} port has at least one element of 1 to {limit} bits"
            )
        lowest, highest = self._widest()
        low = lowest if self.low is None else self.low
        high = highest if self.high is None else self.high
        if not lowest <= low <= high <= highest:
            raise InputError(
                f"port {self.name}: the range {low}..{high} does not lie in {lowest}..{highest}, "
                f"which is what {self.width} bits hold"
            )
        if self.pattern != "any" and (low, high) != (lowest, highest):
            raise InputError(
                f"port {self.name}: a port of the pattern {self.pattern} has the range "
                f"{lowest}..{highest} of its codes, not {low}..{high}"
            )
        object.__setattr__(self, "low", low)
        object.__setattr__(self, "high", high)

    def _widest(self) -> tuple[int, int]:
        """The range that the port has unless it is told another."""
        if self.pattern not in PATTERNS:
            raise InputError(
                f"port {self.name}: pattern {self.pattern!r} is none of {', '.join(PATTERNS)}"
            )
        if self.pattern == "any":
            return full_range(self.width, self.kind)
        if self.kind != "uint":
            raise InputError(
                f"port {self.name}: kind {self.kind} has no pattern {self.pattern}; kind uint has"
            )
        codes = self.codes
        return int(codes[0]), int(codes[-1])

    @property
    def codes(self) -> NDArray[np.int64]:
        """What an element of a pattern other than "any" can be, ascending."""
        ones = np.left_shift(np.int64(1), np.arange(self.width + 1, dtype=np.int64))
        return ones - 1 if self.pattern == "thermometer" else ones[:-1]

    @property
    def bits(self) -> int:
        """How many signals the port has."""
        return self.width * self.count

    @property
    def bounds(self) -> tuple[int, int]:
        """The resolved value range of an element."""
        assert self.low is not None and self.high is not None
        return self.low, self.high


def frozen_array(values: ArrayLike, dtype: type[np.generic]) -> NDArray[np.generic]:
    """A read-only contiguous array that nobody else can write to."""
    array = np.ascontiguousarray(values, dtype=dtype)
    if array is values or array.base is not None:
        array = array.copy()
    array.flags.writeable = False
    return array


@dataclass(frozen=True, slots=True, eq=False)
class Word:
    """An output: an array of integers given by their bits, signals[count, width]."""

    name: str
    signals: Signals
    kind: str = "uint"

    def __post_init__(self) -> None:
        """Freeze the signals."""
        object.__setattr__(self, "signals", frozen_array(self.signals, np.int32))
        if self.kind not in KINDS or self.signals.ndim != 2:
            raise InputError(
                f"output {self.name}: needs a kind of {', '.join(KINDS)} and [count, width] signals"
            )

    @property
    def count(self) -> int:
        """How many integers."""
        return int(self.signals.shape[0])

    @property
    def width(self) -> int:
        """Bits an integer."""
        return int(self.signals.shape[1])

    def __eq__(self, other: object) -> bool:
        """Equal names, kinds and signals."""
        return (
            isinstance(other, Word)
            and (self.name, self.kind) == (other.name, other.kind)
            and np.array_equal(self.signals, other.signals)
        )

    def __hash__(self) -> int:
        """A hash of what equality compares."""
        return hash((self.name, self.kind, self.signals.tobytes()))


@dataclass(frozen=True, slots=True, eq=False)
class Score:
    """An integer output: bias + sum of weights times signals."""

    name: str
    bias: int
    signals: Signals
    weights: NDArray[np.int32]

    def __post_init__(self) -> None:
        """Freeze the terms."""
        object.__setattr__(self, "signals", frozen_array(self.signals, np.int32))
        object.__setattr__(self, "weights", frozen_array(self.weights, np.int32))
        if self.signals.ndim != 1 or self.signals.shape != self.weights.shape:
            raise InputError(
                f"score {self.name}: {self.signals.shape} signals against {self.weights.shape} "
                "weights; both are lists of one length"
            )

    def range(self) -> tuple[int, int]:
        """The lowest and highest value if every term were free."""
        wide = self.weights.astype(np.int64)
        return self.bias + int(wide[wide < 0].sum()), self.bias + int(wide[wide > 0].sum())

    def __eq__(self, other: object) -> bool:
        """Equal names, biases and terms in their order."""
        return (
            isinstance(other, Score)
            and (self.name, self.bias) == (other.name, other.bias)
            and np.array_equal(self.signals, other.signals)
            and np.array_equal(self.weights, other.weights)
        )

    def __hash__(self) -> int:
        """A hash of what equality compares."""
        return hash((self.name, self.bias, self.signals.tobytes(), self.weights.tobytes()))


Output = Word | Score


def element_names(port: Port) -> Sequence[str]:
    """The names of a port's elements: `x` when it has one, else `x[0]`, `x[1]`, and so on."""
    return [port.name] if port.count == 1 else [f"{port.name}[{i}]" for i in range(port.count)]
