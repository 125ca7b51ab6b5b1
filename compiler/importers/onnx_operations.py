"""The operations of ONNX models of bits: what each makes of numbers that are known so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from lithify.compiler.codes import InputCode
from lithify.compiler.importers import onnx_forms
from lithify.compiler.importers.lookup import Array
from lithify.compiler.importers.onnx_forms import Forms, of_signals
from lithify.compiler.importers.onnx_graph import Node
from lithify.ir.builder import Builder
from lithify.ir.errors import HardenError

MOST_ELEMENTS = 1 << 26
WIDEST = 62
LARGE = 1e39  # more than float32 holds
# Whether a bound is exceeded rather than reached, and whether that makes the bit high.
COMPARED = {
    "GreaterOrEqual": (False, True),
    "Greater": (True, True),
    "Less": (False, False),
    "LessOrEqual": (True, False),
}
TURNED = {
    "GreaterOrEqual": "LessOrEqual",
    "Greater": "Less",
    "Less": "Greater",
    "LessOrEqual": "GreaterOrEqual",
}
GATES = {"And": 0b1000, "Or": 0b1110, "Xor": 0b0110, "Equal": 0b1001}


@dataclass(frozen=True, slots=True, eq=False)
class Codes:
    """Elements of an input, by their places, after `Mod` and `Div`; a width once it is known."""

    name: str
    places: Array
    batch: int
    width: int = 0
    shifts: Array | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Raw:
    """Float features, and the bounds [features, each] that they were compared with."""

    name: str
    count: int
    columns: bool = False
    bounds: Array | None = None


Flow = Forms | Codes | Raw
Given = list[Flow | Array]


@dataclass(slots=True)
class Run:
    """What is known of each name while the nodes are gone through."""

    builder: Builder
    constants: dict[str, Array]
    flows: dict[str, Flow]
    widths: dict[str, int]
    code: InputCode | None = None
    ports: dict[str, Array] = field(default_factory=dict)
    best: set[str] = field(default_factory=set)


def forms_of(run: Run, flow: Flow | Array | None) -> Forms:
    """The weighted sums that a flow is; the bits of an input become known here."""
    if isinstance(flow, Codes) and flow.width and flow.name in run.ports:
        bits = run.ports[flow.name]
        if flow.shifts is not None:
            return of_signals(bits[flow.places, flow.shifts], flow.batch)
        wide = of_signals(bits[flow.places], flow.batch)
        powers = np.int64(1) << np.arange(bits.shape[1], dtype=np.int64)
        return wide.times(np.broadcast_to(powers, wide.shape)).summed([flow.places.ndim])
    if not isinstance(flow, Forms):
        raise HardenError("it reads numbers whose bits were not taken out by Mod")
    return flow


def _whole(values: Array) -> Array:
    """A constant as integers of 64 bits."""
    exact = np.asarray(values)
    if not np.isfinite(exact).all() or (exact != np.floor(exact)).any():
        raise HardenError("a constant of it is no whole number")
    if np.abs(exact.astype(np.float64)).max(initial=0) > 2.0**62:
        raise HardenError("a constant of it is too large")
    return exact.astype(np.int64)


def _beside(forms: Forms, values: Array) -> Array:
    """A constant spread over the elements; it is the same for all samples."""
    plain = np.asarray(values)
    full = forms.full_shape(1)
    wide = np.broadcast_to(plain, np.broadcast_shapes(plain.shape, full))
    if wide.shape != full:
        if wide.size > MOST_ELEMENTS:
            raise HardenError(f"it has {wide.size} values; at most {MOST_ELEMENTS} can be read")
        raise HardenError(f"a constant {list(plain.shape)} for values {list(full)}")
    return wide.reshape(forms.shape)


def _same(run: Run, node: Node, given: Given) -> Flow | None:
    flow = given[0]
    kind = {1: "float", 11: "double"}.get(node.attributes.get("to", 0))
    if isinstance(flow, Forms) and kind is not None:
        flow.require_exact(kind)
    return None if isinstance(flow, np.ndarray) else flow


def _gather(run: Run, node: Node, given: Given) -> Flow | None:
    data, index = given
    axis = int(node.attributes.get("axis", 0))
    if isinstance(data, np.ndarray):
        if data.ndim != 1:
            return None
        forms = forms_of(run, index)
        made = onnx_forms.looked_up(run.builder, forms, _whole(data))
        return of_signals(made, forms.batch)
    if not isinstance(index, np.ndarray) or isinstance(data, Raw):
        return None
    forms = forms_of(run, data)
    at, count = _own_axis(forms, axis), index.ndim - 1
    if index.size * max(1, forms.places.size // max(1, forms.shape[at])) > MOST_ELEMENTS:
        raise HardenError(f"it has over {MOST_ELEMENTS} values")
    places = np.take(forms.places, _whole(index), axis=at)
    return forms.taken(places, forms.batch + (count if at < forms.batch else 0))


def _own_axis(forms: Forms, axis: int) -> int:
    """The axis of the shape, of one that counts the axis of the samples."""
    full = len(forms.shape) + 1
    axis = axis + full if axis < 0 else axis
    if axis == forms.batch or not 0 <= axis < full:
        raise HardenError("it works along the axis of the samples")
    return axis - (axis > forms.batch)


def _transpose(run: Run, node: Node, given: Given) -> Flow | None:
    flow = given[0]
    size = 2 if isinstance(flow, Codes) else len(forms_of(run, flow).shape) + 1
    order = node.attributes.get("perm") or list(range(size))[::-1]
    if sorted(order) != list(range(size)):
        raise HardenError(f"it has no order of {size} axes")
    if isinstance(flow, Codes):
        return Codes(flow.name, flow.places, order.index(flow.batch), flow.width, flow.shifts)
    forms = forms_of(run, flow)
    own = [axis - (axis > forms.batch) for axis in order if axis != forms.batch]
    return forms.taken(forms.places.transpose(own), order.index(forms.batch))


def _reshape(run: Run, node: Node, given: Given) -> Flow | None:
    flow, sizes = given
    if not isinstance(sizes, np.ndarray) or sizes.ndim != 1 or isinstance(flow, Raw):
        return None
    target = _whole(sizes).tolist()
    places = flow.places if isinstance(flow, Codes) else forms_of(run, flow).places
    assert not isinstance(flow, Raw | np.ndarray)
    if flow.batch == places.ndim and target[-1:] == [-1]:
        own, batch = target[:-1], len(target) - 1
    elif flow.batch == 0 and target[:1] in ([-1], [0]):
        own, batch = target[1:], 0
    else:
        raise HardenError("it mixes samples, or says how many there are")
    if own.count(-1) > (0 if target[0 if batch == 0 else -1] == -1 else 1):
        raise HardenError(f"its shape {target} is not known")
    new = places.reshape(own)
    if isinstance(flow, Codes):
        return _spread(flow, new, batch)
    return forms_of(run, flow).taken(new, batch)


def _spread(flow: Codes, places: Array, batch: int) -> Codes:
    """Codes whose places, and shifts, have got a new shape."""
    shifts = None if flow.shifts is None else flow.shifts.reshape(places.shape)
    return Codes(flow.name, places, batch, flow.width, shifts)


def _unsqueeze(run: Run, node: Node, given: Given) -> Flow | None:
    flow = given[0]
    axes = [int(one) for one in np.asarray(given[1]).ravel()] if len(given) > 1 else []
    if isinstance(flow, Raw):
        return Raw(flow.name, flow.count, columns=True) if axes in ([2], [-1]) else None
    if len(axes) != 1 or isinstance(flow, np.ndarray):
        return None
    places = flow.places
    axis = axes[0] + (places.ndim + 2 if axes[0] < 0 else 0)
    after = axis > flow.batch
    batch = flow.batch if after else flow.batch + 1
    new = np.expand_dims(places, axis - after)
    return _spread(flow, new, batch) if isinstance(flow, Codes) else flow.taken(new, batch)


def _concat(run: Run, node: Node, given: Given) -> Flow | None:
    parts = [forms_of(run, one) for one in given]
    if len({part.batch for part in parts}) > 1:
        raise HardenError("its parts differ in the axis of the samples")
    axis = _own_axis(parts[0], int(node.attributes.get("axis", 0)))
    return onnx_forms.joined(parts, axis)


def _scaled(run: Run, node: Node, given: Given) -> Flow | None:
    first = not isinstance(given[0], np.ndarray)
    if first and not isinstance(given[1], np.ndarray):
        one, other = (forms_of(run, flow) for flow in given)
        if node.op == "Mul" or one.shape != other.shape or one.batch != other.batch:
            return None
        return onnx_forms.added(one, other.times(-1) if node.op == "Sub" else other)
    forms = forms_of(run, given[0 if first else 1])
    value = _beside(forms, _whole(np.asarray(given[1 if first else 0])))
    if node.op == "Mul":
        return forms.times(value)
    if node.op == "Add":
        return forms.plus(value)
    return forms.plus(-value) if first else forms.times(-1).plus(value)


def _negated(run: Run, node: Node, given: Given) -> Flow | None:
    return forms_of(run, given[0]).times(-1)


def _modulo(run: Run, node: Node, given: Given) -> Flow | None:
    flow, by = given
    if not isinstance(flow, Codes) or not isinstance(by, np.ndarray) or by.size != 1:
        return None
    value = int(_whole(by).ravel()[0])
    width = value.bit_length() - 1
    if node.attributes.get("fmod", 0) or value != 1 << width or not 1 <= width <= WIDEST:
        raise HardenError(f"modulo {value}; a power of 2 is needed")
    if flow.shifts is not None:
        if width != 1:
            raise HardenError("it takes several bits out of a number at once")
        return flow
    if not run.ports:
        run.widths[flow.name] = max(run.widths.get(flow.name, 1), width)
    elif run.ports[flow.name].shape[1] != width:
        raise HardenError(f"input {flow.name} is taken modulo different numbers")
    return Codes(flow.name, flow.places, flow.batch, width)


def _divided(run: Run, node: Node, given: Given) -> Flow | None:
    flow, by = given
    if not isinstance(flow, Codes) or not flow.width or not isinstance(by, np.ndarray):
        return None
    powers = _whole(by)
    shifts = np.frexp(powers.astype(np.float64))[1] - 1
    if (powers < 1).any() or (powers != np.int64(1) << shifts).any() or flow.shifts is not None:
        raise HardenError("a division by something but powers of 2")
    if (shifts >= flow.width).any():
        raise HardenError("it shifts a number beyond its bits")
    full = (*flow.places.shape[: flow.batch], 1, *flow.places.shape[flow.batch :])
    new = np.broadcast_shapes(full, shifts.shape)
    if len(new) != len(full) or new[flow.batch] != 1 or int(np.prod(new)) > MOST_ELEMENTS:
        raise HardenError(f"constants {list(powers.shape)} for values {list(full)}")
    own = (*new[: flow.batch], *new[flow.batch + 1 :])
    places = np.broadcast_to(flow.places.reshape(full), new).reshape(own)
    wide = np.broadcast_to(shifts, new).reshape(own)
    return Codes(flow.name, places, flow.batch, flow.width, wide)


def _summed(run: Run, node: Node, given: Given) -> Flow | None:
    flow = given[0]
    axes = given[1] if len(given) > 1 else np.asarray(node.attributes.get("axes", []))
    if not isinstance(axes, np.ndarray) or not axes.size or node.attributes.get("keepdims", 1):
        return None
    numbers = [int(axis) for axis in _whole(axes).ravel()]
    if isinstance(flow, Raw):
        return _ranked(run, flow) if numbers in ([2], [-1]) else None
    forms = forms_of(run, flow)
    return forms.summed(sorted({_own_axis(forms, axis) for axis in numbers}))


def _ranked(run: Run, flow: Raw) -> Flow | None:
    """How many bounds each feature exceeds, which is its code."""
    if flow.bounds is None:
        return None
    run.code = InputCode.rank([_rising(row) for row in flow.bounds.astype(np.float64)])
    return Codes(flow.name, np.arange(flow.count), 0)


def _rising(bounds: Array) -> list[float]:
    """Numbers that rise and decide of float32 features what the bounds decide."""
    row: list[float] = np.maximum(np.sort(bounds[bounds < np.inf]), -LARGE).tolist()
    for place in range(1, len(row)):
        row[place] = max(row[place], float(np.nextafter(row[place - 1], np.inf)))
    return row


def _compared(run: Run, node: Node, given: Given) -> Flow | None:
    first = not isinstance(given[0], np.ndarray)
    flow, value = given if first else given[::-1]
    if isinstance(flow, Raw):
        if node.op != "Greater" or not first or not flow.columns:
            return None
        bounds = np.asarray(value)
        if bounds.shape[-2:] != (flow.count, bounds.shape[-1]) or bounds.size > MOST_ELEMENTS:
            raise HardenError(f"bounds {list(bounds.shape)} for {flow.count} features")
        return Raw(flow.name, flow.count, True, bounds.reshape(flow.count, -1))
    if not isinstance(value, np.ndarray):
        return None
    forms = forms_of(run, flow)
    limits = _beside(forms, np.asarray(value)).astype(np.float64)
    if not np.isfinite(limits).all() or np.abs(limits).max(initial=0) > 2.0**53:
        raise HardenError("a bound of it is no number that can be compared exactly")
    strict, upward = COMPARED[node.op if first else TURNED[node.op]]
    bounds = np.floor(limits) + 1 if strict else np.ceil(limits)
    made = onnx_forms.thresholds(run.builder, forms, bounds.astype(np.int64))
    if not upward:
        inverted = run.builder.tables(np.full(made.size, 0b01), made.reshape(-1, 1))
        made = inverted.reshape(made.shape)
    return of_signals(made, forms.batch)


def _logic(run: Run, node: Node, given: Given) -> Flow | None:
    parts = [forms_of(run, one) for one in given]
    reaches = [part.reach() for part in parts]
    bits = all(low.min() >= 0 and high.max() <= 1 for low, high in reaches)
    if not bits or len({(part.shape, part.batch) for part in parts}) > 1:
        raise HardenError("it joins something but bits of one shape")
    table, number = GATES.get(node.op, 0b01), parts[0]
    if len(parts) == 2:
        number = onnx_forms.added(number, parts[1].times(2))
    entries = np.array([table >> k & 1 for k in range(1 << len(parts))])
    return of_signals(onnx_forms.looked_up(run.builder, number, entries), number.batch)


def _product(run: Run, node: Node, given: Given) -> Flow | None:
    first = not isinstance(given[0], np.ndarray)
    forms = forms_of(run, given[0 if first else 1])
    matrix = _whole(np.asarray(given[1 if first else 0]))
    if matrix.ndim != 2 or len(forms.shape) != 1 or forms.batch != (0 if first else 1):
        return None
    matrix = matrix.T if first else matrix
    if matrix.shape[1] != forms.shape[0]:
        raise HardenError(f"a matrix {list(matrix.shape)} for {forms.shape[0]} values")
    made = onnx_forms.product(forms, matrix)
    if np.asarray(given[1 if first else 0]).dtype == np.float32:
        made.require_exact("float")
    return Forms(made.shape, forms.batch, made.ends, made.signals, made.weights, made.bias)


def _best(run: Run, node: Node, given: Given) -> Flow | None:
    forms = forms_of(run, given[0])
    attributes = node.attributes
    if attributes.get("select_last_index", 0) or _own_axis(forms, int(attributes.get("axis", 0))):
        return None
    return forms


Reader = Callable[[Run, Node, Given], Flow | None]
READERS: dict[str, Reader] = {
    "Add": _scaled,
    "And": _logic,
    "ArgMax": _best,
    "Cast": _same,
    "Concat": _concat,
    "Div": _divided,
    "Equal": _logic,
    "Gather": _gather,
    "Identity": _same,
    "MatMul": _product,
    "Mod": _modulo,
    "Mul": _scaled,
    "Neg": _negated,
    "Not": _logic,
    "Or": _logic,
    "ReduceSum": _summed,
    "Reshape": _reshape,
    "Sub": _scaled,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
    "Xor": _logic,
    **dict.fromkeys(COMPARED, _compared),
}
