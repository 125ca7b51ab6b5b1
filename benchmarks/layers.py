"""One training step of layers of 14 kinds against plain ones: `python -m benchmarks.layers`.

The yardstick is what one writes first in torch: activations batch-first, whole-array operations,
gradients by autograd, the same weights and the same wiring. Both give equal activations, take
steps in turn in one process, and the median of the ratios counts. A step is activations, the
gradients of weights and inputs, and Adam; layers without weights take none.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from lithify.compiler.nets.binary.conv import BinaryConv
from lithify.compiler.nets.binary.dense import BinaryDense
from lithify.compiler.nets.gates.compact import CompactLayer
from lithify.compiler.nets.gates.convolution import ConvolutionLayer
from lithify.compiler.nets.gates.dense import LogicLayer
from lithify.compiler.nets.gates.learned import LearnedLayer
from lithify.compiler.nets.gates.pool import OrPool
from lithify.compiler.nets.gates.soft import corner_coefficients, table_corners
from lithify.compiler.nets.layer import Layer
from lithify.compiler.nets.soft_bits.fixed import Count, Majority
from lithify.compiler.nets.soft_bits.match import MatchLayer
from lithify.compiler.nets.soft_bits.weighted import AndLayer, NotLayer, OrLayer, XorLayer
from lithify.compiler.nets.space import Shape, Window

BATCH, ROUNDS, WARM_UP = 100, 9, 2
BASIS = corner_coefficients(table_corners())
Forward = Callable[[Tensor, Sequence[Tensor]], Tensor]


@dataclass(frozen=True, slots=True)
class Pair:
    """A layer, and a plain function of inputs `[batch, inputs]` and copies of its parameters."""

    name: str
    layer: Layer
    plain: Forward


def gates(x: Tensor, first: Tensor, second: Tensor, logits: Tensor) -> Tensor:
    """Soft gates with a softmax over 16 tables each."""
    c0, c1, c2, c3 = BASIS @ torch.softmax(logits, 1).t()
    a, b = x[:, first], x[:, second]
    return torch.addcmul(torch.addcmul(c0, c1, a), torch.addcmul(c2, c3, a), b)


def dense(rng: np.random.Generator) -> Pair:
    """Gates with fixed wiring."""
    layer = LogicLayer(8000, 8000, generator=rng)
    first, second = layer.wires.long()
    return Pair("gates", layer, lambda x, w: gates(x, first, second, w[0]))


def learned(rng: np.random.Generator) -> Pair:
    """Gates that choose each operand among 32."""
    candidates = rng.integers(0, 2000, (2, 2000, 32), dtype=np.int32)
    layer = LearnedLayer(2000, 2000, candidates, generator=rng)
    places = layer.candidates.long()
    rows = torch.arange(4000)

    def plain(x: Tensor, w: Sequence[Tensor]) -> Tensor:
        mixed = [(x[:, places[i]] * torch.softmax(w[1][i], 1)).sum(2) for i in (0, 1)]
        return gates(torch.cat(mixed, 1), rows[:2000], rows[2000:], w[0])

    return Pair("learned", layer, plain)


def compact(rng: np.random.Generator) -> Pair:
    """Gates that mix sixteen candidates of table and sources."""
    layer = CompactLayer(2000, 2000, candidates=16, generator=rng)
    tables, wires = layer.tables.long(), layer.wires.long()

    def plain(x: Tensor, w: Sequence[Tensor]) -> Tensor:
        c0, c1, c2, c3 = (BASIS.t()[tables] * torch.softmax(w[0], 1)[..., None]).unbind(2)
        a, b = x[:, wires[0]], x[:, wires[1]]
        return ((c0 + c1 * a) + (c2 + c3 * a) * b).sum(2)

    return Pair("compact", layer, plain)


def convolution(rng: np.random.Generator) -> Pair:
    """A gate a channel over windows of three by three."""
    image = Shape(16, 14, 14)
    layer = ConvolutionLayer(image, 64, Window(3, 1, 1), generator=rng)
    first, second = torch.from_numpy(layer.sources()).long()
    cells = layer.places.cells

    def plain(x: Tensor, w: Sequence[Tensor]) -> Tensor:
        padded = functional.pad(x, (0, 1))
        return gates(padded, first, second, w[0].repeat_interleave(cells, 0))

    return Pair("convolution", layer, plain)


def pool(rng: np.random.Generator) -> Pair:
    """Or over squares of two by two."""
    image = Shape(64, 14, 14)

    def plain(x: Tensor, w: Sequence[Tensor]) -> Tensor:
        return functional.max_pool2d(x.view(-1, 64, 14, 14), 2).flatten(1)

    return Pair("or_pool", OrPool(image, Window(2, 2)), plain)


def pack(mean: Tensor, bit: Tensor) -> Tensor:
    """The margin of a representative bit, scaled by the mean."""
    return torch.where(bit > 0.5, 0.5 + mean * (bit - 0.5), bit + mean * (0.5 - bit))


def middle(x: Tensor) -> Tensor:
    """The packed majority along the last dimension, by sorting."""
    return pack(x.mean(-1), x.sort(-1).values[..., (x.shape[-1] - 1) // 2])


def masked(x: Tensor, other: Tensor) -> Tensor:
    """Both of two soft bits."""
    return pack((x + other) / 2, torch.minimum(x, other))


def joined(x: Tensor, other: Tensor) -> Tensor:
    """Either of two soft bits."""
    return pack((x + other) / 2, torch.maximum(x, other))


def conjunctions(rng: np.random.Generator) -> Pair:
    """Soft conjunctions of what the weights include."""

    def plain(x: Tensor, w: Sequence[Tensor]) -> Tensor:
        return joined(x[:, None], 1 - w[0]).amin(2)

    return Pair("and", AndLayer(256, 64, generator=rng), plain)


def disjunctions(rng: np.random.Generator) -> Pair:
    """Soft disjunctions of what the weights include."""

    def plain(x: Tensor, w: Sequence[Tensor]) -> Tensor:
        return masked(w[0], x[:, None]).amax(2)

    return Pair("or", OrLayer(256, 64, generator=rng), plain)


def parities(rng: np.random.Generator) -> Pair:
    """Soft exclusive-ors of what the weights include."""

    def plain(x: Tensor, w: Sequence[Tensor]) -> Tensor:
        rest = torch.minimum(w[0], x[:, None])
        while rest.shape[2] > 1:
            a, b = rest.chunk(2, 2)
            rest = torch.minimum(torch.maximum(a, b), 1 - torch.minimum(a, b))
        return rest[..., 0]

    return Pair("xor", XorLayer(256, 64, generator=rng), plain)


def negations(rng: np.random.Generator) -> Pair:
    """Bits that weights keep or invert."""

    def plain(x: Tensor, w: Sequence[Tensor]) -> Tensor:
        return (1 - w[0] + x[:, None] * (2 * w[0] - 1)).flatten(1)

    return Pair("not", NotLayer(256, 64, generator=rng), plain)


def majorities(rng: np.random.Generator) -> Pair:
    """Majorities of sixteen bits."""
    return Pair("majority", Majority(16000, 16), lambda x, w: middle(x.view(-1, 1000, 16)))


def matches(rng: np.random.Generator) -> Pair:
    """Whether most of sixteen bits are as a pattern says."""

    def plain(x: Tensor, w: Sequence[Tensor]) -> Tensor:
        pattern = w[0].view(50, 20, 16)
        kept = 1 - pattern + x.view(-1, 50, 1, 16) * (2 * pattern - 1)
        return middle(kept).flatten(1)

    return Pair("match", MatchLayer(800, 20, 16, generator=rng), plain)


def counts(rng: np.random.Generator) -> Pair:
    """How many bits are low, one-hot."""

    def plain(x: Tensor, w: Sequence[Tensor]) -> Tensor:
        rising = functional.pad(functional.pad(x.sort(1).values, (1, 0)), (0, 1), value=1.0)
        return masked(1 - rising[:, :-1], rising[:, 1:])

    return Pair("count", Count(512), plain)


class PlainSign(torch.autograd.Function):
    """1 where a number is not negative, with the gradient of a clamp."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, x: Tensor) -> Tensor:
        """-1 or 1."""
        ctx.save_for_backward(x)
        return torch.where(x >= 0, 1.0, -1.0)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, *gradients: Tensor) -> Tensor:
        """What comes where the number is from -1 to 1."""
        (x,) = ctx.saved_tensors  # type: ignore[attr-defined]
        passed: Tensor = gradients[0] * (x.abs() <= 1)
        return passed


def sign(x: Tensor) -> Tensor:
    """The sign with a straight-through gradient."""
    signs: Tensor = PlainSign.apply(x)  # type: ignore[no-untyped-call]
    return signs


def neurons(rng: np.random.Generator) -> Pair:
    """Binary weights, batch norm, sign."""

    def plain(x: Tensor, w: Sequence[Tensor]) -> Tensor:
        sums = (2 * x - 1) @ sign(w[0]).t()
        normed = functional.batch_norm(sums, None, None, w[1], w[2], training=True)
        return (sign(normed) + 1) / 2

    return Pair("binary_dense", BinaryDense(784, 256, generator=rng), plain)


def filters(rng: np.random.Generator) -> Pair:
    """Binary filters of three by three, batch norm, sign."""
    layer = BinaryConv(Shape(16, 14, 14), 32, Window(3, 1, 1), generator=rng)

    def plain(x: Tensor, w: Sequence[Tensor]) -> Tensor:
        pixels = functional.pad((2 * x - 1).view(-1, 16, 14, 14), (1,) * 4, value=-1.0)
        sums = functional.conv2d(pixels, sign(w[0]).view(32, 16, 3, 3))
        normed = functional.batch_norm(sums, None, None, w[1], w[2], training=True)
        return ((sign(normed) + 1) / 2).flatten(1)

    return Pair("binary_conv", layer, plain)


PAIRS = (
    *(dense, learned, compact, convolution, pool),
    *(conjunctions, disjunctions, parities, negations, majorities, matches, counts),
    *(neurons, filters),
)


def measure(pair: Pair, rounds: int) -> dict[str, float]:
    """Median milliseconds of a step of both, and the median of the ratios."""
    torch.manual_seed(0)
    layer = pair.layer.train()
    ours = [one for one in layer.parameters() if one.requires_grad]
    theirs = [nn.Parameter(one.detach().clone()) for one in ours]
    samples = torch.rand(BATCH, layer.inputs)
    pull = torch.rand(layer.outputs, BATCH)
    x, y = (one.contiguous().requires_grad_() for one in (samples.t(), samples.clone()))
    steps = (
        _stepper(lambda: layer(x), x, pull, ours, fused=True),
        _stepper(lambda: pair.plain(y, theirs), y, pull.t().contiguous(), theirs, fused=False),
    )
    if not torch.allclose(layer(x), pair.plain(y, theirs).t(), atol=1e-4):
        raise SystemExit(f"{pair.name}: the plain layer is another function")
    times: tuple[list[float], list[float]] = ([], [])
    for round_ in range(WARM_UP + rounds):
        for step, spent in zip(steps, times, strict=True):
            started = time.perf_counter()
            step()
            if round_ >= WARM_UP:
                spent.append(1e3 * (time.perf_counter() - started))
    ratio = statistics.median(a / b for a, b in zip(*times, strict=True))
    return {"ms": statistics.median(times[0]), "plain": statistics.median(times[1]), "ratio": ratio}


def _stepper(
    forward: Callable[[], Tensor], x: Tensor, pull: Tensor, weights: list[nn.Parameter], fused: bool
) -> Callable[[], None]:
    """One step; both kinds of layers are pulled alike."""
    optimiser = torch.optim.Adam(weights, lr=1e-3, fused=fused) if weights else None

    def step() -> None:
        x.grad = None
        if optimiser is not None:
            optimiser.zero_grad()
        (forward() * pull).sum().backward()  # type: ignore[no-untyped-call]
        if optimiser is not None:
            optimiser.step()

    return step


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.layers", description=__doc__)
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"steps of each ({ROUNDS})")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch (1)")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"one step, batch {BATCH}, {options.threads} thread(s)")
    print(f"{'layer':16}{'ms':>9}{'plain ms':>10}{'ratio':>8}")
    found = {}
    for make in PAIRS:
        pair = make(np.random.default_rng(0))
        found[pair.name] = row = measure(pair, options.rounds)
        print(f"{pair.name:16}{row['ms']:9.2f}{row['plain']:10.2f}{row['ratio']:8.2f}", flush=True)
    if options.json:
        print(json.dumps(found, sort_keys=True))
    return 0


if __name__ == "__main__":
    sys.exit(main())
