"""Where a training run stands, as tensors and JSON in one safetensors file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from lithify.compiler.nets.model_file import open_safetensors
from lithify.ir.errors import FormatError, InputError
from lithify.ir.files import write_atomically

FORMAT = "lithify-checkpoint"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """All that the rest of a run depends on; random streams follow from the seed and the epoch."""

    run: dict[str, Any]
    epochs: Any
    best: Any
    net: Mapping[str, Tensor]
    best_net: Mapping[str, Tensor]
    course: Mapping[str, Tensor]


def write(path: Path, state: Checkpoint) -> None:
    """Replace the file at `path` in one step."""
    parts = {"net": state.net, "best": state.best_net, "course": state.course}
    tensors = {
        f"{part}/{name}": value.detach().cpu().contiguous()
        for part, values in parts.items()
        for name, value in values.items()
    }
    header = {"version": VERSION, "run": state.run, "epochs": state.epochs, "best": state.best}
    metadata = {FORMAT: json.dumps(header, sort_keys=True)}
    write_atomically(path, safetensors.torch.save(tensors, metadata))


def read(path: Path, run: Mapping[str, Any]) -> Checkpoint:
    """The state at `path`, which must belong to this very run."""
    require(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    header, tensors = open_safetensors(data, str(path), FORMAT, "checkpoint")
    if header.get("version") != VERSION or not isinstance(header.get("run"), dict):
        raise FormatError(
            f"{path}: checkpoint version {header.get('version')!r} is unknown; delete it and train "
            "from the beginning"
        )
    for key, value in run.items():
        if header["run"].get(key) != value:
            raise InputError(
                f"{path}: the checkpoint is of another run: {key} was "
                f"{_short(header['run'].get(key))} and is {_short(value)} now; use the old "
                "setting, or delete the checkpoint to train from the beginning"
            )
    parts: dict[str, dict[str, Tensor]] = {"net": {}, "best": {}, "course": {}}
    for name, value in tensors.items():
        part, _, rest = name.partition("/")
        parts.setdefault(part, {})[rest] = value
    return Checkpoint(
        dict(run),
        header.get("epochs"),
        header.get("best"),
        parts["net"],
        parts["best"],
        parts["course"],
    )


def require(path: Path) -> None:
    """Refuse to go on from a file that is not there."""
    if not path.exists():
        raise InputError(
            f"there is no checkpoint at {path}; leave out --resume (in Python: resume=True) "
            "to train from the beginning"
        )


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The moments and step counts of an optimiser, by parameter index and name."""
    state = optimiser.state_dict()["state"]
    return {f"{index}.{key}": value for index, one in state.items() for key, value in one.items()}


def restore_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Put the moments and step counts back."""
    parameters = [one for group in optimiser.param_groups for one in group["params"]]
    wanted = {
        f"{i}.{key}" for i in range(len(parameters)) for key in ("exp_avg", "exp_avg_sq", "step")
    }
    if tensors.keys() != wanted or any(
        tensors[f"{i}.{key}"].shape != one.shape
        for i, one in enumerate(parameters)
        for key in ("exp_avg", "exp_avg_sq")
    ):
        raise ValueError("the moments are not those of the parameters")
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        index, _, key = name.partition(".")
        state.setdefault(int(index), {})[key] = value
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": state, "param_groups": groups})


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
