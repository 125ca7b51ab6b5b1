"""Layers that train as soft nets and harden into gates."""

from lithify.compiler.nets.encoders import Thermometer
from lithify.compiler.nets.ensemble import Uncertainty, ensemble, rejected, uncertainty
from lithify.compiler.nets.gates.build import logic
from lithify.compiler.nets.gates.dense import LogicLayer
from lithify.compiler.nets.gates.images import ImageLayerSpec, convolution
from lithify.compiler.nets.heads import GroupSum
from lithify.compiler.nets.layer import Layer
from lithify.compiler.nets.learned import LearnedThermometer
from lithify.compiler.nets.model_file import load, save
from lithify.compiler.nets.net import Net
from lithify.compiler.nets.soft_bits.build import SoftBitLayerSpec, soft_bit_net

__all__ = [
    "GroupSum",
    "ImageLayerSpec",
    "Layer",
    "LearnedThermometer",
    "SoftBitLayerSpec",
    "LogicLayer",
    "Net",
    "Thermometer",
    "Uncertainty",
    "ensemble",
    "convolution",
    "load",
    "logic",
    "rejected",
    "save",
    "soft_bit_net",
    "uncertainty",
]
