"""Waves of a few samples: the same bench once more, in a simulator that writes every signal."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lithify.backends.artifacts import Artifacts
from lithify.backends.verilog.simulate import SimulationResult, named_answers, simulate
from lithify.backends.verilog.verilate import WAVES
from lithify.ir.simulate import Answers

BEFORE = 15
"""Samples that go in before the one that was wrong: a fault may come from what they left."""


@dataclass(frozen=True, slots=True)
class Waves:
    """A file of waves (VCD, as GTKWave and Surfer read it), of which samples, and what was found.

    `seen` says whether what they were written for is in them.
    """

    file: Path
    samples: range
    seen: bool


def write_waves(
    design: str | Path | Artifacts,
    codes: ArrayLike,
    expected: Answers | Mapping[str, ArrayLike],
    found: SimulationResult,
    *,
    count: int,
    folder: Path,
    **options: Any,
) -> Waves | None:
    """The waves of the first `count` samples, or for 0 those that end with the first mismatch.

    None where there is no mismatch. The options are those of `simulate`, which `found` came from.
    """
    rows = np.asarray(codes)
    if not count and not found.first:
        return None
    last = min(count, len(rows)) or found.first[0].sample + 1
    chosen = range(0 if count else max(0, last - 1 - BEFORE), last)
    part = slice(chosen.start, chosen.stop)
    wanted = named_answers(expected) if isinstance(expected, Answers) else expected
    cut = {name: np.asarray(values)[part] for name, values in wanted.items()}
    place = folder / "waves"
    seen = simulate(design, rows[part], cut, folder=place, waves=True, **options)
    return Waves(place / WAVES, chosen, bool(count) or not seen.ok)
