"""Levels of input elements: all that a circuit may need to know of an integer that arrives."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lithify.ir.ports import Port


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """Which elements of one input port are compared with `bound`, where they arrive.

    The circuit behind it has a port of bits in place of them, one for each element in order:
    whether the element is at least `bound`.
    """

    port: int
    bound: int
    elements: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Arriving:
    """The integers that arrive at a design over levels, and these in the order of its ports."""

    ports: tuple[Port, ...]
    levels: tuple[Level, ...]
