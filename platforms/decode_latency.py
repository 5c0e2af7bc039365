"""Time of a decode step of a language model on a device with a wide memory: bytes, or starting kernels.

    t = max(layers × launch, bytes / (efficiency × bandwidth))

A step reads every weight once, so that the memory sets the pace; where a layer's bytes take less time than
the host needs to start the layer's kernels, these do. Bytes are those of the packed weights, scales, zero
points and the cache (:mod:`mappings.compression.traffic`); dequantization in registers is part of the
efficiency, of which there is one for each device and precision, as there is one time to launch a layer. Both
come from measured steps, by the least sum of absolute logarithmic errors, which a single odd row does not
move; of several such fits the one with the least largest error is taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from math import inf, log, sqrt

from acadl.errors import AcadlError
from mappings.compression.traffic import Precision, traffic
from mappings.network import Network

TIE = 1e-9


@dataclass(frozen=True)
class Work:
    """What a step costs on any device.

    Attributes:
        layers: Blocks of the model.
        bytes: Parameters and cache; activations stay in caches.
    """

    layers: int
    bytes: int

    @staticmethod
    def of(network: Network, precision: Precision) -> Work:
        """Of a decode step of the zoo."""
        found = traffic(network.layers, precision)
        return Work(
            max(layer.count for layer in network.layers if layer.op == "fc"), found.parameters + found.cache
        )


@dataclass(frozen=True)
class Step:
    """A measured step."""

    work: Work
    seconds: float


@dataclass(frozen=True)
class DecodeModel:
    """A device at a precision.

    Attributes:
        bandwidth: Nominal, bytes per second.
        efficiency: Part of it that is reached.
        launch: Seconds to start the kernels of a layer.
    """

    bandwidth: float
    efficiency: float
    launch: float

    def seconds(self, work: Work) -> float:
        """Of a step."""
        return max(self._parts(work))

    def bound_by(self, work: Work) -> str:
        """``launch`` or ``memory``."""
        launch, memory = self._parts(work)
        return "launch" if launch > memory else "memory"

    def _parts(self, work: Work) -> tuple[float, float]:
        return work.layers * self.launch, work.bytes / (self.efficiency * self.bandwidth)


def fit(steps: Sequence[Step], bandwidth: float) -> DecodeModel:
    """The model that explains the steps best.

    Raises:
        AcadlError: There are fewer than two steps, or a time is not positive.
    """
    if len(steps) < 2 or any(step.seconds <= 0 for step in steps):
        raise AcadlError(
            f"an efficiency and a launch time need two measured steps or more; there are {len(steps)}"
        )
    launches = _between(step.seconds / step.work.layers for step in steps)
    efficiencies = _between(step.work.bytes / bandwidth / step.seconds for step in steps)
    best, least = DecodeModel(bandwidth, 1.0, inf), (inf, inf)
    for launch, efficiency in product(launches, efficiencies):
        model = DecodeModel(bandwidth, efficiency, launch)
        errors = [abs(log(model.seconds(step.work) / step.seconds)) for step in steps]
        score = (round(sum(errors) / TIE) * TIE, max(errors))
        if score < least:
            best, least = model, score
    return best


def _between(values: Iterable[float]) -> list[float]:
    """The values themselves, and what lies in the middle of any two: a best fit is among them."""
    found = sorted(set(values))
    return sorted({sqrt(a * b) for a in found for b in found})
