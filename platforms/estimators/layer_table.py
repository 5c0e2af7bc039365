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
    from mappings.layers import MATRIX_PRODUCTS

    def column(of_image: str, of_product: str | int) -> Floats:
        return np.fromiter(
            (
                (of_product if isinstance(of_product, int) else getattr(layer, of_product))
                if layer.op in MATRIX_PRODUCTS
                else getattr(layer, of_image)
                for layer in layers
            ),
            np.float64,
            len(layers),
        )

    columns = {
        "m": column("N", "gemm_M"),
        "c_in": column("C", "gemm_K"),
        "c_out": np.fromiter(map(_channels_out, layers), np.float64, len(layers)),
        "h_in": column("H", 1),
        "w_in": column("W", 1),
        "h_out": np.fromiter((_positions(layer)[0] for layer in layers), np.float64, len(layers)),
        "w_out": np.fromiter((_positions(layer)[1] for layer in layers), np.float64, len(layers)),
        "k_h": column("R", 1),
        "k_w": column("S", 1),
        "groups": column("groups", 1),
        "operands": column("operands", 1),
    }
    for name in ("stride_h", "stride_w", "dilation_h", "dilation_w"):
        columns[name] = column(name, 1)
    zeros = np.zeros(len(layers))
    columns |= dict.fromkeys((*FLAGS, *TOTALS), zeros)
    return LayerTable(tuple(layer.op for layer in layers), columns, {})


def _channels_out(layer: Layer) -> int:
    from mappings.layers import KERNELS, MATRIX_PRODUCTS

    if layer.op in MATRIX_PRODUCTS:
        return layer.gemm_N
    return layer.K if layer.op in KERNELS else layer.C


def _positions(layer: Layer) -> tuple[int, int]:
    """Height and width of the output."""
    from mappings.layers import MATRIX_PRODUCTS, WINDOWED

    if layer.op in MATRIX_PRODUCTS or layer.op in GLOBAL_POOLINGS:
        return 1, 1
    return (layer.OH, layer.OW) if layer.op in WINDOWED else (layer.H, layer.W)
