"""Files that are written whole or not at all.

The bytes go to a temporary file in the same folder, reach the disk, and then take the name in one
step: a full disk, an unwritable folder or a kill leaves the old file as it was.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterable
from pathlib import Path

from lithify.ir.errors import WriteError


def write_atomically(path: str | os.PathLike[str], data: bytes | Iterable[bytes]) -> Path:
    """The path written; `data` is the content, whole or in chunks.

    A symbolic link is followed and stays a link; a device such as /dev/stdout is written straight.
    Raises WriteError, and then the file that was there before is unchanged.
    """
    chunks = (data,) if isinstance(data, bytes) else data
    shown = Path(path)
    target = Path(os.path.realpath(path))
    try:
        mode = _present_mode(target)
        if mode is not None and not stat.S_ISREG(mode):
            _write_device(target, chunks)
        else:
            _replace(target, chunks, mode)
    except OSError as error:
        raise WriteError(f"cannot write {shown}: {_reason(error, target)}") from error
    return shown


def require_file(path: str | os.PathLike[str]) -> None:
    """Refuse, before long work, a file that `write_atomically` could not write now."""
    target = Path(os.path.realpath(path))
    try:
        mode = _present_mode(target)
        if mode is None or stat.S_ISREG(mode):
            _probe(target.parent)
    except OSError as error:
        raise WriteError(f"cannot write {path}: {_reason(error, target)}") from error


def make_folder(folder: str | os.PathLike[str]) -> Path:
    """The folder, made where it or one above it is missing; files can be written in it."""
    place = Path(folder)
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _no_folder(place, error) from error
    require_folder(place)
    return place


def require_folder(folder: str | os.PathLike[str]) -> None:
    """Refuse, before long work, a folder that `make_folder` could not make now; nothing is made."""
    place = nearest = Path(folder)
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    try:
        _probe(nearest)
    except OSError as error:
        raise _no_folder(place, error) from error


def _probe(folder: Path) -> None:
    """Make a file in the folder, and remove it."""
    probe = folder / f".{secrets.token_hex(6)}.part"
    os.close(os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    probe.unlink()


def _no_folder(folder: Path, error: OSError) -> WriteError:
    blocked = isinstance(error, FileExistsError | NotADirectoryError)
    reason = "a file is in the way" if blocked else error.strerror or str(error)
    what = "write in" if folder.is_dir() else "make"
    return WriteError(
        f"cannot {what} the folder {folder}: {reason[:1].lower()}{reason[1:]}; "
        "choose another path or change its permissions"
    )


def _present_mode(target: Path) -> int | None:
    """The mode of what stands at `target` now, or None where nothing does."""
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    return mode


def _write_device(target: Path, chunks: Iterable[bytes]) -> None:
    with target.open("wb") as stream:
        for chunk in chunks:
            stream.write(chunk)


def _replace(target: Path, chunks: Iterable[bytes], mode: int | None) -> None:
    """Write a temporary neighbour of `target`, then give it the name."""
    temporary = target.with_name(f".{target.name[:200]}.{secrets.token_hex(6)}.part")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with open(descriptor, "wb") as stream:
            if mode is not None:
                os.fchmod(descriptor, stat.S_IMODE(mode))
            for chunk in chunks:
                stream.write(chunk)
            stream.flush()
            os.fsync(descriptor)
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Make the new name itself durable, where the system can."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        return
    finally:
        os.close(descriptor)


def _reason(error: OSError, target: Path) -> str:
    """What stopped the writing, and what to do."""
    kept = "; the old file is unchanged" if target.is_file() else ""
    match error.errno:
        case errno.ENOENT:
            return f"the folder {target.parent} does not exist; create it or choose another path"
        case errno.ENOTDIR:
            return f"{target.parent} is not a folder; choose another path"
        case errno.EISDIR:
            return "it is a folder; name a file inside it"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return (
                f"the folder {target.parent} cannot be written; "
                f"change its permissions or choose another path{kept}"
            )
        case errno.ENOSPC | errno.EDQUOT:
            return f"the disk is full; free some space and try again{kept}"
        case errno.EFBIG:
            return f"the file would be larger than the system allows; raise the limit{kept}"
        case _:
            return f"{error.strerror or error}; check the path and try again{kept}"
