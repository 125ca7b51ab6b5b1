"""Runs a yosys script file with the yosys of the pyosys package, as a process of its own.

`python -m lithify.backends.yosys -s FILE` takes the place of a `yosys -s FILE` binary.
"""

import sys


def main(arguments: list[str]) -> int:
    """The exit code, after running the script; yosys itself ends the process on an error."""
    if len(arguments) != 2 or arguments[0] != "-s":
        sys.stderr.write("usage: python -m lithify.backends.yosys -s FILE\n")
        return 64
    from pyosys import libyosys

    libyosys.run_pass(f"script {arguments[1]}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
