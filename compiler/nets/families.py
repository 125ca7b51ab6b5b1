"""Every family of nets: what its layers are called in files, and what recipes say about it."""

from __future__ import annotations

from lithify.compiler.nets.binary.build import BINARY, BinarySpec
from lithify.compiler.nets.binary.head import AgreementHead
from lithify.compiler.nets.gates.build import LogicSpec
from lithify.compiler.nets.gates.compact import CompactLayer
from lithify.compiler.nets.gates.compact_build import CompactSpec
from lithify.compiler.nets.gates.compact_convolution import CompactConvolutionLayer
from lithify.compiler.nets.gates.convolution import ConvolutionLayer
from lithify.compiler.nets.gates.dense import LogicLayer
from lithify.compiler.nets.gates.images import ConvolutionSpec
from lithify.compiler.nets.gates.learned import LearnedLayer
from lithify.compiler.nets.gates.pool import OrPool
from lithify.compiler.nets.heads import GroupSum, Head
from lithify.compiler.nets.layer import Layer
from lithify.compiler.nets.side_by_side import JointHead, SideBySide
from lithify.compiler.nets.soft_bits.build import FIXED, WEIGHTED, SoftBitSpec
from lithify.compiler.nets.soft_bits.votes import Votes
from lithify.compiler.nets.spec import NetSpec

LAYERS: dict[str, type[Layer]] = {
    LogicLayer.kind: LogicLayer,
    ConvolutionLayer.kind: ConvolutionLayer,
    OrPool.kind: OrPool,
    LearnedLayer.kind: LearnedLayer,
    SideBySide.kind: SideBySide,
    CompactLayer.kind: CompactLayer,
    CompactConvolutionLayer.kind: CompactConvolutionLayer,
    **WEIGHTED,
    **FIXED,
    **BINARY,
}
HEADS: dict[str, type[Head]] = {
    kind.kind: kind for kind in (GroupSum, AgreementHead, JointHead, Votes)
}
SPECS: dict[str, type[NetSpec]] = {
    kind.family: kind for kind in (LogicSpec, ConvolutionSpec, CompactSpec, SoftBitSpec, BinarySpec)
}
