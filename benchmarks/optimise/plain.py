"""The yardstick: a lowered net as the Verilog that people write, gates and sums as expressions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lithify.ir.circuit import TABLE, Circuit

I64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Sources:
    """The two modules of a net: `body` gives the terms of the scores, `head` the class."""

    body: str
    head: str

    @property
    def whole(self) -> str:
        """Both, and `top` around them."""
        return self.body + self.head + TOP


TOP = """\
module top(input [`INPUTS-1:0] x, output [`CLASS-1:0] y);
wire [`TERMS-1:0] t;
body body_(.x(x), .t(t));
head head_(.t(t), .y(y));
endmodule
"""


def sources(circuit: Circuit) -> Sources:
    """The Verilog of a net with an argmax."""
    terms = np.unique(np.concatenate([score.signals for score in circuit.scores]))
    terms = terms[terms > 1]
    label = max(1, (len(circuit.scores) - 1).bit_length())
    sizes = {"INPUTS": circuit.num_input_bits, "TERMS": terms.size, "CLASS": label}
    defined = "".join(f"`define {name} {value}\n" for name, value in sizes.items())
    return Sources(defined + _body(circuit, terms), _head(circuit, terms))


def _body(circuit: Circuit, terms: I64) -> str:
    """Every gate as an expression."""
    lines = ["module body(input [`INPUTS-1:0] x, output [`TERMS-1:0] t);"]
    lines += [
        f"wire g{circuit.first_gate + gate} = {_gate(circuit, gate)};"
        for gate in range(circuit.num_gates)
    ]
    lines += [f"assign t[{i}] = {_name(circuit, s)};" for i, s in enumerate(terms.tolist())]
    return "\n".join([*lines, "endmodule"]) + "\n"


def _head(circuit: Circuit, terms: I64) -> str:
    """Every score as one sum, the class by comparing one after the other; ties go low."""
    place = {1: "1'b1", 0: "1'b0"} | {s: f"t[{i}]" for i, s in enumerate(terms.tolist())}
    reach = max(abs(s.bias) + int(np.abs(s.weights).sum()) for s in circuit.scores)
    signed = any(s.bias < 0 or (s.weights < 0).any() for s in circuit.scores)
    width = reach.bit_length() + signed
    kind = "signed " if signed else ""
    lines = [f"module head(input [{terms.size - 1}:0] t, output [`CLASS-1:0] y);"]
    for k, score in enumerate(circuit.scores):
        added = [place[s] for s in score.signals.tolist()]
        weights = score.weights.tolist()
        total = [_times(w, t, width, signed) for w, t in zip(weights, added, strict=True)]
        total += [_number(score.bias, width, signed)] if score.bias else []
        lines.append(f"wire {kind}[{width - 1}:0] s{k} = {' + '.join(total)};")
    last = len(circuit.scores) - 1
    lines += [f"reg {kind}[{width - 1}:0] best;", "reg [`CLASS-1:0] label;"]
    lines.append("always @* begin best = s0; label = 0;")
    lines += [f"if (s{k} > best) begin best = s{k}; label = {k}; end" for k in range(1, last + 1)]
    return "\n".join([*lines, "end", "assign y = label;", "endmodule"]) + "\n"


def _number(value: int, width: int, signed: bool) -> str:
    """A constant as wide as what it is added to: 32 bits would take yosys many times as long."""
    return f"{'-' * (value < 0)}{width}'{'s' * signed}d{abs(value)}"


def _times(weight: int, term: str, width: int, signed: bool) -> str:
    """The weighted term as an expression."""
    unit = f"$signed({{1'b0, {term}}})" if signed else term
    return unit if weight == 1 else f"{_number(weight, width, signed)} * {unit}"


def _gate(circuit: Circuit, gate: int) -> str:
    """The expression of one gate."""
    pins = [_name(circuit, s) for s in circuit.gate_fanins(gate)]
    if circuit.kinds[gate] == TABLE:
        return _table(int(circuit.tables[gate]), pins)
    begin, end = circuit.offsets[gate], circuit.offsets[gate + 1]
    weights = circuit.full_weights()[begin:end].tolist()
    bound = int(circuit.bounds[gate])
    if weights == [1 << j for j in range(len(pins))]:
        return f"{{{', '.join(pins[::-1])}}} >= {bound}"
    return _threshold(list(zip(weights, pins, strict=True)), bound)


def _threshold(terms: list[tuple[int, str]], bound: int) -> str:
    """The comparison of what is added with what is taken away, both as wide as they need to be."""
    more, less = max(0, -bound), max(0, bound)
    width = max(
        more + sum(w for w, _ in terms if w > 0), less - sum(w for w, _ in terms if w < 0)
    ).bit_length()
    left, right = [_number(more, width, False)], [_number(less, width, False)]
    left += [_times(w, p, width, False) for w, p in terms if w > 0]
    right += [_times(-w, p, width, False) for w, p in terms if w < 0]
    return f"{' + '.join(left)} >= {' + '.join(right)}"


def _table(table: int, pins: list[str]) -> str:
    """A table as the expression that a person would write."""
    if len(pins) == 1:
        return ("1'b0", f"~{pins[0]}", pins[0], "1'b1")[table]
    if len(pins) == 2:
        return TWO[table].format(*pins)
    rows = [p for p in range(1 << len(pins)) if table >> p & 1]
    terms = (
        " & ".join(pin if p >> j & 1 else f"~{pin}" for j, pin in enumerate(pins)) for p in rows
    )
    return " | ".join(f"({term})" for term in terms) or "1'b0"


TWO = (
    "1'b0", "~({0} | {1})", "{0} & ~{1}", "~{1}", "~{0} & {1}", "~{0}", "{0} ^ {1}",
    "~({0} & {1})", "{0} & {1}", "~({0} ^ {1})", "{0}", "{0} | ~{1}", "{1}", "~{0} | {1}",
    "{0} | {1}", "1'b1",
)  # fmt: skip


def _name(circuit: Circuit, signal: int) -> str:
    """What a signal is called."""
    if signal <= 1:
        return f"1'b{signal}"
    if signal < circuit.first_gate:
        return f"x[{signal - 2}]"
    return f"g{signal}"
