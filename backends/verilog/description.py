"""What `design.json` says: the ports of a Verilog design, its latency and its sizes."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from lithify.ir.errors import FormatError

FILE = "design.json"
FORMAT = "lithify-verilog"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Bus:
    """A port of the Verilog module: `count` integers of `width` bits, element 0 lowest.

    `name` is what the circuit calls it, `signal` what Verilog does; kind is bit, uint or int.
    """

    name: str
    signal: str
    width: int
    count: int
    kind: str

    @property
    def bits(self) -> int:
        """How wide the port is."""
        return self.width * self.count


@dataclass(frozen=True, slots=True)
class Description:
    """One Verilog design: its file and top module, how it is clocked, and its ports.

    The outputs belong to the inputs of `latency` clock cycles ago, where only cycles count in
    which the pipeline moves (`en` is high, or the stream advances). `gates` are those of each part.
    """

    name: str
    file: str
    interface: str
    every: int
    latency: int
    registers: int
    gates: Mapping[str, int]
    inputs: tuple[Bus, ...]
    outputs: tuple[Bus, ...]

    def to_json(self) -> bytes:
        """The bytes of `design.json`."""
        data = {"format": FORMAT, "version": VERSION, **asdict(self)}
        return json.dumps(data, indent=2).encode() + b"\n"

    @classmethod
    def from_json(cls, data: bytes, *, where: str = FILE) -> "Description":
        """The description in the bytes of `design.json`."""
        try:
            raw = json.loads(data)
        except ValueError as error:
            raise FormatError(f"{where} is not JSON: {error}. Write the design again.") from error
        if not isinstance(raw, dict) or raw.pop("format", None) != FORMAT:
            raise FormatError(f"{where} does not describe a Verilog design of Lithify.")
        if (version := raw.pop("version", None)) != VERSION:
            raise FormatError(
                f"{where} has version {version!r}; this Lithify reads version {VERSION}. "
                "Write the design again."
            )
        try:
            for side in ("inputs", "outputs"):
                raw[side] = tuple(Bus(**bus) for bus in raw[side])
            return cls(**raw)
        except (KeyError, TypeError) as error:
            raise FormatError(
                f"{where} lacks a field or has one too many: {error}. Write the design again."
            ) from error
