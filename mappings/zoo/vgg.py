"""VGG: K. Simonyan and A. Zisserman, Very deep convolutional networks for image recognition, 2015."""

from __future__ import annotations

from mappings.layers import Layer
from mappings.zoo._builder import NetworkBuilder

_VGG16 = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))


def vgg16(batch: int) -> tuple[Layer, ...]:
    """Configuration D: 138,357,544 parameters, 15,470,264,320 multiply-accumulates (3 × 224 × 224)."""
    net = NetworkBuilder()
    x = net.input(batch, 3, 224, 224)
    for block, (channels, depth) in enumerate(_VGG16, start=1):
        for number in range(1, depth + 1):
            x = net.conv(f"conv{block}_{number}", x, channels, 3, pad=1)
            x = net.relu(f"relu{block}_{number}", x)
        x = net.maxpool(f"pool{block}", x, 2, 2)
    x = net.relu("relu6", net.fc("fc6", x, 4096))
    x = net.relu("relu7", net.fc("fc7", x, 4096))
    net.fc("fc8", x, 1000)
    return net.done()


NETWORKS = {"vgg16": vgg16}
