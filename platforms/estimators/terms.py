"""Latency as a sum of a few step-wise terms, chosen among many: a finer scale for the mixed model.

    t = sum_j f_j  prod_d ceil(x_d / w_jd),        per operator, all f_j >= 0

A term is the product of stepped sizes: one of the reduction, one of the output channels, one of the output
positions. Machines that work in chunks do not step in the sizes of a layer alone: consecutive bytes of a
kernel row are c_in k_w, the rows of a matrix are output positions. So the sizes of terms are derived ones.
Terms are found by matching pursuit: the one that explains most of what is left joins, all factors are fitted
anew (least relative squares, none negative), as long as layers that were kept apart are explained better.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from platforms.estimators.errors import EstimatorError
from platforms.estimators.layer_table import LayerTable
from platforms.estimators.representatives import depthwise

if TYPE_CHECKING:
    from numpy.typing import NDArray

Term: TypeAlias = tuple[tuple[str, int], ...]  # derived sizes, each with its width

CHUNKS = (1, 8, 16, 32, 64)
REDUCTIONS: tuple[Term, ...] = (
    (),
    *((("k_h", 1), ("kernel_row", w)) for w in CHUNKS),
    *((("k_h", 1), ("k_w", 1), ("c_in", w)) for w in CHUNKS[1:]),
    *((("reduction", w),) for w in (16, 32, 64, 128, 256)),
)
COLUMNS: tuple[Term, ...] = ((), *((("c_out", w),) for w in (*CHUNKS, 128)))
POSITIONS: tuple[Term, ...] = (
    (),
    (("rows", 1),),
    *((("rows", 1), ("w_out", w)) for w in (1, 4, 8, 16, 32)),
    *((("positions", w),) for w in (16, 64, 128, 256, 512)),
)
IMAGES: tuple[Term, ...] = (
    *((("image", 1), ("c_in", w)) for w in (1, 8, 16)),
    *((("image_rows", 1), ("image_row", w)) for w in (8, 16, 32)),
)
MOST_TERMS = 24
SEARCHED_ROWS = 2000  # of an operator, for the choice of terms
FEWEST_ROWS = 24  # of an operator, for terms of its own
KEPT_APART = 4  # every fourth row judges


@dataclass(frozen=True)
class Terms:
    """Terms of each operator with their factors; ``""`` for operators that were not measured."""

    by_op: Mapping[str, Mapping[Term, float]]

    def latency(self, layers: LayerTable) -> NDArray[np.float64]:
        """Of each layer; positive."""
        values = _Values(layers)
        latency = np.empty(len(layers))
        for op in sorted(set(layers.ops)):
            mine = layers.is_op([op])
            terms = self.by_op.get(op, self.by_op[""])
            latency[mine] = sum(factor * values.of(term)[mine] for term, factor in terms.items())
        return latency

    def columns(self, layers: LayerTable) -> NDArray[np.float32]:
        """Logarithm of each term over the latency, one column per term: what trees see of the terms."""
        values, latency = _Values(layers), self.latency(layers)
        terms = sorted({term for terms in self.by_op.values() for term in terms})
        columns = [np.log(latency), *(np.log(values.of(term) / latency) for term in terms)]
        return np.stack(columns, axis=1).astype(np.float32)

    @property
    def count(self) -> int:
        """Columns of a row."""
        return 1 + len({term for terms in self.by_op.values() for term in terms})


class _Values:
    """Values of terms; sizes are derived once."""

    def __init__(self, layers: LayerTable) -> None:
        each = depthwise(layers)
        groups = np.where(each, 1.0, layers["groups"])
        c_in, c_out = np.where(each, 1.0, layers["c_in"] / groups), layers["c_out"] / groups
        rows = layers["m"] * layers["h_out"]
        self._sizes = {
            "k_h": layers["k_h"],
            "k_w": layers["k_w"],
            "c_in": c_in,
            "kernel_row": layers["k_w"] * c_in,
            "reduction": layers["k_h"] * layers["k_w"] * c_in,
            "c_out": c_out,
            "rows": rows,
            "w_out": layers["w_out"],
            "positions": rows * layers["w_out"],
            "image": layers["m"] * layers["h_in"] * layers["w_in"],
            "image_rows": layers["m"] * layers["h_in"],
            "image_row": layers["w_in"] * c_in,
        }
        self._groups = groups

    def of(self, term: Term) -> NDArray[np.float64]:
        """At least 1, for each layer; groups are worked on one after the other."""
        value = np.array(self._groups, dtype=np.float64)
        for name, width in term:
            value *= np.ceil(np.maximum(self._sizes[name], 1) / width)
        return value


SIZES_OF_TERMS = frozenset(size for term in (*REDUCTIONS, *COLUMNS, *POSITIONS, *IMAGES) for size, _ in term)


def dictionary() -> tuple[Term, ...]:
    """All terms that are tried."""
    products = [a + b + c for a, b, c in product(REDUCTIONS, COLUMNS, POSITIONS)]
    return tuple(products) + tuple(a + b for a, b in product(IMAGES, COLUMNS))


def fit_terms(layers: LayerTable, latency: NDArray[np.float64]) -> Terms:
    """Terms of each operator; those with few measurements share the terms of all.

    Raises:
        EstimatorError: The extra ``fit`` is not installed.
    """
    by_op = {"": _pursue(layers, latency)}
    ops = sorted(set(layers.ops))
    for op in ops if len(ops) > 1 else ():
        mine = layers.is_op([op])
        if np.count_nonzero(mine) >= FEWEST_ROWS:
            by_op[op] = _pursue(layers.rows(mine), latency[mine])
    return Terms(by_op)


def _pursue(layers: LayerTable, latency: NDArray[np.float64]) -> dict[Term, float]:
    """Matching pursuit; as many terms as explain the rows best that are kept apart."""
    some = np.linspace(0, len(layers) - 1, min(len(layers), SEARCHED_ROWS)).astype(int)
    terms = dictionary()
    values = _Values(layers.rows(some))
    rows = np.stack([values.of(term) for term in terms], axis=1) / latency[some, None]
    apart = np.arange(len(some)) % KEPT_APART == KEPT_APART - 1
    if len(some) < FEWEST_ROWS:
        apart[:] = False
    chosen = _chosen(rows[~apart], rows[apart])
    values = _Values(layers)
    columns = np.stack([values.of(terms[j]) for j in chosen], axis=1) / latency[:, None]
    factors = _factors(columns)
    found = {terms[j]: float(f) for j, f in zip(chosen, factors, strict=True) if f > 0}
    least = 1e-3 * float(latency.min())  # every estimate stays above zero
    return {**found, (): max(found.get((), 0.0), least)}


def _chosen(rows: NDArray[np.float64], apart: NDArray[np.float64]) -> Sequence[int]:
    """Columns whose weighted sum comes nearest to 1 in every row."""
    length = np.linalg.norm(rows, axis=0)
    chosen: list[int] = []
    left = np.ones(len(rows))
    best, least = 1, np.inf
    for _ in range(min(MOST_TERMS, max(len(rows) // 3, 1))):
        gain = left @ rows / length
        gain[chosen] = -np.inf
        chosen.append(int(np.argmax(gain)))
        factors = _factors(rows[:, chosen])
        left = 1 - rows[:, chosen] @ factors
        judged = 1 - apart[:, chosen] @ factors if len(apart) else left
        error = float(np.mean(judged**2))
        if error < least:
            best, least = len(chosen), error
    return chosen[:best]


def _factors(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Non-negative factors with the least squares of columns @ factors - 1."""
    try:
        from scipy.optimize import nnls
    except ImportError as error:
        raise EstimatorError(
            "fitting terms needs scipy, which is not installed; install the extra: pip install 'acadl[fit]'"
        ) from error
    length = np.linalg.norm(columns, axis=0)
    factors: NDArray[np.float64] = nnls(columns / length, np.ones(len(columns)))[0] / length
    return factors
