"""Cells for designs with registers: proved, small, and no deeper than the tree of the sums."""

import numpy as np

from lithify.compiler.mapping.clocked import map_clocked
from lithify.compiler.proof.mapped import prove_cells
from lithify.compiler.proof.verdict import Proved
from lithify.ir.arithmetic import expand
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit


def net(seed: int, *, gates: int = 300) -> Circuit:
    """Comparators, random gates, a wide threshold and three scores over the last gates."""
    rng = np.random.default_rng(seed)
    b = Builder()
    x = b.input("x", width=4, count=40)
    with b.origin("encoder", "encoder"):
        bounds = rng.integers(1, 16, 40)
        signals = b.thresholds(bounds, x, np.tile([1, 2, 4, 8], (40, 1)))
    with b.origin("layers.0", "core"):
        for _ in range(2):
            signals = b.tables(rng.integers(1, 15, gates), rng.choice(signals, (gates, 2)))
        wide = b.threshold(20, rng.choice(signals, 40, replace=False).tolist())
    with b.origin("head", "head"):
        for number, some in enumerate(np.array_split(signals, 3)):
            b.score(f"class_{number}", [*some, wide])
    return b.finish(readout="argmax")


def test_cells_are_proved_to_be_the_circuit() -> None:
    for seed in range(2):
        circuit = net(seed)
        cells = map_clocked(circuit)
        assert np.diff(cells.circuit.offsets).max() <= 4
        netlist = expand(circuit).circuit
        assert cells.circuit.num_gates < 0.9 * netlist.num_gates
        assert cells.circuit.depth <= netlist.depth
        assert isinstance(prove_cells(circuit, cells), Proved)


def test_every_part_keeps_its_cells() -> None:
    cells = map_clocked(net(3)).circuit
    assert {"encoder", "core", "head"} <= {cells.origins[i].part for i in set(cells.origin_of)}
