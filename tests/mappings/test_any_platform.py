"""Random layers on every platform that there is: what is computed is what NumPy computes."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import platforms
from acadl.model import Architecture
from benchmarks.operators import Outcome, outcome
from mappings.layers import Layer
from mappings.registry import library_module
from tests.mappings.test_conservation import MACHINES, drawn

EXACT = (Outcome.EXACT, Outcome.TIMED_ONLY, Outcome.REFUSED)


@pytest.mark.parametrize("arch", MACHINES)
@settings(max_examples=12, deadline=None)
@given(st.data())
def test_any_layer_is_computed_refused_or_known_by_its_cost(arch: Architecture, data: st.DataObject) -> None:
    """Never wrong; off by one only where a machine computes rows in integers."""
    module = library_module(arch.name)
    if module is None or not hasattr(module, "prepare"):
        pytest.skip("modelled in time only")
    layer = data.draw(drawn(arch))
    found = outcome(layer, arch)
    assume(found not in (Outcome.TIMED_ONLY, Outcome.REFUSED))
    assert found in EXACT or (arch.name == "oma" and found is Outcome.WITHIN_ONE)


def test_a_line_of_padding_is_no_one_dimensional_layer() -> None:
    """A window of height 1 that only sees the padding above has one line of output, and not the input."""
    layer = Layer(name="l", op="conv", C=2, W=6, K=3, S=3, pad_h=1, stride_h=3)
    assert outcome(layer, platforms.load("ultratrail")) is Outcome.REFUSED
    assert outcome(layer, platforms.load("oma")) is Outcome.EXACT
