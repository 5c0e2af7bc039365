"""MobileNets of width 1.0 for inputs of 3 × 224 × 224.

A. Howard et al., MobileNets, 2017 (version 1); M. Sandler et al., MobileNetV2, 2018 (version 2).
"""

from __future__ import annotations

from mappings.layers import Layer
from mappings.zoo._builder import NetworkBuilder, Tensor

_V1 = (
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2),
    (512, 1), (512, 1), (512, 1), (512, 1), (512, 1), (1024, 2), (1024, 1),
)  # fmt: skip
"""Output channels of the pointwise, stride of the depthwise convolution."""

_V2 = (
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
)  # fmt: skip
"""Expansion, output channels, repetitions, stride of the first: table 2 of the paper."""


def mobilenetv1(batch: int) -> tuple[Layer, ...]:
    """4,231,976 parameters, 568,740,352 multiply-accumulates per image."""
    net = NetworkBuilder()
    x = net.relu("relu0", net.conv("conv0", net.input(batch, 3, 224, 224), 32, 3, 2, 1))
    for number, (channels, stride) in enumerate(_V1, start=1):
        x = net.conv(f"dw{number}", x, x.shape[1], 3, stride, 1, op="dwconv")
        x = net.conv(f"pw{number}", net.relu(f"dw{number}.relu", x), channels, 1)
        x = net.relu(f"pw{number}.relu", x)
    net.fc("fc", net.globalavgpool("avgpool", x), 1000)
    return net.done()


def mobilenetv2(batch: int) -> tuple[Layer, ...]:
    """3,504,872 parameters, 300,774,272 multiply-accumulates per image."""
    net = NetworkBuilder()
    x = net.relu("relu0", net.conv("conv0", net.input(batch, 3, 224, 224), 32, 3, 2, 1))
    number = 0
    for expansion, channels, repetitions, first_stride in _V2:
        for repetition in range(repetitions):
            stride = first_stride if repetition == 0 else 1
            x = _inverted_residual(net, f"b{number}", x, expansion, channels, stride)
            number += 1
    x = net.relu("conv_last.relu", net.conv("conv_last", x, 1280, 1))
    net.fc("fc", net.globalavgpool("avgpool", x), 1000)
    return net.done()


def _inverted_residual(
    net: NetworkBuilder, name: str, x: Tensor, expansion: int, channels: int, stride: int
) -> Tensor:
    y = x
    if expansion > 1:
        y = net.relu(f"{name}.expand.relu", net.conv(f"{name}.expand", x, expansion * x.shape[1], 1))
    y = net.conv(f"{name}.dw", y, y.shape[1], 3, stride, 1, op="dwconv")
    y = net.conv(f"{name}.project", net.relu(f"{name}.dw.relu", y), channels, 1)
    return net.add(f"{name}.add", y, x) if y.shape == x.shape else y


NETWORKS = {"mobilenetv1": mobilenetv1, "mobilenetv2": mobilenetv2}
