"""Limits of groups, beyond which weights are clipped before they are rounded (Lin et al., AWQ, section 3).

A narrower range has finer steps, and costs the few weights beyond it. For each row and group the limits are
searched that make the error of the group's products smallest on calibration input,

    mean over tokens of (x · (w' - w))^2 = (w' - w) G (w' - w)^T,        G = mean of x^T x,

so that all tokens count at the price of one matrix G for each group. As published, plus and minus m (1 - i /
20), i = 0 … 9, m = max |w|. With a zero point the two ends need not be alike: each is searched by itself, in
turns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from mappings.compression.quantizer import Scheme, ends, grid, groups_of, rounded, within

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[np.floating]
    Limits: TypeAlias = tuple[Array, Array]


@dataclass(frozen=True)
class ClipSearch:
    """What is tried.

    Attributes:
        steps: Limits that are tried.
        shrink: The narrowest range leaves out this part of the widest.
        each_end: Each end by itself; otherwise plus and minus the same. Symmetric schemes have no choice.
        tokens: Calibration tokens that count, evenly spread; 0: all.
    """

    steps: int = 10
    shrink: float = 0.5
    each_end: bool = False
    tokens: int = 512

    @property
    def parts(self) -> tuple[float, ...]:
        """Of the widest range, from all of it on."""
        return tuple(1 - self.shrink * i / self.steps for i in range(self.steps))


PUBLISHED = ClipSearch()
EACH_END = ClipSearch(shrink=0.6, each_end=True, tokens=0)
TURNS = 2  # of the search of each end


def gram(inputs: Array, scheme: Scheme, tokens: int = 0) -> Array:
    """[groups, G, G]: means of products of the inputs of a group; ``inputs`` are [tokens, in]."""
    if tokens:
        inputs = inputs[np.linspace(0, len(inputs) - 1, min(len(inputs), tokens)).astype(int)]
    x = groups_of(inputs.astype(np.float32), scheme).transpose(1, 2, 0)
    products: Array = x @ x.transpose(0, 2, 1) / np.float32(len(inputs))
    return products


def clip_limits(weights: Array, inputs: Array, scheme: Scheme, search: ClipSearch = PUBLISHED) -> Limits:
    """Low and high limits, [out, groups]: those with the least error over the inputs.

    Args:
        weights: [out, in].
        inputs: [tokens, in].
        scheme: How the weights are quantized.
        search: What is tried.
    """
    return limits_by_gram(weights, gram(inputs, scheme, search.tokens), scheme, search)


def limits_by_gram(weights: Array, products: Array, scheme: Scheme, search: ClipSearch = PUBLISHED) -> Limits:
    """The limits, where the products of the inputs (:func:`gram`) are known."""
    grouped = groups_of(np.asarray(weights, np.float32), scheme)
    found = _Search(grouped, products, scheme)
    if not search.each_end or scheme.symmetric:
        largest = np.abs(grouped).max(axis=2)
        for part in search.parts:
            found.look(-part * largest, part * largest)
        return found.best
    low, high = ends(grouped)
    found.look(low, high)
    for _ in range(TURNS):
        kept = found.best
        for part in search.parts:
            found.look(kept[0], part * high)
        kept = found.best
        for part in search.parts:
            found.look(part * low, kept[1])
    return found.best


class _Search:
    """The best limits so far."""

    def __init__(self, grouped: Array, products: Array, scheme: Scheme) -> None:
        self._grouped, self._products, self._scheme = grouped, products, scheme
        self._ends = ends(grouped)
        self._low, self._high = self._ends
        self._least = np.full(self._low.shape, np.inf, np.float32)

    @property
    def best(self) -> Limits:
        return self._low.copy(), self._high.copy()

    def look(self, low: Array, high: Array) -> None:
        """Take these limits where they are better."""
        error = self._error(low, high)
        better = error < self._least
        self._low = np.where(better, low, self._low)
        self._high = np.where(better, high, self._high)
        self._least = np.where(better, error, self._least)

    def _error(self, low: Array, high: Array) -> Array:
        low, high = within(self._ends, (low, high))
        scale, zero = grid(low, high, self._scheme)
        clipped = np.clip(self._grouped, low[:, :, None], high[:, :, None])
        values = rounded(clipped, scale, zero, self._scheme)
        off = ((values - zero[:, :, None]) * scale[:, :, None] - self._grouped).transpose(1, 0, 2)
        error: Array = np.einsum("gok,gok->og", off @ self._products, off)
        return error
