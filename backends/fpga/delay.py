"""How long a clock cycle of a net has to be, told before it is placed and routed.

A path from register to register crosses as many tables as there are levels between two rows, and
a wire to each. Wires grow with the area that the net covers: both the fixed part of a path and
what a level adds are straight lines over the binary logarithm of the number of tables, where less
than `LEAST` count as so many. Their four figures, in `delay_ps` of a device, were fitted to routed
nets (`python -m benchmarks.delays`).
"""

import math

from lithify.backends.fpga.targets import Device
from lithify.ir.errors import InputError

LEAST = 64


def predicted_ns(device: Device, *, tables: int, levels: int) -> float:
    """The period of a net of so many tables, of which a path crosses at most `levels`.

    >>> from lithify.backends.fpga.targets import board
    >>> device = board("hx8k-evn").device
    >>> predicted_ns(device, tables=1024, levels=3) < predicted_ns(device, tables=2048, levels=3)
    True
    """
    fixed, fixed_more, level, level_more = device.delay_ps
    doublings = math.log2(max(tables, LEAST))
    picoseconds = fixed + fixed_more * doublings + levels * (level + level_more * doublings)
    return max(picoseconds, 1) / 1000


def most_levels(device: Device, *, tables: int, depth: int, mhz: float) -> int:
    """How many levels may stand between two rows of registers; InputError where one is too many."""
    fits = [
        levels
        for levels in range(1, max(depth, 1) + 1)
        if predicted_ns(device, tables=tables, levels=levels) * mhz <= 1000
    ]
    if not fits:
        best = 1000 / predicted_ns(device, tables=tables, levels=1)
        raise InputError(
            f"{mhz:g} MHz: with a row of registers after every level {tables} tables on the "
            f"{device.title} are expected to reach {best:.0f} MHz; ask for less, or take a faster "
            "device or a smaller net"
        )
    return max(fits)
