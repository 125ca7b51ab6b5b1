"""Ensembles: sums of scores, one circuit, model files, uncertainty, and what cannot be one."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from binary_nets import binary_tiny_net
from tiny_nets import blobs, tiny_net

import lithify
from lithify.compiler.lowering import lower
from lithify.compiler.nets import GroupSum, Net, ensemble, load, rejected, save, uncertainty
from lithify.compiler.nets.reject import lead
from lithify.compiler.nets.side_by_side import JointHead, SideBySide
from lithify.compiler.training import train
from lithify.ir import simulate
from lithify.ir.check import check
from lithify.ir.errors import FormatError, HardenError, InputError

X, Y = blobs(200, seed=3)


def nets(count: int = 3) -> list[Net]:
    return [tiny_net(seed=seed) for seed in range(count)]


@pytest.mark.parametrize("margin", [0, 2])
@pytest.mark.parametrize("make", [tiny_net, binary_tiny_net])
def test_scores_are_sums_and_the_circuit_has_them(make: Any, margin: int) -> None:
    members = [make(seed=seed).eval() for seed in range(3)]
    joint = ensemble(members, margin=margin)
    scores = sum(net.hard_scores(X) for net in members)
    assert np.array_equal(joint.hard_scores(X), scores)
    circuit = lower(joint)
    check(circuit)
    answers = simulate.run(circuit, joint.code.encode(X))
    assert np.array_equal(answers.scores, scores)
    assert np.array_equal(answers.classes, joint.hard_predict(X))
    assert [word.name for word in circuit.words] == ["reject"] * (margin > 0)
    assert rejected(joint, X).any() == (margin > 0)
    if margin:
        assert np.array_equal(answers.words["reject"][:, 0], rejected(joint, X))


def test_soft_logits_are_means() -> None:
    members = nets()
    found = ensemble(members)(torch.from_numpy(X))
    torch.testing.assert_close(
        found, torch.stack([net(torch.from_numpy(X)) for net in members]).mean(0)
    )


def test_what_members_have_in_common_is_there_once() -> None:
    one = tiny_net()
    same = lower(ensemble([one, copy.deepcopy(one), tiny_net()]))
    assert same.num_gates == lower(one).num_gates
    mixed, alone = lower(ensemble(nets())), [lower(net) for net in nets()]
    encoder = alone[0].size_by_part()["encoder"]
    assert mixed.size_by_part()["encoder"] == encoder
    assert mixed.num_gates < sum(net.num_gates for net in alone)


def test_gates_tell_which_member_they_are_of() -> None:
    paths = {origin.path for origin in lower(ensemble(nets(2), margin=1)).origins}
    assert paths == {
        "encoder",
        "head",
        *(f"layers.0.members.{member}.{layer}" for member in (0, 1) for layer in (0, 1)),
    }


@pytest.mark.parametrize("hard", [False, True])
def test_a_model_file_holds_an_ensemble(hard: bool, tmp_path: Path) -> None:
    joint = ensemble(nets(), margin=3)
    path = save(joint, tmp_path / "joint.safetensors", hard=hard)
    again = load(path).net
    assert np.array_equal(again.hard_scores(X), joint.hard_scores(X))
    assert isinstance(again.head, JointHead)
    assert again.head.margin == 3
    assert lower(again) == lower(joint)


def test_an_ensemble_compiles_and_every_engine_rejects_the_same(tmp_path: Path) -> None:
    joint = ensemble(nets(), margin=2)
    design = lithify.compile(joint).verify(X, time_limit=20)
    assert design.certificate is not None
    assert design.certificate.ok
    assert np.array_equal(design.scores(X), joint.hard_scores(X))
    assert np.array_equal(design.words(X)["reject"][:, 0], rejected(joint, X))
    assert np.array_equal(design.interpret(X).words["reject"][:, 0], rejected(joint, X))


def test_an_ensemble_trains_on() -> None:
    joint = ensemble(nets())
    before = joint.hard_predict(X) == Y
    train(joint, X, Y, epochs=8, batch=20, learning_rate=0.05)
    assert (joint.hard_predict(X) == Y).mean() > max(0.9, before.mean())


def test_agreeing_members_are_sure() -> None:
    one = tiny_net()
    found = uncertainty(ensemble([one, copy.deepcopy(one)]), X)
    alone = uncertainty(one, X)
    assert (found.disagreement == 0).all()
    assert np.array_equal(found.lead, 2 * alone.lead)
    np.testing.assert_allclose(found.entropy, alone.entropy)


def test_uncertainty_is_what_it_says() -> None:
    joint = ensemble(nets())
    found = uncertainty(joint, X)
    votes = np.stack([net.hard_predict(X) for net in nets()])
    assert np.array_equal(found.lead, lead(joint.hard_scores(X)))
    np.testing.assert_allclose(found.disagreement, (votes != joint.hard_predict(X)).mean(axis=0))
    for sample in (0, 7):
        logits = [net.hard_scores(X)[sample] / net.head.temperature for net in nets()]
        chances = np.mean([np.exp(one) / np.exp(one).sum() for one in logits], axis=0)
        assert found.entropy[sample] == pytest.approx(-(chances * np.log(chances)).sum())


def test_a_net_without_a_margin_rejects_nothing() -> None:
    assert not rejected(tiny_net(), X).any()
    assert not rejected(ensemble(nets()), X).any()


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: ensemble([]), "an ensemble of no nets; at least one is needed"),
        (
            lambda: ensemble([tiny_net(), binary_tiny_net(), other_encoder()]),
            "net 2 has another encoder than net 0; the members of an ensemble read the same bits",
        ),
        (
            lambda: ensemble([tiny_net(), renamed()]),
            "net 1 has the classes a, b, c, but net 0 has 0, 1, 2",
        ),
        (
            lambda: ensemble([ensemble(nets(2)), tiny_net()]),
            "members.0.0: a member has members of its own; use those themselves",
        ),
        (
            lambda: ensemble(nets(2), margin=-1),
            "the margin is -1; it must be 0 (no reject output) or more",
        ),
        (
            lambda: SideBySide([[*stack(0)], []]),
            "members side by side: at least one is needed, each with a layer",
        ),
        (
            lambda: SideBySide([stack(0), stack(1)[1:]]),
            "members.1.0 takes 40 bits, but is given 12",
        ),
        (
            lambda: JointHead([GroupSum(6, 3, temperature=1), GroupSum(6, 2, temperature=1)]),
            "heads of 2, 3 classes cannot be summed; all members need the same classes",
        ),
        (
            lambda: JointHead([GroupSum(6, 1, temperature=1)], margin=2),
            "the margin is 2, but a single class leads no other",
        ),
    ],
)
def test_what_cannot_be_an_ensemble(make: Any, text: str) -> None:
    with pytest.raises(InputError) as caught:
        make()
    assert str(caught.value) == text


def other_encoder() -> Net:
    net = tiny_net()
    net.encoder.threshold[0] -= 0.5
    return net


def renamed() -> Net:
    net = tiny_net()
    return Net(net.encoder, stack(0), net.head, class_names=["a", "b", "c"])


def stack(seed: int) -> list[Any]:
    return [layer for _, layer in tiny_net(seed=seed).steps()]


@pytest.mark.parametrize(
    ("kind", "change", "text"),
    [
        (SideBySide, {"members": []}, "p: members is no list of lists of layers"),
        (SideBySide, {"members": [[]]}, "p.members.0: the member has no layers"),
        (SideBySide, {"members": 3}, "p: members is no list of lists of layers"),
        (JointHead, {"heads": {}}, "p: heads is no list of heads"),
        (JointHead, {"margin": 1.5}, "p: margin is 1.5; an integer is needed"),
        (JointHead, {"margin": -2}, "p: the margin is -2; it must be 0 (no reject output) or more"),
    ],
)
def test_descriptions_that_are_none(kind: Any, change: dict[str, object], text: str) -> None:
    joint = ensemble(nets(2))
    part = joint.layers[0] if kind is SideBySide else joint.head
    description = {**part.describe(), **change}  # type: ignore[operator]
    with pytest.raises(FormatError) as caught:
        kind.restore(description, dict(part.state_dict()), "p")
    assert str(caught.value) == text


@pytest.mark.parametrize(("kind", "key"), [(SideBySide, "members"), (JointHead, "heads")])
def test_descriptions_do_not_nest(kind: Any, key: str) -> None:
    joint = ensemble(nets(2))
    part = joint.layers[0] if kind is SideBySide else joint.head
    plain = part.describe()  # type: ignore[operator]
    nested = {**plain, key: [[plain]] if kind is SideBySide else [plain]}
    with pytest.raises(FormatError) as caught:
        kind.shapes(nested, "p")
    place = "p.members.0.0" if kind is SideBySide else "p.heads.0"
    assert str(caught.value).startswith(f"{place}: kind '{kind.kind}' is unknown here; there are ")


def test_a_member_without_a_hard_form_is_named() -> None:
    members = nets(2)
    with torch.no_grad():
        next(members[1].layers[1].parameters())[2, 0] = float("nan")
    with pytest.raises(HardenError) as caught:
        ensemble(members).check()
    assert str(caught.value).startswith("layers.0.members.1.1: the weights of unit 2 are not ")
