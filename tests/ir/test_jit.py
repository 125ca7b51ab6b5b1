"""Compiled loops: kept between runs, and what takes a while the first time is said once."""

import os
import subprocess
import sys
from pathlib import Path

LOOPS = """\
import numpy as np
from lithify.ir.jit import njit

@njit
def half(x):
    return x // 2

@njit(nogil=True)
def quarter(x):
    return half(half(x))

@njit
def several(x):
    return half(x) + half(6) + half(8) + half(np.int32(x)) + half(x=4)
"""
CALLING = """\
import logging
logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
import loops
print(loops.quarter(12), loops.half(5), loops.several(2), loops.half.signatures)
"""


def test_what_is_compiled_is_kept_said_and_one_for_all_whole_numbers(tmp_path: Path) -> None:
    (tmp_path / "loops.py").write_text(LOOPS)
    paths = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    variables = {**os.environ, "PYTHONPATH": paths, "NUMBA_CACHE_DIR": str(tmp_path / "kept")}

    def said() -> str:
        done = subprocess.run(
            [sys.executable, "-c", CALLING], capture_output=True, text=True, env=variables
        )
        assert (done.returncode, done.stdout) == (0, "3 2 11 [(int64,)]\n")
        return done.stderr

    assert said() == (
        "lithify.ir.jit: compiling inner loops for this machine: a minute in all, only the first "
        "time\n"
    )
    assert said() == ""
