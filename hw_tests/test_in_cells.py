"""What yosys makes of written designs, in the cells of each family, in Verilator."""

from pathlib import Path

import numpy as np
import pytest

from lithify.backends.artifacts import Artifacts
from lithify.backends.fpga.in_cells import in_cells
from lithify.backends.verilog.emit import VerilogOptions, emit
from lithify.backends.verilog.simulate import simulate
from lithify.hw_tests.test_folded import cells
from lithify.hw_tests.test_simulation import COMB, STREAM, net
from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError, MappingError
from lithify.ir.simulate import random_codes, run

FOLDED = VerilogOptions(interface="stream", cycles=120)


@pytest.mark.parametrize("family", ["ice40", "ecp5", "gowin"])
@pytest.mark.parametrize("kind", ["comb", "stream", "folded"])
def test_cells_answer_as_the_design_does(family: str, kind: str, tmp_path: Path) -> None:
    options = {"comb": COMB, "stream": STREAM, "folded": FOLDED}[kind]
    circuit: Circuit = cells() if kind == "folded" else net()
    emit(circuit, options).write(tmp_path / "design")
    if (family, kind) == ("gowin", "folded"):
        with pytest.raises(MappingError) as caught:
            in_cells(tmp_path / "design", family, tmp_path / "cells")
        assert str(caught.value) == (
            "yosys has no model of all the cells of gowin in this design, such as of its block "
            "RAMs; simulate the Verilog itself, or cells of another family"
        )
        return
    made, count = in_cells(tmp_path / "design", family, tmp_path / "cells")
    assert count > 100
    codes = random_codes(circuit, 30, np.random.default_rng(8))
    bench = "whole_set" if kind == "comb" else "stream"
    answers = run(circuit, codes)
    result = simulate(made, codes, answers, bench=bench, folder=tmp_path / "simulation")
    assert result.ok and result.compared >= 30


def test_wrong_tables_are_seen(tmp_path: Path) -> None:
    emit(net(), COMB).write(tmp_path / "design")
    made, _ = in_cells(tmp_path / "design", "ice40", tmp_path / "cells")
    (name,) = (one for one in made if one.endswith(".v"))
    text = made[name].replace(b"assign O = I0 ?", b"assign O = !I0 ?")
    assert text != made[name]
    wrong = Artifacts({**made, name: text})
    codes = random_codes(net(), 30, np.random.default_rng(8))
    result = simulate(wrong, codes, run(net(), codes), folder=tmp_path / "simulation")
    assert result.mismatches > 0


def test_what_cannot_be_made_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        in_cells(tmp_path, "xilinx", tmp_path / "cells")
    assert str(caught.value) == ("'xilinx' is no family of chips; there are ice40, ecp5, gowin")
    with pytest.raises(InputError, match="holds no Verilog design"):
        in_cells(tmp_path, "ice40", tmp_path / "cells")
