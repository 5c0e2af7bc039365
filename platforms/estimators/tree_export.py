"""A single decision tree of scikit-learn (extra ``fit``), pruned by cost and complexity, flattened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from platforms.estimators.errors import EstimatorError
from platforms.estimators.forest import Forest
from platforms.estimators.forest_fit import flatten

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def tree_of(rows: NDArray[np.float32], values: NDArray[np.float64], pruning: float) -> Forest:
    """The tree for ``values`` from 0 to 1; ``pruning``: what a further leaf has to gain.

    Raises:
        EstimatorError: The extra ``fit`` is not installed.
    """
    try:
        from sklearn.tree import DecisionTreeRegressor
    except ImportError as error:
        raise EstimatorError(
            "fitting trees needs scikit-learn, which is not installed; install the extra: "
            "pip install 'acadl[fit]'"
        ) from error
    grown = DecisionTreeRegressor(ccp_alpha=pruning, random_state=0).fit(rows, values)
    return flatten([grown.tree_], rows.shape[1])
