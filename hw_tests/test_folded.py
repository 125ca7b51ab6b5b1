"""A folded net in Verilator: every sample, random stalls, resets, back to back."""

from functools import cache

import numpy as np
import pytest

from lithify.backends.verilog.emit import VerilogOptions, emit
from lithify.backends.verilog.folding import FANINS
from lithify.backends.verilog.simulate import simulate
from lithify.compiler.mapping import map_cells
from lithify.hw_tests.test_simulation import net
from lithify.ir.circuit import Circuit
from lithify.ir.simulate import random_codes, run

SAMPLES = 30


@cache
def cells() -> Circuit:
    return map_cells(net(), inputs=FANINS).circuit


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One folder, so that the simulator is built once."""
    return str(tmp_path_factory.mktemp("folded"))


@pytest.mark.parametrize("bench", ["whole_set", "stream"])
def test_answers_and_handshakes(folder: str, bench: str) -> None:
    codes = random_codes(cells(), SAMPLES, np.random.default_rng(8))
    made = emit(cells(), VerilogOptions(interface="stream", cycles=120))
    result = simulate(made, codes, run(cells(), codes), bench=bench, folder=folder)
    assert result.ok and result.compared >= SAMPLES
    assert result.latency <= 120
