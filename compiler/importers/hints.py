"""What a user adds to a file of a net that does not say all of itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """`classes` are their names, or how many there are; `inputs` is how many bits the net reads.

    `wiring` is an `.npz` file of arrays that join those of the file; `parametrisation` says what
    the numbers of tables mean where their shape leaves it open.
    """

    classes: int | tuple[str, ...] | None = None
    inputs: int | None = None
    wiring: Path | None = None
    parametrisation: str | None = None

    @property
    def given(self) -> list[str]:
        """The options that say something."""
        return [name for name in self.__slots__ if getattr(self, name) is not None]

    def names(self, count: int) -> tuple[str, ...]:
        """The names of so many classes."""
        numbered = tuple(str(i) for i in range(count))
        return self.classes if isinstance(self.classes, tuple) else numbered
