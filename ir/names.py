"""The names of signals in the text form, and what they stand for."""

from __future__ import annotations

import re

from lithify.ir.circuit import MOST_SIGNALS
from lithify.ir.errors import InputError
from lithify.ir.ports import Port

INPUT_BIT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?:\[([0-9]+)\])?(?:\.([0-9]+))?", re.ASCII)
SHOWN = 8


class SignalNames(dict[str, int]):
    """The signal of every name; the names of input bits are entered when first looked up."""

    def __init__(self) -> None:
        """Start with the two constants."""
        super().__init__({"%0": 0, "%1": 1})
        self.ports: dict[str, tuple[Port, int]] = {}
        self.first_gate = 2
        self.next_signal = 2

    def __missing__(self, name: str) -> int:
        """The signal of an input bit such as `x[3].2`."""
        match = INPUT_BIT.fullmatch(name)
        if match is None:
            raise KeyError(name)
        element, bit = (None if digits is None else int(digits) for digits in match.group(2, 3))
        try:
            signal = self.input_bit(match[1], element, bit)
        except InputError as error:
            raise KeyError(name) from error
        self[name] = signal
        return signal

    def add_port(self, port: Port) -> None:
        """Enter the bits of the next input."""
        if port.name in self.ports:
            raise InputError(f"there is an input {port.name} already")
        if self.next_signal + port.bits > MOST_SIGNALS:
            raise InputError(
                f"{self.next_signal + port.bits} signals; a circuit holds at most 2^31 - 1"
            )
        self.ports[port.name] = port, self.next_signal
        self.next_signal += port.bits
        self.first_gate = self.next_signal

    def add_gate(self, name: str) -> None:
        """Enter the next gate."""
        self[name] = self.next_signal
        self.next_signal += 1

    def input_bit(self, name: str, element: int | None, bit: int | None) -> int:
        """The signal of a bit of an input, both indices given exactly where there is a choice."""
        if name not in self.ports:
            raise InputError(f"unknown signal {name}; {self._inputs()}")
        port, first = self.ports[name]
        which = _index(element, port.count, f"input {name}", "elements", "[{}]")
        place = _index(bit, port.width, f"an element of input {name}", "bits", ".{}")
        return first + which * port.width + place

    def _inputs(self) -> str:
        """The inputs for a message."""
        names = list(self.ports)
        if not names:
            return "there are no inputs"
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        return f"the inputs are {', '.join(names[:SHOWN])}{more}"


def _index(given: int | None, size: int, what: str, parts: str, form: str) -> int:
    """The index given, or 0 where there is only one."""
    if given is None and size > 1:
        last = form.format(size - 1)
        raise InputError(f"{what} has {size} {parts}; add {form.format(0)} to {last}")
    if given is not None and size == 1:
        raise InputError(f"{what} has only one of its {parts}; leave {form.format(given)} out")
    if given is not None and given >= size:
        raise InputError(f"{what} has {parts} 0 to {size - 1}, not {given}")
    return given or 0
