"""Layers as columns: what estimators read, whether the layers come from a network or from a table.

One row per layer, one array per size, so that a network is estimated by a handful of array operations. The
quantities that follow from sizes (operations, elements) are computed here, once, for every estimator.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mappings.layers import Layer

Floats: TypeAlias = "NDArray[np.float64]"

# Sizes of a layer, in elements; what is not applicable is 1 (0 for flags and for whole networks' totals).
# fmt: off
SIZES = (
    "m", "c_in", "c_out", "h_in", "w_in", "h_out", "w_out", "k_h", "k_w", "stride_h", "stride_w",
    "dilation_h", "dilation_w", "groups", "operands",
)
# fmt: on
FLAGS = ("act", "pool")  # fused behind the layer
TOTALS = (
    "total_ops",
    "total_inputs",
    "total_outputs",
    "total_weights",
)  # given instead of sizes; 0: not given

CONVOLUTIONS = frozenset({"conv", "conv1d", "dwconv", "groupconv"})
TRANSPOSED = frozenset({"convtranspose"})
PRODUCTS = frozenset({"gemm", "fc"})
POOLINGS = frozenset({"maxpool", "avgpool"})
GLOBAL_POOLINGS = frozenset({"gap", "globalavgpool"})
NETWORK = "network"


@dataclass(frozen=True)
class LayerTable:
    """Layers, column by column.

    Attributes:
        ops: Operator of each row.
        columns: Arrays of :data:`SIZES`, :data:`FLAGS` and :data:`TOTALS`, each as long as ``ops``.
        labels: Further columns with texts that tell layers apart (data type, board), by name.
    """

    ops: tuple[str, ...]
    columns: Mapping[str, Floats]
    labels: Mapping[str, tuple[str, ...]]

    def __len__(self) -> int:
        return len(self.ops)

    def __getitem__(self, name: str) -> Floats:
        return self.columns[name]

    def rows(self, chosen: NDArray[np.integer] | NDArray[np.bool_]) -> LayerTable:
        """The rows with these numbers, or those where the mask is true."""
        numbers = np.arange(len(self))[chosen]
        return LayerTable(
            tuple(self.ops[i] for i in numbers),
            {name: column[numbers] for name, column in self.columns.items()},
            {name: tuple(texts[i] for i in numbers) for name, texts in self.labels.items()},
        )

    def is_op(self, ops: Iterable[str]) -> NDArray[np.bool_]:
        """Where the operator is one of these."""
        wanted = frozenset(ops)
        return np.fromiter((op in wanted for op in self.ops), bool, len(self))

    @cached_property
    def macs(self) -> Floats:
        """Multiply-accumulates: those of each group only, padded taps included; 0 without any.

        A transposed convolution multiplies every input element with every weight of its group.
        """
        taps = self["k_h"] * self["k_w"]
        outputs = self["m"] * self["c_out"] * self["h_out"] * self["w_out"]
        inputs = self["m"] * self["c_in"] * self["h_in"] * self["w_in"]
        per_group_in, per_group_out = self["c_in"] / self["groups"], self["c_out"] / self["groups"]
        macs = np.where(self.is_op(CONVOLUTIONS), outputs * per_group_in * taps, 0.0)
        macs = np.where(self.is_op(TRANSPOSED), inputs * per_group_out * taps, macs)
        return np.where(self.is_op(PRODUCTS), self["m"] * self["c_in"] * self["c_out"], macs)

    @cached_property
    def operations(self) -> Floats:
        """Two per multiply-accumulate; one per element that a pooling reads; totals of whole networks."""
        taps = np.where(self.is_op(GLOBAL_POOLINGS), self["h_in"] * self["w_in"], self["k_h"] * self["k_w"])
        pooled = np.where(self.is_op(POOLINGS | GLOBAL_POOLINGS), self.outputs * taps, 0.0)
        return self._given("total_ops", 2 * self.macs + pooled)

    @cached_property
    def inputs(self) -> Floats:
        """Elements of all inputs, weights excluded."""
        image = self["m"] * self["c_in"] * self["h_in"] * self["w_in"] * self["operands"]
        computed = np.where(self.is_op(PRODUCTS), self["m"] * self["c_in"], image)
        return self._given("total_inputs", computed)

    @cached_property
    def outputs(self) -> Floats:
        """Elements of the output."""
        computed = self["m"] * self["c_out"] * self["h_out"] * self["w_out"]
        return self._given("total_outputs", computed)

    @cached_property
    def weights(self) -> Floats:
        """Elements of the weights, bias excluded."""
        kernel = self["c_in"] / self["groups"] * self["c_out"] * self["k_h"] * self["k_w"]
        weights = np.where(self.is_op(CONVOLUTIONS | TRANSPOSED), kernel, 0.0)
        weights = np.where(self.is_op(PRODUCTS), self["c_in"] * self["c_out"], weights)
        return self._given("total_weights", weights)

    @cached_property
    def elements(self) -> Floats:
        """Elements moved at least once: inputs, weights, outputs."""
        return self.inputs + self.weights + self.outputs

    def _given(self, total: str, computed: Floats) -> Floats:
        """A total where the row gives it, else what follows from the sizes."""
        return np.where(self[total] > 0, self[total], computed)


def from_layers(layers: Sequence[Layer]) -> LayerTable:
    """The layers of a network; ``count`` is not applied: each row is one occurrence."""
    sizes = np.array([_sizes(layer) for layer in layers], np.float64).reshape(len(layers), len(SIZES))
    columns = dict(zip(SIZES, sizes.T, strict=True))
    zeros = np.zeros(len(layers))
    columns |= dict.fromkeys((*FLAGS, *TOTALS), zeros)
    return LayerTable(tuple(layer.op for layer in layers), columns, {})


def _sizes(layer: Layer) -> tuple[int, ...]:
    """What :data:`SIZES` names."""
    op = layer.op
    if op in PRODUCTS:
        return (layer.gemm_M, layer.gemm_K, layer.gemm_N, *(1,) * (len(SIZES) - 3))
    kernel = op in CONVOLUTIONS or op in TRANSPOSED
    if op in GLOBAL_POOLINGS:
        height, width = 1, 1
    elif kernel or op in POOLINGS:
        height, width = layer.OH, layer.OW
    else:
        height, width = layer.H, layer.W
    return (
        layer.N,
        layer.C,
        layer.K if kernel else layer.C,
        layer.H,
        layer.W,
        height,
        width,
        layer.R,
        layer.S,
        layer.stride_h,
        layer.stride_w,
        layer.dilation_h,
        layer.dilation_w,
        layer.groups,
        layer.operands,
    )
