"""What `design.json` says: the ports of a Verilog design, its latency and its sizes."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from lithify.ir.errors import FormatError
from lithify.ir.ports import KINDS

FILE = "design.json"
FORMAT = "lithify-verilog"
VERSION = 1
INTERFACES = ("comb", "pipeline", "stream")
EVERY = 3
"""Levels of gates between two rows of registers, where nothing else is said."""
MODULE = re.compile(r"[A-Za-z_]\w*", re.ASCII)  # what may stand in scripts of tools
MOST_BITS = 1 << 24  # of a port: more could not be handled one by one


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

    def __post_init__(self) -> None:
        """Refuse fields of another type and sizes that no port has."""
        texts, sizes = (self.name, self.signal, self.kind), (self.width, self.count)
        if not all(type(text) is str for text in texts) or self.kind not in KINDS:
            raise TypeError(f"{self.name!r} is no port")
        if not all(type(size) is int and size > 0 for size in sizes) or self.bits > MOST_BITS:
            raise TypeError(f"port {self.name!r} has {self.count!r} elements of {self.width!r}")

    @property
    def bits(self) -> int:
        """How wide the port is."""
        return self.width * self.count


@dataclass(frozen=True, slots=True)
class Description:
    """One Verilog design: its file and top module, how it is clocked, and its ports.

    The outputs belong to the inputs of `latency` clock cycles ago, where only cycles count in
    which the pipeline moves (`en` is high, or the stream advances). A stream takes inputs every
    `interval` cycles: a folded design, which has no pipeline, when an answer is taken.
    `gates` are those of each part.
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
    interval: int = 1

    @property
    def folded(self) -> bool:
        """Whether it computes step by step what a pipeline computes at once."""
        return self.interval > 1

    def __post_init__(self) -> None:
        """Refuse fields of another type, and a name that is more than a name."""
        if not (type(self.name) is str and MODULE.fullmatch(self.name)):
            raise TypeError(f"{self.name!r} is no name of a module")
        if self.file != f"{self.name}.v":
            raise TypeError(f"the file of {self.name} is not {self.file!r}")
        if self.interface not in INTERFACES:
            raise TypeError(f"{self.interface!r} is no interface")
        numbers = (self.every, self.latency, self.registers, self.interval)
        if not all(type(n) is int and n >= 0 for n in numbers):
            raise TypeError("every, latency, registers or interval is no natural number")
        if self.interval != 1 and (self.interface, self.interval) != ("stream", self.latency):
            raise TypeError("a design that takes several cycles is a stream of that latency")
        if (self.interface == "stream" and not self.latency) or type(self.gates) is not dict:
            raise TypeError("latency or gates are not those of a design")

    def to_json(self) -> bytes:
        """The bytes of `design.json`."""
        data = {"format": FORMAT, "version": VERSION, **asdict(self)}
        return json.dumps(data, indent=2).encode() + b"\n"

    @classmethod
    def from_json(cls, data: bytes, *, where: str = FILE) -> "Description":
        """The description in the bytes of `design.json`."""
        try:
            raw = json.loads(data)
        except (ValueError, RecursionError) as error:
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
                f"{where} has a wrong field, or one too many or too few: {error}. "
                "Write the design again."
            ) from error
