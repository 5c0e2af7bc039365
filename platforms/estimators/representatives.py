"""Performance representatives (Jung et al., SAMOS 2024): the last size of a step stands for the whole step.

On hardware that works in chunks the latency of a layer rises in steps of its sizes. The representative of a
layer has every stepping size raised to the end of its step, x -> ceil(x / w) w: as long, but one of w layers.
Measurements of representatives therefore tell about w times as many layers, and a model that only ever sees
representatives has no steps to learn.

Which sizes step, and how far, is known from the hardware, found by sweeps of one size
(:mod:`~platforms.estimators.sampling.step_search`), or fitted to whatever was measured
(:mod:`~platforms.estimators.stepwise`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from platforms.estimators.layer_table import LayerTable

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Sizes that may step; channels count within their group. Of depthwise layers those of c_out count for all.
# ``kernel_row``: k_w c_in, the consecutive elements of an image that a kernel row sees; c_in is raised as far
# as it stays in the step.
DIMENSIONS = ("c_in", "kernel_row", "c_out", "h_out", "w_out", "m")


@dataclass(frozen=True)
class Representatives:
    """Step widths.

    Attributes:
        widths: For each operator the width of each stepping size of :data:`DIMENSIONS`; under ``""`` those of
            operators that are not named.
    """

    widths: Mapping[str, Mapping[str, int]]

    def of(self, layers: LayerTable) -> LayerTable:
        """The representative of each layer."""
        columns = dict(layers.columns)
        for name in DIMENSIONS:
            width = self._widths(layers, name)
            if np.any(width > 1):
                # c_in may have been raised already
                raised_to = raised(LayerTable(layers.ops, columns, layers.labels), name, width)
                columns["c_in" if name == "kernel_row" else name] = raised_to
        each = depthwise(layers)
        if np.any(each):  # every channel is a group: all three numbers rise together
            for name in ("c_in", "groups"):
                columns[name] = np.where(each, columns["c_out"], columns[name])
        return LayerTable(layers.ops, columns, layers.labels)

    def _widths(self, layers: LayerTable, name: str) -> NDArray[np.float64]:
        other = self.widths.get("", {})
        by_op = {op: self.widths.get(op, other).get(name, 1) for op in set(layers.ops)}
        return np.fromiter((by_op[op] for op in layers.ops), np.float64, len(layers))


def raised(layers: LayerTable, name: str, width: NDArray[np.float64] | int) -> NDArray[np.float64]:
    """A size of each layer at the end of its step."""
    parts = np.ones(len(layers))
    if name == "kernel_row":
        within = layers["groups"]
        steps = np.ceil(np.maximum(layers["k_w"] * layers["c_in"] / within, 1) / width)
        largest = np.floor(steps * width / layers["k_w"]) * within
        return np.where(depthwise(layers), layers["c_in"], np.maximum(largest, layers["c_in"]))
    if name in ("c_in", "c_out"):
        parts = np.where(depthwise(layers), parts, layers["groups"])
    return np.ceil(np.maximum(layers[name] / parts, 1) / width) * width * parts


def depthwise(layers: LayerTable) -> NDArray[np.bool_]:
    """Where every input channel is a group of its own, of several."""
    each: NDArray[np.bool_] = (layers["groups"] > 1) & (layers["groups"] == layers["c_in"])
    return each | layers.is_op(["dwconv"])
