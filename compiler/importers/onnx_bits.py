"""ONNX models of whole numbers and bits, read as circuits: what `lithify export` writes, and kin.

Inputs are whole numbers whose bits are taken out by `Mod` and `Div`, or features that are compared
with bounds and counted. Gathers, sums, products with constants, comparisons and tables follow.
"""

from __future__ import annotations

import numpy as np

from lithify.compiler.codes import WIDEST as WIDEST_CODE
from lithify.compiler.codes import InputCode
from lithify.compiler.importers.hints import Hints
from lithify.compiler.importers.lookup import Array, Imported
from lithify.compiler.importers.onnx_forms import Forms
from lithify.compiler.importers.onnx_graph import FLOATS, Graph, Node
from lithify.compiler.importers.onnx_operations import READERS, Codes, Raw, Run, forms_of
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit
from lithify.ir.errors import HardenError, InputError, LithifyError
from lithify.ir.ports import Port

MOST_WIDTH = 62
MISFITS = (IndexError, ValueError, TypeError, KeyError, OverflowError)


def is_of_bits(graph: Graph) -> bool:
    """Whether a model takes whole numbers, or counts the bounds that features exceed."""
    if any(kind not in FLOATS for kind in graph.kinds.values()):
        return True
    readers = [node.op for node in graph.nodes if any(name in graph.inputs for name in node.inputs)]
    return readers == ["Unsqueeze"]


def read(graph: Graph, hints: Hints) -> Imported:
    """The circuit of the model: words of its outputs, and the scores and argmax where it has them.

    A first run finds the widths of the inputs, which are made before any gate.
    """
    probe = _start(graph, {})
    _go(probe, graph, probe=True)
    run = _start(graph, probe.widths)
    run.code = probe.code
    for name, shape in graph.inputs.items():
        count = _count(name, shape)
        if probe.code is not None and name in probe.widths:
            port = probe.code.ports()[0]
        else:
            port = Port(name, run.widths.get(name, 1), count)
        run.ports[name] = run.builder.port(port).reshape(count, -1)
    _go(run, graph, probe=False)
    return _finished(run, graph, hints)


def _count(name: str, shape: tuple[int, ...]) -> int:
    if len(shape) != 2 or not 1 <= shape[1] <= 1 << 24:
        raise HardenError(f"input {name}: [samples, elements] is needed, not {list(shape)}")
    return shape[1]


def _start(graph: Graph, widths: dict[str, int]) -> Run:
    run = Run(Builder(), dict(graph.constants), {}, dict(widths))
    for name, shape in graph.inputs.items():
        count = _count(name, shape)
        if graph.kinds.get(name) in FLOATS:
            run.flows[name] = Raw(name, count)
        else:
            run.flows[name] = Codes(name, np.arange(count), 0)
    return run


def _go(run: Run, graph: Graph, *, probe: bool) -> None:
    """Do the operations; a probe leaves out those that it cannot do."""
    for node in graph.nodes:
        try:
            done = _step(run, node)
        except (LithifyError, *MISFITS) as error:
            if probe:
                continue
            why = str(error) if isinstance(error, LithifyError) else "its inputs do not fit"
            raise HardenError(f"{node.name}: {why}") from error
        if not done and not probe:
            raise HardenError(f"{node.name}: no exact form of it on bits is known here")


def _step(run: Run, node: Node) -> bool:
    """Do one operation; whether it could be done."""
    given = [run.flows.get(name, run.constants.get(name)) for name in node.inputs if name]
    known = [one for one in given if one is not None]
    if not node.outputs or len(known) < len(given) or not known:
        raise HardenError("an input of it is never made")
    reader = READERS.get(node.op)
    if reader is None or all(isinstance(one, np.ndarray) for one in known):
        return False
    made = reader(run, node, known)
    if made is None:
        return False
    run.flows[node.outputs[0]] = made
    if node.op == "ArgMax" or node.inputs[0] in run.best:
        run.best.add(node.outputs[0])
    return True


def _finished(run: Run, graph: Graph, hints: Hints) -> Imported:
    """The words, and the scores and their argmax."""
    builder, readout = run.builder, "bits"
    names: tuple[str, ...] = ()
    for output in graph.outputs:
        flow = run.flows.get(output)
        if flow is None:
            raise HardenError(f"its output {output} is never made")
        forms = forms_of(run, flow)
        if output in run.best:
            readout = "argmax"
            continue
        if len(forms.shape) != 1 or forms.batch:
            raise HardenError(f"its output {output} is not [samples, values]")
        bits = None if output == "scores" else _bits(forms)
        if bits is not None:
            builder.output(output, bits[0], kind=bits[1])
            continue
        if names:
            raise HardenError(f"{output} are scores; there are others already")
        names = hints.names(forms.shape[0])
        if len(names) != forms.shape[0]:
            raise InputError(f"{len(names)} class names for {forms.shape[0]} classes")
        _scores(builder, forms, names)
    if readout == "argmax" and not names:
        raise HardenError("it gives the best of scores that are no output")
    readout = "scores" if names and readout == "bits" else readout
    circuit = builder.finish(readout=readout)
    return Imported(circuit, run.code or _code(circuit), names, {"format": "onnx"})


def _code(circuit: Circuit) -> InputCode | None:
    """The code of numbers that are taken as they come, where there is one port of them."""
    port, low, high = circuit.inputs[0], *circuit.inputs[0].bounds
    plain = len(circuit.inputs) == 1 and port.name == "x" and port.width <= WIDEST_CODE
    return InputCode.identity(port.count, low=low, high=high) if plain else None


def _bits(forms: Forms) -> tuple[Array, str] | None:
    """The bits [values, width] of numbers that are given by their bits, and of what kind."""
    count = forms.shape[0]
    width = forms.signals.size // max(count, 1)
    if forms.bias.any() or not width or width > MOST_WIDTH or (np.diff(forms.ends) != width).any():
        return None
    powers = np.int64(1) << np.arange(width, dtype=np.int64)
    rows = forms.weights.reshape(count, width)
    signals = forms.signals.reshape(count, width)
    if (rows == powers).all():
        return signals, "bit" if width == 1 else "uint"
    powers[-1] *= -1
    return (signals, "int") if (rows == powers).all() else None


def _scores(builder: Builder, forms: Forms, names: tuple[str, ...]) -> None:
    from lithify.compiler.lowering import score_names

    for index, name in enumerate(score_names(names)):
        row = slice(forms.ends[index], forms.ends[index + 1])
        weights = forms.weights[row]
        builder.score(name, forms.signals[row], weights, bias=int(forms.bias[index]))
