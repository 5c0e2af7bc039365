"""Where measurements come from: one interface for simulated, recorded and real devices.

A target says how long layers take, several times if asked. What it cannot run it answers with NaN, so that a
benchmark goes on; the caller counts them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from platforms.estimators.errors import EstimatorError
from platforms.estimators.layer_table import SIZES, LayerTable, from_layers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from acadl.model import Architecture
    from mappings.layers import Layer
    from platforms.estimators.measurements import Measurements

WARM_UP = 3  # calls that are not measured
REPEATS = 11


@dataclass(frozen=True)
class Timing:
    """Measurements of one layer.

    Attributes:
        latency: Median of the repeats; NaN where the target cannot run the layer. noise: Relative standard
        deviation of one measurement, from the repeats' quartiles; 0 where there is none. repeats: How many
        there were.
    """

    latency: float
    noise: float = 0.0
    repeats: int = 1


class Target(Protocol):
    """A device that can be measured. ``unit`` is that of the latencies."""

    @property
    def unit(self) -> str: ...

    def measure(self, layer: Layer) -> Timing: ...


@dataclass(frozen=True)
class PlatformTarget:
    """A described accelerator: the exact cycles of its model, without noise."""

    arch: Architecture
    unit: str = "cycles"

    def measure(self, layer: Layer) -> Timing:
        """Cycles of the layer; NaN for what the platform cannot run."""
        from aidg.estimation import estimate
        from mappings.registry import MappingError, map_layer

        try:
            return Timing(float(estimate(self.arch, map_layer(layer, self.arch)).cycles))
        except MappingError:
            return Timing(float("nan"))


@dataclass(frozen=True)
class RecordedTarget:
    """A table of measurements: answers for layers of the same operator and sizes."""

    measured: Measurements
    unit: str = ""

    def measure(self, layer: Layer) -> Timing:
        """The recorded time; NaN where there is none."""
        wanted = from_layers([layer])
        found = same_sizes(self.measured.layers, wanted)
        if not np.any(found):
            return Timing(float("nan"))
        return timing_of(self.measured.latency[found])


@dataclass(frozen=True)
class CallableTarget:
    """A live device: ``prepare`` makes a layer ready and returns what runs it once.

    The clock is read around each call; the first calls warm up caches and are thrown away.
    """

    prepare: Callable[[Layer], Callable[[], object] | None]
    repeats: int = REPEATS
    warm_up: int = WARM_UP
    clock: Callable[[], float] = time.perf_counter
    unit: str = "s"

    def measure(self, layer: Layer) -> Timing:
        """Median of the calls; NaN where ``prepare`` returns ``None``."""
        run = self.prepare(layer)
        if run is None:
            return Timing(float("nan"))
        for _ in range(self.warm_up):
            run()
        times = np.empty(self.repeats)
        for i in range(self.repeats):
            start = self.clock()
            run()
            times[i] = self.clock() - start
        return timing_of(times)


def timing_of(times: NDArray[np.float64]) -> Timing:
    """Median and noise of repeated measurements; quartiles, since single calls are disturbed now and then."""
    if not len(times):
        raise EstimatorError("no measurement was made")
    middle = float(np.median(times))
    low, high = np.quantile(times, [0.25, 0.75])
    noise = float((high - low) / 1.349 / middle) if len(times) > 1 and middle > 0 else 0.0
    return Timing(middle, noise, len(times))


def same_sizes(table: LayerTable, wanted: LayerTable) -> NDArray[np.bool_]:
    """Which rows have operator and sizes of the single layer ``wanted``."""
    same = table.is_op([wanted.ops[0]])
    for name in SIZES:
        same &= table[name] == wanted[name][0]
    return same


def measure_all(
    target: Target, layers: Sequence[Layer], done: Callable[[int, int], None] | None = None
) -> list[Timing]:
    """All layers, one after the other; ``done`` is told how many are."""
    timings = []
    for number, layer in enumerate(layers):
        timings.append(target.measure(layer))
        if done is not None:
            done(number + 1, len(layers))
    return timings
