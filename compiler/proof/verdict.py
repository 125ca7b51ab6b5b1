"""What a proof ends in: `Proved`, `Refuted` with a counterexample, or `NotProved` with a reason."""

from dataclasses import dataclass, replace

from lithify.ir.circuit import Circuit
from lithify.ir.ports import element_names
from lithify.ir.wording import counted

MOST_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Proved:
    """Both sides say the same for every legal input.

    `pairs` is how many equalities were proved, `vectors` how many test vectors agreed before.
    """

    method: str
    engines: tuple[str, ...]
    pairs: int
    vectors: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Refuted:
    """One legal input, element by element, on which an output differs; the interpreter agrees."""

    codes: tuple[int, ...]
    output: str
    expected: tuple[int, ...]
    seen: tuple[int, ...]
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class NotProved:
    """Nothing was decided: why, and how many test vectors agreed."""

    reason: str
    vectors: int
    seconds: float


Verdict = Proved | Refuted | NotProved


def timed(verdict: Verdict, seconds: float) -> Verdict:
    """The verdict, which took so long."""
    return replace(verdict, seconds=seconds)


def agreed(vectors: int) -> str:
    """That both sides agreed on test vectors, where there were any, for after a comma."""
    return f", agreed on {counted(vectors, 'test vector')}" if vectors else ""


def explain(verdict: Verdict, circuit: Circuit) -> str:
    """The verdict in one sentence; a counterexample by the names of the circuit's inputs."""
    if isinstance(verdict, Proved):
        after = f", after {counted(verdict.vectors, 'test vector')}" if verdict.vectors else ""
        return (
            f"proved by {verdict.method} ({', '.join(verdict.engines)}): {verdict.pairs} "
            f"equalities{after}, in {verdict.seconds:.1f} s"
        )
    if isinstance(verdict, NotProved):
        within = f"not proved within {verdict.seconds:.1f} s"
        return f"{within}{agreed(verdict.vectors)}: {verdict.reason}"
    names = [name for port in circuit.inputs for name in element_names(port)]
    shown = [f"{n} = {v}" for n, v in zip(names, verdict.codes, strict=True) if v][:MOST_SHOWN]
    left_out = sum(value != 0 for value in verdict.codes) - len(shown)
    inputs = ", ".join(shown) + (f" and {left_out} more" if left_out else "")
    return (
        f"refuted: for {inputs or 'all inputs 0'}"
        f"{', the other inputs 0' if 0 < len(shown) < len(names) and not left_out else ''}, "
        f"{verdict.output} is {_values(verdict.seen)} instead of {_values(verdict.expected)}"
    )


def _values(values: tuple[int, ...]) -> str:
    return str(values[0]) if len(values) == 1 else str(list(values))
