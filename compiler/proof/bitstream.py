"""Proof that what yosys and nextpnr made for a board is what they were given, cut at flip-flops.

`prove_synthesis` compares the netlist of cells with the design before synthesis, `prove_unpacked`
the bitstream, read back, with the netlist: all outputs, and the next bit of every flip-flop, are
the same functions of pins and flip-flops. Which flip-flop is which comes from names and from the
placement, and need not be trusted: under a wrong match some function would differ.
"""

import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

from lithify.backends import abc
from lithify.backends.fpga.cell_kinds import Bit
from lithify.backends.fpga.cell_netlist import CellNetlist
from lithify.backends.fpga.chip_database import Site
from lithify.backends.fpga.logic import Literal, Logic, Machine
from lithify.backends.fpga.unpacked import Unpacked
from lithify.backends.verilog.registers import write_aiger
from lithify.compiler.proof.verdict import NotProved, Proved
from lithify.ir.errors import MismatchError

METHOD = "equal outputs and next bits, cut at flip-flops, by &cec"
MOST_SHOWN = 6


@dataclass(frozen=True, slots=True)
class _Sides:
    """Two descriptions of one machine over the same inputs, what differs named the same."""

    left: Logic
    right: Logic
    expected: Mapping[str, Literal]
    seen: Mapping[str, Literal]
    what: str


def prove_synthesis(
    design: CellNetlist, netlist: CellNetlist, *, time_limit: float = 60.0
) -> Proved | NotProved:
    """Whether the cells do what the design before synthesis does; MismatchError where they do not.

    A register of the design is that net of the cells which still has its name: a flip-flop, one
    inverted, or a constant. Registers of which nothing is left are free to be anything. What
    registers start with is compared too.
    """
    start = time.perf_counter()
    names = _inputs(netlist)
    images = _images(design, netlist, Logic(names))
    covered = {image & ~1 for image in images.values()}
    probe = Logic(names)
    for one in netlist.flip_flops:
        if probe.leaves[one.name] not in covered:
            reason = f"the flip-flop {one.name} is no register of the design"
            return NotProved(reason, 0, time.perf_counter() - start)
    free = {one.q: f"lost {one.name}" for one in design.flip_flops if one.q not in images}
    left, right = (Logic([*names, *free.values()]) for _ in range(2))
    pins = {bit: left.leaves[pin] for pin, bit in design.input_pins.items()}
    lost = {bit: left.leaves[name] for bit, name in free.items()}
    given = design.machine(left, {**pins, **lost, **images})
    seen = netlist.machine(right, _held(netlist, right))
    by_leaf = {right.leaves[name]: literal for name, literal in seen.nexts.items()} | {0: 0}
    expected, found = dict(given.outputs), dict(seen.outputs)
    for one in design.flip_flops:
        if one.q in images:
            expected[one.name] = given.nexts[one.name]
            found[one.name] = by_leaf[images[one.q] & ~1] ^ (images[one.q] & 1)
    starts = {probe.leaves[one.name]: one.does.start for one in netlist.flip_flops}
    _check_starts(design, images, starts)
    sides = _Sides(left, right, expected, found, "the synthesised netlist")
    return _prove(sides, [given, seen], start, time_limit)


def prove_unpacked(
    netlist: CellNetlist,
    unpacked: Unpacked,
    sites: Mapping[str, Site],
    pins: Mapping[str, Site],
    *,
    time_limit: float = 60.0,
) -> Proved | NotProved:
    """Whether a bitstream does what the netlist does; MismatchError where it does not.

    `sites` says where the flip-flops of the netlist are, `pins` where the ports. Flip-flops of the
    bitstream that the netlist does not have may hold anything.
    """
    start = time.perf_counter()
    places = {str(site): name for name, site in sites.items()}
    there = {str(site): site for site in unpacked.flip_flops}
    for one in netlist.flip_flops:
        if one.name not in sites:
            reason = f"the placement does not say where the flip-flop {one.name} is"
            return NotProved(reason, 0, time.perf_counter() - start)
        if str(sites[one.name]) not in there:
            at = shown(sites[one.name])
            raise MismatchError(f"the bitstream has no flip-flop at {at}, where {one.name} was put")
    more = {name: f"flip-flop at {shown(site)}" for name, site in there.items()}
    names = [*_inputs(netlist), *(text for name, text in more.items() if name not in places)]
    left, right = Logic(names), Logic(names)
    held: dict[Hashable, Literal] = {
        ("out", site): right.leaves[places.get(name, more[name])] for name, site in there.items()
    }
    held |= {("pin", pin): right.leaves[pin] for pin in netlist.input_pins}
    outputs = {pin: pins[pin] for pin in netlist.output_pins}
    given = netlist.machine(left, _held(netlist, left))
    seen = unpacked.machine(right, held, outputs)
    found = {places[name]: bit for name, bit in seen.nexts.items() if name in places}
    _check_clocks({places[name]: on for name, on in seen.clocks.items() if name in places}, given)
    expected = {**given.outputs, **given.nexts}
    found = {name: ({**seen.outputs, **found})[name] for name in expected}
    sides = _Sides(left, right, expected, found, "the bitstream")
    return _prove(sides, [given], start, time_limit)


def _check_clocks(clocks: Mapping[str, Hashable], given: Machine) -> None:
    """Nothing, where one clock moves flip-flops of the bitstream that one was to move."""
    first = next(iter(clocks), "")
    for name, clock in clocks.items():
        if clock != clocks[first] and given.clocks[name] == given.clocks[first]:
            raise MismatchError(f"the bitstream moves {name} by another clock than {first}")


def shown(site: Site) -> str:
    """A site for people.

    >>> shown((3, 4, 7))
    'X3/Y4/lc7'
    """
    return "X{}/Y{}/lc{}".format(*site)


def _inputs(netlist: CellNetlist) -> list[str]:
    """The pins and flip-flops of a netlist by name."""
    return [*sorted(netlist.input_pins), *(one.name for one in netlist.flip_flops)]


def _held(netlist: CellNetlist, logic: Logic) -> dict[Bit, Literal]:
    held = {bit: logic.leaves[pin] for pin, bit in netlist.input_pins.items()}
    return held | {one.q: logic.leaves[one.name] for one in netlist.flip_flops}


def _images(design: CellNetlist, netlist: CellNetlist, logic: Logic) -> dict[Bit, Literal]:
    """What each register of the design is in the netlist, where one of its names is left."""
    value = netlist.values(logic, _held(netlist, logic))
    state = {logic.leaves[one.name] for one in netlist.flip_flops} | {0}
    images = {}
    for one in design.flip_flops:
        for name in design.names_of(one.q):
            if name in netlist.bits and (image := value(netlist.bits[name])) & ~1 in state:
                images[one.q] = image
                break
    return images


def _check_starts(
    design: CellNetlist, images: Mapping[Bit, Literal], starts: Mapping[Literal, int]
) -> None:
    """Nothing, if the flip-flops, some inverted, start with what the registers are to start with.

    A register may also be constant.
    """
    for name, value in design.starts.items():
        bit = design.bits.get(name, "")
        if bit in images and starts.get(images[bit] & ~1, 0) ^ images[bit] & 1 != value:
            raise MismatchError(
                f"the synthesised netlist starts with {name} at {1 - value} instead of {value}"
            )


def _prove(
    sides: _Sides, machines: Sequence[Machine], start: float, time_limit: float
) -> Proved | NotProved:
    if any(len({*machine.clocks.values()}) > 1 for machine in machines):
        reason = "flip-flops have more than one clock"
        return NotProved(reason, 0, time.perf_counter() - start)
    left = write_aiger(sides.left.graph(sides.expected))
    right = write_aiger(sides.right.graph(sides.seen))
    result = abc.compare(left, right, time_limit=time_limit)
    seconds = time.perf_counter() - start
    if result.outcome == "equal":
        return Proved(METHOD, (abc.version(),), len(sides.expected), 0, seconds)
    if result.outcome == "undecided":
        return NotProved(result.reason, 0, seconds)
    pattern = [] if result.pattern is None else result.pattern.tolist()
    raise MismatchError(_difference(sides, dict(zip(sides.left.inputs, pattern, strict=False))))


def _difference(sides: _Sides, pattern: Mapping[str, int]) -> str:
    """What differs for one pattern of pins and flip-flops, by the names of the design."""
    one: Callable[[Literal], int] = sides.left.values(pattern)
    other = sides.right.values(pattern)
    wrong = [n for n in sides.expected if one(sides.expected[n]) != other(sides.seen[n])]
    if not wrong:
        return f"{sides.what} differs from what it was made of; the engine gave no example"
    name = wrong[0]
    kind = f"the next bit of {name}" if name in sides.left.leaves else name
    high = [name for name, bit in pattern.items() if bit]
    left_out = f" and {len(high) - MOST_SHOWN} more" if len(high) > MOST_SHOWN else ""
    given = f"{', '.join(high[:MOST_SHOWN])}{left_out} are 1" if high else "all is 0"
    return (
        f"{sides.what} differs from what it was made of: {kind} is "
        f"{other(sides.seen[name])} instead of {one(sides.expected[name])} where {given}"
    )
