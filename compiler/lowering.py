"""From a trained net to the circuit of its hard form, exactly: every score is the same integer."""

from __future__ import annotations

import re

from lithify.compiler.nets.net import Net
from lithify.compiler.nets.reject import REJECT
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit


def lower(net: Net, *, builder: Builder | None = None) -> Circuit:
    """The circuit of the hard net: codes in, one score a class out, read by argmax.

    Gates of the encoder have the origin `encoder`, those of layer i the origin `layers.i`.
    HardenError where a part has no hard form. The builder folds and hashes as it goes, unless one
    is given that does not: then every gate of the net is there as it was built.
    """
    net.check()
    builder = Builder() if builder is None else builder
    (port,) = net.code.ports()
    signals = net.encoder.lower(builder, builder.port(port), "encoder")
    for path, layer in net.steps():
        signals = layer.lower(builder, signals, path)
    net.head.lower(builder, signals, score_names(net.classes))
    return builder.finish(readout="argmax")


def score_names(class_names: tuple[str, ...]) -> list[str]:
    """A distinct identifier for each class: near its name where it can be, else `class0` and on.

    >>> score_names(("setosa", "7", "no way"))
    ['setosa', 'class_7', 'no_way']
    """
    names = [re.sub(r"\W", "_", name, flags=re.ASCII).strip("_") for name in class_names]
    named = [name if name[:1].isalpha() else f"class_{name}" for name in names]
    reserved = {"x", "class", "scores", REJECT}
    if len({*named}) < len(named) or reserved & {*named}:
        return [f"class{index}" for index in range(len(named))]
    return named
