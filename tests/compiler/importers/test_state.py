"""State dicts and archives of nets of other tools."""

import pickle
import time
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from command import lithify as command
from foreign_nets import GroupSum, LogicDense, LogicLayer, LUTLayer, dwn_group_sum
from torch import nn

import lithify
from lithify.compiler.importers.hints import Hints
from lithify.compiler.importers.state import read_state
from lithify.compiler.source import open_file
from lithify.ir.errors import FormatError, InputError, LithifyError

Capture = pytest.CaptureFixture[str]


def difflogic_net() -> nn.Sequential:
    g = torch.Generator().manual_seed(1)
    return nn.Sequential(nn.Flatten(), LogicLayer(20, 50, g), LogicLayer(50, 40, g), GroupSum(4))


def wiring(net: nn.Sequential) -> dict[str, Any]:
    """What difflogic keeps outside of its state."""
    return {
        f"{name}.indices": np.stack([i.numpy() for i in layer.indices])
        for name, layer in net.named_children()
        if isinstance(layer, LogicLayer)
    }


def packed(net: nn.Sequential) -> dict[str, Any]:
    """The gates and wires alone."""
    layers = [layer for layer in net if isinstance(layer, LogicLayer)]
    parts: dict[str, Any] = {}
    for i, layer in enumerate(layers):
        a, b = (wires.numpy() for wires in layer.indices)
        gates = layer.weights.detach().argmax(1).numpy().astype(np.uint8)
        parts |= {f"gate{i}": gates, f"a{i}": a, f"b{i}": b}
    return parts


def test_difflogic_from_state_and_wiring(tmp_path: Path, capsys: Capture) -> None:
    net = difflogic_net()
    expected = lithify.from_torch(net)
    torch.save(net.state_dict(), tmp_path / "net.pt")
    np.savez(tmp_path / "wires.npz", **wiring(net))
    arrays = {name: value.numpy() for name, value in net.state_dict().items()} | wiring(net)
    np.savez_compressed(tmp_path / "whole.npz", **arrays, classes=4, inputs=20)
    np.savez(tmp_path / "packed.npz", **packed(net), classes=4, inputs=20)
    out = tmp_path / "out.lith"
    words = ["import", tmp_path / "net.pt", "-o", out, "--inputs", 20]
    words += ["--wiring", tmp_path / "wires.npz", "--classes", "a, b,c,d"]
    assert command(capsys, words).code == 0
    named = lithify.load(out)
    assert named.classes == ("a", "b", "c", "d")
    x = np.random.default_rng(1).integers(0, 2, (10_000, 20))
    scores = expected.scores(x)
    assert np.array_equal(named.scores(x), scores)
    for name in ("whole.npz", "packed.npz"):
        assert np.array_equal(lithify.load(tmp_path / name).scores(x), scores)


def test_a_state_without_wiring_says_where_it_is(tmp_path: Path) -> None:
    torch.save(difflogic_net().state_dict(), tmp_path / "net.pt")
    with pytest.raises(FormatError) as caught:
        lithify.load(tmp_path / "net.pt")
    assert str(caught.value) == (
        f"{tmp_path}/net.pt: layers.1: its wiring is missing, which difflogic keeps outside of the "
        "state dict. Hand the module to lithify.from_torch, or write an .npz file with, for each "
        "layer, NAME.indices = np.stack([i.cpu().numpy() for i in layer.indices]) and give it as "
        "the wiring"
    )


@pytest.mark.parametrize("kind", ["raw", "warp", "light"])
def test_torchlogix_states(kind: str, tmp_path: Path) -> None:
    g = torch.Generator().manual_seed(2)
    arity = 2 if kind == "raw" else 4
    net = nn.Sequential(
        LogicDense(20, 50, g, kind=kind, arity=arity, candidates=3),
        LogicDense(50, 30, g, kind=kind, arity=arity),
        GroupSum(3),
    )
    torch.save({"epoch_model": 1, "state_dict": net.state_dict()}, tmp_path / "net.pth")
    design = lithify.load(
        tmp_path / "net.pth",
        classes=3,
        inputs=20,
        parametrisation=None if kind == "raw" else kind,
    )
    assert design.circuit.scores == lithify.from_torch(net).circuit.scores
    if kind != "raw":
        with pytest.raises(InputError) as caught:
            lithify.load(tmp_path / "net.pth", classes=3)
        assert str(caught.value) == (
            f"{tmp_path}/net.pth: layers.0: 16 weights a gate of 4 inputs are those of warp or of "
            "light; say which with --parametrisation"
        )


def test_dwn_states_with_thresholds(tmp_path: Path) -> None:
    g = torch.Generator().manual_seed(3)
    net = nn.Sequential(LUTLayer(24, 30, 6, g, learned=True), LUTLayer(30, 10, 4, g))
    thresholds = np.sort(np.random.default_rng(1).normal(size=(8, 3)), axis=1).astype(np.float32)
    state = {name: value.numpy() for name, value in net.state_dict().items()}
    np.savez(tmp_path / "net.npz", **state, thresholds=thresholds, classes=4, tau=0.5)
    net.append(dwn_group_sum(4, 0.5))
    expected = lithify.from_torch(net, thresholds=thresholds)
    found = lithify.load(tmp_path / "net.npz")
    x = np.random.default_rng(2).normal(size=(10_000, 8))
    assert np.array_equal(found.scores(x), expected.scores(x))
    assert found.provenance["imported"]["tau"] == 0.5


def test_a_large_net_is_read_in_seconds(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    arrays: dict[str, Any] = {"classes": 10, "inputs": 784}
    widths = [784] + [64_000] * 6
    for i, (inputs, units) in enumerate(zip(widths, widths[1:], strict=False)):
        arrays[f"{i}.weights"] = rng.standard_normal((units, 16), np.float32)
        arrays[f"{i}.indices"] = rng.integers(0, inputs, (2, units))
    np.savez(tmp_path / "net.npz", **arrays)
    start = time.process_time()
    design = lithify.load(tmp_path / "net.npz")
    assert time.process_time() - start < 5
    assert design.circuit.num_gates > 100_000 and len(design.circuit.scores) == 10


class Evil:
    """What runs code when it is unpickled."""

    def __reduce__(self) -> Any:
        return print, ("run",)


def test_a_pickle_is_never_run(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "net.pt"
    torch.save({"0.weights": Evil()}, path)
    other = tmp_path / "old.pt"
    other.write_bytes(pickle.dumps(Evil()))
    for one in (path, other):
        with pytest.raises(FormatError) as caught:
            lithify.load(one)
        assert str(caught.value) == (
            f"{one}: it holds more than tensors, and reading that would run code in it. Load it "
            "yourself where you trust it, and save net.state_dict() alone, or hand the module to "
            "lithify.from_torch"
        )
    assert capsys.readouterr().out == ""


GOOD = {"0.weights": np.zeros((3, 16)), "0.indices": np.zeros((2, 3), int)}
MORE = {"1.weights": np.zeros((4, 16)), "1.indices": np.full((2, 4), 3)}
PACKED = {"gate0": np.zeros(3, int), "a0": np.zeros(3, int), "b0": np.zeros(3, int)}


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {"conv.kernel": np.zeros(3)},
            "array conv.kernel belongs to no layer of difflogic, torchlogix, CompactLogic or "
            "torch-dwn; only nets of their layers and class sums can be read",
        ),
        (GOOD | MORE, "layers.1 reads bit 3, but there are 3 before it"),
        ({**GOOD, "inputs": np.array(0)}, "inputs is 0; a number from 1 is needed"),
        ({**GOOD, "classes": np.array(2)}, "classes: 3 bits do not divide into 2 classes"),
        ({**GOOD, "classes": np.zeros(2)}, "classes is no single number"),
        (
            {**PACKED, "a2": np.zeros(3, int)},
            "array a1 is missing; there are gate0, a0, b0, gate1 and so on",
        ),
        (
            {**PACKED, "c": np.zeros(3)},
            "array c belongs to no layer; there are gate0, a0, b0, gate1 and so on",
        ),
        ({**PACKED, "gate0": np.full(3, 16)}, "layers.0: gate 16; there are the gates 0 to 15"),
        ({**PACKED, "a0": np.zeros(3)}, "layers.0: float64 numbers where integers are needed"),
        ({**PACKED, "a0": np.zeros(2, int)}, "layers.0: gates and wires differ in number"),
        (
            {"0.weights": np.zeros((3, 4)), "0.indices": np.zeros((2, 3), int)},
            "layers.0: weights of shape [3, 4] and indices of shape [2, 3]; [units, 16] and "
            "[2, units] are needed",
        ),
        ({"0.luts": np.zeros((3, 4))}, "layers.0: its mapping is missing"),
        (
            {"0.luts": np.zeros((3, 5)), "0.mapping": np.zeros((3, 2), int)},
            "layers.0: luts of shape [3, 5]; [units, 2 to the number of wires] are needed, with at "
            "most 16 wires",
        ),
        (
            {"0.luts": np.zeros((3, 4)), "0.mapping": np.zeros((3, 3), int)},
            "layers.0: a mapping of shape [3, 3] for luts of shape [3, 4]",
        ),
        ({"0.mapping": np.zeros(3)}, "layers.0: mapping without the weights of its gates"),
        (
            GOOD | {"1.luts": np.zeros((3, 4)), "1.mapping": np.zeros((3, 2), int)},
            "layers of difflogic and torch-dwn in one file",
        ),
        ({}, "the net has no layer of gates"),
    ],
)
def test_errors_name_the_layer(arrays: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = tmp_path / "net.npz"
    np.savez(path, **arrays)
    with pytest.raises(LithifyError) as caught:
        lithify.load(path)
    assert str(caught.value) == f"{path}: {message}"


def test_hints_are_for_nets_only(tmp_path: Path) -> None:
    path = tmp_path / "net.bench"
    path.write_text("INPUT(a)\nOUTPUT(b)\nb = NOT(a)\n")
    with pytest.raises(InputError) as caught:
        open_file(path, Hints(classes=2))
    assert str(caught.value) == (
        f"{path}: classes cannot be said of a file that is a bench; it says all of itself"
    )
    with pytest.raises(InputError, match=r"parametrisation 'x' is none of raw, warp, light$"):
        weights, wires = np.zeros((3, 4)), np.zeros((2, 3), int)
        state = {"0.weight": weights, "0.connections.indices": wires}
        read_state(state, Hints(parametrisation="x"))


def test_archives_cannot_ask_for_memory(tmp_path: Path) -> None:
    path = tmp_path / "net.npz"
    with zipfile.ZipFile(path, "w") as archive:
        header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999,), }"
        content = b"\x93NUMPY\x01\x00v\x00" + header.ljust(117) + b"\n"
        archive.writestr("0.weights.npy", content)
    with pytest.raises(FormatError) as caught:
        lithify.load(path)
    assert str(caught.value) == f"{path}: 0.weights.npy is shorter or longer than its header says"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("0.weights.npy", b"\x93NUMPY")
    with pytest.raises(FormatError, match=r": 0.weights.npy has no .npy header$"):
        lithify.load(path)
    np.savez(path, x=np.array([object()]))
    with pytest.raises(FormatError, match=r": x.npy is of type object, which holds no plain numb"):
        lithify.load(path)


def test_entries_cannot_unpack_to_more_than_they_say(tmp_path: Path) -> None:
    path, size = tmp_path / "net.npz", 1 << 24
    for method in (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2):
        with zipfile.ZipFile(path, "w", method) as archive:
            archive.writestr("0.weights.npy", bytes(size))
        said = size.to_bytes(4, "little")
        path.write_bytes(path.read_bytes().replace(said, (1000).to_bytes(4, "little")))
        tracemalloc.start()
        with pytest.raises(FormatError) as caught:
            lithify.load(path)
        assert tracemalloc.get_traced_memory()[1] < size // 4
        tracemalloc.stop()
        assert str(caught.value) == f"{path}: " + (
            "a damaged archive (Bad CRC-32 for file '0.weights.npy')"
            if method == zipfile.ZIP_DEFLATED
            else "0.weights.npy is compressed in a way that is not read; use np.savez"
        )


def test_tensors_cannot_be_larger_than_their_file(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    tensors = {"0.weights": torch.zeros(1, 1).expand(10**9, 16), "0.indices": torch.zeros(2, 1)}
    torch.save(tensors, path)
    with pytest.raises(FormatError) as caught:
        lithify.load(path)
    assert str(caught.value) == (
        f"{path}: its tensors take 64,000,000,008 bytes, and the file has "
        f"{path.stat().st_size:,}; save their contiguous() copies"
    )


def test_what_a_damaged_archive_raises_is_told(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    torch.save({"0.weights": torch.zeros(2, 16)}, path)
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():  # a storage by a number rather than a tuple
            archive.writestr(name, b"\x80\x02K\x01Q." if name.endswith("data.pkl") else content)
    with pytest.raises(FormatError) as caught:
        lithify.load(path)
    assert str(caught.value) == f"{path}: a damaged torch file (AssertionError)"
    path = tmp_path / "net.npz"
    np.savez_compressed(path, gate0=np.arange(999))
    data = bytearray(path.read_bytes())
    data[60:100] = bytes(range(40))
    path.write_bytes(data)
    with pytest.raises(FormatError, match=r"net.npz: a damaged archive \(Error -3 while decomp"):
        lithify.load(path)


def test_more_classes_than_bits(tmp_path: Path) -> None:
    tables: dict[str, Any] = {"0.luts": np.ones((6, 8)), "0.mapping": np.zeros((6, 3), int)}
    np.savez(tmp_path / "net.npz", classes=2**31 - 1, **tables)
    with pytest.raises(FormatError, match=r": classes: 2147483647 classes of 6 bits; each needs"):
        lithify.load(tmp_path / "net.npz")
    gates: dict[str, Any] = {name: np.zeros(6, int) for name in ("gate0", "a0", "b0")}
    np.savez(tmp_path / "net.npz", classes=12, **gates)
    with pytest.raises(FormatError, match=r": classes: 6 bits do not divide into 12 classes$"):
        lithify.load(tmp_path / "net.npz")


def test_mutated_archives_are_refused_or_read(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    net = difflogic_net()
    np.savez(tmp_path / "a", **packed(net), classes=4)
    torch.save(
        net.state_dict() | {k: torch.tensor(v) for k, v in wiring(net).items()}, tmp_path / "b"
    )
    path = tmp_path / "mutant"
    for data in ((tmp_path / "a.npz").read_bytes(), (tmp_path / "b").read_bytes()):
        for _ in range(150):
            bad = bytearray(data)
            for place in rng.integers(0, len(bad), 4):
                bad[place] = rng.integers(256)
            path.write_bytes(bad)
            try:
                lithify.load(path)
            except LithifyError:
                continue
