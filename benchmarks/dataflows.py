"""Products on ``systolic_array`` against the closed form of its dataflows.

    python -m benchmarks.dataflows            # print the table
    python -m benchmarks.dataflows --write    # and write it into docs/systolic_array.md

The derivation is on that page. Each row is a product on an array of some size; per dataflow it has the cycles
of the closed form and those of the estimate.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import aidg
import platforms
from acadl.model import Architecture
from benchmarks.tables import Row, table, write_between
from mappings.layers import Layer
from mappings.registry import map_layer

PAGE = Path(__file__).parents[1] / "docs" / "systolic_array.md"
COMMAND = "python -m benchmarks.dataflows"
DATAFLOWS = ("output_stationary", "weight_stationary", "input_stationary")
# A memory that never lets the array wait: a row of a tile is one transaction, four of them start per cycle.
MEMORY = {"memory_ports": 4, "bus_bytes": 4096, "memory_latency": 1}

ARRAYS = ((16, 16), (8, 8), (4, 8), (32, 16), (5, 3))
SHAPES = (
    (16, 16, 16), (1, 1, 1), (128, 128, 128), (1, 1000, 512), (100, 10, 84), (49, 512, 512), (196, 256, 256),
    (17, 33, 65), (784, 32, 144), (3, 5, 7),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Machine:
    """Parameters of the description that the closed form has."""

    rows: int
    cols: int
    stream: int
    memory_latency: int
    bus_bytes: int


def folds(dataflow: str, shape: tuple[int, int, int], machine: Machine) -> int:
    """Cycles of the array, tile after tile: (2 · rows + cols − 2 + what streams) for each."""
    m, n, k = shape
    if dataflow == "output_stationary":
        return _up(m, machine.rows) * _up(n, machine.cols) * (2 * machine.rows + machine.cols - 2 + k)
    held, streamed = (n, m) if dataflow == "weight_stationary" else (m, n)
    skew = _up(streamed, machine.stream) * (2 * machine.rows + machine.cols - 2)
    return _up(k, machine.rows) * _up(held, machine.cols) * (streamed + skew)


def closed_form(dataflow: str, shape: tuple[int, int, int], machine: Machine) -> int:
    """Cycles of a product: the first tiles come from memory, the array works, the last sums go to memory."""
    _, n, k = shape
    most = {
        "output_stationary": (machine.rows, machine.cols, machine.stream),
        "weight_stationary": (machine.stream, machine.cols, machine.rows),
        "input_stationary": (machine.cols, machine.stream, machine.rows),
    }[dataflow]
    (first_m, last_m), (first_n, last_n), (first_k, _) = map(_tiles, shape, most)
    load_a = _transactions(first_m, first_k, k, machine)
    load_b = _up(first_k * first_n, machine.bus_bytes)
    store = _transactions(last_m, last_n, n, machine)
    start = 2 + max(load_a, load_b) + machine.memory_latency
    return start + folds(dataflow, shape, machine) + store - 1 + machine.memory_latency


def _tiles(size: int, most: int) -> tuple[int, int]:
    """The first and the last of as few tiles as possible, about equally large."""
    tile = _up(size, _up(size, most))
    return tile, size % tile or tile


def _transactions(rows: int, width: int, whole: int, machine: Machine) -> int:
    """Of a tile of a matrix whose rows have ``whole`` bytes; whole rows follow one another in memory."""
    if rows == 1 or width == whole:
        return _up(rows * width, machine.bus_bytes)
    return rows * _up(width, machine.bus_bytes)


def _up(a: int, b: int) -> int:
    return -(-a // b)


def array(dataflow: str, rows: int, cols: int) -> tuple[Architecture, Machine]:
    """``systolic_array`` without overlap in front of a fast memory, and what the closed form reads of it."""
    arch = platforms.load("systolic_array", dataflow=dataflow, overlap=False, rows=rows, cols=cols, **MEMORY)
    names = ("rows", "cols", "stream", "memory_latency", "bus_bytes")
    return arch, Machine(*(int(arch.parameters[name]) for name in names))


def estimated(shape: tuple[int, int, int], arch: Architecture) -> int:
    """Cycles of the model."""
    m, n, k = shape
    layer = Layer(name="product", op="gemm", gemm_M=m, gemm_N=n, gemm_K=k)
    return aidg.estimate(arch, map_layer(layer, arch)).cycles


def rows() -> Iterator[Row]:
    """A row for every product on every array."""
    for height, width in ARRAYS:
        for shape in SHAPES:
            row: dict[str, object] = {"array": f"{height} × {width}", "M, N, K": ", ".join(map(str, shape))}
            for dataflow in DATAFLOWS:
                arch, machine = array(dataflow, height, width)
                name = dataflow.split("_")[0]
                row[f"{name}, array"] = folds(dataflow, shape, machine)
                row[f"{name}, closed form"] = closed_form(dataflow, shape, machine)
                row[f"{name}, estimate"] = estimated(shape, arch)
            yield row


def text() -> str:
    """The generated part of the page."""
    found = list(rows())
    pairs = [
        (row[f"{name}, closed form"], row[f"{name}, estimate"])
        for row in found
        for name in (dataflow.split("_")[0] for dataflow in DATAFLOWS)
    ]
    equal = sum(a == b for a, b in pairs)
    return f"{equal} of {len(pairs)} estimates are those of the closed form.\n\n{table(found)}"


def main() -> None:
    """Print the table, and write it where asked to."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help=f"write the table into {PAGE.name}")
    options = parser.parse_args()
    found = text()
    print(found)
    if options.write:
        write_between(PAGE, COMMAND, found)


if __name__ == "__main__":
    main()
