"""DS-CNN for keyword spotting: Y. Zhang et al., Hello Edge: Keyword spotting on microcontrollers, 2017.

The small network, as in the benchmark suite MLPerf Tiny: 10 mel-frequency cepstral coefficients of 49 frames,
12 classes.
"""

from __future__ import annotations

from mappings.layers import Layer
from mappings.zoo._builder import NetworkBuilder


def ds_cnn(batch: int) -> tuple[Layer, ...]:
    """24,908 parameters, 2,656,768 multiply-accumulates per utterance."""
    net = NetworkBuilder()
    x = net.conv("conv0", net.input(batch, 1, 49, 10), 64, (10, 4), 2, (4, 1), pad_end=(5, 1))
    x = net.relu("relu0", x)
    for number in range(1, 5):
        x = net.relu(f"dw{number}.relu", net.conv(f"dw{number}", x, 64, 3, 1, 1, op="dwconv"))
        x = net.relu(f"pw{number}.relu", net.conv(f"pw{number}", x, 64, 1))
    net.fc("fc", net.globalavgpool("avgpool", x), 12)
    return net.done()


NETWORKS = {"ds_cnn": ds_cnn}
