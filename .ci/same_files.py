"""Two wheels hold the same bytes, everything that the package's folders hold, and nothing else.

python same_files.py REPOSITORY WHEEL WHEEL_FROM_SDIST
"""

import sys
import zipfile
from pathlib import Path

FOLDERS = {"backends", "compiler", "examples", "hw_tests", "ir", "lithify"}


def contents(path: str) -> dict[str, bytes]:
    """The members of a wheel by name, without its list of digests."""
    with zipfile.ZipFile(path) as archive:
        return {
            name: archive.read(name) for name in archive.namelist() if not name.endswith("RECORD")
        }


def installed_names(repository: Path) -> set[str]:
    """Where every file of the package's folders is installed: ir/text.py in lithify/ir."""
    return {
        ("" if folder == "lithify" else "lithify/") + path.relative_to(repository).as_posix()
        for folder in FOLDERS
        for path in (repository / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def main(repository: str, first: str, second: str) -> None:
    """Exits with a message where something is missing, too much, or different."""
    one, other = contents(first), contents(second)
    wanted = installed_names(Path(repository))
    held = {name for name in one if not name.split("/")[0].endswith(".dist-info")}
    if wanted != held:
        sys.exit(f"the wheel lacks {wanted - held or 'nothing'}, adds {held - wanted or 'nothing'}")
    if one != other:
        names = sorted(
            name for name in one.keys() | other.keys() if one.get(name) != other.get(name)
        )
        sys.exit(f"the wheel and the one built from the source archive differ in {names}")
    print(f"{len(held)} files")


if __name__ == "__main__":
    main(*sys.argv[1:])
