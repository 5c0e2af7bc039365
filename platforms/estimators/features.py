"""What trees look at: sizes and quantities of a layer on a logarithmic scale, its operator, its labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from platforms.estimators.layer_table import FLAGS, SIZES, LayerTable

if TYPE_CHECKING:
    from numpy.typing import NDArray

REMAINDERS = (4, 8, 16, 32)  # of the channels: how far from full vectors, tiles, arrays
QUANTITIES = 9  # columns that are computed from the sizes


@dataclass(frozen=True)
class Features:
    """Which operators and labels have a column of their own.

    Attributes:
        ops: Operators, in the order of their columns.
        labels: Texts of each label column that differed, in the order of their columns.
        remainders: Whether the channels' remainders are looked at, too.
    """

    ops: tuple[str, ...]
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    remainders: bool = False

    @property
    def count(self) -> int:
        """Columns of a row."""
        channels = 2 * len(REMAINDERS) if self.remainders else 0
        return (
            len(SIZES)
            + len(FLAGS)
            + QUANTITIES
            + channels
            + len(self.ops)
            + sum(map(len, self.labels.values()))
        )

    def matrix(self, layers: LayerTable) -> NDArray[np.float32]:
        """One row of :attr:`count` columns per layer."""
        columns = [np.log1p(layers[name]) for name in SIZES]
        columns += [layers[name] for name in FLAGS]
        operations, elements = np.log1p(layers.operations), np.log1p(layers.elements)
        positions = np.log1p(layers["h_out"] * layers["w_out"])
        columns += [operations, elements, positions, operations - elements, operations - positions]
        columns += [np.log1p(layers.inputs), np.log1p(layers.outputs), np.log1p(layers.weights)]
        columns += [np.log1p(layers["c_in"] / layers["groups"])]
        if self.remainders:
            channels = (layers["c_in"], layers["c_out"])
            columns += [np.mod(-c, width) / width for c in channels for width in REMAINDERS]
        columns += [_one_hot(layers.ops, op) for op in self.ops]
        for name, texts in self.labels.items():
            given = layers.labels.get(name, ("",) * len(layers))
            columns += [_one_hot(given, text) for text in texts]
        return np.stack(columns, axis=1).astype(np.float32)


def features_of(layers: LayerTable, *, remainders: bool = False) -> Features:
    """Features that tell these layers apart."""
    labels = {name: tuple(sorted(set(texts))) for name, texts in layers.labels.items() if len(set(texts)) > 1}
    return Features(tuple(sorted(set(layers.ops))), labels, remainders)


def _one_hot(texts: tuple[str, ...], text: str) -> NDArray[np.float64]:
    return np.fromiter((t == text for t in texts), np.float64, len(texts))
