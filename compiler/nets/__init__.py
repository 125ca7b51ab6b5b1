"""Layers that train as soft nets and harden into gates."""

from lithify.compiler.nets.build import logic
from lithify.compiler.nets.encoders import Thermometer
from lithify.compiler.nets.heads import GroupSum
from lithify.compiler.nets.layer import Layer
from lithify.compiler.nets.logic_layer import LogicLayer
from lithify.compiler.nets.model_file import load, save
from lithify.compiler.nets.net import Net
from lithify.compiler.nets.soft_bit_build import LayerSpec, soft_bit_net

__all__ = [
    "GroupSum",
    "Layer",
    "LayerSpec",
    "LogicLayer",
    "Net",
    "Thermometer",
    "load",
    "logic",
    "save",
    "soft_bit_net",
]
