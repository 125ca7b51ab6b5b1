"""Waves of a few samples, in Verilator: of the first ones, or of the first that is wrong."""

from pathlib import Path

import numpy as np

from lithify.backends.verilog.emit import emit
from lithify.backends.verilog.simulate import simulate
from lithify.backends.verilog.waves import BEFORE, write_waves
from lithify.hw_tests.test_simulation import COMB, SAMPLES, STREAM, codes, corrupted, net
from lithify.ir.simulate import run


def values_of(text: str, name: str) -> list[str]:
    """What a signal of the top was, one text of bits for each change."""
    line = next(line for line in text.splitlines() if f" {name} " in line)
    code = line.split()[3]
    changes = (line[1:].split() for line in text.splitlines() if line.startswith("b"))
    return [bits for bits, key in changes if key == code]


def test_the_first_samples(tmp_path: Path) -> None:
    design, answers = emit(net(), STREAM), run(net(), codes())
    found = simulate(design, codes(), answers, folder=tmp_path)
    waves = write_waves(design, codes(), answers, found, count=5, folder=tmp_path)
    assert waves is not None and waves.seen and waves.samples == range(5)
    text = waves.file.read_text()
    assert all(f" {name} $end" in text for name in ("clk", "in_valid", "out_ready"))
    words = {bits.rjust(5, "0") for bits in values_of(text, "flags")}
    wanted = {"".join(map(str, row[::-1])) for row in answers.words["flags"][:5].tolist()}
    assert len(wanted) > 1 and wanted <= words
    assert write_waves(design, codes(), answers, found, count=0, folder=tmp_path) is None


def test_the_first_mismatch(tmp_path: Path) -> None:
    answers = run(net(), codes())
    design = corrupted(emit(net(), COMB), r" & ", " | ")
    found = simulate(design, codes(), answers, folder=tmp_path)
    assert found.mismatches
    first = found.first[0].sample
    waves = write_waves(design, codes(), answers, found, count=0, folder=tmp_path)
    assert waves is not None and waves.seen
    assert waves.samples == range(max(0, first - BEFORE), first + 1)
    late = np.roll(codes(), SAMPLES // 2, axis=0)
    later = simulate(design, late, run(net(), late), folder=tmp_path)
    waves = write_waves(design, late, run(net(), late), later, count=0, folder=tmp_path)
    assert waves is not None and len(waves.samples) <= BEFORE + 1
