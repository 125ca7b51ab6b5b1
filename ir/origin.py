"""Where a gate came from."""

from dataclasses import dataclass

from lithify.ir.errors import InputError

PARTS = ("encoder", "core", "head", "")


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """A layer path such as `layers.3`, and the part of the design it belongs to."""

    path: str
    part: str = ""

    def __post_init__(self) -> None:
        """Refuse a part that no report would show."""
        if self.part not in PARTS:
            raise InputError(
                f"origin {self.path}: part {self.part!r} is none of encoder, core, head"
            )
