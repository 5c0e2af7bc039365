"""Bits for each layer: the front against all assignments there are."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acadl.errors import AcadlError
from platforms.bit_widths import Option, best_within, front

WIDTHS = st.builds(Option, st.sampled_from([2, 4, 8]), st.integers(0, 9), st.integers(0, 9))
OPTIONS = st.lists(st.lists(WIDTHS, min_size=1, max_size=3), min_size=1, max_size=5)


@given(OPTIONS, st.integers(0, 45))
def test_no_assignment_is_better(options: list[list[Option]], limit: int) -> None:
    everything = [(sum(o.cost for o in each), sum(o.loss for o in each)) for each in product(*options)]
    found = front(options)
    for one in found:
        assert one.loss == min(loss for cost, loss in everything if cost <= one.cost)
    costs, losses = [one.cost for one in found], [one.loss for one in found]
    assert costs == sorted(set(costs)) and losses == sorted(set(losses), reverse=True)
    within = [loss for cost, loss in everything if cost <= limit]
    if within:
        assert best_within(found, limit).loss == min(within)
    else:
        with pytest.raises(AcadlError, match=f"a cost of {limit} cannot be met: the least is {costs[0]}"):
            best_within(found, limit)


def test_bits_are_those_of_the_options() -> None:
    options = [[Option(4, 1, 0.5), Option(8, 2, 0.0)], [Option(4, 3, 0.1), Option(8, 5, 0.0)]]
    for one in front(options):
        chosen = [
            next(o for o in layer if o.bits == bits) for layer, bits in zip(options, one.bits, strict=True)
        ]
        assert (one.cost, one.loss) == (sum(o.cost for o in chosen), sum(o.loss for o in chosen))
