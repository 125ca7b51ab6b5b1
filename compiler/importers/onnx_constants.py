"""Operations on constants in ONNX files: as runtimes fold them, before anything flows."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from lithify.compiler.importers.lookup import Array
from lithify.compiler.importers.onnx_graph import TYPES, Node
from lithify.compiler.importers.onnx_levels import QUANTISERS, quantised
from lithify.ir.errors import FormatError, HardenError

Elementwise = dict[str, Callable[[Array, Array], Array]]
ARITHMETIC: Elementwise = {
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Div": np.divide,
}
COMPARISONS: Elementwise = {
    "Greater": np.greater,
    "GreaterOrEqual": np.greater_equal,
    "Less": np.less,
    "LessOrEqual": np.less_equal,
}
MOST_VALUES = 1 << 26  # of a constant that is made of others


def constant(node: Node, given: list[Array]) -> Array:
    """The value of an operation on constants."""
    if node.op == "Constant" and isinstance(node.attributes.get("value"), np.ndarray):
        return np.asarray(node.attributes["value"])
    if node.op == "Shape":
        return np.empty(0)
    if len(given) != len([name for name in node.inputs if name]):
        raise FormatError(f"{node.name}: an input of it is never made")
    try:
        size = math.prod(np.broadcast_shapes(*(one.shape for one in given)))
        if size > MOST_VALUES:
            raise HardenError(f"{node.name}: {size:,} values; at most {MOST_VALUES:,} are made")
        with np.errstate(all="ignore"):  # infinite weights are refused where they are used
            made = _of(node, given)
    except (TypeError, ValueError) as error:
        raise HardenError(f"{node.name}: its constants do not fit ({error})") from error
    if made is None:
        raise HardenError(f"{node.name}: this operation on constants is not known here")
    return made


def _of(node: Node, given: list[Array]) -> Array | None:
    """The value, or None where the operation is not known."""
    match node.op, given:
        case op, [a, b] if op in ARITHMETIC:
            return ARITHMETIC[op](a, b)
        case op, [a, b] if op in COMPARISONS:
            return COMPARISONS[op](a, b)
        case "Where", [chosen, a, b]:
            return np.where(chosen, a, b)
        case "BipolarQuant", [a, size]:
            return np.where(a >= 0, 1.0, -1.0) * size
        case op, [_, _, _, _] if op in QUANTISERS:
            return quantised(node, given)
        case _, [a]:
            return _of_one(node, a)
    return None


def _of_one(node: Node, a: Array) -> Array | None:
    match node.op:
        case "Sign":
            return np.sign(a)
        case "Transpose":
            return np.transpose(a, node.attributes.get("perm"))
        case "Identity":
            return a
        case "Cast" if node.attributes.get("to") in TYPES:
            return a.astype(TYPES[node.attributes["to"]])
    return None
