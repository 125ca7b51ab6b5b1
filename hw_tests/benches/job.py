"""What a bench is given to do, and where it leaves what it found.

The environment variable LITHIFY_JOB names a folder with `design.json`, `samples.npz` (arrays
`codes` and `expected_0`, `expected_1`, ... in the order of the outputs) and `job.json`; the bench
writes `result.json` there.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lithify.backends.verilog.description import FILE, Bus, Description
from lithify.hw_tests.benches.packing import Int64, pack, unpack

MOST_DETAILS = 10
"""How many mismatches are kept with all their values."""


@dataclass(frozen=True, slots=True)
class Job:
    """A design, the samples to put through it, and the answers they must give."""

    folder: Path
    design: Description
    codes: Int64
    expected: tuple[Int64, ...]
    inputs: tuple[list[int], ...]
    outputs: tuple[list[int], ...]
    seed: int
    stalls: float
    patterns: int = 0

    @classmethod
    def load(cls) -> "Job":
        """The job that the environment names."""
        folder = Path(os.environ["LITHIFY_JOB"])
        design = Description.from_json((folder / FILE).read_bytes())
        with np.load(folder / "samples.npz", allow_pickle=False) as arrays:
            codes = arrays["codes"]
            expected = tuple(arrays[f"expected_{i}"] for i in range(len(design.outputs)))
        edges = np.cumsum([0, *(bus.count for bus in design.inputs)])
        parts = [codes[:, a:b] for a, b in zip(edges[:-1], edges[1:], strict=True)]
        options: dict[str, Any] = json.loads((folder / "job.json").read_text())
        return cls(
            folder,
            design,
            codes,
            expected,
            tuple(pack(p, bus.width) for p, bus in zip(parts, design.inputs, strict=True)),
            tuple(pack(e, bus.width) for e, bus in zip(expected, design.outputs, strict=True)),
            seed=int(options["seed"]),
            stalls=float(options["stalls"]),
            patterns=int(options.get("patterns", 0)),
        )

    @property
    def samples(self) -> int:
        """How many samples there are."""
        return len(self.codes)


@dataclass(slots=True)
class Scoreboard:
    """Compares answers with what was expected, and keeps the first that differ."""

    job: Job
    compared: int = 0
    wrong: int = 0
    cycles: int = 0
    details: list[dict[str, Any]] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def compare(self, sample: int, seen: Sequence[int | None]) -> None:
        """Take the answer to a sample: one wide integer for each output, None where undefined."""
        self.compared += 1
        wanted = [words[sample] for words in self.job.outputs]
        if list(seen) == wanted:
            return
        self.wrong += 1
        for bus, want, got in zip(self.job.design.outputs, wanted, seen, strict=True):
            if got != want and len(self.details) < MOST_DETAILS:
                self.details.append(self._detail(sample, bus, want, got))

    def complain(self, text: str) -> None:
        """Note a broken rule of the protocol."""
        if len(self.complaints) < MOST_DETAILS:
            self.complaints.append(f"cycle {self.cycles}: {text}")

    def write(self) -> None:
        """Leave the result where the caller looks for it."""
        result = {
            "compared": self.compared,
            "mismatches": self.wrong,
            "cycles": self.cycles,
            "details": self.details,
            "complaints": self.complaints,
        }
        (self.job.folder / "result.json").write_text(json.dumps(result))

    def _detail(self, sample: int, bus: Bus, want: int, got: int | None) -> dict[str, Any]:
        return {
            "sample": sample,
            "output": bus.name,
            "inputs": self.job.codes[sample].tolist(),
            "expected": _values(want, bus),
            "seen": None if got is None else _values(got, bus),
        }


def _values(word: int, bus: Bus) -> list[int]:
    """The integers of a port."""
    integers = unpack(word, width=bus.width, count=bus.count, signed=bus.kind == "int")
    result: list[int] = integers.tolist()
    return result
