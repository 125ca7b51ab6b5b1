"""The list of the files that were written into a folder, in the form of `sha256sum`.

By it the next writing into that folder removes what it does not write again. A file that is not on
the list, or is no longer as it was written, belongs to the user and stays.
"""

import hashlib
import re
from collections.abc import Container, Mapping
from contextlib import suppress
from pathlib import Path

from lithify.backends.artifacts import is_plain
from lithify.ir.errors import WriteError

FILE = "files.sha256"
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")


def listing(files: Mapping[str, bytes]) -> bytes:
    """A line for each file: its SHA-256 and its name."""
    lines = (f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    return "".join(lines).encode()


def remove_stale(folder: Path, kept: Container[str]) -> None:
    """Remove the files that are on the list in a folder, as they were written, but for those kept.

    Nothing is removed through a symbolic link. Folders that become empty go as well.
    """
    root = folder.resolve()
    try:
        text = (root / FILE).read_bytes().decode(errors="replace")
    except OSError:
        return
    for line in text.splitlines():
        found = _LINE.fullmatch(line)
        if found and is_plain(found[2]) and found[2] not in kept:
            _remove(root, found[2], found[1])


def _remove(root: Path, name: str, digest: str) -> None:
    """Remove one file if it is as it was written."""
    path = root / name
    try:
        if path.resolve() != path or not path.is_file():
            return
        if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            return
        path.unlink()
    except OSError as error:
        raise WriteError(
            f"cannot remove {path}, which an earlier run left: {error.strerror}; remove it, or "
            "choose another folder"
        ) from error
    with suppress(OSError):
        for above in path.relative_to(root).parents[:-1]:
            (root / above).rmdir()
