"""The Verilog of a net of another tool, in Verilator: the scores of the tool's own model.

The net is of torchlogix, of random start, trained on the handwritten digits; its circuit is taken
as the tool builds it, and after the tool's own simplification, which folds votes into offsets.
"""

from pathlib import Path

import numpy as np
import pytest

import lithify
from lithify.backends.verilog.simulate import simulate

DATA = Path(__file__).parents[2] / "data" / "torchlogix"
SAMPLES = 10_000


def inputs() -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """The digits by three thresholds, and random bits."""
    from sklearn.datasets import load_digits

    images = load_digits().data
    digits = np.concatenate([images > bound for bound in (2, 7, 12)], axis=1)
    rest = np.random.default_rng(11).integers(0, 2, (SAMPLES - len(digits), 192), np.uint8)
    return np.concatenate([digits, rest]).astype(np.int64)


@pytest.mark.parametrize("name", ["digits_built", "digits_simplified"])
def test_verilog_gives_the_scores_of_the_model(name: str, tmp_path: Path) -> None:
    net = lithify.load(DATA / f"{name}.json")
    assert any(score.bias for score in net.circuit.scores) == (name == "digits_simplified")
    design = lithify.compile(net, effort=1, interface="pipeline", every=4)
    scores = np.load(DATA / "digits_scores.npz")["scores"].astype(np.int64)
    expected = {"scores": scores, "class": scores.argmax(axis=1)[:, None]}
    result = simulate(design.verilog, inputs(), expected, folder=tmp_path, stalls=0.0)
    assert result.ok and result.compared == SAMPLES, result.first
