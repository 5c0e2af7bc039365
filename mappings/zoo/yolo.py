"""YOLOv3-tiny: J. Redmon and A. Farhadi, YOLOv3: An incremental improvement, 2018; ``yolov3-tiny.cfg`` of
Darknet.

What turns the two outputs into boxes is not part of it.
"""

from __future__ import annotations

from mappings.layers import Layer
from mappings.zoo._builder import NetworkBuilder, Tensor

_OUTPUTS = 255  # three boxes × (80 classes + 4 coordinates + 1 confidence)


def yolov3_tiny(batch: int) -> tuple[Layer, ...]:
    """8,858,734 parameters, 2,782,480,896 multiply-accumulates per image of 3 × 416 × 416."""
    net = NetworkBuilder()
    x = net.input(batch, 3, 416, 416)
    for number, channels in enumerate((16, 32, 64, 128)):
        x = net.maxpool(f"pool{number}", _convolved(net, f"conv{number}", x, channels, 3), 2, 2)
    early = _convolved(net, "conv4", x, 256, 3)
    x = _convolved(net, "conv5", net.maxpool("pool4", early, 2, 2), 512, 3)
    x = net.maxpool("pool5", x, 2, 1, pad_end=1)
    middle = _convolved(net, "conv7", _convolved(net, "conv6", x, 1024, 3), 256, 1)
    net.conv("output13", _convolved(net, "conv8", middle, 512, 3), _OUTPUTS, 1)
    x = net.upsample("upsample", _convolved(net, "conv10", middle, 128, 1), 2)
    x = _convolved(net, "conv11", net.concat("concat", x, early), 256, 3)
    net.conv("output26", x, _OUTPUTS, 1)
    return net.done()


def _convolved(net: NetworkBuilder, name: str, x: Tensor, channels: int, kernel: int) -> Tensor:
    return net.unary(f"{name}.leaky", "leakyrelu", net.conv(name, x, channels, kernel, 1, kernel // 2))


NETWORKS = {"yolov3_tiny": yolov3_tiny}
