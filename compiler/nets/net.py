"""A net: an encoder, layers and a head, with soft and hard forms of the whole."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from lithify.compiler.codes import InputCode
from lithify.compiler.nets.encoders import Thermometer
from lithify.compiler.nets.heads import Head
from lithify.compiler.nets.layer import Bits, Layer, Part
from lithify.ir.errors import HardenError, InputError

# Samples that the hard form works on at a time.
HARD_BATCH = 1024


class Net(nn.Module):
    """Raw features in, one logit or score a class out.

    `net(x)` is the soft net for training; `hard_scores` is the net that becomes gates.
    """

    def __init__(
        self,
        encoder: Thermometer,
        layers: Sequence[Layer],
        head: Head,
        *,
        class_names: Sequence[str] | None = None,
        trainable: bool = True,
    ) -> None:
        """Refuse parts whose sizes do not follow each other."""
        super().__init__()
        require_chain(encoder, layers, head)
        names = [str(i) for i in range(head.classes)] if class_names is None else [*class_names]
        if len(names) != head.classes or len({*names}) != len(names):
            raise InputError(
                f"class names {', '.join(names)} for {head.classes} classes; one each, "
                "all different"
            )
        self.encoder = encoder
        self.layers = nn.ModuleList(layers)
        self.head = head
        self.classes = tuple(names)
        self.trainable = trainable
        if not trainable:
            self.requires_grad_(False)

    @property
    def features(self) -> int:
        """How many raw features a sample has."""
        return self.encoder.features

    @property
    def code(self) -> InputCode:
        """How raw features become the codes that the circuit takes."""
        return self.encoder.code

    def steps(self) -> list[tuple[str, Layer]]:
        """The layers with their paths, `layers.0` first."""
        return [
            (f"layers.{index}", layer)
            for index, layer in enumerate(self.layers)
            if isinstance(layer, Layer)
        ]

    def parts(self) -> list[tuple[str, Part]]:
        """The layers and the head with their paths."""
        return [*self.steps(), ("head", self.head)]

    def forward(self, x: Tensor) -> Tensor:
        """Logits `[batch, classes]` of raw features `[batch, features]`."""
        return self.logits(self.encoder(x.reshape(len(x), -1)))

    def logits(self, bits: Tensor) -> Tensor:
        """Logits `[batch, classes]` of encoded features `[bits, batch]`."""
        for _, layer in self.steps():
            bits = layer(bits)
        logits: Tensor = self.head(bits)
        return logits

    def hard_scores(self, x: ArrayLike) -> NDArray[np.int64]:
        """Integer scores `[batch, classes]` of raw features `[batch, features]`."""
        return self.hard_scores_of(self.encoder.hard(x))

    def hard_scores_of(self, bits: Bits) -> NDArray[np.int64]:
        """Integer scores `[batch, classes]` of encoded features `[bits, batch]`."""
        self.check()
        scores = np.empty((bits.shape[1], self.head.classes), np.int64)
        for start in range(0, bits.shape[1], HARD_BATCH):
            part = bits[:, start : start + HARD_BATCH]
            for _, layer in self.steps():
                part = layer.hard(part)
            scores[start : start + HARD_BATCH] = self.head.hard(part)
        return scores

    def hard_predict(self, x: ArrayLike) -> NDArray[np.int64]:
        """The class of each sample: the highest score, the lowest class in a draw."""
        best: NDArray[np.int64] = self.hard_scores(x).argmax(axis=1)
        return best

    def harden_(self) -> None:
        """Move every weight to the corner that the hard net stands on."""
        self.check()
        for _, part in self.parts():
            part.harden_()

    def hardened(self) -> Net:
        """The hard net alone: the same scores and the same circuit, with nothing left to train."""
        self.check()
        return Net(
            copy.deepcopy(self.encoder).cpu(),
            [layer.hardened() for _, layer in self.steps()],
            self.head.hardened(),
            class_names=self.classes,
            trainable=False,
        )

    def check(self) -> None:
        """Raise HardenError, naming the layer, where a part has no hard form."""
        for path, part in self.named_children():
            if path == "layers":
                for index, layer in enumerate(self.layers):
                    if not isinstance(layer, Layer):
                        raise HardenError(
                            f"layers.{index}: a {type(layer).__name__} has no hard form; "
                            "use layers of lithify.nets"
                        )
                    layer.check(f"layers.{index}")
            elif not isinstance(part, Thermometer | Head):
                raise HardenError(
                    f"{path}: a {type(part).__name__} has no hard form; use one of lithify.nets"
                )
        self.head.check("head")

    def example(self) -> NDArray[np.float64]:
        """Raw features `[1, features]` that the net takes."""
        low = 0 if self.code.kind == "rank" else self.code.low
        return np.full((1, self.features), float(low))

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.encoder.threshold.device


def require_chain(encoder: Thermometer, layers: Sequence[Layer], head: Head) -> None:
    """Raise InputError where a part takes another number of bits than it is given."""
    given, giver = encoder.outputs, "the encoder"
    for path, part in [(f"layers.{i}", layer) for i, layer in enumerate(layers)] + [("head", head)]:
        if part.inputs != given:
            raise InputError(f"{path} takes {part.inputs} bits, but {giver} gives {given}")
        if isinstance(part, Layer):
            given, giver = part.outputs, path
