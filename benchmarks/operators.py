"""Which platform runs which operator, and whether its programs compute the right numbers.

    python -m benchmarks.operators            # print the table
    python -m benchmarks.operators --write    # and write it into docs/operators.md

Platforms are found by looking. Each layer of ``operator_cases`` is mapped, its program is executed on random
data instruction by instruction, and the result is compared with the one that NumPy computes from the
operator's definition (``tests/mappings/oracle.py``).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np

import platforms
from acadl.errors import SimulationError
from acadl.model import Architecture
from acadl.simulate_functions import execute
from acadl.state import ArchitecturalState
from benchmarks.operator_cases import CASES
from benchmarks.tables import Row, table, write_between
from benchmarks.workloads import accelerators
from mappings.layers import Layer
from mappings.registry import MappingError, TimedOnlyError, library_module, map_layer
from tests.mappings.oracle import random_operands, reference

PAGE = Path(__file__).parents[1] / "docs" / "operators.md"
COMMAND = "python -m benchmarks.operators"

# Beside a platform's defaults: machines on which small layers have full tiles, ragged ones and several.
SMALL: Mapping[str, Mapping[str, int]] = {
    "systolic_array": {
        "rows": 4, "cols": 3, "stream": 9, "sections": 3, "a_tiles": 3, "b_tiles": 2, "lanes": 2,
        "vector_bytes": 24, "vector_tiles": 2, "memory_latency": 5,
    },
    "riscv_mcu": {"unroll": 3},
    "simd": {
        "lanes": 3, "accumulators": 2, "weight_registers": 2, "queue_depth": 2, "outstanding": 2,
        "bus_bytes": 4,
    },
    "vta": {
        "block_in": 2, "block_out": 2, "uop_depth": 8, "inp_depth": 10, "wgt_depth": 4, "acc_depth": 8,
        "queue_depth": 2, "fetch_burst": 2,
    },
    "eyeriss": {
        "rows": 3, "cols": 4, "ifmap_words": 4, "filter_words": 6, "psum_words": 2, "ifmap_buffer": 256,
        "filter_buffer": 64, "psum_buffer": 256, "psum_sections": 4, "glb_bytes": 2, "memory_latency": 5,
    },
    "plasticine": {
        "rows": 2, "cols": 3, "lanes": 4, "sums": 9, "pmu_size": 256, "bus_bytes": 4, "memory_latency": 5,
    },
    "gamma": {
        "units": 3, "tile": 3, "a_tiles": 2, "b_tiles": 3, "sums": 4, "lanes": 2, "vector_bytes": 24,
        "vector_tiles": 2, "scratchpad_size": 256, "scratchpad_bytes": 4, "memory_latency": 5,
    },
    "gemmini": {"dim": 8, "bus_bytes": 4, "scratchpad_bytes": 16 << 10, "accumulator_bytes": 4 << 10},
}  # fmt: skip


class Outcome(IntEnum):
    """What became of one layer on one machine, from the worst to the best."""

    WRONG = 0
    REFUSED = 1
    TIMED_ONLY = 2
    WITHIN_ONE = 3
    EXACT = 4


SHOWN = {
    Outcome.WRONG: "**wrong**",
    Outcome.REFUSED: "refused",
    Outcome.TIMED_ONLY: "cost only",
    Outcome.WITHIN_ONE: "±1",
    Outcome.EXACT: "exact",
}


@dataclass(frozen=True)
class Cell:
    """The outcomes of an operator's layers on a platform's machines."""

    outcomes: tuple[Outcome, ...]

    def __str__(self) -> str:
        kinds = sorted(set(self.outcomes), reverse=True)
        return ", ".join(f"{SHOWN[kind]} {self.outcomes.count(kind)}" for kind in kinds)

    def holds(self, claimed: str) -> bool:
        """Whether what a page says of this cell is not better than what was found."""
        names = {text: kind for kind, text in SHOWN.items()}
        said = []
        for part in claimed.split(", "):
            text, _, count = part.rpartition(" ")
            said += [names[text]] * int(count)
        return all(a <= b for a, b in zip(sorted(said), sorted(self.outcomes), strict=True))


@cache
def machines(name: str) -> tuple[Architecture, ...]:
    """A platform as it ships, and with the sizes of :data:`SMALL` where it has some."""
    small = (platforms.load(name, **SMALL[name]),) if name in SMALL else ()
    return (platforms.load(name), *small)


def outcome(layer: Layer, arch: Architecture) -> Outcome:
    """Map the layer, execute it on data and compare."""
    try:
        program = map_layer(layer, arch)
    except MappingError:
        return Outcome.REFUSED
    module = library_module(arch.name)
    if module is None or not hasattr(module, "prepare"):
        return Outcome.TIMED_ONLY
    try:
        return _compare(layer, arch, module, program)
    except (TimedOnlyError, SimulationError):
        return Outcome.TIMED_ONLY
    except (MappingError, ValueError):  # of a layer that was mapped
        return Outcome.WRONG


def _compare(layer: Layer, arch: Architecture, module: ModuleType, program: object) -> Outcome:
    inputs, weights, bias = random_operands(layer, seed=1)
    state = ArchitecturalState(arch)
    for address, array in module.prepare(layer, arch, inputs, weights, bias).items():
        state.write_array(address, array)
    for instruction in program:
        execute(arch.operations[instruction.operation], instruction, state, program.functions)
    found, expected = module.read_output(layer, arch, state), reference(layer, inputs, weights, bias)
    if found.shape != expected.shape:
        return Outcome.WRONG
    apart = int(np.abs(found.astype(int) - expected.astype(int)).max())
    return (Outcome.EXACT, Outcome.WITHIN_ONE)[apart] if apart < 2 else Outcome.WRONG


@cache
def column(platform: str) -> dict[str, Cell]:
    """What a platform makes of every operator."""
    return {
        operator: Cell(tuple(outcome(layer, arch) for arch in machines(platform) for layer in layers))
        for operator, layers in CASES.items()
    }


def rows(columns: Mapping[str, Mapping[str, Cell]]) -> Iterator[Row]:
    """A row of the table for each operator."""
    for operator in CASES:
        yield {"operator": operator} | {name: str(found[operator]) for name, found in columns.items()}


_ATTRIBUTES = {
    "batch": ("N", "gemm_batch"),
    "kernel": ("R", "S"),
    "strides": ("stride_h", "stride_w"),
    "padding": ("pad_h", "pad_w", "pad_h_end", "pad_w_end"),
    "dilation": ("dilation_h", "dilation_w"),
    "groups": ("groups",),
    "output padding": ("output_pad_h", "output_pad_w"),
    "ceil_mode": ("ceil_mode",),
    "count_include_pad": ("count_include_pad",),
    "bias": ("bias",),
    "operands": ("operands",),
    "window": ("window",),
    "axes": ("perm",),
}


def attributes(layers: Sequence[Layer]) -> str:
    """Which attributes take which values in some layers, as far as they are not the defaults."""
    default = Layer(name="", op="")
    found = []
    for name, fields in _ATTRIBUTES.items():
        values = {tuple(getattr(layer, field) for field in fields) for layer in layers}
        values.discard(tuple(getattr(default, field) for field in fields))
        if values:
            found.append(f"{name} {_values(fields, values)}".strip())
    return "; ".join(found) or "none"


def _values(fields: tuple[str, ...], values: set[tuple[object, ...]]) -> str:
    if any(isinstance(value, bool) for (value, *_) in values):
        return ""
    if "pad_h_end" in fields:
        values = {(t, l, t if b is None else b, l if r is None else r) for t, l, b, r in values}  # noqa: E741
    if "gemm_batch" in fields:
        values = {(max(value),) for value in values}  # type: ignore[type-var]
    return ", ".join("×".join(map(str, value)) for value in sorted(values, key=str))


def attribute_rows() -> Iterator[Row]:
    """What the layers of each operator cover."""
    for operator, layers in CASES.items():
        yield {"operator": operator, "layers": len(layers), "attributes": attributes(layers)}


def sections(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The generated parts of the page by their names."""
    yield "table", table(list(rows({name: column(name) for name in names})))
    yield "attributes", table(list(attribute_rows()))


def main() -> None:
    """Print the tables, and write them where asked to."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help=f"write the tables into {PAGE.name}")
    options = parser.parse_args()
    for name, text in sections([name for name, _ in accelerators()]):
        print(text, end="\n\n")
        if options.write:
            write_between(PAGE, f"{COMMAND} {name}", text)


if __name__ == "__main__":
    main()
