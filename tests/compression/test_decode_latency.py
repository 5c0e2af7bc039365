"""Decode steps: fits on made-up devices, and the published table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acadl.errors import AcadlError
from benchmarks.decode_latency import entries, error_percent, models
from mappings.compression.traffic import PRECISIONS
from mappings.network import load_network
from platforms.decode_latency import DecodeModel, Step, Work, fit

BANDWIDTH = 1e12
SIZES = [Work(layers, layers * size) for layers in (24, 32, 40) for size in (10**6, 10**8, 4 * 10**8)]


@given(st.floats(0.2, 1), st.floats(1e-5, 1e-3))
def test_a_device_is_found_from_its_own_times(efficiency: float, launch: float) -> None:
    device = DecodeModel(BANDWIDTH, efficiency, launch)
    found = fit([Step(work, device.seconds(work)) for work in SIZES], BANDWIDTH)
    assert all(found.seconds(work) == pytest.approx(device.seconds(work)) for work in SIZES)


def test_an_odd_row_moves_nothing() -> None:
    device = DecodeModel(BANDWIDTH, 0.7, 1e-4)
    steps = [Step(work, device.seconds(work)) for work in SIZES]
    steps[-1] = Step(SIZES[-1], 3 * steps[-1].seconds)
    found = fit(steps, BANDWIDTH)
    assert found.efficiency == pytest.approx(0.7) and found.launch == pytest.approx(1e-4)


def test_what_binds_a_step() -> None:
    device = DecodeModel(BANDWIDTH, 0.5, 1e-4)
    assert device.bound_by(Work(32, 10**9)) == "launch"  # 3.2 ms against 2 ms
    assert device.bound_by(Work(32, 2 * 10**9)) == "memory"


def test_two_steps_are_needed() -> None:
    with pytest.raises(AcadlError, match="two measured steps or more; there are 1"):
        fit([Step(SIZES[0], 1.0)], BANDWIDTH)


def test_work_of_a_step() -> None:
    """A context of 512 positions of 524,288 bytes each."""
    work = Work.of(load_network("llama2_7b_decode@512"), PRECISIONS["W16A16"])
    assert work.layers == 32
    assert work.bytes == pytest.approx(2 * 6_738_415_616 - 2 * 131_072_000 + 512 * 524_288, rel=1e-5)


# Beyond 12 %: VILA-13B takes 0.6 ms more than LLaMA-2-13B, this one 2.6 ms more than LLaMA-2-7B.
ODD = {("A100", "W16A16", "VILA-7B")}


def test_the_published_table() -> None:
    """Every row of both halves within 12 %, but for the one named; no row that was predicted."""
    cells = entries()
    fitted = models(cells)
    uses = {use: [cell for cell in cells if cell.use == use] for use in ("fitted", "predicted")}
    assert {use: len(found) for use, found in uses.items()} == {"fitted": 23, "predicted": 22}
    for found in uses.values():
        far = {
            (cell.device, cell.precision, cell.model)
            for cell in found
            if abs(error_percent(cell, fitted[cell.device, cell.precision])) > 12
        }
        assert far == (ODD if found is uses["fitted"] else set())
