"""Where compiled code is kept between runs, also where neither the package nor the home is ours."""

import os
import stat
import sys
import tempfile
from functools import cache
from pathlib import Path


def user_folder() -> Path:
    """A folder of this user that can be written: in the cache folder, else in that for temporaries.

    Where it is the latter, a warning says so, once a process.
    """
    chosen = os.environ.get("XDG_CACHE_HOME", "")
    return _user_folder(chosen, tempfile.gettempdir())


@cache
def _user_folder(chosen: str, temporary: str) -> Path:
    try:
        folder = (Path(chosen) if chosen else Path.home() / ".cache") / "lithify"
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK | os.X_OK):
            return folder
        reason = f"{folder} cannot be written"
    except (OSError, RuntimeError) as error:
        reason = str(error)
    import logging

    private = _private_folder(temporary)
    logging.getLogger(__name__).warning(
        "no cache folder (%s): compiled code is kept in %s; "
        "set XDG_CACHE_HOME to a folder that can be written",
        reason,
        private,
    )
    return private


def _private_folder(temporary: str) -> Path:
    """The folder of this user among the temporaries; a new one where others could have made it."""
    folder = Path(temporary) / f"lithify-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return Path(tempfile.mkdtemp(prefix="lithify-", dir=temporary))
    safe = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    if not safe or found.st_mode & 0o077:
        return Path(tempfile.mkdtemp(prefix="lithify-", dir=temporary))
    return folder


def keep_jitted() -> None:
    """Let numba keep its code in the user's folder where it cannot keep it beside the sources."""
    beside = Path(__file__).parent / "__pycache__"
    place = beside if beside.is_dir() else beside.parent
    if os.environ.get("NUMBA_CACHE_DIR") or os.access(place, os.W_OK | os.X_OK):
        return
    folder = str(user_folder() / "numba")
    if "numba" in sys.modules:
        sys.modules["numba"].config.CACHE_DIR = folder
    else:
        os.environ["NUMBA_CACHE_DIR"] = folder
