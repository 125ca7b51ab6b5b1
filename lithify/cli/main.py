"""The entry point of the `lithify` command."""

import argparse
from collections.abc import Sequence

import lithify


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    top = argparse.ArgumentParser(
        prog="lithify", description="Compile trained Boolean neural networks to hardware."
    )
    top.add_argument("--version", action="version", version=f"lithify {lithify.__version__}")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code of the command line."""
    parser().parse_args(arguments)
    return 0
