"""Several nets behind one encoder: their layers side by side, and the sum of their heads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lithify.compiler.nets.heads import Form, Head
from lithify.compiler.nets.layer import Bits, Description, Layer, Part, Shapes, Signals
from lithify.compiler.nets.reject import lower_with_reject
from lithify.ir.builder import Builder
from lithify.ir.errors import FormatError, InputError

Stack = list[Layer]
P = TypeVar("P", bound=Part)


class SideBySide(Layer):
    """Stacks of layers that all read the same bits; the output is what they give, end to end.

    All gates are made by one builder, so that what members have in common is made once.
    """

    kind = "side_by_side"

    def __init__(self, stacks: Sequence[Sequence[Layer]]) -> None:
        """Refuse stacks that do not fit together, and stacks inside stacks."""
        super().__init__()
        if not stacks or not all(stacks):
            raise InputError("members side by side: at least one is needed, each with a layer")
        for number, stack in enumerate(stacks):
            for index, layer in enumerate(stack):
                given = stack[index - 1].outputs if index else stacks[0][0].inputs
                if isinstance(layer, SideBySide):
                    raise InputError(
                        f"members.{number}.{index}: a member has members of its own; use those "
                        "themselves"
                    )
                if layer.inputs != given:
                    raise InputError(
                        f"members.{number}.{index} takes {layer.inputs} bits, but is given {given}"
                    )
        self.members = nn.ModuleList(nn.ModuleList(stack) for stack in stacks)
        self.inputs = stacks[0][0].inputs
        self.outputs = sum(stack[-1].outputs for stack in stacks)

    def stacks(self) -> list[Stack]:
        """The layers of each member."""
        return [
            [layer for layer in stack if isinstance(layer, Layer)]
            for stack in self.members
            if isinstance(stack, nn.ModuleList)
        ]

    def _named(self, path: str) -> list[tuple[str, Layer]]:
        return [
            (f"{path}.members.{number}.{index}", layer)
            for number, stack in enumerate(self.stacks())
            for index, layer in enumerate(stack)
        ]

    def forward(self, x: Tensor) -> Tensor:
        """What each member gives."""
        found = []
        for stack in self.stacks():
            bits = x
            for layer in stack:
                bits = layer(bits)
            found.append(bits)
        return torch.cat(found)

    def hard(self, bits: Bits) -> Bits:
        """What each member gives."""
        found = []
        for stack in self.stacks():
            part = bits
            for layer in stack:
                part = layer.hard(part)
            found.append(part)
        return np.concatenate(found)

    def lower(self, builder: Builder, signals: Signals, path: str) -> Signals:
        """The gates of each member."""
        found = []
        for number, stack in enumerate(self.stacks()):
            part = signals
            for index, layer in enumerate(stack):
                part = layer.lower(builder, part, f"{path}.members.{number}.{index}")
            found.append(part)
        return np.concatenate(found)

    def harden_(self) -> None:
        """Harden each layer."""
        for _, layer in self._named(""):
            layer.harden_()

    def hardened(self) -> Self:
        """Hardened layers side by side."""
        return type(self)([[layer.hardened() for layer in stack] for stack in self.stacks()])

    def check(self, path: str) -> None:
        """Every layer has a hard form."""
        for where, layer in self._named(path):
            layer.check(where)

    def begin_(self, noise: torch.Generator) -> None:
        """Begin an epoch in each layer."""
        for _, layer in self._named(""):
            layer.begin_(noise)

    def project_(self) -> None:
        """Bring the weights of each layer back."""
        for _, layer in self._named(""):
            layer.project_()

    def settle_(self, done: float, optimiser: torch.optim.Optimizer) -> None:
        """End an epoch in each layer."""
        for _, layer in self._named(""):
            layer.settle_(done, optimiser)

    def describe(self) -> Description:
        """Kind, and the descriptions of each member's layers."""
        return {
            "kind": self.kind,
            "members": [[layer.describe() for layer in stack] for stack in self.stacks()],
        }

    @classmethod
    def shapes(cls, description: Description, path: str) -> Shapes:
        """The tensors of all layers."""
        return {
            f"members.{name}.{tensor}": shape
            for name, kind, plain in _planned(description, path)
            for tensor, shape in kind.shapes(plain, f"{path}.members.{name}").items()
        }

    @classmethod
    def restore(cls, description: Description, state: Mapping[str, Tensor], path: str) -> Self:
        """The members of this description and state."""
        stacks: dict[str, Stack] = {}
        for name, kind, plain in _planned(description, path):
            prefix = f"members.{name}."
            own = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
            layer = kind.restore(plain, own, f"{path}.members.{name}")
            stacks.setdefault(name.partition(".")[0], []).append(layer)
        try:
            return cls(list(stacks.values()))
        except InputError as error:
            raise FormatError(f"{path}: {error}") from error

    @classmethod
    def examples(cls) -> list[Layer]:
        """Two unlike members, and members that have all their gates in common."""
        from lithify.compiler.nets.gates.dense import LogicLayer

        def stack(seed: int, *widths: int) -> Stack:
            rng = np.random.default_rng(seed)
            sizes = zip(widths[:-1], widths[1:], strict=True)
            return [LogicLayer(given, made, residual=0.2, generator=rng) for given, made in sizes]

        return [cls([stack(1, 6, 9), stack(2, 6, 8, 5)]), cls([stack(3, 4, 5), stack(3, 4, 5)])]


class JointHead(Head):
    """Scores that are the sums of the members' scores, each member read by a head of its own.

    With a `margin` above 0 the circuit gets an output `reject`: high where the best score leads
    the second best by less than that.
    """

    kind = "joint"

    def __init__(self, heads: Sequence[Head], *, margin: int = 0) -> None:
        """Refuse heads of unlike classes, and a margin below 0."""
        super().__init__()
        classes = {head.classes for head in heads}
        if len(classes) != 1:
            raise InputError(
                f"heads of {', '.join(map(str, sorted(classes))) or 'no'} classes cannot be "
                "summed; all members need the same classes"
            )
        if not 0 <= margin < 2**31:
            raise InputError(f"the margin is {margin}; it must be 0 (no reject output) or more")
        if margin and classes == {1}:
            raise InputError(f"the margin is {margin}, but a single class leads no other")
        self.heads = nn.ModuleList(heads)
        (self.classes,) = classes
        self.inputs = sum(head.inputs for head in heads)
        self.margin = margin

    def members(self) -> list[Head]:
        """The head of each member."""
        return [head for head in self.heads if isinstance(head, Head)]

    def _cuts(self) -> list[int]:
        """Where the inputs of each member but the first begin."""
        return [int(cut) for cut in np.cumsum([head.inputs for head in self.members()])[:-1]]

    @property
    def unit(self) -> float:
        """How much one point of score is in logits, where the members are alike."""
        units = [head.unit for head in self.members()]
        return sum(units) / len(units) ** 2

    def forward(self, x: Tensor) -> Tensor:
        """The mean of the members' logits."""
        parts = torch.tensor_split(x, self._cuts())
        logits = [head(part) for head, part in zip(self.members(), parts, strict=True)]
        return torch.stack(logits).mean(0)

    def member_scores(self, bits: Bits) -> NDArray[np.int64]:
        """Scores `[members, batch, classes]` of bits `[inputs, batch]`."""
        parts = np.split(bits, self._cuts())
        return np.stack([h.hard(part) for h, part in zip(self.members(), parts, strict=True)])

    def hard(self, bits: Bits) -> NDArray[np.int64]:
        """The sums of the members' scores."""
        sums: NDArray[np.int64] = self.member_scores(bits).sum(axis=0)
        return sums

    def forms(self, signals: Signals) -> list[Form]:
        """For each class the forms of all members in one."""
        parts = np.split(signals, self._cuts())
        forms = [head.forms(part) for head, part in zip(self.members(), parts, strict=True)]
        return [
            Form(
                np.concatenate([one.signals for one in same]),
                np.concatenate([one.weights for one in same]),
                sum(one.bias for one in same),
            )
            for same in zip(*forms, strict=True)
        ]

    def lower(self, builder: Builder, signals: Signals, names: Sequence[str]) -> None:
        """A score a class, and the reject output where there is a margin."""
        if self.margin:
            lower_with_reject(builder, self.forms(signals), names, self.margin)
        else:
            super().lower(builder, signals, names)

    def harden_(self) -> None:
        """Harden each head."""
        for head in self.members():
            head.harden_()

    def check(self, path: str) -> None:
        """Every head has a hard form."""
        for number, head in enumerate(self.members()):
            head.check(f"{path}.heads.{number}")

    def begin_(self, noise: torch.Generator) -> None:
        """Begin an epoch in each head."""
        for head in self.members():
            head.begin_(noise)

    def project_(self) -> None:
        """Bring the weights of each head back."""
        for head in self.members():
            head.project_()

    def settle_(self, done: float, optimiser: torch.optim.Optimizer) -> None:
        """End an epoch in each head."""
        for head in self.members():
            head.settle_(done, optimiser)

    def describe(self) -> Description:
        """Kind, margin, and the description of each head."""
        heads = [head.describe() for head in self.members()]
        return {"kind": self.kind, "margin": self.margin, "heads": heads}

    @classmethod
    def shapes(cls, description: Description, path: str) -> Shapes:
        """The tensors of all heads."""
        return {
            f"heads.{number}.{tensor}": shape
            for number, (kind, plain) in enumerate(_heads(description, path))
            for tensor, shape in kind.shapes(plain, f"{path}.heads.{number}").items()
        }

    @classmethod
    def restore(cls, description: Description, state: Mapping[str, Tensor], path: str) -> Self:
        """The heads of this description and state."""
        heads = []
        for number, (kind, plain) in enumerate(_heads(description, path)):
            prefix = f"heads.{number}."
            own = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
            heads.append(kind.restore(plain, own, f"{path}.heads.{number}"))
        margin = description.get("margin")
        if isinstance(margin, bool) or not isinstance(margin, int):
            raise FormatError(f"{path}: margin is {margin!r}; an integer is needed")
        try:
            return cls(heads, margin=margin)
        except InputError as error:
            raise FormatError(f"{path}: {error}") from error


def _planned(description: Description, path: str) -> list[tuple[str, type[Layer], Description]]:
    """Name, class and description of every layer of every member."""
    from lithify.compiler.nets.families import LAYERS

    members = description.get("members")
    if (
        not isinstance(members, list)
        or not members
        or not all(isinstance(m, list) for m in members)
    ):
        raise FormatError(f"{path}: members is no list of lists of layers")
    found = []
    for number, stack in enumerate(members):
        if not stack:
            raise FormatError(f"{path}.members.{number}: the member has no layers")
        for index, plain in enumerate(stack):
            kind = _known(LAYERS, SideBySide, plain, f"{path}.members.{number}.{index}")
            found.append((f"{number}.{index}", kind, plain))
    return found


def _heads(description: Description, path: str) -> list[tuple[type[Head], Description]]:
    """Class and description of every head."""
    from lithify.compiler.nets.families import HEADS

    heads = description.get("heads")
    if not isinstance(heads, list) or not heads:
        raise FormatError(f"{path}: heads is no list of heads")
    return [
        (_known(HEADS, JointHead, plain, f"{path}.heads.{number}"), plain)
        for number, plain in enumerate(heads)
    ]


def _known(table: Mapping[str, type[P]], own: type[Part], plain: Any, path: str) -> type[P]:
    """The class that a description names; not the one that holds it, which would nest."""
    kind = plain.get("kind") if isinstance(plain, dict) else None
    if not isinstance(kind, str) or kind not in table or table[kind] is own:
        known = ", ".join(sorted(name for name, one in table.items() if one is not own))
        raise FormatError(f"{path}: kind {kind!r} is unknown here; there are {known}")
    return table[kind]
