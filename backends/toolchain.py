"""The one place where external tools are found, run and logged.

`find_tool` and `require_tool` know every tool by name, `run` starts one under limits with its
whole output in a log, `inventory` is what `lithify doctor` prints.
"""

import ctypes
import importlib.metadata
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO

from lithify.backends.tools import EXTRAS, LIBRARIES, TOOLS, ToolSpec
from lithify.ir.errors import ToolFailed, ToolMissing

LAST_LINES = 12
"""How many lines of a failed tool's output its error repeats."""

Watch = Callable[[str], str | None]
"""Gets what a running tool printed since the last call; answers a reason to stop it, or None."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that was found: how it is started and what it is."""

    name: str
    command: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()
    distribution: str = ""

    @property
    def path(self) -> Path:
        """The program that is started."""
        return Path(self.command[0])

    @property
    def version(self) -> str:
        """The version: of the Python package it came in, else what `--version` or `-V` prints."""
        if self.distribution:
            return importlib.metadata.version(self.distribution)
        return _program_version(self.command)


@dataclass(frozen=True, slots=True)
class Completed:
    """What became of a tool that was run; `stopped` says why it was ended early ("" if not)."""

    command: tuple[str, ...]
    code: int
    output: str
    seconds: float
    stopped: str
    log: Path | None

    @property
    def ok(self) -> bool:
        """Whether it ended by itself with exit code 0."""
        return self.code == 0 and not self.stopped


@dataclass(frozen=True, slots=True)
class Found:
    """One line of the inventory: a tool, library or package, and how to get it if it is missing."""

    name: str
    kind: str
    found: bool
    version: str
    where: str
    needed_for: str
    how_to_get: str
    extra: str
    """The extra of Lithify that needs it, "" for the core."""


def find_tool(name: str) -> Tool | None:
    """The tool of that name, or None where it is not installed."""
    spec = TOOLS[name]
    chosen = os.environ.get(spec.variable)
    if chosen:
        command = _resolve(chosen)
        return Tool(name, command) if command else None
    for place in (_on_path, _in_package) if spec.system == "first" else (_in_package, _on_path):
        if tool := place(spec):
            return tool
    return None


def require_tool(name: str) -> Tool:
    """The tool of that name; ToolMissing says how to get it."""
    if tool := find_tool(name):
        return tool
    spec = TOOLS[name]
    if chosen := os.environ.get(spec.variable):
        raise ToolMissing(
            f"{spec.variable} is set to {chosen!r}, which is not a program that can be run. "
            f"Set it to the path of {name}, or unset it."
        )
    raise ToolMissing(
        f"{name} was not found: it {spec.needed_for}. To get it: {spec.how_to_get}; "
        f"or set {spec.variable} to its path."
    )


def run(
    tool: Tool | str,
    args: Sequence[str | Path],
    *,
    cwd: Path,
    timeout_s: float,
    cpu_s: int | None = None,
    memory_mb: int | None = None,
    log: Path | None = None,
    check: bool = True,
    watch: Watch | None = None,
    environment: Mapping[str, str] | None = None,
) -> Completed:
    """What became of the tool, run in `cwd`; with `check`, anything but success is ToolFailed.

    All it prints goes to `log`. It and its children are ended after `timeout_s` seconds of
    wall time, `cpu_s` seconds of CPU time, when `watch` says so, or when this call is interrupted;
    none of them gets more than `memory_mb` megabytes of memory.
    """
    if isinstance(tool, str):
        tool = require_tool(tool)
    command = (*tool.command, *map(str, args))
    variables = {**os.environ, **dict(tool.environment), **(environment or {})}
    with _open_log(log) as sink:
        sink.write(f"$ {_shown(command)}\n".encode())
        sink.flush()
        tail = Tail(sink)  # before the start: the tool moves the position that both share
        start = time.monotonic()
        process = _start(tool.name, command, cwd, variables, (cpu_s, memory_mb), sink)
        stopped = _wait(process, tail, start + timeout_s, timeout_s, watch)
        seconds = time.monotonic() - start
        if process.returncode == -signal.SIGXCPU:
            stopped = f"used more than {cpu_s} s of CPU time"
        sink.seek(0)
        output = sink.read().decode(errors="replace").split("\n", 1)[1]
    done = Completed(command, process.returncode, output, seconds, stopped, log)
    if check and not done.ok:
        raise failure(tool.name, done, cwd)
    return done


def failure(name: str, done: Completed, cwd: Path) -> ToolFailed:
    """The error for a run that did not succeed: what, command, last lines, log."""
    if done.stopped:
        what = f"{name} was stopped: it {done.stopped}."
    elif done.code < 0:
        what = f"{name} was ended by signal {-done.code} ({signal.Signals(-done.code).name})."
    else:
        what = f"{name} failed with exit code {done.code}."
    lines = [line for line in done.output.splitlines() if line.strip()][-LAST_LINES:]
    said = "It said last:\n" + "\n".join(f"    {line}" for line in lines) if lines else ""
    parts = [f"{what} Command, run in {cwd}: {_shown(done.command)}", said or "It printed nothing."]
    if done.log:
        parts.append(f"The whole log: {done.log}")
    return ToolFailed("\n".join(parts))


def inventory() -> tuple[Found, ...]:
    """Everything outside Lithify that some part of it uses, found or not."""
    lines = [_found_tool(spec) for spec in TOOLS.values()]
    for name, file, extra, use, how in LIBRARIES:
        lines.append(Found(name, "library", _can_load(file), "", file, use, how, extra))
    for name, extra, use in EXTRAS:
        version = _distribution_version(name)
        how = f"pip install 'lithify[{extra}]'" if extra else "pip install lithify"
        lines.append(Found(name, "package", bool(version), version, "", use, how, extra))
    return tuple(lines)


def installed_extras() -> tuple[str, ...]:
    """The extras of Lithify that are installed, in order."""
    first = {extra: name for name, extra, _ in reversed(EXTRAS) if extra}
    return tuple(sorted(extra for extra, name in first.items() if _distribution_version(name)))


def _found_tool(spec: ToolSpec) -> Found:
    tool = find_tool(spec.name)
    return Found(
        name=spec.name,
        kind="tool",
        found=tool is not None,
        version=tool.version if tool else "",
        where=_shown(tool.command) if tool else "",
        needed_for=spec.needed_for,
        how_to_get=f"{spec.how_to_get}; or set {spec.variable}",
        extra=spec.extra,
    )


def _can_load(file: str) -> bool:
    try:
        ctypes.CDLL(file)
    except OSError:
        return False
    return True


def _distribution_version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


@lru_cache
def _program_version(command: tuple[str, ...]) -> str:
    for option in ("--version", "-V"):
        try:
            done = subprocess.run(
                [*command, option], capture_output=True, stdin=subprocess.DEVNULL, timeout=20
            )
        except (OSError, subprocess.TimeoutExpired):
            return "unknown"
        said = (done.stdout or done.stderr).decode(errors="replace")
        if number := re.search(r"(?<![\w.])v?(\d+\.\d+[\w.]*)", said):
            return number[1]
    return "unknown"


def _resolve(command: str) -> tuple[str, ...] | None:
    words = shlex.split(command)
    program = shutil.which(words[0]) if words else None
    return (program, *words[1:]) if program else None


def _on_path(spec: ToolSpec) -> Tool | None:
    if spec.system == "never":
        return None
    for program in spec.programs:
        if path := shutil.which(program):
            return Tool(spec.name, (path,))
    return None


def _in_package(spec: ToolSpec) -> Tool | None:
    if not spec.distribution or not _distribution_version(spec.distribution):
        return None
    if spec.module:
        command: tuple[str, ...] = (sys.executable, "-P", "-m", *spec.module.split())
        return Tool(spec.name, command, (), spec.distribution)
    distribution = importlib.metadata.distribution(spec.distribution)
    for file in distribution.files or ():
        if file.as_posix().endswith(spec.file):
            path = Path(os.path.abspath(str(distribution.locate_file(file))))
            if os.access(path, os.X_OK):
                return Tool(spec.name, (str(path),), spec.variables(path), spec.distribution)
    return None


def _shown(command: Sequence[str]) -> str:
    return shlex.join((Path(command[0]).name, *command[1:]))


def _open_log(log: Path | None) -> IO[bytes]:
    if log is None:
        return tempfile.TemporaryFile()
    log.parent.mkdir(parents=True, exist_ok=True)
    return log.open("w+b")


def _start(
    name: str,
    command: Sequence[str],
    cwd: Path,
    variables: Mapping[str, str],
    limits: tuple[int | None, int | None],
    sink: IO[bytes],
) -> "subprocess.Popen[bytes]":
    """The started process, in a session of its own so that all its children can be ended."""
    cpu_s, memory_mb = limits
    words = [] if cpu_s is None else [f"ulimit -S -t {cpu_s}; ulimit -H -t {cpu_s + 5}"]
    words += [] if memory_mb is None else [f"ulimit -v {memory_mb << 10}"]
    limited = ("sh", "-c", "; ".join([*words, 'exec "$0" "$@"']), *command) if words else command
    try:
        return subprocess.Popen(
            limited,
            cwd=cwd,
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise ToolFailed(
            f"{name} could not be started ({error.strerror}). "
            f"Command, run in {cwd}: {_shown(command)}"
        ) from error


class Tail:
    """What was added to an open log since the last look."""

    def __init__(self, sink: IO[bytes]) -> None:
        """Start after what the log holds now."""
        self._file = sink
        self._position = sink.tell()

    def read(self) -> str:
        """The new text; the file's own position, which the tool writes at, is not moved."""
        data = os.pread(self._file.fileno(), 1 << 24, self._position)
        self._position += len(data)
        return data.decode(errors="replace")


def _wait(
    process: "subprocess.Popen[bytes]",
    tail: Tail,
    end: float,
    timeout_s: float,
    watch: Watch | None,
) -> str:
    """Why the process was stopped, "" when it ended by itself; no child outlives this call."""
    try:
        while True:
            left = end - time.monotonic()
            try:
                process.wait(min(left, 0.5) if watch else left)
            except subprocess.TimeoutExpired:
                reason = watch(tail.read()) if watch else None
                if reason is None and time.monotonic() >= end:
                    reason = f"took longer than {timeout_s:g} s"
                if reason:
                    return reason
            else:
                if watch:
                    watch(tail.read())
                return ""
    finally:
        _end_group(process)


def _end_group(process: "subprocess.Popen[bytes]") -> None:
    """Nothing: every process of the session is gone afterwards."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    process.wait()
