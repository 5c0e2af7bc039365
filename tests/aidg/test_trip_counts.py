"""What a program costs does not depend on how often its loops run."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

import acadl
import mappings
import platforms
from acadl.model import Architecture
from aidg.estimation import estimate, prepare
from mappings.layers import Layer
from mappings.program import LoopProgram, Register, index, loop, memory, step, steps
from tests.shipped import ACCELERATORS, NARROW, mapped

EXAMPLES = Path(__file__).parents[2] / "examples"
FACTOR = 1.2
# 16 times these are the sizes; from the first one on, every loop runs often enough to be skipped
SIZES = {
    ("gamma", "gemm"): (128, 256, 512),
    ("gamma", "conv"): (128, 256, 512),
    ("gamma", "maxpool"): (256, 512, 1024),
}


@pytest.mark.parametrize("platform", ACCELERATORS)
@pytest.mark.parametrize("op", ["gemm", "conv", "maxpool"])
def test_layers_of_any_size_take_the_same_work(platform: str, op: str) -> None:
    arch = platforms.load(platform)
    costs = []
    for size in SIZES.get((platform, op), (64, 128, 256)):
        program = mapped(layer(op, 16 * size), arch)
        if program is None:
            pytest.skip(f"runs {NARROW[platform]} only")
        found = estimate(arch, program)
        assert found.method == "exact"
        costs.append((found.instructions, found.evaluated_instructions))
        left = max(100, 4 * sum(1 for _ in steps(program.body)))  # of a period: long where bodies are
    assert costs[-1][0] > 10 * costs[0][0]
    assert costs[-1][1] <= FACTOR * costs[0][1] + left


def layer(op: str, size: int) -> Layer:
    """A layer whose loops all grow with ``size``."""
    if op == "gemm":
        return Layer(name=op, op=op, gemm_M=size, gemm_N=size, gemm_K=size)
    if op == "conv":
        return Layer(name=op, op=op, C=16, H=size, W=size, K=16, R=3, S=3, pad_h=1, pad_w=1)
    return Layer(name=op, op=op, C=16, H=size, W=size, K=16, R=2, S=2, stride_h=2, stride_w=2)


@pytest.fixture(scope="module")
def cached_core() -> Architecture:
    return acadl.load(EXAMPLES / "cached_core.acadl", cache_sets=8, row_size=256)


def streams(arch: Architecture, count: int) -> LoopProgram:
    """Two streams through a cache and a table that stays in it."""
    i = index("i")
    body = (
        step("load", dst="r1", src=memory(0x10_0000 + 4 * i, 4)),
        step("load", dst="r2", src=memory((1 << 45) + 4 * (i % 24), 4)),
        step("mac", acc=Register("r", 4 + i % 3), a="r1", b="r2"),
        step("store", dst=memory((1 << 44) + 4 * i, 4), src=Register("r", 4 + i % 3)),
    )
    return LoopProgram(loop(i, count, *body), arch.operations)


def test_streams_through_a_cache_of_any_length(cached_core: Architecture) -> None:
    # a multiple of all periods apart, so that the rest is the same
    few, many = 9 * 2**12, 9 * 2**12 * 13_560_000
    short, long = (estimate(cached_core, streams(cached_core, count)) for count in (few, many))
    assert (short.method, long.method) == ("exact", "exact")
    assert short.evaluated_instructions < short.instructions // 4
    assert long.evaluated_instructions <= FACTOR * short.evaluated_instructions
    assert long.instructions > 10**12


def test_streams_through_a_cache_equal_full_propagation(cached_core: Architecture) -> None:
    program = streams(cached_core, 20_000)
    exact, full = estimate(cached_core, program), estimate(cached_core, program, method="full")
    assert (exact.cycles, exact.utilization) == (full.cycles, full.utilization)
    assert exact.evaluated_instructions < full.evaluated_instructions


def test_memory_does_not_grow_with_the_trip_count() -> None:
    arch = platforms.load("systolic_array")

    def peak(size: int) -> int:
        program = mappings.map_layer(layer("gemm", size), arch)
        tracemalloc.start()
        try:
            estimate(arch, program)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(1024)  # caches of the interpreter
    assert peak(16_384) <= FACTOR * peak(1024)


@pytest.mark.parametrize("machine", ["wholes", "rows", "cache"])
def test_a_prepared_program_starts_anew_each_time(machine: str, cached_core: Architecture) -> None:
    arch = cached_core if machine == "cache" else platforms.load("gemmini", by_rows=machine == "rows")
    program = streams(arch, 500) if machine == "cache" else mappings.map_layer(layer("gemm", 48), arch)
    prepared = prepare(arch, program)
    for method in ("exact", "full", "full", "exact"):
        assert prepared.estimate(method=method) == estimate(arch, program, method=method)  # type: ignore[arg-type]
