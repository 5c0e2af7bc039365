"""Statistical and mixed models: trees alone, and trees on what an analytic model leaves unexplained.

Both predict the logarithm of the latency, so that an error counts relative to the layer. The mixed model adds
the analytic estimate, which carries the scale: a layer far larger than all measured ones is then
not taken for one of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from platforms.estimators.additive import Additive, fit_additive
from platforms.estimators.features import Features, features_of
from platforms.estimators.forest import Forest
from platforms.estimators.forest_fit import grow
from platforms.estimators.layer_table import LayerTable
from platforms.estimators.representatives import Representatives
from platforms.estimators.terms import Terms, fit_terms

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class TreeModel:
    """Trees over features, on top of ``scale`` where there is one.

    Attributes:
        features: What the trees look at.
        forest: Predicts log(latency / scale), or log(latency).
        scale: The analytic part of a mixed model.
        shift: Added to the logarithm: what makes the mean relative error smallest.
        representatives: Layers are replaced by these first, in a model on performance representatives.
    """

    features: Features
    forest: Forest
    scale: Additive | Terms | None = None
    shift: float = 0.0
    representatives: Representatives | None = None

    def predict(self, layers: LayerTable) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Latency of each layer, and how much the trees disagree on its logarithm."""
        if self.representatives is not None:
            layers = self.representatives.of(layers)
        logarithm, spread = self.forest.predict(_seen(self.features, self.scale, layers))
        base = np.zeros(len(layers)) if self.scale is None else np.log(self.scale.latency(layers))
        return np.exp(logarithm + base + self.shift), spread


def fit_trees(
    layers: LayerTable,
    latency: NDArray[np.float64],
    *,
    mixed: bool,
    leaf: int = 1,
    remainders: bool = False,
    stepped: bool = False,
    representatives: Representatives | None = None,
    seed: int = 0,
) -> TreeModel:
    """A statistical (``mixed=False``) or mixed model of the measurements.

    Args:
        layers: What was measured.
        latency: Positive, one per layer.
        mixed: Whether the trees stand on an analytic scale.
        leaf: Fewest rows in a leaf.
        remainders: Whether trees see how far channels are from full vectors and tiles.
        stepped: Whether the scale is a sum of step-wise terms, of which the trees see each; for measurements
            with little noise.
        representatives: Fit to the layers' representatives, and estimate by them.
        seed: Of the trees' random thresholds.
    """
    if representatives is not None:
        layers = representatives.of(layers)
    features = features_of(layers, remainders=remainders)
    scale = (fit_terms if stepped else fit_additive)(layers, latency) if mixed else None
    base = 0.0 if scale is None else np.log(scale.latency(layers))
    forest = grow(_seen(features, scale, layers), np.log(latency) - base, leaf=leaf, seed=seed)
    return TreeModel(features, forest, scale, representatives=representatives)


def _seen(features: Features, scale: Additive | Terms | None, layers: LayerTable) -> NDArray[np.float32]:
    """What the trees see of each layer."""
    rows = features.matrix(layers)
    return np.hstack([rows, scale.columns(layers)]) if isinstance(scale, Terms) else rows
