"""Regression trees as flat arrays: what is stored in a model file and what predicts.

The nodes of all trees lie one after the other. The right child of an inner node follows its left child, so
one number gives both; a leaf points to itself and keeps its value in place of the threshold. A row has
arrived everywhere after as many steps as the deepest leaf has ancestors.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from platforms.estimators.errors import EstimatorError

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAF = -1


@dataclass(frozen=True)
class Forest:
    """Trees whose mean is the prediction.

    Attributes:
        feature: Column that an inner node asks for, :data:`LEAF` at leaves.
        threshold: A row with a value up to this goes left; at leaves the prediction.
        left: Number of the left child; its own number at leaves.
        roots: First node of each tree.
        depth: Ancestors of the deepest leaf.
        features: Columns that a row has.
    """

    feature: NDArray[np.int16]
    threshold: NDArray[np.float32]
    left: NDArray[np.int32]
    roots: NDArray[np.int32]
    depth: int
    features: int

    def predict(self, rows: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and standard deviation over the trees, for each row."""
        values = self.threshold[self._leaves(rows)].astype(np.float64)
        return values.mean(axis=1), values.std(axis=1)

    def _leaves(self, rows: NDArray[np.float32]) -> NDArray[np.int32]:
        """Leaf of each row in each tree."""
        trees = len(self.roots)
        node = np.tile(self.roots, len(rows))
        flat = rows.ravel()
        start = np.repeat(np.arange(len(rows), dtype=np.int32) * self.features, trees)
        for _ in range(self.depth):
            asked = np.maximum(self.feature.take(node), 0)
            right = flat.take(start + asked) > self.threshold.take(node)
            inner = self.feature.take(node) != LEAF
            node = self.left.take(node) + (right & inner)
        return node.reshape(len(rows), trees)

    def to_dict(self) -> dict[str, Any]:
        """The arrays as texts: little-endian, compressed with zlib, base 64."""
        return {
            "depth": self.depth,
            "features": self.features,
            "feature": _packed(self.feature, "<i2"),
            "threshold": _packed(self.threshold, "<f4"),
            "left": _packed(self.left, "<i4"),
            "roots": _packed(self.roots, "<i4"),
        }


def forest_from_dict(data: Mapping[str, Any]) -> Forest:
    """Of :meth:`Forest.to_dict`, checked, so that a damaged file cannot lead a row astray.

    Raises:
        EstimatorError: The arrays do not fit together.
    """
    forest = Forest(
        _unpacked(data, "feature", "<i2"),
        _unpacked(data, "threshold", "<f4"),
        _unpacked(data, "left", "<i4"),
        _unpacked(data, "roots", "<i4"),
        _whole(data, "depth", 1000),
        _whole(data, "features", 10_000),
    )
    count = len(forest.feature)
    inner = forest.feature != LEAF
    itself = np.arange(count)
    sound = (
        len(forest.threshold) == len(forest.left) == count > 0
        and len(forest.roots) > 0
        and bool(np.all((forest.roots >= 0) & (forest.roots < count)))
        and bool(np.all((forest.feature >= LEAF) & (forest.feature < forest.features)))
        and bool(np.all(np.where(inner, forest.left > itself, forest.left == itself)))
        and bool(np.all(forest.left[inner] + 1 < count))
        and bool(np.all(np.isfinite(forest.threshold)))
    )
    if not sound:
        raise EstimatorError("the trees of the model do not hold together")
    return forest


def _packed(array: NDArray[Any], kind: str) -> str:
    return base64.b64encode(zlib.compress(array.astype(kind).tobytes(), 9)).decode("ascii")


def _unpacked(data: Mapping[str, Any], name: str, kind: str) -> NDArray[Any]:
    text = data.get(name)
    if not isinstance(text, str):
        raise EstimatorError(f"the trees of the model have no '{name}'")
    try:
        raw = zlib.decompress(base64.b64decode(text, validate=True))
        return np.frombuffer(raw, dtype=kind).astype(kind[1:])
    except (ValueError, zlib.error) as error:
        raise EstimatorError(f"'{name}' of the model's trees cannot be read: {error}") from error


def _whole(data: Mapping[str, Any], name: str, largest: int) -> int:
    value = data.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= largest:
        raise EstimatorError(f"'{name}' of the model's trees is {value!r}, not a number from 0 to {largest}")
    return value
