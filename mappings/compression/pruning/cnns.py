"""Small convolutional networks to prune: sequential, residual and depthwise ones, for images of 8 × 8."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from mappings.compression.torch_extra import need_torch

need_torch()

import torch  # noqa: E402
from torch import nn  # noqa: E402

if TYPE_CHECKING:
    from torch import Tensor


def conv_norm(
    inputs: int, outputs: int, kernel: int = 3, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    """A convolution that keeps the size (divided by its stride), and its batch norm."""
    return [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]


def vgg(widths: tuple[int | str, ...] = (32, 32, "M", 64, 64, "M", 128, 128), classes: int = 10) -> nn.Module:
    """Convolutions one after the other; ``M`` is a pooling. The widths of the default: 288,170 parameters."""
    layers: list[nn.Module] = []
    channels = 1
    for width in widths:
        if isinstance(width, str):
            layers.append(nn.MaxPool2d(2))
        else:
            layers += [*conv_norm(channels, width), nn.ReLU()]
            channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))


class Residual(nn.Module):
    """relu(shortcut(x) + norm(conv(relu(norm(conv(x)))))) (He et al., 2016)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            *conv_norm(inputs, outputs, 3, stride), nn.ReLU(), *conv_norm(outputs, outputs)
        )
        same = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if same else nn.Sequential(*conv_norm(inputs, outputs, 1, stride))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.shortcut(x) + self.main(x))


def resnet(widths: tuple[int, ...] = (16, 32, 64), depth: int = 3, classes: int = 10) -> nn.Module:
    """Stages of residual blocks; the default has 272,186 parameters."""
    layers: list[nn.Module] = [*conv_norm(1, widths[0]), nn.ReLU()]
    channels = widths[0]
    for stage, width in enumerate(widths):
        for number in range(depth):
            layers.append(Residual(channels, width, 2 if stage and not number else 1))
            channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))


def mobilenet(widths: tuple[int, ...] = (32, 64, 64, 128, 128, 256), classes: int = 10) -> nn.Module:
    """Depthwise and pointwise convolutions in turn (Howard et al., 2017)."""
    channels = widths[0]
    layers: list[nn.Module] = [*conv_norm(1, channels), nn.ReLU()]
    for number, width in enumerate(widths[1:]):
        layers += [*conv_norm(channels, channels, 3, 1 + number % 2, channels), nn.ReLU()]
        layers += [*conv_norm(channels, width, 1), nn.ReLU()]
        channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))


NETWORKS: dict[str, Callable[[], nn.Module]] = {"vgg": vgg, "resnet": resnet, "mobilenet": mobilenet}
