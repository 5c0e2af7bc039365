"""TC-ResNet: S. Choi et al., Temporal convolution for real-time keyword spotting on mobile devices, 2019.

The input is 40 mel-frequency cepstral coefficients (channels) of 101 frames; convolutions run along time, so
the height is 1. The authors' code also trains a second output of two classes, which keyword spotting omits.
"""

from __future__ import annotations

from mappings.layers import Layer
from mappings.zoo._builder import NetworkBuilder, Tensor


def tcresnet8(batch: int) -> tuple[Layer, ...]:
    """12 classes: 1,563,264 multiply-accumulates per utterance."""
    net = NetworkBuilder()
    x = net.input(batch, 40, 1, 101)
    x = net.relu("relu0", net.conv("conv0", x, 16, (1, 3), 1, (0, 1), op="conv1d"))
    for number, channels in ((1, 24), (2, 32), (3, 48)):
        x = _block(net, f"b{number}", x, channels)
    net.fc("fc", net.globalavgpool("avgpool", x), 12)
    return net.done()


def _block(net: NetworkBuilder, name: str, x: Tensor, channels: int) -> Tensor:
    y = net.conv(f"{name}.conv1", x, channels, (1, 9), (1, 2), (0, 4), op="conv1d")
    x = net.conv(f"{name}.shortcut", x, channels, 1, (1, 2), op="conv1d")
    y = net.conv(f"{name}.conv2", net.relu(f"{name}.relu1", y), channels, (1, 9), 1, (0, 4), op="conv1d")
    x = net.relu(f"{name}.shortcut.relu", x)
    return net.relu(f"{name}.relu", net.add(f"{name}.add", y, x))


NETWORKS = {"tcresnet8": tcresnet8}
