"""The other side of a shell's line in a bench: a serial line, or an SPI bus."""

from dataclasses import dataclass, field
from typing import Any

import cocotb
from cocotb.queue import Queue
from cocotb.triggers import FallingEdge, Timer, with_timeout

from lithify.backends.verilog.frames import END, Answer, Layout, Unframer, decode_answer


@dataclass(slots=True)
class Line:
    """Bytes to a shell, and the answers in the bytes from it; `bit_ns` is the time of a bit."""

    dut: Any
    layout: Layout
    bit_ns: int
    answers: Queue[Answer | None] = field(default_factory=Queue)
    unframer: Unframer = field(default_factory=Unframer)

    def heard(self, byte: int, *, good: bool = True) -> None:
        """Keep the answer that ends with a byte; None is a frame that arrived corrupt."""
        for body in self.unframer.feed(bytes([byte])):
            self.answers.put_nowait(decode_answer(self.layout, body) if good and body else None)

    async def answer(self) -> Answer:
        """The next answer, which must come before a request could be sent ten times."""
        longest = 10 * self.bit_ns * (self.layout.request_bytes + self.layout.answer_bytes + 20)
        answer = await with_timeout(cocotb.start_soon(self._next()), 10 * longest, "ns")
        assert answer is not None, "an answer arrived corrupt"
        return answer

    async def _next(self) -> Answer | None:
        return await self.answers.get()


class Serial(Line):
    """A serial line: `rx` and `tx`."""

    def idle(self) -> None:
        """Nothing is sent."""
        self.dut.rx.value = 1

    def listen(self) -> None:
        """Collect answers from now on."""
        cocotb.start_soon(self._listen())

    async def send(self, data: bytes) -> None:
        """Put bytes on the line, one after another."""
        for byte in data:
            for bit in (0, *(byte >> i & 1 for i in range(8)), 1):
                self.dut.rx.value = bit
                await Timer(self.bit_ns, "ns")

    async def wait(self, count: int) -> None:
        """So long as so many bytes of an answer take."""
        await Timer(10 * count * self.bit_ns, "ns")

    async def disturb(self) -> None:
        """Hold the line low for longer than a byte."""
        self.dut.rx.value = 0
        await Timer(30 * self.bit_ns, "ns")
        self.dut.rx.value = 1
        await Timer(20 * self.bit_ns, "ns")

    async def _listen(self) -> None:
        while True:
            if self.dut.tx.value == 1:
                await FallingEdge(self.dut.tx)
            await Timer(self.bit_ns // 2, "ns")
            byte = 0
            for i in range(9):
                await Timer(self.bit_ns, "ns")
                byte |= int(self.dut.tx.value) << i
            self.heard(byte & 0xFF, good=bool(byte >> 8))


class Bus(Line):
    """An SPI bus of which this side is the controller: every byte that is sent brings one back."""

    def idle(self) -> None:
        """Nobody is selected."""
        self.dut.cs_n.value = 1
        self.dut.sck.value = self.dut.copi.value = 0

    def listen(self) -> None:
        """Answers come with what is sent."""

    async def send(self, data: bytes) -> None:
        """Send bytes, selected anew for each three of them; the edges drift against the clock."""
        for first in range(0, len(data), 3):
            self.dut.cs_n.value = 0
            await Timer(self.bit_ns // 2 + 1, "ns")
            for byte in data[first : first + 3]:
                self.heard(await self._bits(byte, 8))
            self.dut.cs_n.value = 1
            await Timer(self.bit_ns, "ns")

    async def wait(self, count: int) -> None:
        """Take so many bytes of an answer, for nothing in return."""
        await self.send(bytes([END] * count))

    async def disturb(self) -> None:
        """Stop in the middle of a byte, talk to somebody else, then send a byte of no frame."""
        self.dut.cs_n.value = 0
        await self._bits(0xFF, 3)
        self.dut.cs_n.value = 1
        await Timer(self.bit_ns, "ns")
        await self._bits(END, 8)
        await self.send(b"\x55")

    async def _bits(self, byte: int, count: int) -> int:
        """Send so many bits, the first on top; what came back for them."""
        back = 0
        for i in range(count):
            self.dut.copi.value = byte >> (7 - i) & 1
            await Timer(self.bit_ns - self.bit_ns // 2, "ns")
            back = back << 1 | int(self.dut.cipo.value)
            self.dut.sck.value = 1
            await Timer(self.bit_ns // 2, "ns")
            self.dut.sck.value = 0
        return back

    async def _next(self) -> Answer | None:
        while self.answers.empty():
            await self.wait(1)
        return self.answers.get_nowait()


LINES: dict[str, type[Serial] | type[Bus]] = {"uart": Serial, "spi": Bus}
