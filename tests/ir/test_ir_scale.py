"""The benchmark of the IR measures every step and says which bars are missed."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPT = """
import json
from benchmarks import ir_scale
figures = ir_scale.measure((30, 30))
slow = figures | {"parse": 31.0}
print(json.dumps([figures, ir_scale.verdicts(figures), ir_scale.verdicts(slow)]))
"""


def test_every_step_is_measured_and_judged() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, check=True
    )
    figures, good, bad = json.loads(done.stdout)
    assert figures["gates"] == 60
    assert set(figures) >= {"build", "check", "print", "parse", "save", "load", "graph", "peak"}
    assert set(good) == set(bad) and len(good) == 5
    assert all(kept for _, kept in good.values())
    assert [name for name, (_, kept) in bad.items() if not kept] == ["text print and parse"]
