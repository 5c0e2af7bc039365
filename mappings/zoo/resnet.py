"""ResNet: K. He et al., Deep residual learning for image recognition, 2016; names as in torchvision.

The bottleneck's stride is in its 3 × 3 convolution ("version 1.5", as in torchvision), not in the first 1 × 1
one as in the paper.
"""

from __future__ import annotations

from mappings.layers import Layer
from mappings.zoo._builder import NetworkBuilder, Tensor


def resnet18(batch: int) -> tuple[Layer, ...]:
    """11,689,512 parameters, 1,814,073,344 multiply-accumulates per image of 3 × 224 × 224."""
    return _resnet(batch, (2, 2, 2, 2), bottleneck=False)


def resnet50(batch: int) -> tuple[Layer, ...]:
    """25,557,032 parameters, 4,089,184,256 multiply-accumulates per image of 3 × 224 × 224."""
    return _resnet(batch, (3, 4, 6, 3), bottleneck=True)


def _resnet(batch: int, depths: tuple[int, ...], *, bottleneck: bool) -> tuple[Layer, ...]:
    net = NetworkBuilder()
    x = net.conv("conv1", net.input(batch, 3, 224, 224), 64, 7, stride=2, pad=3)
    x = net.maxpool("maxpool", net.relu("relu", x), 3, 2, pad=1)
    for stage, depth in enumerate(depths, start=1):
        for number in range(depth):
            stride = 2 if stage > 1 and number == 0 else 1
            x = _block(net, f"layer{stage}.{number}", x, 32 << stage, stride, bottleneck)
    net.fc("fc", net.globalavgpool("avgpool", x), 1000)
    return net.done()


def _block(net: NetworkBuilder, name: str, x: Tensor, width: int, stride: int, bottleneck: bool) -> Tensor:
    out = width * (4 if bottleneck else 1)
    if bottleneck:
        y = net.relu(f"{name}.relu1", net.conv(f"{name}.conv1", x, width, 1))
        y = net.relu(f"{name}.relu2", net.conv(f"{name}.conv2", y, width, 3, stride, 1))
        y = net.conv(f"{name}.conv3", y, out, 1)
    else:
        y = net.relu(f"{name}.relu1", net.conv(f"{name}.conv1", x, width, 3, stride, 1))
        y = net.conv(f"{name}.conv2", y, out, 3, 1, 1)
    if x.shape[1] != out or stride != 1:
        x = net.conv(f"{name}.downsample", x, out, 1, stride)
    return net.relu(f"{name}.relu", net.add(f"{name}.add", y, x))


NETWORKS = {"resnet18": resnet18, "resnet50": resnet50}
