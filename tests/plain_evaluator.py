"""A second definition of what circuits mean, in plain Python on single samples, for tests only."""

from collections.abc import Sequence

from lithify.ir.circuit import Circuit
from lithify.ir.ports import Score, Word


def signal_values(circuit: Circuit, codes: Sequence[int]) -> list[int]:
    """The value of every signal for one sample."""
    values = [0, 1]
    elements = iter(codes)
    for port in circuit.inputs:
        for _ in range(port.count):
            code = int(next(elements)) % 2**port.width
            values += [(code >> bit) & 1 for bit in range(port.width)]
    weights = [int(w) for w in circuit.full_weights()]
    for gate in range(circuit.num_gates):
        begin, end = int(circuit.offsets[gate]), int(circuit.offsets[gate + 1])
        pins = [values[int(signal)] for signal in circuit.fanins[begin:end]]
        if int(circuit.kinds[gate]) == 0:
            pattern = sum(pin << place for place, pin in enumerate(pins))
            values.append(int(circuit.tables[gate]) >> pattern & 1)
        else:
            word = int(circuit.tables[gate])
            bound = word - 2**64 if word >= 2**63 else word
            total = sum(w * pin for w, pin in zip(weights[begin:end], pins, strict=True))
            values.append(int(total >= bound))
    return values


def word_value(word: Word, values: Sequence[int]) -> list[int]:
    """The integers of a word."""
    integers = []
    for row in word.signals.tolist():
        integer = sum(values[signal] << place for place, signal in enumerate(row))
        if word.kind == "int" and values[row[-1]]:
            integer -= 1 << len(row)
        integers.append(integer)
    return integers


def score_value(score: Score, values: Sequence[int]) -> int:
    """The value of a score."""
    terms = zip(score.weights.tolist(), score.signals.tolist(), strict=True)
    total: int = score.bias + sum(weight * values[signal] for weight, signal in terms)
    return total


def answer(circuit: Circuit, codes: Sequence[int]) -> tuple[dict[str, list[int]], list[int], int]:
    """Words by name, scores, and the lowest index of a largest score (0 without scores)."""
    values = signal_values(circuit, codes)
    words = {word.name: word_value(word, values) for word in circuit.words}
    scores = [score_value(score, values) for score in circuit.scores]
    return words, scores, scores.index(max(scores)) if scores else 0
