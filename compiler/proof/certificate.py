"""The certificate of a design: which stages were proved equal, by what, and of which artefacts.

`certify` proves and records, `recheck` compares digests and proves again. Without times a
certificate of the same design is the same, byte for byte.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field

from numpy.typing import ArrayLike

from lithify.backends.verilog.description import Description
from lithify.compiler.mapping.cells import Cells
from lithify.compiler.proof.conservation import prove_netlist
from lithify.compiler.proof.equivalence import prove_equal
from lithify.compiler.proof.files import HOWS, FileCheck
from lithify.compiler.proof.mapped import prove_cells
from lithify.compiler.proof.readback import prove_verilog
from lithify.compiler.proof.verdict import (
    NotProved,
    Proved,
    Refuted,
    Verdict,
    agreed,
    explain,
)
from lithify.ir.circuit import Circuit
from lithify.ir.errors import FormatError, InputError, LithifyError, MismatchError
from lithify.ir.netlist import Netlist

FILE = "certificate.json"
FORMAT, VERSION = "lithify certificate", 1
PROVED, OPEN, UNCLAIMED = "proved", "not proved", "not claimed"
APPROXIMATE = "approximate"
MOST_SECONDS = 1_000_000
DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, eq=False)
class Subjects:
    """What a certificate speaks of; what is missing has no stage."""

    optimised: Circuit
    lowered: Circuit | None = None
    netlist: Netlist | None = None
    verilog: bytes | None = None
    description: Description | None = None
    approximated: Circuit | None = None
    price: str = ""
    cells: Cells | None = None

    def digests(self) -> dict[str, str]:
        """SHA-256 of everything that is there, by name."""
        found = {"optimised": self.optimised.digest}
        if self.lowered is not None:
            found["lowered"] = self.lowered.digest
        if self.approximated is not None:
            found["approximated"] = self.approximated.digest
        if self.netlist is not None:
            found["netlist"] = self.netlist.circuit.digest
        if self.cells is not None:
            found["cells"] = self.cells.circuit.digest
        if self.verilog is not None:
            found["verilog"] = hashlib.sha256(self.verilog).hexdigest()
        if self.description is not None:
            found["description"] = hashlib.sha256(self.description.to_json()).hexdigest()
        return found


@dataclass(frozen=True, slots=True)
class Stage:
    """One arrow: its two sides by name, the verdict and what it rests on."""

    name: str
    left: str
    right: str
    verdict: str
    method: str
    engines: tuple[str, ...]
    pairs: int
    vectors: int
    reason: str

    def line(self) -> str:
        """What was proved and by what, or why it was not."""
        if self.verdict == UNCLAIMED:
            return f"{self.left} and {self.right}: not claimed to be equal ({self.reason})"
        sides = f"{self.left} = {self.right}"
        if self.verdict != PROVED:
            return f"{sides}: not proved{agreed(self.vectors)} ({self.reason})"
        return (
            f"{sides}: proved by {self.method} ({', '.join(self.engines)}), {self.pairs} equalities"
        )


@dataclass(frozen=True, slots=True)
class Certificate:
    """All stages, the digests of what they speak of, and how long each took, and the other files.

    `beyond` names what none of the stages speaks of.
    """

    digests: Mapping[str, str]
    stages: tuple[Stage, ...]
    seconds: Mapping[str, float] = field(default_factory=dict, compare=False)
    files: tuple[FileCheck, ...] = ()
    beyond: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every stage is proved that is claimed to be equal."""
        return all(stage.verdict in (PROVED, UNCLAIMED) for stage in self.stages)

    def lines(self) -> list[str]:
        """One line a stage, for people."""
        return [stage.line() for stage in self.stages]

    def to_bytes(self, *, times: bool = False) -> bytes:
        """The file; with `times` the seconds of each stage are in it, which no two runs share."""
        content: dict[str, object] = {
            "format": FORMAT,
            "version": VERSION,
            "digests": dict(self.digests),
            "stages": [asdict(stage) for stage in self.stages],
            "files": [asdict(one) for one in self.files],
        }
        if self.beyond:
            content["beyond"] = list(self.beyond)
        if times:
            content["seconds"] = {name: round(value, 3) for name, value in self.seconds.items()}
        return (json.dumps(content, indent=2, sort_keys=True) + "\n").encode()

    @classmethod
    def from_bytes(cls, data: bytes, filename: str = FILE) -> "Certificate":
        """The certificate in a file; FormatError says what is wrong with it."""
        try:
            content = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise FormatError(
                f"{filename} is corrupt or truncated: {error}; compile the design again"
            ) from error
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise FormatError(f"{filename} is no certificate: its format is not {FORMAT!r}")
        if content.get("version") != VERSION:
            raise FormatError(
                f"{filename} is a certificate of version {content.get('version')!r}; "
                f"this Lithify reads version {VERSION}"
            )
        digests, stages = content.get("digests"), content.get("stages")
        if not (isinstance(digests, dict) and all(map(_is_digest, digests.values()))):
            raise FormatError(f"{filename} is corrupt: digests are not SHA-256 by name")
        if not (isinstance(stages, list) and stages):
            raise FormatError(f"{filename} is corrupt: it has no list of stages")
        read = tuple(_stage(one, at, filename) for at, one in enumerate(stages))
        missing = [n for s in read for n in (s.left, s.right) if n not in digests]
        if missing:
            raise FormatError(f"{filename} is corrupt: {missing[0]} has no digest")
        return cls(digests, read, files=_file_checks(content.get("files", []), filename))


def certify(
    subjects: Subjects,
    *,
    samples: ArrayLike | None = None,
    time_limit: float = 60.0,
    progress: Callable[[str, Verdict], None] = lambda name, verdict: None,
) -> Certificate:
    """The certificate of a design, every stage proved now; MismatchError where one is refuted.

    `samples` are codes[n, elements] that join the test vectors; engines run for at most
    `time_limit` CPU seconds a stage. A stage that is not decided is recorded as not proved.
    """
    require_time_limit(time_limit)
    stages, seconds = [], {}
    if subjects.lowered is not None and subjects.approximated is not None:
        stages.append(
            Stage(APPROXIMATE, "lowered", "approximated", UNCLAIMED, "", (), 0, 0, subjects.price)
        )
    for name, (left, right, prove) in _plan(subjects, samples, time_limit).items():
        verdict = prove()
        progress(name, verdict)
        if isinstance(verdict, Refuted):
            said = explain(verdict, subjects.optimised)
            raise MismatchError(f"stage {name}: {right} is not {left}; {said}")
        stages.append(record(name, left, right, verdict))
        seconds[name] = verdict.seconds
    return Certificate(subjects.digests(), tuple(stages), seconds)


def require_time_limit(seconds: float) -> None:
    """Refuse a limit that no engine can be given."""
    if not 0 < seconds <= MOST_SECONDS:
        raise InputError(
            f"the time limit is {seconds:g} CPU seconds; it must be above 0 and at most "
            f"{MOST_SECONDS:,}"
        )


def recheck(
    certificate: Certificate,
    subjects: Subjects,
    *,
    samples: ArrayLike | None = None,
    time_limit: float = 60.0,
    progress: Callable[[str, Verdict], None] = lambda name, verdict: None,
) -> Certificate:
    """The certificate proved anew; MismatchError where an artefact or a verdict has changed."""
    require_time_limit(time_limit)
    found = subjects.digests()
    for name, digest in sorted(certificate.digests.items()):
        if name not in found:
            raise MismatchError(f"the certificate speaks of {name}, which is not here")
        if found[name] != digest:
            raise MismatchError(
                f"{name} is not what the certificate speaks of: its SHA-256 is {found[name]}, "
                f"not {digest}; it was changed, or the certificate belongs to another design"
                f"{_of_changed(name, subjects, samples, time_limit)}"
            )
    again = certify(subjects, samples=samples, time_limit=time_limit, progress=progress)
    results = {stage.name: stage for stage in again.stages}
    for stage in certificate.stages:
        now = results.get(stage.name)
        if now is None or (now.left, now.right) != (stage.left, stage.right):
            raise MismatchError(f"stage {stage.name} of the certificate cannot be proved again")
        if stage.verdict == PROVED and now.verdict != PROVED:
            raise MismatchError(
                f"stage {stage.name} is proved in the certificate, but was not now: {now.reason}"
            )
    return again


def _of_changed(name: str, subjects: Subjects, samples: ArrayLike | None, time_limit: float) -> str:
    """What a proof says of an artefact that is not the certificate's, for the end of an error."""
    for left, right, prove in _plan(subjects, samples, time_limit).values():
        if right == name:
            try:
                verdict = prove()
            except LithifyError as error:
                return f". As it is now it cannot be compared with {left}: {error}"
            same = ", so it does the same" if isinstance(verdict, Proved) else ""
            return f". As it is now against {left}: {explain(verdict, subjects.optimised)}{same}"
    return ""


_Plan = dict[str, tuple[str, str, Callable[[], Verdict]]]


def _plan(subjects: Subjects, samples: ArrayLike | None, time_limit: float) -> _Plan:
    """Stages by name, in order: the sides and the proof."""
    s, plan = subjects, _Plan()
    if (lowered := s.lowered if s.approximated is None else s.approximated) is not None:
        plan["optimise"] = (
            "lowered" if s.approximated is None else "approximated",
            "optimised",
            lambda: prove_equal(lowered, s.optimised, samples=samples, time_limit=time_limit),
        )
    if (netlist := s.netlist) is None:
        return plan
    plan["expand"] = "optimised", "netlist", lambda: prove_netlist(s.optimised, netlist)
    side, made = "netlist", netlist.circuit
    if (cells := s.cells) is not None:
        side, made = "cells", cells.circuit
        plan["mapping"] = (
            "optimised",
            "cells",
            lambda: prove_cells(s.optimised, cells, time_limit=time_limit),
        )
    if (text := s.verilog) is not None and (description := s.description) is not None:
        plan["verilog"] = (
            side,
            "verilog",
            lambda: prove_verilog(made, text, description, samples=samples, time_limit=time_limit),
        )
    return plan


def record(name: str, left: str, right: str, verdict: Proved | NotProved) -> Stage:
    """The stage of a verdict."""
    if isinstance(verdict, NotProved):
        return Stage(name, left, right, OPEN, "", (), 0, verdict.vectors, verdict.reason)
    v = verdict
    return Stage(name, left, right, PROVED, v.method, v.engines, v.pairs, v.vectors, "")


def _stage(content: object, at: int, filename: str) -> Stage:
    """One stage as read, every field judged."""
    kinds: dict[str, type] = dict.fromkeys(Stage.__slots__, str)
    kinds |= {"engines": list, "pairs": int, "vectors": int}
    good = (
        isinstance(content, dict)
        and content.keys() == kinds.keys()
        and all(type(content[name]) is kind for name, kind in kinds.items())
        and all(type(engine) is str for engine in content["engines"])
        and content["verdict"] in (PROVED, OPEN, UNCLAIMED)
    )
    if not good:
        raise FormatError(f"{filename} is corrupt: stage {at} does not have the fields of a stage")
    assert isinstance(content, dict)
    return Stage(**{**content, "engines": tuple(content["engines"])})


def _file_checks(content: object, filename: str) -> tuple[FileCheck, ...]:
    """The checks of files as read, every field judged."""
    kinds: dict[str, type] = dict.fromkeys(FileCheck.__slots__, str) | {"samples": int}
    good = isinstance(content, list) and all(
        isinstance(one, dict)
        and one.keys() == kinds.keys()
        and all(type(one[name]) is kind for name, kind in kinds.items())
        and _is_digest(one["sha256"])
        and one["how"] in HOWS
        for one in content
    )
    if not good:
        raise FormatError(f"{filename} is corrupt: its files do not have the fields of a file")
    assert isinstance(content, list)
    return tuple(FileCheck(**one) for one in content)


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and DIGEST.fullmatch(value) is not None
