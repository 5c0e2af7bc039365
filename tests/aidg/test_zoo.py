"""What holds for every layer of every network of the zoo on every shipped accelerator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache

import pytest

import mappings
import platforms
from acadl.model import Architecture
from aidg.compiled import is_available
from aidg.estimation import estimate
from mappings.layers import Layer
from mappings.program import LoopProgram
from mappings.registry import MappingError
from tests.shipped import ACCELERATORS, NARROW

# Instructions up to which a layer is also propagated in full: compiled, interpreted.
LARGEST_FULL = 20_000_000
LARGEST_SAMPLE = 15_000


@cache
def layers() -> dict[Layer, str]:
    """Distinct layers of the zoo, with the name of the first of each."""
    found: dict[Layer, str] = {}
    for network in mappings.network_names():
        for layer in mappings.load_network(network).layers:
            shape = replace(layer, name="layer", inputs=(), count=1, onnx_op="")
            found.setdefault(shape, f"{network}.{layer.name}")
    return found


def programs(arch: Architecture) -> Iterator[tuple[str, str, LoopProgram]]:
    """Distinct programs: name of the layer, operator, program."""
    seen: set[str] = set()
    for layer, name in layers().items():
        try:
            program = mappings.map_layer(layer, arch)
        except MappingError:  # reports list what a machine cannot run
            continue
        text = repr(program.body)
        if text not in seen:
            seen.add(text)
            yield name, layer.op, program


def check(arch: Architecture, name: str, program: LoopProgram) -> None:
    """``exact`` skips, and equals ``full``, utilization included."""
    exact = estimate(arch, program)
    full = estimate(arch, program, method="full", kernel="compiled" if is_available() else "interpreted")
    assert exact.method == "exact", (name, exact.notes)
    assert exact.cycles == full.cycles, name
    assert exact.utilization == pytest.approx(full.utilization, abs=1e-12), name
    assert full.evaluated_instructions == full.instructions == program.instruction_count


@pytest.mark.parametrize("platform", ACCELERATORS)
def test_a_sample_of_layers_is_exact(platform: str) -> None:
    """Of each operator the largest layer that is affordable here; the long test takes all."""
    arch = platforms.load(platform)
    largest: dict[str, tuple[int, str, LoopProgram]] = {}
    for name, operator, program in programs(arch):
        count = program.instruction_count
        if count <= LARGEST_SAMPLE and count > largest.get(operator, (0,))[0]:
            largest[operator] = (count, name, program)
    assert len(largest) >= 3
    for _, name, program in largest.values():
        check(arch, name, program)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("platform", ACCELERATORS)
def test_every_layer_is_exact(platform: str, record_property: Callable[[str, object], None]) -> None:
    pytest.importorskip("numba", reason="full propagation of millions of instructions needs the extra 'fast'")
    arch = platforms.load(platform)
    compared = skipped = instructions = 0
    for name, _, program in programs(arch):
        if program.instruction_count <= LARGEST_FULL:
            check(arch, name, program)
            compared += 1
            instructions += program.instruction_count
        else:
            exact = estimate(arch, program)
            assert exact.method == "exact", (name, exact.notes)
            skipped += 1
    assert compared and compared + skipped >= (5 if platform in NARROW else 50)
    record_property("compared", f"{compared} programs, {instructions:,} instructions")
    record_property("larger", skipped)
