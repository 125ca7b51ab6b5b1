"""Model files: exact round trips, and one plain reason for every file that is none."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from tiny_nets import blobs, tiny_net
from torch import Tensor

from lithify.compiler.lowering import lower
from lithify.compiler.nets import load, logic, save
from lithify.compiler.nets.families import HEADS, LAYERS
from lithify.compiler.nets.model_file import FORMAT, read
from lithify.compiler.training import train
from lithify.ir.errors import FormatError, InputError, WriteError

Change = Callable[[dict[str, Any], dict[str, Tensor]], None]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "net.safetensors"
    return save(tiny_net(), path, provenance={"seed": 3, "test_accuracy": 0.5})


@pytest.mark.parametrize("parametrisation", ["softmax16", "table4"])
def test_a_net_survives_its_file(parametrisation: str, tmp_path: Path) -> None:
    net = tiny_net(parametrisation=parametrisation)
    path = save(net, tmp_path / "net.safetensors", provenance={"seed": 3})
    model = load(path)
    x, _ = blobs(200, seed=5)
    assert np.array_equal(model.net.hard_scores(x), net.hard_scores(x))
    assert torch.equal(model.net(torch.from_numpy(x)), net(torch.from_numpy(x)))
    assert model.net.code == net.code
    assert model.net.classes == net.classes
    assert model.provenance == {"seed": 3}


@pytest.mark.parametrize("parametrisation", ["softmax16", "table4"])
def test_a_hard_file_keeps_the_scores_and_the_circuit(parametrisation: str, tmp_path: Path) -> None:
    net = tiny_net(parametrisation=parametrisation)
    small = save(net, tmp_path / "hard.safetensors", hard=True, provenance={"seed": 3})
    model = load(small)
    assert model.provenance == {"seed": 3}
    assert str(lower(model.net)) == str(lower(net))
    x, _ = blobs(200, seed=5)
    assert np.array_equal(model.net.hard_scores(x), net.hard_scores(x))
    assert save(model.net, tmp_path / "again.safetensors", provenance={"seed": 3}).read_bytes() == (
        small.read_bytes()
    )


def test_a_hard_file_grows_by_bits(tmp_path: Path) -> None:
    sizes = {}
    for width in (3_000, 27_000):
        net = logic(inputs=1000, layers=[width], classes=10)
        sizes[width] = save(net, tmp_path / "hard.safetensors", hard=True).stat().st_size
    # Four entries of a table and two of 1,000 inputs: 24 bits a gate.
    assert sizes[27_000] - sizes[3_000] == pytest.approx(24_000 * 24 / 8, abs=32)


def test_a_hard_net_cannot_be_trained(tmp_path: Path) -> None:
    x, y = blobs()
    net = load(save(tiny_net(), tmp_path / "net.safetensors", hard=True)).net
    with pytest.raises(InputError) as caught:
        train(net, x, y, epochs=1)
    assert str(caught.value) == (
        "the net is hardened: its weights stand for gates and have nothing left to learn; train "
        "the net that it was hardened from, or a new one"
    )
    assert not any(weight.requires_grad for weight in net.parameters())


@pytest.mark.parametrize("hard", [False, True])
def test_changed_bytes_give_a_net_or_a_reason(hard: bool, tmp_path: Path) -> None:
    data = save(tiny_net(), tmp_path / "net.safetensors", hard=hard).read_bytes()
    header = int.from_bytes(data[:8], "little") + 8
    rng = np.random.default_rng(3)
    refused = 0
    for _ in range(300):
        changed = bytearray(data)
        place = rng.integers(header if rng.random() < 0.7 else len(data))
        changed[place] = rng.choice([*b"0123456789", int(rng.integers(256))])
        try:
            read(bytes(changed), "FILE")
        except FormatError as error:
            refused += str(error).startswith("FILE: ")
    assert 200 < refused < 300


def test_a_length_may_look_like_a_pickle(tmp_path: Path) -> None:
    starts = set()
    for filler in range(40):
        path = save(tiny_net(), tmp_path / "net.safetensors", provenance={"note": "x" * 8 * filler})
        starts.add(path.read_bytes()[:1])
        assert load(path).provenance == {"note": "x" * 8 * filler}
    assert b"\x80" in starts


def test_equal_nets_make_equal_files(tmp_path: Path) -> None:
    files = [save(tiny_net(), tmp_path / name).read_bytes() for name in ("a", "b")]
    assert files[0] == files[1]


def test_an_old_file_outlives_a_failed_write(model: Path) -> None:
    with pytest.raises(WriteError):
        save(tiny_net(), model.parent / "missing" / "net.safetensors")
    assert load(model).provenance["seed"] == 3


def refusal(path: Path, data: bytes) -> str:
    """The text of the error, with the path taken out."""
    path.write_bytes(data)
    with pytest.raises(FormatError) as caught:
        load(path)
    return str(caught.value).replace(str(path), "FILE")


PICKLE = (
    "FILE: this is a pickle (a torch .pt or .pth file, say), and reading a pickle runs whatever "
    "code is in it. Load it yourself where you trust it, and write the net with "
    "lithify.nets.save(net, 'net.safetensors')"
)


def test_pickles_are_refused(tmp_path: Path) -> None:
    torch.save(tiny_net().state_dict(), tmp_path / "net.pt")
    path = tmp_path / "file"
    assert refusal(path, (tmp_path / "net.pt").read_bytes()) == PICKLE
    assert refusal(path, pickle.dumps({"weights": [1, 2]})) == PICKLE


@pytest.mark.parametrize("keep", [0, 5])
def test_files_cut_short_in_the_length(keep: int, model: Path, tmp_path: Path) -> None:
    assert refusal(tmp_path / "file", model.read_bytes()[:keep]) == (
        f"FILE: not a Lithify model, or cut short ({keep} bytes); write it again with "
        "`lithify train`"
    )


def test_files_cut_short_anywhere_are_refused(model: Path, tmp_path: Path) -> None:
    data = model.read_bytes()
    for keep in (100, len(data) // 2, len(data) - 1):
        assert refusal(tmp_path / "file", data[:keep]).startswith("FILE: not a Lithify model, or ")


def test_an_absurd_header_length_is_not_allocated(tmp_path: Path) -> None:
    assert refusal(tmp_path / "file", (2**62).to_bytes(8, "little") + b"{}") == (
        "FILE: not a Lithify model, or cut short (10 bytes); write it again with `lithify train`"
    )


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    other = safetensors.torch.save({"weight": torch.zeros(3)}, {"format": "pt"})
    assert refusal(path, other) == (
        f"FILE: not a Lithify model, or damaged (KeyError: '{FORMAT}'); write it again with "
        "`lithify train`"
    )
    assert refusal(path, b"[project]\nname = 'lithify'\n").startswith("FILE: not a Lithify model")


def test_no_file_at_all(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load(tmp_path / "net.safetensors")
    assert str(caught.value) == (
        f"{tmp_path / 'net.safetensors'}: no such file; `lithify train` writes model files"
    )
    with pytest.raises(InputError) as caught:
        load(tmp_path)
    assert str(caught.value) == f"{tmp_path}: cannot be read: Is a directory"


def rewrite(model: Path, change: Change) -> bytes:
    """The model file after a change of its header and tensors."""
    tensors = safetensors.torch.load(model.read_bytes())
    length = int.from_bytes(model.read_bytes()[:8], "little")
    outer = json.loads(model.read_bytes()[8 : 8 + length])
    header = json.loads(outer["__metadata__"][FORMAT])
    change(header, tensors)
    return safetensors.torch.save(tensors, {FORMAT: json.dumps(header)})


def put(*path: str | int, value: object) -> Change:
    """The change that puts a value into the header."""

    def change(header: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        place: Any = header
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value

    return change


def tensor(name: str, value: Tensor | None) -> Change:
    """The change that puts a tensor in, or takes it out."""

    def change(header: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        if value is None:
            del tensors[name]
        else:
            tensors[name] = value

    return change


CHANGES: list[tuple[Change, str]] = [
    (
        put("version", value=2),
        "model format version 2 is unknown; this Lithify reads version 1",
    ),
    (put("layers", value=[]), "layers is no list of layers"),
    (
        put("layers", 1, "kind", value="convolve"),
        f"layers.1: kind 'convolve' is unknown; this Lithify knows {', '.join(sorted(LAYERS))}",
    ),
    (
        put("head", "kind", value=None),
        f"head: kind None is unknown; this Lithify knows {', '.join(sorted(HEADS))}",
    ),
    (put("encoder", value=7), "encoder is missing from the header; the file is damaged"),
    (put("class_names", value=[1]), "class_names is no list of names"),
    (
        put("class_names", value=["a", "b"]),
        "class names a, b for 3 classes; one each, all different",
    ),
    (put("packed", value=[]), "packed is no object of packed tensors; the file is damaged"),
    (put("provenance", value=None), "provenance is missing from the header; the file is damaged"),
    (
        put("layers", 0, "outputs", value=10**12),
        "layers.0: outputs is 1000000000000; an integer from 1 to 2147483647 is needed",
    ),
    (
        put("layers", 0, "outputs", value=2**31 - 1),
        "tensor layers.0.weights is F32 [40, 16], but the header says F32 [2147483647, 16]; the "
        "file is damaged",
    ),
    (
        put("layers", 0, "inputs", value=3),
        "layers.0: gate 0 reads inputs 7 and 4, but the layer has inputs 0 to 2; the file is "
        "damaged",
    ),
    (
        put("layers", 0, "parametrisation", value="raw"),
        "layers.0: parametrisation 'raw' is none of softmax16, table4",
    ),
    (
        put("encoder", "code", value={"kind": "identity"}),
        "the input code cannot be read: 'elements'",
    ),
    (
        tensor("layers.0.wires", None),
        "tensor layers.0.wires is missing; the file is damaged",
    ),
    (
        tensor("layers.0.wires", torch.zeros((2, 40), dtype=torch.int64)),
        "tensor layers.0.wires is torch.int64 [2, 40], but the header says I32 [2, 40]; the file "
        "is damaged",
    ),
    (
        tensor("layers.9.weights", torch.zeros(1)),
        "tensor layers.9.weights belongs to no part of the net; the file is damaged",
    ),
]


@pytest.mark.parametrize(("change", "text"), CHANGES)
def test_damaged_models(change: Change, text: str, model: Path, tmp_path: Path) -> None:
    assert refusal(tmp_path / "file", rewrite(model, change)) == f"FILE: {text}"
