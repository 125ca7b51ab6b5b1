"""What a back end makes: files by their relative names, in memory, written on demand."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from lithify.ir.errors import InputError
from lithify.ir.files import make_folder, write_atomically


class Artifacts(Mapping[str, bytes]):
    """A frozen mapping from relative names, such as `rtl/top.v`, to what the files hold.

    >>> made = Artifacts({"top.v": b"module top; endmodule"})
    >>> sorted(made | {"notes.txt": b"none"})
    ['notes.txt', 'top.v']
    """

    __slots__ = ("_files",)

    def __init__(self, files: Mapping[str, bytes]) -> None:
        """Take over the files; refuse names that lead out of the folder or into one another."""
        for name in files:
            _check_name(name)
        for name in files:
            for folder in PurePosixPath(name).parents:
                if str(folder) in files:
                    raise InputError(f"file name {name!r}: {str(folder)!r} is a file, not a folder")
        self._files = {name: bytes(files[name]) for name in sorted(files)}

    def __getitem__(self, name: str) -> bytes:
        """The content of a file."""
        return self._files[name]

    def __iter__(self) -> Iterator[str]:
        """The names, ascending."""
        return iter(self._files)

    def __len__(self) -> int:
        """How many files."""
        return len(self._files)

    def __or__(self, other: Mapping[str, bytes]) -> Artifacts:
        """These files and others; the others win where names are equal."""
        return Artifacts({**self._files, **other})

    def __hash__(self) -> int:
        """A hash of the digest."""
        return hash(self.digest)

    def __repr__(self) -> str:
        """A one-line summary."""
        return f"<Artifacts: {', '.join(self._files) or 'none'}>"

    @property
    def digest(self) -> str:
        """SHA-256 over all names and contents."""
        h = hashlib.sha256(b"lithify artifacts 1\n")
        for name, data in self._files.items():
            h.update(f"{len(name.encode())} {name} {len(data)}\n".encode())
            h.update(data)
        return h.hexdigest()

    def write(self, folder: str | os.PathLike[str]) -> Path:
        """The folder written, which is made where it is missing.

        Each file is written whole or not at all; raises WriteError at the first that cannot be.
        """
        root = Path(folder)
        make_folder(root)
        for name, data in self._files.items():
            path = root / name
            make_folder(path.parent)
            write_atomically(path, data)
        return root


def is_plain(name: str) -> bool:
    """Whether a name is a plain relative path below the folder."""
    path = PurePosixPath(name)
    plain = bool(name) and str(path) == name and name != "." and name.isprintable()
    leads_out = path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name
    return plain and not leads_out


def _check_name(name: str) -> None:
    """Refuse a name that is not a plain relative path."""
    if not is_plain(name):
        raise InputError(
            f"file name {name!r}: needs a relative path below the folder, such as 'rtl/top.v'"
        )
