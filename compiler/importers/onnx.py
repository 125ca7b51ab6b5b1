"""Binary nets of dense layers in ONNX and QONNX files, read as circuits of thresholds.

Features are made binary (`BipolarQuant`, `Sign`, a comparison, `MultiThreshold`), multiplied by
constant whole matrices, scaled and shifted a value at a time (`BatchNormalization`, `Mul`, `Add`
and so on), compared, and so forth; the last sums are the scores.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lithify.compiler.codes import InputCode
from lithify.compiler.importers import onnx_bits, onnx_windows
from lithify.compiler.importers.hints import Hints
from lithify.compiler.importers.lookup import Array, Imported
from lithify.compiler.importers.onnx_graph import Graph, Node, read_graph
from lithify.compiler.importers.onnx_values import (
    Features,
    Levels,
    Real,
    Sums,
    binarise,
    compare,
    multiply,
)
from lithify.compiler.importers.windows import Shape
from lithify.ir.builder import Builder
from lithify.ir.errors import FormatError, HardenError, InputError
from lithify.ir.ports import Signals

Flow = Features | Levels | Sums
ARITHMETIC: dict[str, Callable[[Array, Array], Array]] = {
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Div": np.divide,
}
COMPARISONS = ("Greater", "GreaterOrEqual", "Less", "LessOrEqual")
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
    thresholds: list[float] = field(default_factory=list)
    entry: Signals | None = None
    shapes: dict[str, Shape] = field(default_factory=dict)


def read(data: bytes, filename: str, hints: Hints) -> Imported:
    """The circuit of the model: scores read by argmax."""
    graph = read_graph(data, filename)
    if onnx_bits.is_of_bits(graph):
        return onnx_bits.read(graph, filename, hints)
    if len(graph.inputs) != 1 or not graph.outputs:
        raise FormatError(
            f"{filename}: {len(graph.inputs)} inputs and {len(graph.outputs)} outputs; a net of "
            "one input and one output can be read"
        )
    ((name, shape),) = graph.inputs.items()
    count = hints.inputs or math.prod(shape[1:])
    if not 1 <= count < 2**20:
        raise InputError(f"{filename}: the input has shape {list(shape)}; say --inputs")
    # Bits of features are made once their thresholds are known, which is before any gate.
    image = shape[1:] if len(shape) == 4 and math.prod(shape[1:]) == count else ()
    code, run = _encoded(graph, name, count, image)
    flow: Flow | None = None
    for node in graph.nodes:
        flow = _step(run, node) or flow
    last = run.flows.get(graph.outputs[0], flow)
    if not isinstance(last, Sums):
        raise HardenError(f"{filename}: its output {graph.outputs[0]} is no sum a class")
    names = hints.names(last.count)
    if len(names) != last.count:
        raise InputError(f"{len(names)} class names for {last.count} classes")
    notes = {"format": "onnx", **_scores(run.builder, last, names)}
    return Imported(run.builder.finish(readout="argmax"), code, names, notes)


def _encoded(graph: Graph, name: str, count: int, image: Shape) -> tuple[InputCode, _Run]:
    """The code of the features, found by a first run over the nodes up to the first bits."""
    probe = _Run(Builder(), dict(graph.constants), {name: Features(count)}, count)
    probe.shapes[name] = image
    probe.entry = probe.builder.input("x", count=count).ravel()
    for node in graph.nodes:
        _step(probe, node)
        if probe.thresholds:
            break
    if not probe.thresholds:
        raise HardenError("the features are never made binary; nothing can be read exactly")
    finite = [[t] if math.isfinite(t) else [] for t in probe.thresholds]
    code = InputCode.rank(finite)
    run = _Run(Builder(), dict(graph.constants), {name: Features(count)}, count)
    run.shapes[name] = image
    run.entry = run.builder.port(code.ports()[0]).ravel()
    return code, run


def _step(run: _Run, node: Node) -> Flow | None:
    """Do one operation; what came out where that is no constant."""
    flowing = [name for name in node.inputs if name in run.flows]
    if len(flowing) > 1:
        raise HardenError(f"{node.name}: it joins two paths; nets are read that are one chain")
    constants = [run.constants[n] for n in node.inputs if n in run.constants]
    if not flowing:
        run.constants[node.outputs[0]] = _constant(node, constants)
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


def _constant(node: Node, given: list[Array]) -> Array:
    """The value of an operation on constants."""
    op = node.op
    if op == "Constant" and isinstance(node.attributes.get("value"), np.ndarray):
        return np.asarray(node.attributes["value"])
    if len(given) != len([name for name in node.inputs if name]):
        raise FormatError(f"{node.name}: an input of it is never made")
    if op in ARITHMETIC and len(given) == 2:
        return ARITHMETIC[op](given[0], given[1])
    if op == "BipolarQuant" and len(given) == 2:
        return np.where(given[0] >= 0, 1.0, -1.0) * given[1]
    if op == "Sign" and len(given) == 1:
        return np.sign(given[0])
    if op == "Transpose" and len(given) == 1:
        return np.transpose(given[0], node.attributes.get("perm"))
    if op in ("Identity", "Cast") and given:
        return given[0]
    if op == "Shape":
        return np.empty(0)
    raise HardenError(f"{node.name}: this operation on constants is not known here")


def _apply(run: _Run, node: Node, flow: Flow, given: list[Array], first: bool) -> Flow:
    """What an operation makes of a flow."""
    op = node.op
    if op in PASSING or (op in ORDERING and isinstance(flow, Sums)):
        return flow
    if op in ("MatMul", "Gemm") and isinstance(flow, Levels) and given and first:
        return _product(node, flow, given)
    if op in ARITHMETIC and len(given) == 1:
        return _scaled(node, flow, given[0], first)
    if op == "BatchNormalization" and len(given) == 4:
        return _normalised(node, flow, given)
    if op in ("Sign", "BipolarQuant", "MultiThreshold", *COMPARISONS):
        return _levels(run, node, flow, given, first)
    if op == "Where" and isinstance(flow, Levels) and len(given) == 2 and first:
        high, low = (_each(node, one, flow.count) for one in given)
        return Levels(flow.signals, low, high - low)
    what = {Features: "features", Levels: "levels", Sums: "sums"}[type(flow)]
    raise HardenError(f"{node.name}: no exact form of it on {what} is known here")


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
        sums = sums.scaled(np.ones(sums.count), _each(node, bias, sums.count))
    return sums, made


def _each(node: Node, values: Array, count: int) -> Real:
    """A number for each value, out of one or as many."""
    flat = np.asarray(values, np.float64).ravel()
    if flat.size not in (1, count) or not np.isfinite(flat).all():
        raise HardenError(f"{node.name}: {flat.size} numbers for {count} values")
    return np.broadcast_to(flat, count).copy()


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
        bias = _each(node, given[1], sums.count)
        return sums.scaled(np.ones(sums.count), bias)
    return sums


def _scaled(node: Node, flow: Flow, value: Array, first: bool) -> Flow:
    """A flow plus, minus, times or over a constant."""
    number = _each(node, value, flow.count)
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
    return flow.scaled(factor, shift)


def _normalised(node: Node, flow: Flow, given: list[Array]) -> Flow:
    if not isinstance(flow, Sums):
        raise HardenError(f"{node.name}: a normalisation is read after a product only")
    scale, bias, mean, variance = (_each(node, one, flow.count) for one in given)
    spread = variance + float(node.attributes.get("epsilon", 1e-5))
    if (spread <= 0).any():
        raise HardenError(f"{node.name}: a variance is not positive")
    centred = flow.scaled(np.ones(flow.count), -mean)
    return centred.scaled(scale / np.sqrt(spread), bias)


def _levels(run: _Run, node: Node, flow: Flow, given: list[Array], first: bool) -> Levels:
    """The levels that a comparison gives."""
    bounds, low, step, strict, flip = _comparison(node, flow, given, first)
    if isinstance(flow, Sums):
        if node.op == "Sign":
            _never_zero(node, flow)
        signals = compare(node.name, run.builder, flow, bounds, strict=strict)
    elif isinstance(flow, Features) and bounds.shape[1] == 1 and node.op != "Sign":
        signals = _entry(run, node, flow, bounds[:, 0], strict)
    else:
        raise HardenError(
            f"{node.name}: it is read after a product, and of one bound (not Sign, which gives 0 "
            "at 0) of features"
        )
    if flip:
        low, step = low + step, -step
    ones = np.ones(flow.count)
    return Levels(signals, low * ones, step * ones)


def _comparison(
    node: Node, flow: Flow, given: list[Array], first: bool
) -> tuple[Real, float, float, bool, bool]:
    """Bounds [values, each], the lowest level, the step, and whether strict and inverted."""
    count, op = flow.count, node.op
    if op == "Sign":
        return np.zeros((count, 1)), -1.0, 2.0, False, False
    if op == "BipolarQuant":
        scale = _each(node, given[0], 1)[0] if len(given) == 1 else 0.0
        if scale <= 0:
            raise HardenError(f"{node.name}: its scale is no positive number")
        return np.zeros((count, 1)), -scale, 2 * scale, False, False
    if op == "MultiThreshold":
        return _thresholds(node, count, given)
    if len(given) != 1:
        raise HardenError(f"{node.name}: it compares with something but one constant")
    less = op.startswith("Less") == first  # so many are high below the bound
    strict = (op in ("Greater", "Less")) != less
    return _each(node, given[0], count)[:, None], 0.0, 1.0, strict, less


def _thresholds(
    node: Node, count: int, given: list[Array]
) -> tuple[Real, float, float, bool, bool]:
    rows = np.asarray(given[0], np.float64) if len(given) == 1 else np.empty(0)
    if rows.ndim != 2 or len(rows) not in (1, count) or not np.isfinite(rows).all():
        raise HardenError(f"{node.name}: thresholds of shape {list(rows.shape)} for {count} values")
    attributes: dict[str, Any] = node.attributes
    step, low = float(attributes.get("out_scale", 1.0)), float(attributes.get("out_bias", 0.0))
    return np.broadcast_to(rows, (count, rows.shape[1])), low, step, False, False


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


def _entry(run: _Run, node: Node, flow: Features, bounds: Real, strict: bool) -> Signals:
    """The bits that features become, a comparison each."""
    limits = bounds.astype(np.float32)
    decide = (lambda v: v > limits) if strict else (lambda v: v >= limits)
    numbers, last = binarise(flow, decide)
    assert run.entry is not None
    run.thresholds = numbers.tolist()
    constant = ~np.isfinite(numbers)
    bits = np.where(constant, 0, run.entry).astype(np.int32)
    flipped = run.builder.tables(np.full(bits.size, 0b01), bits[:, None])
    return np.where(last, np.where(constant, 1, bits), np.where(constant, 0, flipped))[:, None]


def _scores(builder: Builder, sums: Sums, names: tuple[str, ...]) -> dict[str, Any]:
    """Add a score a class; all are the sums over one positive unit, shifted alike."""
    from lithify.compiler.lowering import score_names

    unit = float(sums.unit[0])
    offsets = (sums.offset - sums.offset[0]) / unit if unit else sums.offset
    biases = np.round(offsets)
    alike = unit > 0 and (sums.unit == unit).all()
    if not alike or (biases != offsets).any() or np.abs(biases).max() >= 2**53:
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
