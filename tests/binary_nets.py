"""Small binary nets for tests of the methods that train them."""

from tiny_nets import blobs

from lithify.compiler.nets import Net, Thermometer
from lithify.compiler.nets.binary.build import BinaryLayerSpec, binary_net


def binary_tiny_net(*, seed: int = 0, affine: bool = False, spread: float = 0.1) -> Net:
    """An untrained binary net for the blobs."""
    x, _ = blobs()
    return binary_net(
        layers=[BinaryLayerSpec("dense", width=16), BinaryLayerSpec("dense", width=12)],
        classes=3,
        encoder=Thermometer.quantile(x, thresholds=3),
        affine=affine,
        spread=spread,
        seed=seed,
    )
