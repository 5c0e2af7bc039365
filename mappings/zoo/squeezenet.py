"""SqueezeNet: F. Iandola et al., SqueezeNet, 2016; versions 1.0 and 1.1 as in torchvision."""

from __future__ import annotations

from mappings.layers import Layer
from mappings.zoo._builder import NetworkBuilder, Tensor

_FIRES = {
    2: (16, 64), 3: (16, 64), 4: (32, 128), 5: (32, 128),
    6: (48, 192), 7: (48, 192), 8: (64, 256), 9: (64, 256),
}  # fmt: skip
"""Module number: channels of the squeeze and of each of the two expand convolutions."""


def squeezenet1_1(batch: int) -> tuple[Layer, ...]:
    """1,235,496 parameters, 349,151,936 multiply-accumulates per image of 3 × 224 × 224."""
    net = NetworkBuilder()
    x = net.relu("relu1", net.conv("conv1", net.input(batch, 3, 224, 224), 64, 3, 2))
    x = net.maxpool("pool1", x, 3, 2, ceil_mode=True)
    for number, (squeeze, expand) in _FIRES.items():
        x = _fire(net, f"fire{number}", x, squeeze, expand)
        if number in (3, 5):
            x = net.maxpool(f"pool{number}", x, 3, 2, ceil_mode=True)
    x = net.relu("relu10", net.conv("conv10", x, 1000, 1))
    net.globalavgpool("avgpool", x)
    return net.done()


def squeezenet1_0(batch: int) -> tuple[Layer, ...]:
    """1,248,424 parameters, 818,924,576 multiply-accumulates per image of 3 × 224 × 224."""
    net = NetworkBuilder()
    x = net.relu("relu1", net.conv("conv1", net.input(batch, 3, 224, 224), 96, 7, 2))
    x = net.maxpool("pool1", x, 3, 2, ceil_mode=True)
    for number, (squeeze, expand) in _FIRES.items():
        x = _fire(net, f"fire{number}", x, squeeze, expand)
        if number in (4, 8):
            x = net.maxpool(f"pool{number}", x, 3, 2, ceil_mode=True)
    x = net.relu("relu10", net.conv("conv10", x, 1000, 1))
    net.globalavgpool("avgpool", x)
    return net.done()


def _fire(net: NetworkBuilder, name: str, x: Tensor, squeeze: int, expand: int) -> Tensor:
    x = net.relu(f"{name}.squeeze.relu", net.conv(f"{name}.squeeze1x1", x, squeeze, 1))
    a = net.relu(f"{name}.expand1x1.relu", net.conv(f"{name}.expand1x1", x, expand, 1))
    b = net.relu(f"{name}.expand3x3.relu", net.conv(f"{name}.expand3x3", x, expand, 3, pad=1))
    return net.concat(f"{name}.concat", a, b)


NETWORKS = {"squeezenet1_0": squeezenet1_0, "squeezenet1_1": squeezenet1_1}
ALIASES = {"squeezenet": "squeezenet1_1"}
