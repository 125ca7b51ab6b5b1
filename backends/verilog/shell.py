"""A shell around a core, in Amaranth: the core is combinational, pipelined or folded.

It takes requests and sends answers as `lithify.backends.verilog.frames` defines them. A request
may arrive while an answer is being sent; one of which a byte arrives between the end of a request
and the beginning of its answer is dropped, or where the core has a handshake, one that ends then.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from numpy.typing import NDArray

from lithify.backends.verilog.core import Core
from lithify.backends.verilog.folded import Folded
from lithify.backends.verilog.frames import (
    END,
    ESC,
    ESC_END,
    ESC_ESC,
    Layout,
    Status,
    crc8,
    element_bytes,
    layout_of,
)
from lithify.backends.verilog.levels import Arriving, Level
from lithify.backends.verilog.lines import Line
from lithify.ir.ports import Port


@dataclass(frozen=True, slots=True)
class Wires:
    """A core as the shell sees it: its vectors in the order of the layout, and its latency.

    The outputs follow inputs that have been stable for `latency` clock cycles, and stay. Or there
    is a `handshake`.
    """

    core: wiring.Component
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    latency: int
    handshake: "Handshake | None" = None


@dataclass(frozen=True, slots=True)
class Handshake:
    """A core that copies its inputs when `begin` is high: `done` is high until `taken` is."""

    begin: Value
    done: Value
    taken: Value


class Shell(wiring.Component):
    """A core behind the pins of a line; `busy` while a request is worked on.

    `failed` is high when the status of the last answer was not OK.
    """

    def __init__(
        self, wires: Wires, layout: Layout, *, line: Line, levels: Sequence[Level] = ()
    ) -> None:
        """With levels the core takes these in place of the elements."""
        self._wires, self._layout, self._line = wires, layout, line
        self._levels = tuple(levels)
        super().__init__({**line.pins, "busy": Out(1), "failed": Out(1)})

    @property
    def pins(self) -> dict[str, Value]:
        """The pins of the line by name."""
        return {name: getattr(self, name) for name in self._line.pins}

    def elaborate(self, platform: object) -> Module:
        """Receiver, deframer, loader, core, sender, transmitter: a row."""
        m = Module()
        m.submodules.core = self._wires.core
        m.submodules.receiver = receiver = self._line.receiver
        m.submodules.deframer = deframer = Deframer()
        m.submodules.loader = loader = Loader(self._layout, self._levels)
        m.submodules.sender = sender = Sender(self._layout.answer_bytes)
        m.submodules.transmitter = transmitter = self._line.transmitter
        m.d.comb += [
            *self._at(receiver),
            deframer.received.eq(receiver.data),
            deframer.received_strobe.eq(receiver.strobe),
            deframer.received_bad.eq(receiver.bad),
            loader.byte.eq(deframer.byte),
            loader.strobe.eq(deframer.strobe),
            loader.clear.eq(deframer.boundary),
            *(wire.eq(vector) for wire, vector in self._pairs(loader)),
            sender.payload.eq(_padded(self._layout.outputs, self._wires.outputs)),
            transmitter.data.eq(sender.data),
            transmitter.valid.eq(sender.valid),
            sender.taken.eq(sender.valid & transmitter.ready),
            *self._at(transmitter),
        ]
        self._control(m, deframer, loader, sender)
        return m

    def _at(self, end: wiring.Component) -> list[Any]:
        """An end of the line on its pins."""
        wires = []
        for name, pin in self.pins.items():
            if name in end.signature.members:
                inner, out = getattr(end, name), self._line.pins[name].flow is Out
                wires.append(pin.eq(inner) if out else inner.eq(pin))
        return wires

    def _pairs(self, loader: "Loader") -> list[tuple[Value, Value]]:
        return list(zip(self._wires.inputs, loader.vectors, strict=True))

    def _control(self, m: Module, deframer: "Deframer", loader: "Loader", sender: "Sender") -> None:
        """One request at a time: it waits for the core, if it is a good one, and the sender."""
        pending, good, done = Signal(), Signal(), Signal()
        m.d.comb += [
            good.eq(~deframer.corrupt & loader.length_ok & loader.range_ok),
            deframer.refuse.eq(pending & (deframer.boundary if self._wires.handshake else 1)),
            sender.start.eq(pending & (done | self.failed)),
            self.busy.eq(pending | ~sender.ready),
            self.failed.eq(sender.status != Status.OK),
        ]
        if hands := self._wires.handshake:
            taken = sender.start & sender.ready
            m.d.comb += [hands.begin.eq(deframer.end & good), hands.taken.eq(taken)]
            m.d.comb += done.eq(hands.done)
        else:
            wait = Signal(range(self._wires.latency + 2))
            m.d.comb += done.eq(wait == 0)
            last = self._wires.latency + 1
            m.d.sync += wait.eq(Mux(deframer.end, last, Mux(done, 0, wait - 1)))
        with m.If(deframer.end):
            m.d.sync += [pending.eq(1), sender.tag.eq(loader.tag)]
            with m.If(deframer.corrupt):
                m.d.sync += sender.status.eq(Status.CORRUPT)
            with m.Elif(~loader.length_ok):
                m.d.sync += sender.status.eq(Status.LENGTH)
            with m.Elif(~loader.range_ok):
                m.d.sync += sender.status.eq(Status.RANGE)
            with m.Else():
                m.d.sync += sender.status.eq(Status.OK)
        with m.If(sender.start & sender.ready):
            m.d.sync += pending.eq(0)


def shell_of(
    core: Core | Folded, *, line: Line, arriving: Arriving | None = None
) -> tuple[Shell, Layout]:
    """The shell around a core, and its frames.

    The core is one over levels where `arriving` says what arrives.
    """
    layout = layout_of(core.interface.circuit)
    if arriving:
        layout = replace(layout, inputs=arriving.ports)
    inputs, outputs = tuple(core.input_signals()), tuple(core.output_signals())
    wires = Wires(core, inputs, outputs, core.latency)
    if isinstance(core, Folded):
        hands = Handshake(core.in_valid, core.out_valid, core.out_ready)
        wires = replace(wires, handshake=hands)
    levels = arriving.levels if arriving else ()
    return Shell(wires, layout, line=line, levels=levels), layout


def _padded(ports: tuple[Port, ...], vectors: tuple[Value, ...]) -> Value:
    """All elements one after another, each widened to whole bytes."""
    parts = []
    for port, vector in zip(ports, vectors, strict=True):
        for i in range(port.count):
            element = vector[i * port.width : (i + 1) * port.width]
            above = 8 * element_bytes(port) - port.width
            sign = element[-1] if port.kind == "int" else Const(0, 1)
            parts += [element, sign.replicate(above)]
    return Cat(*parts)


def next_crc(crc: Value, data: Value) -> Value:
    """The CRC-8 after one more byte: each bit is the XOR of some bits of `crc ^ data`."""
    bits = []
    for i in range(8):
        feeding = [j for j in range(8) if crc8(bytes([1 << j])) >> i & 1]
        bits.append(Cat(*(crc[j] ^ data[j] for j in feeding)).xor())
    return Cat(*bits)


class Deframer(wiring.Component):
    """Takes frames apart: `byte` with `strobe` for each byte of a body and for its CRC.

    `boundary` comes with every END, `end` with those that end a frame; `corrupt` then says that
    checksum, stop bits or escapes were wrong. A frame that meets `refuse` is dropped to its END.
    """

    def __init__(self) -> None:
        """No parameters."""
        received = {"received": In(8), "received_strobe": In(1), "received_bad": In(1)}
        states = {"boundary": Out(1), "end": Out(1), "corrupt": Out(1)}
        super().__init__({**received, "refuse": In(1), "byte": Out(8), "strobe": Out(1), **states})

    def elaborate(self, platform: object) -> Module:
        """Everything is decided in the cycle in which a byte is received."""
        m = Module()
        inside, escaped, bad, some = Signal(), Signal(), Signal(), Signal()
        crc = Signal(8)
        code = self.received
        m.d.comb += [
            self.byte.eq(Mux(escaped, Mux(code == ESC_ESC, ESC, END), code)),
            self.corrupt.eq(bad | escaped | (crc != 0)),
            self.boundary.eq(self.received_strobe & (code == END) & ~self.received_bad),
            self.end.eq(self.boundary & some & inside & ~self.refuse),
            self.strobe.eq(
                self.received_strobe & ~self.boundary & inside & ~self.refuse & (code != ESC)
            ),
        ]
        with m.If(self.boundary):
            m.d.sync += [inside.eq(1), escaped.eq(0), bad.eq(0), some.eq(0), crc.eq(0)]
        with m.Elif(self.received_strobe):
            with m.If(self.refuse):
                m.d.sync += inside.eq(0)
            m.d.sync += [some.eq(1), escaped.eq(code == ESC)]
            with m.If(self.received_bad | (escaped & (code != ESC_END) & (code != ESC_ESC))):
                m.d.sync += bad.eq(1)
        with m.If(self.strobe):
            m.d.sync += crc.eq(next_crc(crc, self.byte))
        return m


class Loader(wiring.Component):
    """Shifts the bytes of a request into the input vectors and checks length and ranges.

    A shift register takes one flip-flop a bit and nothing else; the first element ends up lowest.
    With levels it holds a bit for each element that a level compares, in place of the elements.
    """

    def __init__(self, layout: Layout, levels: Sequence[Level] = ()) -> None:
        """One output vector, `in_0`, `in_1`, …, for each port of the layout, or each level."""
        self._layout, self._levels = layout, tuple(levels)
        sizes = [port.bits for port in layout.inputs]
        if levels:
            sizes = [level.elements.size for level in levels]
        self._sizes = sizes
        vectors = {f"in_{i}": Out(size) for i, size in enumerate(sizes)}
        states = {"tag": Out(8), "length_ok": Out(1), "range_ok": Out(1)}
        super().__init__({"byte": In(8), "strobe": In(1), "clear": In(1), **states, **vectors})

    @property
    def vectors(self) -> list[Value]:
        """The input vectors in port order."""
        return [getattr(self, f"in_{i}") for i in range(len(self._sizes))]

    def elaborate(self, platform: object) -> Module:
        """A count of the bytes says what the next one is: the tag, an element's, the CRC."""
        m = Module()
        full = self._layout.request_bytes + 2
        widest = max((element_bytes(port) for port in self._layout.inputs), default=1)
        count, which, outside = Signal(range(full + 2)), Signal(range(widest)), Signal()
        lower = Signal(8 * (widest - 1))
        window = Cat(lower, self.byte)
        m.d.comb += [self.length_ok.eq(count == full), self.range_ok.eq(~outside)]
        with m.If(self.strobe):
            m.d.sync += lower.eq(window[8:])
            with m.If(count != full + 1):
                m.d.sync += count.eq(count + 1)
            with m.If(count == 0):
                m.d.sync += self.tag.eq(self.byte)
        with m.Elif(self.clear):
            m.d.sync += [count.eq(0), which.eq(0)]
            if any(map(_has_outside, self._layout.inputs)):
                m.d.sync += outside.eq(0)
        start = 1
        for number, port in enumerate(self._layout.inputs):
            size = element_bytes(port)
            stop = start + port.count * size
            last = which == size - 1
            with m.If(self.strobe & (count >= start) & (count < stop)):
                m.d.sync += which.eq(Mux(last, 0, which + 1))
                with m.If(last):
                    value = window[-8 * size :]
                    self._take(m, number, value, count - start)
                    if _has_outside(port):
                        m.d.sync += outside.eq(outside | _is_outside(value, port))
            start = stop
        return m

    def _take(self, m: Module, number: int, value: Value, element: Value) -> None:
        """Shift an element of a port in, or what its levels say of it."""
        if not self._levels:
            vector, width = self.vectors[number], self._layout.inputs[number].width
            m.d.sync += vector.eq(Cat(vector, value[:width])[width:])
        for vector, level in zip(self.vectors, self._levels, strict=bool(self._levels)):
            if level.port == number:
                with m.If(_among(element, level.elements, self._layout.inputs[number].count)):
                    m.d.sync += vector.eq(Cat(vector, value >= level.bound)[1:])


def _among(element: Value, some: NDArray[np.int64], count: int) -> Value:
    """Whether the number of an element is one of some, out of `count`."""
    if some.size == count:
        return Const(1)
    wanted = sum(1 << one for one in some.tolist())
    return Const(wanted, count).bit_select(element[: (count - 1).bit_length()], 1)


def _has_outside(port: Port) -> bool:
    """Whether the bytes of an element can be a number outside the port's range."""
    span = 1 << 8 * element_bytes(port)
    lowest = -span // 2 if port.kind == "int" else 0
    return port.bounds != (lowest, lowest + span - 1)


def _is_outside(value: Value, port: Port) -> Value:
    """Whether the whole bytes of an element are a number outside the port's range."""
    low, high = port.bounds
    span = 1 << len(value)
    number, lowest = (value.as_signed(), -span // 2) if port.kind == "int" else (value, 0)
    below = number < low if low > lowest else Const(0)
    above = number > high if high < lowest + span - 1 else Const(0)
    return below | above


class Sender(wiring.Component):
    """Sends an answer: END, tag, status, payload, CRC, END, with escapes.

    It takes tag, status and payload when `start` and `ready` are both high, and leaves the
    payload out where the status is not OK.
    """

    def __init__(self, payload_bytes: int) -> None:
        """`payload_bytes` bytes of outputs."""
        self._bytes = payload_bytes
        answer = {"tag": In(8), "status": In(8), "payload": In(8 * payload_bytes)}
        stream = {"data": Out(8), "valid": Out(1), "taken": In(1)}
        super().__init__({**answer, "start": In(1), "ready": Out(1), **stream})

    def elaborate(self, platform: object) -> Module:
        """A shift register of the body; the CRC is made on the way and sent after it."""
        m = Module()
        body = Signal(8 * (self._bytes + 2))
        left = Signal(range(self._bytes + 4))
        crc, code, escaped = Signal(8), Signal(8), Signal()
        m.d.comb += [code.eq(Mux(left == 0, crc, body[:8])), self.valid.eq(~self.ready)]
        special = (code == END) | (code == ESC)
        with m.FSM():
            with m.State("idle"):
                m.d.comb += self.ready.eq(1)
                with m.If(self.start):
                    ok = self.status == Status.OK
                    m.d.sync += body.eq(Cat(self.tag, self.status, self.payload))
                    m.d.sync += [crc.eq(0), left.eq(Mux(ok, self._bytes + 2, 2))]
                    m.next = "begin"
            with m.State("begin"):
                m.d.comb += self.data.eq(END)
                with m.If(self.taken):
                    m.next = "body"
            with m.State("body"):
                escape = Mux(code == END, ESC_END, ESC_ESC)
                m.d.comb += self.data.eq(Mux(special, Mux(escaped, escape, ESC), code))
                with m.If(self.taken):
                    m.d.sync += escaped.eq(special & ~escaped)
                    with m.If(~special | escaped):
                        m.d.sync += [body.eq(body[8:]), left.eq(left - 1)]
                        m.d.sync += crc.eq(next_crc(crc, code))
                        with m.If(left == 0):
                            m.next = "end"
            with m.State("end"):
                m.d.comb += self.data.eq(END)
                with m.If(self.taken):
                    m.next = "idle"
        return m
