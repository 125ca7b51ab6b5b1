"""Proof that a file that was written says what the netlist says: it is read back and matched."""

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from lithify.backends import abc
from lithify.backends.aiger import read
from lithify.backends.bitnames import input_names, output_names
from lithify.backends.toolchain import require_tool
from lithify.backends.verilog.description import Description
from lithify.backends.verilog.machine import Machine
from lithify.backends.verilog.readback import read_back, unfolded
from lithify.backends.verilog.registers import read_aiger, write_aiger
from lithify.compiler.proof.matching import prove_same_gates
from lithify.compiler.proof.verdict import NotProved, Proved, Verdict, timed
from lithify.ir.circuit import Circuit
from lithify.ir.errors import MismatchError


def prove_verilog(
    netlist: Circuit,
    verilog: bytes,
    description: Description,
    *,
    module: str = "",
    time_limit: float = 60.0,
    samples: ArrayLike | None = None,
) -> Verdict:
    """Whether a Verilog file, read by yosys, computes the netlist; registers become wires.

    With `module` it is that module of a file of yosys' RTLIL.
    """
    start = time.perf_counter()
    read = read_back(verilog, description, module=module)
    seen = read_netlist(netlist, read, what="the Verilog")
    verdict = prove_same_gates(netlist, seen, time_limit=time_limit, samples=samples)
    if isinstance(verdict, Proved):
        reader = f"read by yosys {require_tool('yosys').version}"
        verdict = replace(verdict, engines=(*verdict.engines, reader))
    return timed(verdict, time.perf_counter() - start)


def prove_machine(
    netlist: Circuit, description: Description, machine: Machine, *, time_limit: float = 60.0
) -> Verdict:
    """Whether a folded design in cells answers every sample with what the netlist computes.

    Not proved where it does not do what a folded design promises, or too little is known of it.
    """
    start = time.perf_counter()
    try:
        read = write_aiger(unfolded(machine, description, ready=False))
    except MismatchError as error:
        return NotProved(str(error), 0, time.perf_counter() - start)
    seen = read_netlist(netlist, read, what="the cells")
    return prove_same_gates(netlist, seen, time_limit=time_limit)


def read_netlist(netlist: Circuit, aiger: bytes, *, what: str) -> Circuit:
    """The circuit in a binary AIGER file, whose bits must be named and ordered as the netlist's."""
    graph = read_aiger(aiger, where=what)
    require_names(graph.inputs, input_names(netlist), f"inputs of {what}")
    require_names(graph.outputs, output_names(netlist), f"outputs of {what}")
    return with_ports_of(netlist, read(abc.without_names(aiger), what))


def with_ports_of(netlist: Circuit, seen: Circuit) -> Circuit:
    """A circuit that was read, its bits in order as the ports and words of the netlist."""
    parts = [word.signals.ravel() for word in seen.words]
    bits = np.concatenate([np.empty(0, np.int32), *parts])
    words, at = [], 0
    for word in netlist.words:
        signals = bits[at : at + word.signals.size].reshape(word.signals.shape)
        words.append(replace(word, signals=signals))
        at += word.signals.size
    return replace(seen, inputs=netlist.inputs, outputs=tuple(words), readout="bits")


def require_names(found: Sequence[str], names: Sequence[str], what: str) -> None:
    """MismatchError where the bits that were found are not called so, in this order."""
    if list(found) == names:
        return
    missing = [name for name in names if name not in set(found)]
    extra = [name for name in found if name not in set(names)]
    fault = "they stand in another order"
    if missing:
        fault = f"{missing[0]} is missing"
    elif extra:
        fault = f"{extra[0]} should not be there"
    raise MismatchError(f"the {what} are not the netlist's: {fault}")
