"""DenseNet-121: G. Huang et al., Densely connected convolutional networks, 2017; as in torchvision.

Normalisation and ReLU come before a convolution. The first normalisation of a dense layer follows a
concatenation, so it is a layer of its own; the second one is part of the 1 × 1 convolution before it.
"""

from __future__ import annotations

from mappings.layers import Layer
from mappings.zoo._builder import NetworkBuilder, Tensor

_DEPTHS = (6, 12, 24, 16)
_GROWTH = 32
_BOTTLENECK = 4 * _GROWTH


def densenet121(batch: int) -> tuple[Layer, ...]:
    """7,978,856 parameters, 2,834,161,664 multiply-accumulates per image of 3 × 224 × 224."""
    net = NetworkBuilder()
    x = net.conv("conv0", net.input(batch, 3, 224, 224), 64, 7, 2, 3)
    x = net.maxpool("pool0", net.relu("relu0", x), 3, 2, 1)
    for block, depth in enumerate(_DEPTHS, start=1):
        for number in range(1, depth + 1):
            x = _dense_layer(net, f"block{block}.{number}", x)
        x = _normalised(net, "norm5" if block == len(_DEPTHS) else f"transition{block}", x)
        if block < len(_DEPTHS):
            x = net.conv(f"transition{block}.conv", x, x.shape[1] // 2, 1, bias=False)
            x = net.avgpool(f"transition{block}.pool", x, 2, 2)
    net.fc("fc", net.globalavgpool("avgpool", x), 1000)
    return net.done()


def _dense_layer(net: NetworkBuilder, name: str, x: Tensor) -> Tensor:
    y = net.conv(f"{name}.conv1", _normalised(net, f"{name}.1", x), _BOTTLENECK, 1)
    y = net.conv(f"{name}.conv2", net.relu(f"{name}.relu2", y), _GROWTH, 3, pad=1, bias=False)
    return net.concat(f"{name}.concat", x, y)


def _normalised(net: NetworkBuilder, name: str, x: Tensor) -> Tensor:
    return net.relu(f"{name}.relu", net.batchnorm(f"{name}.norm", x))


NETWORKS = {"densenet121": densenet121}
