"""A simulated design's ports: driving inputs, reading outputs, clock and reset."""

from typing import Any

from cocotb.clock import Clock
from cocotb.handle import LogicArrayObject, LogicObject
from cocotb.triggers import FallingEdge

from lithify.hw_tests.benches.job import Job


class Ports:
    """The ports of the design that a job is about."""

    def __init__(self, dut: Any, job: Job) -> None:
        """Look the ports up and drive every input, so that nothing is undefined."""
        self.dut = dut
        self.inputs = [getattr(dut, bus.signal) for bus in job.design.inputs]
        self.outputs = [getattr(dut, bus.signal) for bus in job.design.outputs]
        self._words = job.inputs
        for port in self.inputs:
            port.value = 0

    def drive(self, sample: int) -> None:
        """Put a sample on the inputs."""
        for port, words in zip(self.inputs, self._words, strict=True):
            port.value = words[sample]

    def read(self) -> list[int | None]:
        """The outputs as they are now."""
        return [_number(port) for port in self.outputs]

    async def start_clock(self) -> None:
        """Start the clock and wait for its first falling edge, where inputs may change."""
        Clock(self.dut.clk, 2, "ns").start(start_high=False)
        await FallingEdge(self.dut.clk)


def _number(port: LogicArrayObject | LogicObject) -> int | None:
    """The value of a port, None where a bit of it is undefined."""
    try:
        return int(port.value)
    except ValueError:
        return None
