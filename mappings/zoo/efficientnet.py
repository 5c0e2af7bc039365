"""EfficientNet-B0: M. Tan and Q. Le, EfficientNet: Rethinking model scaling, 2019; as in torchvision."""

from __future__ import annotations

from mappings.layers import Layer
from mappings.zoo._builder import NetworkBuilder, Tensor

_BLOCKS = (
    (1, 16, 3, 1, 1), (6, 24, 3, 2, 2), (6, 40, 5, 2, 2), (6, 80, 3, 2, 3), (6, 112, 5, 1, 3),
    (6, 192, 5, 2, 4), (6, 320, 3, 1, 1),
)  # fmt: skip
"""Expansion, output channels, kernel, stride of the first, repetitions: table 1 of the paper."""

_SQUEEZE = 4  # input channels of a block for one channel between the two layers of its gate


def efficientnet_b0(batch: int) -> tuple[Layer, ...]:
    """5,288,548 parameters, 385,814,752 multiply-accumulates per image of 3 × 224 × 224."""
    net = NetworkBuilder()
    x = _convolved(net, "stem", net.input(batch, 3, 224, 224), 32, 3, 2)
    number = 0
    for expansion, channels, kernel, first_stride, repetitions in _BLOCKS:
        for repetition in range(repetitions):
            stride = first_stride if repetition == 0 else 1
            x = _block(net, f"b{number}", x, (expansion, channels, kernel, stride))
            number += 1
    x = _convolved(net, "head", x, 1280, 1)
    net.fc("fc", net.globalavgpool("avgpool", x), 1000)
    return net.done()


def _block(net: NetworkBuilder, name: str, x: Tensor, shape: tuple[int, int, int, int]) -> Tensor:
    """Expansion, depthwise convolution, a gate for each channel, projection."""
    expansion, channels, kernel, stride = shape
    y = x if expansion == 1 else _convolved(net, f"{name}.expand", x, expansion * x.shape[1], 1)
    y = net.conv(f"{name}.dw", y, y.shape[1], kernel, stride, kernel // 2, op="dwconv")
    y = net.unary(f"{name}.dw.silu", "silu", y)
    gate = net.fc(f"{name}.squeeze", net.globalavgpool(f"{name}.avgpool", y), x.shape[1] // _SQUEEZE)
    gate = net.fc(f"{name}.excite", net.unary(f"{name}.squeeze.silu", "silu", gate), y.shape[1])
    y = net.scaled(f"{name}.scale", y, net.unary(f"{name}.sigmoid", "sigmoid", gate))
    y = net.conv(f"{name}.project", y, channels, 1)
    return net.add(f"{name}.add", y, x) if y.shape == x.shape else y


def _convolved(
    net: NetworkBuilder, name: str, x: Tensor, channels: int, kernel: int, stride: int = 1
) -> Tensor:
    return net.unary(f"{name}.silu", "silu", net.conv(name, x, channels, kernel, stride, kernel // 2))


NETWORKS = {"efficientnet_b0": efficientnet_b0}
