"""Scripts of yosys: written where they work, and run within limits."""

from pathlib import Path

from lithify.backends.toolchain import Completed, run

CPU_LIMIT_S = 1800
WALL_LIMIT_S = 4 * CPU_LIMIT_S


def run_script(
    folder: Path, name: str, text: str, *, log: Path | None = None, check: bool = True
) -> Completed:
    """What became of a script that is written to a folder and works there."""
    folder.joinpath(name).write_text(text, "utf-8")
    return run(
        "yosys",
        ["-s", name],
        cwd=folder,
        log=log,
        check=check,
        cpu_s=CPU_LIMIT_S,
        timeout_s=WALL_LIMIT_S,
    )
