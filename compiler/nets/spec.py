"""What a recipe says about a net, whatever its family: the encoder, and how the rest is built."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from lithify.compiler.nets.encoders import Thermometer
from lithify.compiler.nets.learned import LearnedThermometer
from lithify.compiler.nets.net import Net
from lithify.ir.errors import InputError

ENCODERS: dict[str, Callable[..., Thermometer]] = {
    "learned": LearnedThermometer.equal_steps,
    "quantile": Thermometer.quantile,
    "uniform": Thermometer.uniform,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NetSpec(ABC):
    """The table [net] of a recipe: `family` is what it calls `kind`."""

    family: ClassVar[str]

    #: thresholds at equal shares of the training samples (`quantile`) or at equal steps of the
    #: range (`uniform`), or at equal steps to begin with, from where they learn (`learned`)
    encoder: str = "quantile"
    #: thresholds a feature, each of which makes one bit
    thresholds: int = 1
    #: how features reach the hardware: whole numbers as they are (`identity`), the number of
    #: thresholds that a feature exceeds (`rank`), or what fits (`auto`)
    code: str = "auto"
    #: thresholds with at most this share of the training samples on either side are left out, so
    #: that no gate is spent on pixels that are nearly always black
    rare: float = 0.0

    def __post_init__(self) -> None:
        """Refuse an encoder that there is none of."""
        if self.encoder not in ENCODERS:
            raise InputError(f"encoder is {self.encoder!r}; it must be {' or '.join(ENCODERS)}")
        if self.rare and self.encoder == "learned":
            raise InputError(
                f"rare is {self.rare}; thresholds that learn are all kept: leave it out"
            )

    @property
    def spatial(self) -> bool:
        """Whether the net takes images, as an image of bits."""
        return False

    @abstractmethod
    def build(
        self, encoder: Thermometer, *, classes: int, class_names: Sequence[str], seed: int
    ) -> Net:
        """The untrained net behind a fitted encoder."""
