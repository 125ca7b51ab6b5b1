"""Two wheels hold the same bytes, everything that the package's folders hold, and nothing else.

python same_files.py WHEEL WHEEL_FROM_SDIST < names of the repository's files
"""

import sys
import zipfile

FOLDERS = ("backends", "compiler", "hw_tests", "ir")


def contents(path: str) -> dict[str, bytes]:
    """The members of a wheel by name, without its list of digests."""
    with zipfile.ZipFile(path) as archive:
        return {
            name: archive.read(name) for name in archive.namelist() if not name.endswith("RECORD")
        }


def installed_name(name: str) -> str | None:
    """Where a file of the repository is installed, if it is: ir/text.py in lithify/ir."""
    folder = name.split("/")[0]
    if folder in FOLDERS:
        return f"lithify/{name}"
    return name if folder == "lithify" else None


def main(first: str, second: str) -> None:
    """Exits with a message where something is missing, too much, or different."""
    one, other = contents(first), contents(second)
    wanted = {installed_name(line.strip()) for line in sys.stdin} - {None}
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
