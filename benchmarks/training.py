"""One optimiser step of a large logic-gate net against a plain one: time and memory.

The yardstick is the straightforward way: activations batch-first, the softmax over 16 gates folded
to four coefficients, fused multiply-adds, gradients by autograd. Both nets have the same wiring and
weights; they take steps in turn in one process, and the medians are compared. Peak memory is that
of a fresh process that takes steps of one net alone.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from lithify.compiler.nets import GroupSum, logic
from lithify.compiler.nets.gates.soft import corner_coefficients, table_corners

INPUTS, WIDTH, DEPTH, CLASSES, BATCH = 400, 8000, 6, 10, 100
MOST_TIME, MOST_MEGABYTES = 0.45, 125
WARM_UP = 3
Step = Callable[[], float]


class PlainLayer(nn.Module):
    """Gates evaluated batch-first, left to autograd."""

    first: Tensor
    second: Tensor
    basis: Tensor

    def __init__(self, weights: Tensor, wires: Tensor) -> None:
        """Take over weights and wiring."""
        super().__init__()
        self.weights = nn.Parameter(weights.detach().clone())
        self.register_buffer("first", wires[0].long())
        self.register_buffer("second", wires[1].long())
        self.register_buffer("basis", corner_coefficients(table_corners()))

    def forward(self, x: Tensor) -> Tensor:
        """Activations `[batch, outputs]` of `[batch, inputs]`."""
        c0, c1, c2, c3 = self.basis @ torch.softmax(self.weights, 1).t()
        a, b = x[:, self.first], x[:, self.second]
        return torch.addcmul(torch.addcmul(c0, c1, a), torch.addcmul(c2, c3, a), b)


def sample(seed: int) -> tuple[Tensor, Tensor]:
    """Random bits `[BATCH, INPUTS]` and labels."""
    generator = torch.Generator().manual_seed(seed)
    bits = torch.randint(0, 2, (BATCH, INPUTS), generator=generator).float()
    return bits, torch.randint(0, CLASSES, (BATCH,), generator=generator)


def steps_of(which: str, *, width: int = WIDTH) -> Step:
    """A function that takes one optimiser step and gives its loss."""
    net = logic(inputs=INPUTS, layers=[width] * DEPTH, classes=CLASSES, residual=0, seed=0)
    x, labels = sample(0)
    if which == "lithify":
        features = x.t().contiguous()
        return stepper(net, lambda: net.logits(features), labels, fused=True)
    layers = [PlainLayer(layer.weights, layer.wires) for layer in net.layers]  # type: ignore[arg-type]
    plain = nn.Sequential(*layers)
    assert isinstance(net.head, GroupSum)
    scale = net.head.temperature

    def logits() -> Tensor:
        groups: Tensor = plain(x).view(BATCH, CLASSES, -1)
        return groups.sum(2) / scale

    return stepper(plain, logits, labels, fused=False)


def stepper(net: nn.Module, logits: Callable[[], Tensor], labels: Tensor, *, fused: bool) -> Step:
    """One step: loss, gradients, Adam."""
    optimiser = torch.optim.Adam(net.parameters(), lr=0.01, fused=fused)

    def step() -> float:
        loss = functional.cross_entropy(logits(), labels)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        return float(loss.detach())

    return step


def time_steps(rounds: int) -> dict[str, float]:
    """Median seconds of a step of both, taken in turn, and their ratio."""
    steps = {name: steps_of(name) for name in ("lithify", "plain")}
    times: dict[str, list[float]] = {name: [] for name in steps}
    losses: dict[str, float] = {}
    for round_ in range(WARM_UP + rounds):
        for name, step in steps.items():
            started = time.perf_counter()
            losses[name] = step()
            if round_ >= WARM_UP:
                times[name].append(time.perf_counter() - started)
    if not np.isclose(losses["lithify"], losses["plain"], rtol=1e-3):
        raise SystemExit(f"the two nets part: losses {losses}")
    medians = {name: statistics.median(values) for name, values in times.items()}
    ratio = statistics.median(
        ours / theirs for ours, theirs in zip(times["lithify"], times["plain"], strict=True)
    )
    return {**medians, "ratio": ratio}


def grow(which: str) -> float:
    """Megabytes by which peak memory grows for the net and its steps.

    A step of a tiny net comes first and loads what torch loads at the first step of anything.
    """
    steps_of(which, width=CLASSES)()
    before = peak_megabytes()
    step = steps_of(which)
    for _ in range(WARM_UP):
        step()
    return peak_megabytes() - before


def peak_megabytes() -> float:
    """The peak memory of this process.

    Linux tells it per program; `getrusage` also counts what the parent held at the fork.
    """
    (line,) = (one for one in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in one)
    return int(line.split()[1]) / 1024


def grow_apart(which: str, threads: int) -> float:
    """`grow` in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.training", "--grow", which]
    done = subprocess.run(
        [*command, "--threads", str(threads)], check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def main() -> int:
    """The exit code: 1 where --check finds a bar missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__)
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    parser.add_argument("--check", action="store_true", help="exit 1 where a bar is missed")
    parser.add_argument("--rounds", type=int, default=25, help="steps of each net (default 25)")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch (default 1)")
    parser.add_argument("--grow", choices=("lithify", "plain"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.grow:
        print(grow(options.grow))
        return 0
    times = time_steps(options.rounds)
    grown = {name: grow_apart(name, options.threads) for name in ("lithify", "plain")}
    good = times["ratio"] <= MOST_TIME and grown["lithify"] <= MOST_MEGABYTES
    print(f"one step of {DEPTH} x {WIDTH} gates, batch {BATCH}, {options.threads} thread(s)")
    print(f"{'':10}{'ms a step':>12}{'ratio':>10}{'peak MB':>10}")
    print(f"{'plain':10}{times['plain'] * 1e3:12.1f}{1:10.2f}{grown['plain']:10.0f}")
    ours = f"{times['lithify'] * 1e3:12.1f}{times['ratio']:10.2f}{grown['lithify']:10.0f}"
    print(f"{'lithify':10}{ours}")
    print(f"{'bar':10}{'':12}{MOST_TIME:10.2f}{MOST_MEGABYTES:10}  {'met' if good else 'MISSED'}")
    if options.json:
        figures = {"step_seconds": times, "growth_megabytes": grown, "met": good}
        print(json.dumps(figures, sort_keys=True))
    return 1 if options.check and not good else 0


if __name__ == "__main__":
    sys.exit(main())
