"""One optimiser step of a compact net against a plain one, and the price of a candidate.

The yardstick gathers the operands of all candidates at once, mixes the gates by their
coefficients, and leaves the gradients to autograd. Both nets have the same candidates and weights.
The third net has one gate of fixed wiring in the place of each unit. All take steps in turn in one
process; the medians of processor time are compared, so that other programs matter little.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time

import torch
from torch import Tensor, nn

from benchmarks.training import BATCH, CLASSES, INPUTS, Step, sample, stepper
from lithify.compiler.nets import GroupSum, Thermometer, logic
from lithify.compiler.nets.gates.compact import CompactLayer
from lithify.compiler.nets.gates.compact_build import CompactSpec
from lithify.compiler.nets.gates.mixed import mixture

WIDTH, DEPTH, CANDIDATES = 2000, 4, 16
MOST_TIME, MOST_PRICE = 0.2, 0.5
WARM_UP = 2


class PlainCandidates(nn.Module):
    """All candidates at once, left to autograd."""

    def __init__(self, layer: CompactLayer) -> None:
        """Take over weights and candidates."""
        super().__init__()
        self.weights = nn.Parameter(layer.weights.detach().clone())
        self.tables, self.wires = layer.tables, layer.wires

    def forward(self, x: Tensor) -> Tensor:
        """Activations `[outputs, batch]` of `[inputs, batch]`."""
        return mixture(x, torch.softmax(self.weights, 1), self.tables, self.wires)


def steps() -> dict[str, Step]:
    """A function for each net that takes one optimiser step and gives its loss."""
    bits, labels = sample(0)
    x = bits.t().contiguous()
    spec = CompactSpec(layers=(WIDTH,) * DEPTH, candidates=CANDIDATES, residual=0)
    names = [str(digit) for digit in range(CLASSES)]
    net = spec.build(Thermometer.boolean(INPUTS), classes=CLASSES, class_names=names, seed=0)
    plain = nn.Sequential(
        *(PlainCandidates(one) for one in net.layers if isinstance(one, CompactLayer))
    )
    gates = logic(inputs=INPUTS, layers=[WIDTH] * DEPTH, classes=CLASSES, residual=0, seed=0)
    head = net.head
    assert isinstance(head, GroupSum)
    return {
        "plain": stepper(plain, lambda: head(plain(x)), labels, fused=True),
        "lithify": stepper(net, lambda: net.logits(x), labels, fused=True),
        "fixed": stepper(gates, lambda: gates.logits(x), labels, fused=True),
    }


def measure(rounds: int) -> dict[str, float]:
    """Median processor seconds of a step of each net, taken in turn."""
    taken = steps()
    times: dict[str, list[float]] = {name: [] for name in taken}
    losses: dict[str, float] = {}
    for round_ in range(WARM_UP + rounds):
        for name, step in taken.items():
            started = time.process_time()
            losses[name] = step()
            if round_ >= WARM_UP:
                times[name].append(time.process_time() - started)
    if abs(losses["lithify"] - losses["plain"]) > 1e-3 * losses["plain"]:
        raise SystemExit(f"the two nets part: losses {losses}")
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> int:
    """The exit code: 1 where --check finds a bar missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.candidates", description=__doc__)
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    parser.add_argument("--check", action="store_true", help="exit 1 where a bar is missed")
    parser.add_argument("--rounds", type=int, default=10, help="steps of each net (default 10)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    seconds = measure(options.rounds)
    ratio = seconds["lithify"] / seconds["plain"]
    price = seconds["lithify"] / seconds["fixed"] / CANDIDATES
    good = ratio <= MOST_TIME and price <= MOST_PRICE
    print(f"one step of {DEPTH} x {WIDTH} units of {CANDIDATES} candidates, batch {BATCH}")
    for name, value in seconds.items():
        print(f"{name:10}{value * 1e3:10.1f} ms")
    print(f"lithify to plain {ratio:.3f} (bar {MOST_TIME})")
    print(f"a candidate to a gate of fixed wiring {price:.3f} (bar {MOST_PRICE})")
    print("met" if good else "MISSED")
    if options.json:
        print(json.dumps({"step_seconds": seconds, "met": good}, sort_keys=True))
    return 1 if options.check and not good else 0


if __name__ == "__main__":
    sys.exit(main())
