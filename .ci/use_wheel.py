"""Uses an installed lithify from any folder, with the core dependencies only."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np

import lithify
import lithify.backends
import lithify.ir
from lithify.cli.main import VERBS
from lithify.ir.builder import Builder
from lithify.ir.simulate import run

EXTRAS = ("cocotb", "safetensors", "sklearn", "torch")


def main() -> None:
    """A full adder, built, run, compiled, proved and run in C; no extra is installed."""
    assert [name for name in EXTRAS if importlib.util.find_spec(name)] == []
    home = Path(lithify.__file__).resolve()
    assert "site-packages" in home.parts, f"lithify is imported from {home.parent}"
    builder = Builder()
    (((a,),), ((b,),), ((c,),)) = (builder.input(name) for name in "abc")
    builder.output("sum", [builder.xor(builder.xor(a, b), c)])
    builder.output("carry", [builder.majority(a, b, c)])
    circuit = builder.finish(readout="bits")
    codes = np.array([[i >> k & 1 for k in range(3)] for i in range(8)])
    words = run(circuit, codes).words
    total = words["sum"].ravel() + 2 * words["carry"].ravel()
    assert total.tolist() == codes.sum(axis=1).tolist()
    assert not set(EXTRAS) & sys.modules.keys()
    for verb in VERBS:
        command = [sys.executable, "-m", "lithify", verb, "--help"]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.stdout.startswith(f"usage: lithify {verb}"), f"{verb}: {done.stderr}"
    Path("adder.circuit").write_text(str(circuit))
    for line in ("compile adder.circuit -o build", "verify build", "report build"):
        subprocess.run([sys.executable, "-m", "lithify", *line.split(), "--quiet"], check=True)
    design = lithify.load("build")
    assert design.certificate is not None and design.certificate.ok
    by_c = design.engine().words(codes)
    assert all(np.array_equal(by_c[name], words[name]) for name in words)
    print(f"lithify {lithify.__version__}: a full adder of {circuit.num_gates} gates adds")


if __name__ == "__main__":
    main()
