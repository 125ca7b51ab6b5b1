"""Binary nets of dense layers in ONNX and QONNX files, read as circuits of thresholds.

Features are made binary (`BipolarQuant`, `Sign`, a comparison, `MultiThreshold`), multiplied by
constant whole matrices, scaled and shifted a value at a time (`BatchNormalization`, `Mul`, `Add`
and so on), compared, and so forth; the last sums are the scores.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lithify.compiler.codes import InputCode
from lithify.compiler.importers import onnx_bits, onnx_windows
from lithify.compiler.importers.hints import Hints
from lithify.compiler.importers.lookup import Array, Imported
from lithify.compiler.importers.onnx_constants import ARITHMETIC, constant
from lithify.compiler.importers.onnx_graph import Graph, Node, read_graph
from lithify.compiler.importers.onnx_levels import (
    LEVELLING,
    Ladder,
    decisions,
    each,
    ladder,
)
from lithify.compiler.importers.onnx_values import (
    Features,
    Levels,
    Ordered,
    Rectified,
    Sums,
    binarise,
    compare,
    multiply,
    require_no_change,
)
from lithify.compiler.importers.windows import Shape
from lithify.ir.builder import Builder
from lithify.ir.errors import FormatError, HardenError, InputError
from lithify.ir.ports import Signals

MOST_FEATURES = 1 << 18
ROUNDED = 2.0**-44  # what the offsets of scores may differ by, a part of them: rounding in float64
Flow = Features | Levels | Sums | Rectified | Ordered
# What changes no value, or, after the last sums, no order of them.
PASSING = ("Identity", "Flatten", "Reshape", "Dropout", "Cast", "Squeeze", "Unsqueeze")
ORDERING = ("Softmax", "LogSoftmax", "ArgMax", "TopK")


@dataclass(slots=True)
class _Run:
    """What is known of each name while the nodes are gone through."""

    builder: Builder
    constants: dict[str, Array]
    flows: dict[str, Flow]
    features: int
    rows: list[Array] | None = None
    entry: Signals | None = None
    shapes: dict[str, Shape] = field(default_factory=dict)


def read(data: bytes, filename: str, hints: Hints) -> Imported:
    """The circuit of the model: scores read by argmax."""
    graph = read_graph(data, filename)
    if onnx_bits.is_of_bits(graph):
        return onnx_bits.read(graph, hints)
    if len(graph.inputs) != 1 or not graph.outputs:
        raise FormatError(
            f"{filename}: {len(graph.inputs)} inputs and {len(graph.outputs)} outputs; a net of "
            "one input and one output can be read"
        )
    ((name, shape),) = graph.inputs.items()
    count = hints.inputs or math.prod(shape[1:])
    if not 1 <= count <= MOST_FEATURES:
        raise InputError(
            f"the input has shape {list(shape)}; 1 to {MOST_FEATURES:,} features can be read, and "
            "--inputs says how many where the file does not"
        )
    # Bits of features are made once their thresholds are known, which is before any gate.
    image = shape[1:] if len(shape) == 4 and math.prod(shape[1:]) == count else ()
    code, run = _encoded(graph, name, count, image)
    flow: Flow | None = None
    for node in graph.nodes:
        flow = _step(run, node) or flow
    last = run.flows.get(graph.outputs[0], flow)
    last = last.sums if isinstance(last, Ordered) else last
    if not isinstance(last, Sums):
        raise HardenError(f"its output {graph.outputs[0]} is no sum a class")
    names = hints.names(last.count)
    if len(names) != last.count:
        raise InputError(f"{len(names)} class names for {last.count} classes")
    notes = {"format": "onnx", **_scores(run.builder, last, names)}
    return Imported(run.builder.finish(readout="argmax"), code, names, notes)


def _encoded(graph: Graph, name: str, count: int, image: Shape) -> tuple[InputCode, _Run]:
    """The code of the features, found by a first run over the nodes up to the first bits."""
    probe = _Run(Builder(), dict(graph.constants), {name: Features(count)}, count)
    probe.shapes[name] = image
    for node in graph.nodes:
        _step(probe, node)
        if probe.rows is not None:
            break
    if probe.rows is None:
        raise HardenError("the features are never made binary; nothing can be read exactly")
    code = InputCode.rank([row.tolist() for row in probe.rows])
    run = _Run(Builder(), dict(graph.constants), {name: Features(count)}, count)
    run.shapes[name] = image
    run.entry = run.builder.port(code.ports()[0]).reshape(count, -1)
    return code, run


def _step(run: _Run, node: Node) -> Flow | None:
    """Do one operation; what came out where that is no constant."""
    flowing = [name for name in node.inputs if name in run.flows]
    if len(flowing) > 1:
        raise HardenError(f"{node.name}: it joins two paths; nets are read that are one chain")
    constants = [run.constants[n] for n in node.inputs if n in run.constants]
    if not flowing:
        run.constants[node.outputs[0]] = constant(node, constants)
        return None
    missing = [n for n in node.inputs if n and n not in run.flows and n not in run.constants]
    if missing:
        raise FormatError(f"{node.name}: its input {missing[0]} is never made")
    flow, shape = run.flows[flowing[0]], run.shapes.get(flowing[0], ())
    if node.op in ("Conv", "MaxPool"):
        flow, shape = _windowed(run, node, flow, constants, shape)
    else:
        if shape and node.op not in ("MatMul", "Gemm", *PASSING):
            by_channel = node.op in ("BatchNormalization", "MultiThreshold")
            constants = [onnx_windows.spread(c, shape, by_channel=by_channel) for c in constants]
        flow = _apply(run, node, flow, constants, node.inputs[0] == flowing[0])
        shape = shape if node.op not in ("MatMul", "Gemm", "Flatten", "Reshape") else ()
    for output in node.outputs:
        run.flows[output], run.shapes[output] = flow, shape
    return flow


def _apply(run: _Run, node: Node, flow: Flow, given: list[Array], first: bool) -> Flow:
    """What an operation makes of a flow."""
    op = node.op
    if isinstance(flow, Ordered) or (op in ORDERING and isinstance(flow, Sums)):
        return _ordered(node, flow)
    if op in PASSING:
        return _passed(node, flow)
    if isinstance(flow, Rectified):
        return _rectified(run, node, flow, given, first)
    if op in ("MatMul", "Gemm") and isinstance(flow, Levels) and given and first:
        return _product(node, flow, given)
    if op in ARITHMETIC and len(given) == 1:
        return _scaled(node, flow, given[0], first)
    if op == "BatchNormalization" and len(given) == 4:
        return _normalised(node, flow, given)
    if op == "Relu" and isinstance(flow, Sums | Features):
        return _relu(flow)
    if op in LEVELLING:
        return _levels(run, node, flow, given, first)
    if op == "Where" and isinstance(flow, Levels) and len(given) == 2 and first:
        high, low = (each(node, one, flow.count) for one in given)
        return Levels(flow.signals, low, high - low)
    what = {Features: "features", Levels: "levels", Sums: "sums"}[type(flow)]
    raise HardenError(f"{node.name}: no exact form of it on {what} is known here")


def _passed(node: Node, flow: Features | Levels | Sums | Rectified) -> Flow:
    if node.op == "Cast":
        require_no_change(node, flow)
    return flow


def _ordered(node: Node, flow: Sums | Ordered) -> Ordered:
    """The scores, of which nothing but their order is known from here on."""
    attributes = node.attributes
    if node.op not in (*PASSING, *ORDERING):
        raise HardenError(f"{node.name}: after the classes were put in order nothing more is read")
    axis = attributes.get("axis", 0 if node.op == "ArgMax" else -1)
    first = attributes.get("largest", 1) and not attributes.get("select_last_index", 0)
    if node.op in ORDERING and (axis not in (1, -1) or not first):
        raise HardenError(
            f"{node.name}: only the largest of the classes (axis 1 or -1), the first of equal "
            "ones, has a form here"
        )
    return flow if isinstance(flow, Ordered) else Ordered(flow)


def _relu(flow: Sums | Features) -> Flow:
    if isinstance(flow, Sums):
        return Rectified(flow)
    return Features(flow.count, (*flow.steps, lambda x: np.maximum(x, np.float32(0))))


def _windowed(
    run: _Run, node: Node, flow: Flow, given: list[Array], shape: Shape
) -> tuple[Flow, Shape]:
    """What a convolution or a pooling makes of an image, and its shape."""
    if not isinstance(flow, Levels) or not shape:
        raise HardenError(f"{node.name}: it is read of images of levels")
    if node.op == "MaxPool":
        return onnx_windows.pool(node.name, run.builder, flow, shape, node.attributes)
    if not 1 <= len(given) <= 2:
        raise HardenError(f"{node.name}: its kernels are no constants")
    sums, made = onnx_windows.convolve(node.name, flow, given[0], shape, node.attributes)
    if len(given) == 2:
        bias = onnx_windows.channels_of(given[1], made)
        sums = sums.scaled(np.ones(sums.count), each(node, bias, sums.count))
    return sums, made


def _product(node: Node, flow: Levels, given: list[Array]) -> Sums:
    matrix = np.asarray(given[0], np.float64)
    attributes = node.attributes
    if node.op == "Gemm":
        plain = all(attributes.get(key, 1.0) == 1.0 for key in ("alpha", "beta"))
        if not plain or attributes.get("transA", 0):
            raise HardenError(f"{node.name}: only alpha = beta = 1 and transA = 0 are read")
        matrix = matrix.T if attributes.get("transB", 0) else matrix
    sums = multiply(node.name, flow, matrix)
    if node.op == "Gemm" and len(given) > 1:
        bias = each(node, given[1], sums.count)
        return sums.scaled(np.ones(sums.count), bias)
    return sums


def _scaled(node: Node, flow: Flow, value: Array, first: bool) -> Flow:
    """A flow plus, minus, times or over a constant."""
    number = each(node, value, flow.count)
    if node.op == "Div" and (not first or (number == 0).any()):
        raise HardenError(f"{node.name}: only a division by constants other than 0 is read")
    if isinstance(flow, Features):
        act, small = ARITHMETIC[node.op], number.astype(np.float32)
        step = (lambda x: act(x, small)) if first else (lambda x: act(small, x))
        return Features(flow.count, (*flow.steps, step))
    one = np.ones(flow.count)
    factor, shift = {
        "Add": (one, number),
        "Sub": (one, -number) if first else (-one, number),
        "Mul": (number, 0 * one),
        "Div": (1 / np.where(number == 0, 1, number), 0 * one),
    }[node.op]
    if isinstance(flow, Levels):
        return Levels(flow.signals, flow.base * factor + shift, flow.step * factor)
    assert isinstance(flow, Sums)
    return flow.scaled(factor, shift)


def _normalised(node: Node, flow: Flow, given: list[Array]) -> Flow:
    if not isinstance(flow, Sums):
        raise HardenError(f"{node.name}: a normalisation is read after a product only")
    scale, bias, mean, variance = (each(node, one, flow.count) for one in given)
    spread = variance + float(node.attributes.get("epsilon", 1e-5))
    if (spread <= 0).any():
        raise HardenError(f"{node.name}: a variance is not positive")
    centred = flow.scaled(np.ones(flow.count), -mean)
    return centred.scaled(scale / np.sqrt(spread), bias)


def _levels(run: _Run, node: Node, flow: Flow, given: list[Array], first: bool) -> Levels:
    """The levels that a comparison or a quantiser gives."""
    made = ladder(node, flow.count, given, first)
    if isinstance(flow, Sums):
        if node.op == "Sign":
            _never_zero(node, flow)
        if made.divisor is not None:
            flow = flow.scaled(1 / made.divisor, np.full(flow.count, made.shift))
        signals = compare(node.name, run.builder, flow, made.bounds, made.strict)
    elif isinstance(flow, Features) and node.op != "Sign":
        signals = _entry(run, flow, made)
    else:
        raise HardenError(
            f"{node.name}: it is read after a product, and of features (but not Sign, which is 0 "
            "at 0)"
        )
    return Levels(signals, made.low, made.step)


def _rectified(run: _Run, node: Node, flow: Rectified, given: list[Array], first: bool) -> Flow:
    """What is made of sums whose negative values are 0: levels whose bounds are above 0."""
    if node.op in LEVELLING and node.op != "Sign":
        made = ladder(node, flow.count, given, first)
        least = made.bounds.min(axis=0, initial=np.inf)
        above = (least > 0) | ((least == 0) & np.array(made.strict))
        if above.all() and not made.shift:
            return _levels(run, node, flow.sums, given, first)
    raise HardenError(
        f"{node.name}: after Relu only comparisons with bounds above 0 have an exact form here"
    )


def _never_zero(node: Node, sums: Sums) -> None:
    """Raise HardenError where a sum can be 0, of which Sign is 0."""
    root = -sums.offset / np.where(sums.unit == 0, 1, sums.unit)
    low = np.minimum(sums.weights, 0).sum(axis=1)
    high = np.maximum(sums.weights, 0).sum(axis=1)
    zero = (root == np.round(root)) & (root >= low) & (root <= high)
    if zero.any():
        raise HardenError(
            f"{node.name}: the sum of unit {int(np.argmax(zero))} can be 0, of which Sign is 0: "
            "that is no binary activation. BipolarQuant is 1 there"
        )


def _entry(run: _Run, flow: Features, made: Ladder) -> Signals:
    """The bits [features, bounds] that features become, a comparison of their code each."""
    found = [binarise(flow, decide) for decide in decisions(made)]
    numbers, last = (np.stack(parts, axis=1) for parts in zip(*found, strict=True))
    changes = np.isfinite(numbers)
    run.rows = [np.unique(row[kept]) for row, kept in zip(numbers, changes, strict=True)]
    if run.entry is None:
        return np.zeros(numbers.shape, np.int32)
    pairs = zip(run.rows, numbers, strict=True)
    ranks = np.stack([np.searchsorted(row, values) for row, values in pairs]) + 1
    width = run.entry.shape[1]
    pins = np.repeat(run.entry, numbers.shape[1], axis=0)
    powers = np.broadcast_to(1 << np.arange(width), pins.shape)
    bits = pins[:, 0]
    if width > 1:
        bits = run.builder.thresholds(np.where(changes, ranks, 1).ravel(), pins, powers)
    inverted = run.builder.tables(np.full(bits.size, 0b01), bits[:, None])
    above, below = (one.reshape(numbers.shape) for one in (bits, inverted))
    return np.where(last, np.where(changes, above, 1), np.where(changes, below, 0))


def _scores(builder: Builder, sums: Sums, names: tuple[str, ...]) -> dict[str, Any]:
    """Add a score a class; all are the sums over one positive unit, shifted alike."""
    from lithify.compiler.lowering import score_names

    unit = float(sums.unit[0])
    offsets = (sums.offset - sums.offset[0]) / unit if unit else sums.offset
    biases = np.round(offsets)
    alike = unit > 0 and (sums.unit == unit).all()
    rounded = ROUNDED * np.abs(sums.offset).max() / unit if unit else 0.0
    if not alike or (np.abs(biases - offsets) > rounded).any() or np.abs(biases).max() >= 2**53:
        raise HardenError(
            "the output: the scores of the classes are scaled differently, or shifted by parts of "
            "a step; whole scores of one positive scale have an exact form"
        )
    every = np.broadcast_to(sums.signals, sums.weights.shape)
    rows = zip(score_names(names), every, sums.weights, biases, strict=True)
    for name, pins, row, bias in rows:
        kept = np.flatnonzero(row)
        builder.score(name, pins[kept], row[kept], bias=int(bias))
    return {"unit": unit, "offset": float(sums.offset[0])}
