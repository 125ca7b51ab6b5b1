"""The design file: one archive of a JSON manifest, two circuits and a certificate; no code."""

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lithify.compiler.codes import InputCode
from lithify.compiler.design import Design
from lithify.compiler.proof.certificate import Certificate
from lithify.ir import binary
from lithify.ir.binary import ZIP_TROUBLE
from lithify.ir.circuit import Circuit
from lithify.ir.errors import FormatError
from lithify.ir.files import write_atomically

NAME = "design.lith"  # of the file in a folder that `lithify compile` makes
FORMAT, VERSION = "lithify design", 1
MANIFEST, LOWERED, APPROXIMATED, CIRCUIT, CERTIFICATE = (
    "manifest.json",
    "lowered.circuit",
    "approximated.circuit",
    "optimised.circuit",
    "certificate.json",
)
LARGEST_FILE = 1 << 31
LARGEST_JSON = 1 << 26


def save(design: Design, path: str | Path) -> Path:
    """The file written, byte for byte the same for the same design."""
    return write_atomically(Path(path), to_bytes(design))


def to_bytes(design: Design) -> bytes:
    """The content of the file."""
    manifest = {
        "format": FORMAT,
        "version": VERSION,
        "name": design.name,
        "pipeline": design.pipeline,
        "target": design.target,
        "interface": design.interface,
        "every": design.every,
        **({"mhz": design.mhz} if design.mhz else {}),
        **({"cycles": design.cycles} if design.cycles else {}),
        "classes": list(design.classes),
        "provenance": dict(design.provenance),
        "code": design.code.to_dict() if design.code else None,
    }
    members = {
        MANIFEST: json.dumps(manifest, indent=1, sort_keys=True).encode(),
        LOWERED: binary.to_bytes(design.lowered),
        CIRCUIT: binary.to_bytes(design.circuit),
    }
    if design.approximated is not None:
        members[APPROXIMATED] = binary.to_bytes(design.approximated)
    if design.certificate is not None:
        members[CERTIFICATE] = design.certificate.to_bytes()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as zipped:
        for name, data in members.items():
            zipped.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)
    return archive.getvalue()


def load(path: str | Path) -> Design:
    """The design in a file, or in a folder that holds one."""
    place = Path(path)
    if place.is_dir():
        place = place / NAME
    try:
        size = place.stat().st_size
        if size > LARGEST_FILE:
            raise FormatError(f"{place}: {size} bytes; a design file has at most {LARGEST_FILE}")
        data = place.read_bytes()
    except OSError as error:
        raise FormatError(
            f"{place}: cannot be read ({error.strerror}); name a .lith file, or the folder that "
            "`lithify compile` made"
        ) from error
    if kind := _other_format(data):
        raise FormatError(
            f"{place}: no design yet (its format is {kind}): make one of it with `lithify compile`"
        )
    return from_bytes(data, str(place))


def _other_format(data: bytes) -> str:
    """The format of a net or circuit that is no archive; "" where it is none of these."""
    from lithify.compiler.recognise import recognise

    if data[:2] == b"PK":
        return ""
    try:
        return recognise(data, "")
    except FormatError:
        return ""


def from_bytes(data: bytes, filename: str) -> Design:
    """The design in the content of a file."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = _members(archive, filename)
        manifest = json.loads(members[MANIFEST])
        _check_version(manifest, filename)
        return _design(manifest, members, filename)
    except (*ZIP_TROUBLE, KeyError, TypeError) as error:
        raise FormatError(
            f"{filename}: not a design file, or a damaged one ({_said(error)}); make it again with "
            "`lithify compile`"
        ) from error


def _design(manifest: Mapping[str, Any], members: Mapping[str, bytes], filename: str) -> Design:
    certificate, between = members.get(CERTIFICATE), members.get(APPROXIMATED)
    code = manifest["code"]
    return Design(
        name=_text(manifest, "name"),
        lowered=_circuit(members[LOWERED], f"{filename}/{LOWERED}"),
        circuit=_circuit(members[CIRCUIT], f"{filename}/{CIRCUIT}"),
        approximated=(
            _circuit(between, f"{filename}/{APPROXIMATED}") if between is not None else None
        ),
        pipeline=_text(manifest, "pipeline"),
        target=_text(manifest, "target"),
        interface=_text(manifest, "interface"),
        every=int(manifest["every"]),
        mhz=float(manifest.get("mhz", 0)),
        cycles=int(manifest.get("cycles", 0)),
        classes=tuple(str(name) for name in manifest["classes"]),
        provenance=dict(manifest["provenance"]),
        code=InputCode.from_dict(code) if code is not None else None,
        certificate=(
            Certificate.from_bytes(certificate, f"{filename}/{CERTIFICATE}")
            if certificate is not None
            else None
        ),
    )


def _circuit(data: bytes, filename: str) -> Circuit:
    return binary.from_bytes(data, filename)


def _members(archive: zipfile.ZipFile, filename: str) -> dict[str, bytes]:
    """The archive's members, each at most as large as the file itself allows."""
    if min((info.header_offset for info in archive.infolist()), default=0):
        raise zipfile.BadZipFile("File is truncated")  # the end found is that of a member
    members = {}
    for info in archive.infolist():
        limit = LARGEST_JSON if info.filename.endswith(".json") else LARGEST_FILE
        if info.compress_type != zipfile.ZIP_STORED or info.file_size > limit:
            raise FormatError(f"{filename}: {info.filename} is compressed or too large; refused")
        members[info.filename] = archive.read(info)
    return members


def _check_version(manifest: Mapping[str, Any], filename: str) -> None:
    if manifest["format"] != FORMAT:
        raise ValueError(f"its format is {manifest['format']!r}")
    if manifest["version"] != VERSION:
        raise FormatError(
            f"{filename}: version {manifest['version']} of the design format; this Lithify reads "
            f"version {VERSION}"
        )


def _text(manifest: Mapping[str, Any], key: str) -> str:
    value = manifest[key]
    if not isinstance(value, str):
        raise TypeError(f"{key} is no text")
    return value


def _said(error: Exception) -> str:
    return f"no {error}" if isinstance(error, KeyError) else str(error) or type(error).__name__
