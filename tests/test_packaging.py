"""What pyproject.toml says is what the tree holds, and every dependency is pinned."""

import importlib.metadata
import re
import tomllib
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from source_tree import PACKAGES, ROOT, files, module_of, name_of

import lithify
from lithify.cli.main import main

PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT: dict[str, Any] = PYPROJECT["project"]
SETUPTOOLS: dict[str, Any] = PYPROJECT["tool"]["setuptools"]


def pins() -> dict[str, Version]:
    """The exact version of every library in constraints.txt."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    requirements = [Requirement(line) for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r"==[^*,]+", str(one.specifier)) for one in requirements)
    return {canonicalize_name(one.name): Version(str(one.specifier)[2:]) for one in requirements}


def requirements() -> list[Requirement]:
    """Every library that the project or one of its extras asks for."""
    groups = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    everything = [Requirement(text) for group in groups for text in group]
    return [one for one in everything if one.name != "lithify"]


def test_the_package_list_is_the_folder_tree() -> None:
    on_disk = [module_of(path) for path in files(*PACKAGES) if path.name == "__init__.py"]
    assert sorted(on_disk) == SETUPTOOLS["packages"]


def test_the_mapping_names_every_folder() -> None:
    expected = {module_of(ROOT / folder / "__init__.py"): folder for folder in PACKAGES}
    assert SETUPTOOLS["package-dir"] == expected


def test_every_folder_with_modules_is_a_package() -> None:
    folders = {path.parent for path in files(*PACKAGES)}
    assert [name_of(one) for one in folders if not (one / "__init__.py").is_file()] == []


def test_every_package_says_that_it_is_typed() -> None:
    assert [one for one in PACKAGES if not (ROOT / one / "py.typed").is_file()] == []


def test_tests_are_no_package() -> None:
    assert [name_of(one) for one in files("tests") if one.name == "__init__.py"] == []


@pytest.mark.parametrize("requirement", requirements(), ids=str)
def test_every_dependency_is_pinned_within_its_range(requirement: Requirement) -> None:
    pin = pins()[canonicalize_name(requirement.name)]
    assert requirement.specifier.contains(pin, prereleases=True)


def test_the_core_needs_no_torch() -> None:
    heavy = {"cocotb", "safetensors", "scikit-learn", "torch"}
    assert not heavy & {Requirement(text).name for text in PROJECT["dependencies"]}


def test_torch_is_pinned_without_a_local_version() -> None:
    assert pins()["torch"].local is None


def test_the_version_is_one() -> None:
    assert lithify.__version__ == PROJECT["version"] == importlib.metadata.version("lithify")


def test_the_changelog_starts_with_what_is_unreleased_and_knows_the_version() -> None:
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    releases = [re.fullmatch(r"\[([0-9.]+)\] - \d{4}-\d\d-\d\d", one) for one in headings[1:]]
    versions = [Version(one[1]) for one in releases if one]
    assert len(versions) == len(releases), f"not [version] - date: {headings[1:]}"
    assert versions == sorted(versions, reverse=True)
    assert all(one <= Version(lithify.__version__) for one in versions)


def test_the_command_is_the_entry_point(capsys: pytest.CaptureFixture[str]) -> None:
    (script,) = importlib.metadata.entry_points(group="console_scripts", name="lithify")
    assert script.load() is main
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == f"lithify {lithify.__version__}\n"


def test_the_licence_is_whole() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert PROJECT["license"] == "Apache-2.0"
    assert "Version 2.0, January 2004" in text and "END OF TERMS AND CONDITIONS" in text
