"""Some circuits of the fuzz set through every format."""

import numpy as np
import pytest
from odd_circuits import odd_circuit
from round_trips import main, same_circuit

Capture = pytest.CaptureFixture[str]


def test_circuits_survive_every_format(capsys: Capture) -> None:
    assert main(12, 4) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 11 and lines[1] == "text     12 circuits, 0 failures"


def test_another_circuit_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = (odd_circuit(np.random.default_rng(seed)) for seed in (1, 2))
    monkeypatch.setitem(
        __import__("round_trips").OWN, "text", (lambda circuit: b"", lambda data: other)
    )
    assert same_circuit(one) == ["text"]
