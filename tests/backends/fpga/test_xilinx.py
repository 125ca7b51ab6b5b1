"""Cells of Xilinx chips: counted by yosys, and refused where there is no such family."""

from pathlib import Path

import numpy as np
import pytest
from command import lithify
from verilog_nets import parted_net

from lithify.backends.fpga.xilinx import FAMILIES, LUTS, luts, xilinx_cells
from lithify.backends.verilog.emit import VerilogOptions, emit
from lithify.compiler.driver import compile
from lithify.ir.errors import InputError
from lithify.ir.text import dump


@pytest.mark.parametrize("family", FAMILIES)
def test_cells_are_counted_by_kind(family: str, tmp_path: Path) -> None:
    options = VerilogOptions(interface="stream", every=2)
    emit(parted_net(np.random.default_rng(1)), options).write(tmp_path)
    cells = xilinx_cells(tmp_path, family)
    assert luts(cells) == sum(cells.get(kind, 0) for kind in LUTS) > 5
    assert cells["FDRE"] > 5 and all(kind.isupper() for kind in cells)


def test_the_report_shows_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "net.circuit").write_text(dump(parted_net(np.random.default_rng(1))))
    folder = compile(tmp_path / "net.circuit").write(tmp_path / "build")
    ran = lithify(capsys, ["report", folder, "--xilinx", "xc7", "--json"])
    found = ran.result["xilinx"]
    assert found["family"] == "xc7" and found["luts"] == luts(found["cells"]) > 0
    out = lithify(capsys, ["report", folder, "--xilinx", "xcup"]).out
    assert "yosys, xcup, not placed: " in out and " FDRE" in out


def test_what_is_not_known_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        xilinx_cells(tmp_path, "xc6")
    assert str(caught.value) == "'xc6' is no family of Xilinx here; there are xc7, xcu, xcup"
    with pytest.raises(InputError, match="holds no Verilog design"):
        xilinx_cells(tmp_path, "xc7")
