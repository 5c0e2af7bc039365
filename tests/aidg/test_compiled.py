"""Compiled propagation does what interpreted propagation does; without numba everything works interpreted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given, settings

import aidg.compiled
import aidg.kernel
import mappings
import platforms
from acadl.errors import AcadlError
from aidg.estimation import estimate
from aidg.kernel import Kernel
from aidg.preparation import prepare
from mappings.layers import Layer
from tests.strategies import Case, cases

GEMM = Layer(name="gemm", op="gemm", gemm_M=96, gemm_N=96, gemm_K=96)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(cases())
def test_compiled_equals_interpreted(case: Case) -> None:
    pytest.importorskip("numba")
    assume(not Kernel(prepare(case.arch, case.program)).has_queue)
    for method in ("full", "exact", "fixed_point"):
        slow = estimate(case.arch, case.program, method=method, kernel="interpreted")  # type: ignore[arg-type]
        fast = estimate(case.arch, case.program, method=method, kernel="compiled")  # type: ignore[arg-type]
        assert (slow.kernel, fast.kernel) == ("interpreted", "compiled")
        same = {"kernel": "", "evaluated_instructions": 0}  # compiled code evaluates rather than looks
        assert fast.to_dict() | same == slow.to_dict() | same


@pytest.mark.parametrize("platform", ["oma", "systolic_array", "gemmini"])
def test_switching_half_way_changes_nothing(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba")
    arch = platforms.load(platform)
    program = mappings.map_layer(replace(GEMM, gemm_M=12, gemm_K=12) if platform == "oma" else GEMM, arch)
    for method in ("full", "exact"):
        expected = estimate(arch, program, method=method, kernel="interpreted")  # type: ignore[arg-type]
        for after in (1, expected.evaluated_instructions // 2):
            monkeypatch.setattr(aidg.kernel, "WORTH_COMPILING", after)
            monkeypatch.setattr(aidg.kernel, "PAUSE", 37)
            found = estimate(arch, program, method=method)  # type: ignore[arg-type]
            assert found.kernel == "compiled"
            assert (found.cycles, found.utilization) == (expected.cycles, expected.utilization)
            assert found.evaluated_instructions == expected.evaluated_instructions


def test_short_work_is_not_compiled() -> None:
    arch = platforms.load("gemmini")
    assert estimate(arch, mappings.map_layer(GEMM, arch)).kernel == "interpreted"


def test_without_numba_long_work_is_interpreted(monkeypatch: pytest.MonkeyPatch) -> None:
    arch = platforms.load("gemmini")
    program = mappings.map_layer(GEMM, arch)
    monkeypatch.setattr(aidg.kernel, "is_available", lambda: False)
    monkeypatch.setattr(aidg.kernel, "WORTH_COMPILING", 1)
    assert estimate(arch, program).kernel == "interpreted"


def test_without_numba_compiled_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    arch = platforms.load("gemmini")
    program = mappings.map_layer(GEMM, arch)
    monkeypatch.setattr(aidg.compiled, "is_available", lambda: False)
    aidg.compiled.compiled_entry.cache_clear()
    with pytest.raises(AcadlError, match=r"needs numba: pip install 'acadl\[fast\]'"):
        estimate(arch, program, kernel="compiled")
    with pytest.raises(AcadlError, match="unknown kernel 'fast'; choose auto, interpreted or compiled"):
        estimate(arch, program, kernel="fast")  # type: ignore[arg-type]
