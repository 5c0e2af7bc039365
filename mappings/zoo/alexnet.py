"""AlexNet as torchvision defines it: one tower, no groups, no local response normalisation.

A. Krizhevsky, One weird trick for parallelizing convolutional neural networks, 2014; input 3 × 224 × 224. The
adaptive average pooling before the classifier is the identity at this input size and is left out.
"""

from __future__ import annotations

from mappings.layers import Layer
from mappings.zoo._builder import NetworkBuilder


def alexnet(batch: int) -> tuple[Layer, ...]:
    """61,100,840 parameters, 714,188,480 multiply-accumulates per image."""
    net = NetworkBuilder()
    x = net.conv("conv1", net.input(batch, 3, 224, 224), 64, 11, stride=4, pad=2)
    x = net.maxpool("pool1", net.relu("relu1", x), 3, 2)
    x = net.conv("conv2", x, 192, 5, pad=2)
    x = net.maxpool("pool2", net.relu("relu2", x), 3, 2)
    for number, channels in ((3, 384), (4, 256), (5, 256)):
        x = net.relu(f"relu{number}", net.conv(f"conv{number}", x, channels, 3, pad=1))
    x = net.maxpool("pool5", x, 3, 2)
    x = net.relu("relu6", net.fc("fc6", x, 4096))
    x = net.relu("relu7", net.fc("fc7", x, 4096))
    net.fc("fc8", x, 1000)
    return net.done()


NETWORKS = {"alexnet": alexnet}
