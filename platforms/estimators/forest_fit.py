"""Growing trees: extremely randomised trees of scikit-learn (extra ``fit``), flattened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from platforms.estimators.errors import EstimatorError
from platforms.estimators.forest import LEAF, Forest

if TYPE_CHECKING:
    from numpy.typing import NDArray

TREES = 64


def grow(
    rows: NDArray[np.float32],
    values: NDArray[np.float64],
    *,
    leaf: int,
    seed: int,
    weights: NDArray[np.float64] | None = None,
    trees: int = TREES,
) -> Forest:
    """A forest for ``values``; ``leaf``: fewest rows in a leaf.

    Extremely randomised trees (Geurts et al., Machine Learning 2006) draw their thresholds, which serves
    sizes well: a threshold may fall anywhere between two measured sizes, not only in the middle.

    Raises:
        EstimatorError: The extra ``fit`` is not installed.
    """
    try:
        from sklearn.ensemble import ExtraTreesRegressor
    except ImportError as error:
        raise EstimatorError(
            "fitting trees needs scikit-learn, which is not installed; install the extra: "
            "pip install 'acadl[fit]'"
        ) from error
    grown = ExtraTreesRegressor(
        trees, min_samples_leaf=leaf, max_features=1.0, random_state=seed, n_jobs=1
    ).fit(rows, values, sample_weight=weights)
    return flatten([tree.tree_ for tree in grown.estimators_], rows.shape[1])


def flatten(trees: list[Any], features: int) -> Forest:
    """Trees of scikit-learn as one :class:`Forest`; siblings become neighbours."""
    feature, threshold, left, roots, depth = [], [], [], [], 0
    at = 0
    for tree in trees:
        order = _siblings_together(tree)
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        children = tree.children_left[order]
        leaf = children < 0
        roots.append(at)
        feature.append(np.where(leaf, LEAF, tree.feature[order]))
        threshold.append(np.where(leaf, tree.value[order, 0, 0], _rounded_down(tree.threshold[order])))
        left.append(at + np.where(leaf, np.arange(len(order)), place[children]))
        at += len(order)
        depth = max(depth, int(tree.max_depth))
    return Forest(
        np.concatenate(feature).astype(np.int16),
        np.concatenate(threshold).astype(np.float32),
        np.concatenate(left).astype(np.int32),
        np.array(roots, np.int32),
        depth,
        features,
    )


def _siblings_together(tree: Any) -> NDArray[np.int64]:
    """Nodes breadth first, each left child followed by its sibling."""
    order, level = [0], [0]
    while level:
        inner = [node for node in level if tree.children_left[node] >= 0]
        level = [child for node in inner for child in (tree.children_left[node], tree.children_right[node])]
        order += level
    return np.array(order)


def _rounded_down(thresholds: NDArray[np.float64]) -> NDArray[np.float32]:
    """As 32-bit numbers that compare with 32-bit values as the 64-bit ones do."""
    near = thresholds.astype(np.float32)
    below = np.nextafter(near, np.float32(-np.inf))
    result: NDArray[np.float32] = np.where(near.astype(np.float64) > thresholds, below, near)
    return result
