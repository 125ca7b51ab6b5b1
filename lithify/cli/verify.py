"""`lithify verify`: the proofs of a design, run again."""

import argparse
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lithify.cli.screen import Screen
from lithify.ir.errors import InputError, MismatchError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lithify.compiler.design import Design
    from lithify.compiler.proof.certificate import Certificate
    from lithify.compiler.proof.files import FileCheck
    from lithify.compiler.proof.verdict import Verdict

    Codes = NDArray[np.int64]

EXAMPLE = (
    "lithify verify build",
    "lithify verify build --data test.npz --time-limit 600",
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Which design, and for how long."""
    parser.add_argument("design", type=Path, help="a .lith file, or a folder of `lithify compile`")
    parser.add_argument("--data", type=Path, help="an .npz file whose x joins the test vectors")
    parser.add_argument(
        "--time-limit", type=float, default=60.0, help="CPU seconds a stage, for engines (60)"
    )


def execute(arguments: argparse.Namespace, screen: Screen) -> Mapping[str, object]:
    """Every stage with its verdict; what stands in the folder is what is proved."""
    from lithify.cli.build import RECORD
    from lithify.cli.samples import read_samples
    from lithify.compiler.design import Design
    from lithify.compiler.output import REPORT
    from lithify.compiler.proof.certificate import certify, recheck, require_time_limit

    require_time_limit(arguments.time_limit)
    design = Design.load(arguments.design)
    samples = None
    if arguments.data:
        samples = design.codes(read_samples(arguments.data)[0])
    folder = arguments.design if arguments.design.is_dir() else None
    if folder and (folder / RECORD).is_file() and not (folder / REPORT).is_file():
        raise InputError(
            f"{folder}: the folder of a build, whose proof `lithify build` makes; name the folder "
            "that `lithify compile` made, or its .lith file"
        )
    old = stored_certificate(design, folder)
    subjects = design.subjects(
        written_verilog(folder) if folder and not design.in_software else None
    )
    screen.say("proving every stage equal to the one before")
    options: dict[str, Any] = {
        "samples": samples,
        "time_limit": arguments.time_limit,
        "progress": shown_stages(design, screen),
    }
    again = recheck(old, subjects, **options) if old else certify(subjects, **options)
    again = replace(again, files=again_files(design, folder, old, samples))
    if old is None:
        screen.show("there was no certificate; this is the first proof of the design")
    show_certificate(again, screen)
    return {
        "ok": again.ok,
        "rechecked": old is not None,
        "stages": {stage.name: stage.verdict for stage in again.stages},
        "lines": again.lines(),
        "files": {one.name: one.how for one in again.files},
        "seconds": dict(again.seconds),
    }


def again_files(
    design: "Design", folder: Path | None, old: "Certificate | None", samples: "Codes | None"
) -> "tuple[FileCheck, ...]":
    """The files of a folder checked again; MismatchError where one is not the certificate's."""
    files = written_files(folder, design.exports) if folder else design.exports
    found = design.check_files(files, samples=samples)
    digests = {one.name: one.sha256 for one in found}
    for one in old.files if old else ():
        if digests.get(one.name) != one.sha256:
            what = "is not here" if one.name not in digests else "was changed"
            raise MismatchError(
                f"{one.name}, of which the certificate speaks, {what}: compile the design again"
            )
    return found


def written_files(folder: Path, names: Iterable[str]) -> dict[str, bytes]:
    """Those of the files that stand in a folder."""
    try:
        return {name: (folder / name).read_bytes() for name in names if (folder / name).exists()}
    except OSError as error:
        raise InputError(f"{error.filename}: cannot be read ({error.strerror})") from error


def stored_certificate(design: "Design", folder: Path | None) -> "Certificate | None":
    """The certificate beside the design, or the one inside it."""
    from lithify.compiler.output import CERTIFICATE
    from lithify.compiler.proof.certificate import Certificate

    beside = folder / CERTIFICATE if folder else None
    if beside is None or not beside.is_file():
        return design.certificate
    return Certificate.from_bytes(beside.read_bytes(), str(beside))


def written_verilog(folder: Path) -> dict[str, bytes]:
    """The Verilog files that stand in a folder."""
    from lithify.backends.verilog.description import FILE
    from lithify.compiler.output import VERILOG

    try:
        files = {path.name: path.read_bytes() for path in (folder / VERILOG).glob("*.*")}
    except OSError as error:
        raise InputError(f"{folder / VERILOG}: cannot be read ({error.strerror})") from error
    if FILE not in files or len(files) < 2:
        raise InputError(f"{folder / VERILOG}: no Verilog; run `lithify compile` again")
    return files


def prove(design: "Design", screen: Screen) -> "Design":
    """The design with its certificate, each stage said as it is proved."""
    return design.verify(progress=shown_stages(design, screen))


def shown_stages(design: "Design", screen: Screen) -> "Callable[[str, Verdict], None]":
    """What says each stage as it is proved."""
    from lithify.compiler.proof.verdict import explain

    return lambda stage, verdict: screen.say(f"  {stage:<8} {explain(verdict, design.circuit)}")


def show_certificate(certificate: "Certificate | None", screen: Screen) -> None:
    """What was proved, a line a stage."""
    if certificate is None:
        screen.show("nothing is proved yet: `lithify verify` does it")
        return
    for line in certificate.lines():
        screen.show(f"proof: {line}")
    for one in certificate.files:
        screen.show(f"file: {one.line()}")
