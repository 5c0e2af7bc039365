"""Inception v1 (GoogLeNet): C. Szegedy et al., Going deeper with convolutions, 2015; table 1.

With the paper's 5 × 5 convolutions and local response normalisation, without the two auxiliary outputs, which
only training has.
"""

from __future__ import annotations

from mappings.layers import Layer
from mappings.zoo._builder import NetworkBuilder, Tensor

_MODULES = {
    "3a": (64, 96, 128, 16, 32, 32), "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64), "4b": (160, 112, 224, 24, 64, 64), "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64), "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128), "5b": (384, 192, 384, 48, 128, 128),
}  # fmt: skip
"""Channels: 1 × 1, reduction before 3 × 3, 3 × 3, reduction before 5 × 5, 5 × 5, after the pooling."""

_LRN_WINDOW = 5  # channels


def inception_v1(batch: int) -> tuple[Layer, ...]:
    """6,998,552 parameters, 1,582,671,872 multiply-accumulates per image of 3 × 224 × 224."""
    net = NetworkBuilder()
    x = _convolved(net, "conv1", net.input(batch, 3, 224, 224), 64, 7, 2)
    x = net.maxpool("pool1", x, 3, 2, ceil_mode=True)
    x = net.unary("norm1", "lrn", x, window=_LRN_WINDOW)
    x = _convolved(net, "conv2", _convolved(net, "conv2.reduce", x, 64, 1), 192, 3)
    x = net.unary("norm2", "lrn", x, window=_LRN_WINDOW)
    x = net.maxpool("pool2", x, 3, 2, ceil_mode=True)
    for name, channels in _MODULES.items():
        x = _module(net, f"inception{name}", x, channels)
        if name in ("3b", "4e"):
            x = net.maxpool(f"pool{name[0]}", x, 3, 2, ceil_mode=True)
    net.fc("fc", net.globalavgpool("avgpool", x), 1000)
    return net.done()


def _module(net: NetworkBuilder, name: str, x: Tensor, channels: tuple[int, ...]) -> Tensor:
    one, reduce3, three, reduce5, five, pooled = channels
    a = _convolved(net, f"{name}.1x1", x, one, 1)
    b = _convolved(net, f"{name}.3x3", _convolved(net, f"{name}.3x3.reduce", x, reduce3, 1), three, 3)
    c = _convolved(net, f"{name}.5x5", _convolved(net, f"{name}.5x5.reduce", x, reduce5, 1), five, 5)
    d = _convolved(net, f"{name}.pool.proj", net.maxpool(f"{name}.pool", x, 3, 1, 1), pooled, 1)
    return net.concat(f"{name}.concat", a, b, c, d)


def _convolved(
    net: NetworkBuilder, name: str, x: Tensor, channels: int, kernel: int, stride: int = 1
) -> Tensor:
    return net.relu(f"{name}.relu", net.conv(name, x, channels, kernel, stride, kernel // 2))


NETWORKS = {"inception_v1": inception_v1}
ALIASES = {"googlenet": "inception_v1"}
