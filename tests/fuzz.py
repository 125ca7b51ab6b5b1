"""A fuzzer of the whole flow: whatever is made of a circuit has to say what the circuit says.

    python tests/fuzz.py --seconds 600 --seed 7

A circuit that fails is written in the text form to `tests/crashers`, where a test replays it.
"""

import argparse
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from odd_circuits import all_circuits
from plain_evaluator import answer

from lithify.backends import aiger, blif
from lithify.backends.c import emit as c
from lithify.backends.c.engine import Engine
from lithify.backends.c.library import load as load_kernel
from lithify.backends.verilog.description import FILE, Description
from lithify.backends.verilog.emit import VerilogOptions, emit
from lithify.compiler.pipeline import EFFORTS, PASSES, parse, run
from lithify.compiler.proof.conservation import prove_netlist
from lithify.compiler.proof.equivalence import prove_equal
from lithify.compiler.proof.readback import prove_verilog
from lithify.compiler.proof.simulation import vectors_for
from lithify.compiler.proof.verdict import Proved, Refuted
from lithify.ir import binary, simulate, text
from lithify.ir.arithmetic import expand
from lithify.ir.check import check
from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError
from lithify.ir.netlist import Netlist
from lithify.ir.split import split

CRASHERS = Path(__file__).parent / "crashers"
TOOLS_EVERY = 6
TOOL_PASSES = ("share", "narrow", "rewrite")
CLOCKED = [
    VerilogOptions(interface=i, every=n) for i, n in (("comb", 0), ("pipeline", 3), ("stream", 2))
]
STRICT = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-O1", "-fsanitize=undefined,address")
Codes = NDArray[np.int64]
Seen = dict[str, list[list[int]]]


def named(circuit: Circuit, words: Seen, scores: list[list[int]], classes: list[int]) -> Seen:
    """All answers by the names that they have once the circuit is expanded."""
    extra: Seen = {"scores": scores} if circuit.scores else {}
    if circuit.scores and circuit.readout == "argmax":
        extra["class"] = [[number] for number in classes]
    return words | extra


def plain(circuit: Circuit, codes: Codes) -> Seen:
    """What the plain evaluator answers."""
    answers = [answer(circuit, code) for code in codes.tolist()]
    words = {w.name: [a[0][w.name] for a in answers] for w in circuit.words}
    return named(circuit, words, [a[1] for a in answers], [a[2] for a in answers])


def seen(circuit: Circuit, answers: simulate.Answers) -> Seen:
    """What the interpreter or the engine answered."""
    words = {name: values.tolist() for name, values in answers.words.items()}
    return named(circuit, words, answers.scores.tolist(), answers.classes.tolist())


def try_all(circuit: Circuit, seed: int, *, tools: bool = False) -> None:
    """Nothing, if all that is made of a circuit says the same; `tools` adds what runs programs."""
    check(circuit)
    rng = np.random.default_rng(seed)
    codes = vectors_for(circuit, 70, rng)
    right = plain(circuit, codes)
    assert seen(circuit, simulate.run(circuit, codes)) == right, "interpreter"
    assert text.parse(str(circuit)) == circuit, "text form"
    assert binary.from_bytes(binary.to_bytes(circuit)) == circuit, "binary form"
    netlist = expand(circuit)
    verdict = prove_netlist(circuit, netlist)
    assert isinstance(verdict, Proved), verdict
    for made in (netlist.circuit, *(split(netlist.circuit, arity) for arity in (2, 3))):
        check(made)
        assert seen(made, simulate.run(made, codes)) == right, "expanded, or split"
    for width in load_kernel().vectors:
        engine = Engine(circuit, vector=width, threads=int(rng.integers(1, 3)))
        assert seen(circuit, engine.run(codes)) == right, f"C engine, {width} bits"
    for read, write in ((aiger.read, aiger.write), (aiger.read, aiger.write_ascii)):
        try_exchange(netlist, codes, right, read(write(netlist)))
    try:
        try_exchange(netlist, codes, right, blif.read(blif.write(netlist)))
    except InputError as error:
        assert "cannot be written as BLIF" in str(error), error
    last = circuit
    for pipeline in (*PASSES, *EFFORTS):
        if tools or not any(name in pipeline for name in TOOL_PASSES):
            last = run(parse(pipeline), circuit, check=True).circuit
            assert seen(last, simulate.run(last, codes)) == right, pipeline
    if tools:
        try_tools(circuit, last, codes, rng)


def try_exchange(netlist: Netlist, codes: Codes, right: Seen, back: Circuit) -> None:
    """Nothing, if bits that went through a file still mean what they did."""
    planes = simulate.run_planes(back, simulate.pack(netlist.circuit, codes))
    bits = planes[np.concatenate([word.signals.ravel() for word in back.words])]
    for word in netlist.circuit.words:
        mine, bits = bits[: word.signals.size], bits[word.signals.size :]
        values = simulate.unpack_word(mine.reshape(*word.signals.shape, -1), word.kind, len(codes))
        assert values.tolist() == right[word.name], word.name


def try_tools(circuit: Circuit, last: Circuit, codes: Codes, rng: np.random.Generator) -> None:
    """Nothing, if exported C answers alike, and pipeline and Verilog are not refuted."""
    verdict = prove_equal(circuit, last)
    assert not isinstance(verdict, Refuted), verdict
    with tempfile.TemporaryDirectory() as name:
        folder = c.emit(circuit, test_vectors=codes).write(Path(name, "c"))
        command = ["cc", *STRICT, "-DNET_MAIN", "net.c", "-o", "net"]
        subprocess.run(command, cwd=folder, check=True)
        vectors = (folder / "net_vectors.txt").read_bytes()
        done = subprocess.run([folder / "net"], input=vectors, capture_output=True, check=True)
    assert done.stdout.decode() == c.expected_lines(circuit, codes), "exported C"
    netlist, clocked = expand(last), CLOCKED[rng.integers(len(CLOCKED))]
    files = emit(netlist, clocked)
    verdict = prove_verilog(netlist.circuit, files["net.v"], Description.from_json(files[FILE]))
    assert isinstance(verdict, Proved), (clocked, verdict)


def fuzz(seed: int, seconds: float, every: int, folder: Path) -> tuple[int, list[Path]]:
    """How many circuits were tried, one in `every` with tools, and the files of those that fail."""
    end, tried, failed = time.monotonic() + seconds, 0, []
    for tried, circuit in enumerate(all_circuits(seed), 1):
        try:
            try_all(circuit, tried, tools=tried % every == 0)
        except Exception:  # whatever it is, the circuit is worth keeping
            failed.append(text.save(circuit, folder / f"seed{seed}-{tried}.circuit"))
            traceback.print_exc()
        if time.monotonic() > end:
            break
    return tried, failed


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32)
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    tried, failed = fuzz(given.seed, given.seconds, TOOLS_EVERY, CRASHERS)
    print(f"{tried} circuits, {len(failed)} failures")
    sys.exit(bool(failed))
