"""Gemmini's command schedules against the programs, tables and traces of its RTL."""

from __future__ import annotations

import csv
from collections import Counter
from functools import cache

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import platforms
from acadl.bursts import bursts
from acadl.model import Architecture
from acadl.operations import AddressRange, Instruction
from mappings.cases import Case, map_case
from mappings.library._gemmini_loop_ws import configure, hardware_loops
from mappings.library._gemmini_machine import machine
from mappings.library._gemmini_macro_tile import Unroller
from mappings.library._gemmini_schedules import Matrix, Product, Schedule
from mappings.program import sequence
from mappings.registry import MappingError
from tests.validation.gemmini_text import DATA, LOOP, TextCommands, commands, program_file, text

TILES = ("tile_m_blocks", "tile_n_blocks", "tile_k_blocks")
# Programs of the RTL: file, core in it, variant, M, N, K, blocks of a macro tile, address of A, B and C.
PROGRAMS = (
    ("tile_16x16x16_lat10", None, "tile", (16, 16, 16), (0, 0, 0)),
    ("tile_32x32x32_lat10", None, "tile", (32, 32, 32), (0, 0, 0)),
    ("phased_32x32x32_lat10", None, "phased", (32, 32, 32), (0, 0, 0)),
    ("wreuse_48x48x48_lat50", None, "wreuse", (48, 48, 48), (0, 0, 0)),
    ("loop_32x32x32_lat10", None, "loop", (32, 32, 32), (2, 2, 2)),
    ("p16_p16_diff_loop_wreuse_cache4K", "0", "loop", (96, 64, 64), (4, 4, 4)),
    ("p16_p16_diff_loop_wreuse_cache4K", "1", "wreuse", (48, 32, 64), (0, 0, 0)),
    ("p16_p16_stream_phased", "0", "phased", (1, 64, 128), (0, 0, 0)),
    ("p16_p16_stream_phased", "1", "wreuse", (64, 64, 64), (0, 0, 0)),
)


def case(variant: str, sizes: tuple[int, ...], tiles: tuple[int, ...] = (0, 0, 0)) -> Case:
    numbers = dict(zip(("M", "N", "K", *TILES), (*sizes, *tiles), strict=True))
    return Case({"variant": variant, **{name: str(number) for name, number in numbers.items()}})


@cache
def gemmini(dim: int = 16) -> Architecture:
    return platforms.load("gemmini", dim=dim, bus_bytes=dim)


def product(sizes: tuple[int, int, int], dim: int) -> Product:
    m, n, k = sizes
    wide_k, wide_n = (-(-size // dim) * dim for size in (k, n))
    a = 0x8000_0040
    b = -(-(a + m * wide_k) // 64) * 64
    c = -(-(b + k * wide_n) // 64) * 64
    return Product(m, n, k, Matrix(a, wide_k), Matrix(b, wide_n), Matrix(c, wide_n))


def text_commands(
    variant: str, sizes: tuple[int, int, int], tiles: tuple[int, int, int], dim: int = 16
) -> list[Instruction]:
    """The commands of a case with the fields of the program files."""
    made = TextCommands(machine(gemmini(dim)), {})
    rows, sums = 256 * 1024 // dim, 64 * 1024 // (4 * dim)
    if variant == "loop":
        blocks = [tile or -(-size // dim) for tile, size in zip(tiles, sizes, strict=True)]
        unroller = Unroller(product(sizes, dim), made, dim, max(1, 64 // dim), rows, sums, 8, 8, 4)
        return commands(sequence(configure(unroller), hardware_loops(unroller, *blocks)))
    schedule = Schedule(product(sizes, dim), made, dim, rows, sums)
    return commands(sequence(schedule.configure(), getattr(schedule, variant)()))


@pytest.mark.parametrize(("name", "core", "variant", "sizes", "tiles"), PROGRAMS)
def test_commands_equal_the_program_files(
    name: str, core: str | None, variant: str, sizes: tuple[int, int, int], tiles: tuple[int, int, int]
) -> None:
    made = text_commands(variant, sizes, tiles)
    if variant == "loop":
        made = [command for command in made if command.operation.startswith("config")] + [
            command for command in made if command.operation in LOOP
        ]
    assert [text(command, product(sizes, 16), 16) for command in made] == program_file(name, core)


@cache
def row_requests(start: int, size: int, word: int) -> list[tuple[int, int]]:
    return [(burst.address, burst.bytes) for burst in bursts(start, size, word, 64)]


def requests(pieces: tuple[AddressRange, ...], word: int) -> list[tuple[int, int]]:
    """Addresses and sizes of the bursts for ranges of memory."""
    return [
        request
        for piece in pieces
        for start in piece.row_starts()
        for request in row_requests(start, piece.bytes, word)
    ]


def moved(program: list[Instruction], word: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Requests for reading and for writing."""
    loads, stores = [], []
    for command in program:
        if command.operation in ("mvin", "mvin2"):
            loads += requests(command.read_addresses, word)
        elif command.operation == "mvout":
            stores += requests(command.write_addresses[:1], word)
    return loads, stores


def beats(found: list[tuple[int, int]], word: int) -> int:
    return sum(size // word for _, size in found)


def test_commands_and_beats_of_every_row() -> None:
    with (DATA / "cycles_dev.csv").open() as file:
        table = list(csv.DictReader(file))
    assert len(table) == 192
    arch = gemmini()
    seen: dict[tuple[str, ...], tuple[int, ...]] = {}
    for row in table:
        key = tuple(row[name] for name in ("variant", "M", "N", "K", *TILES))
        if key not in seen:
            seen[key] = counts(row, arch)
        columns = ("host_commands", "rs_commands", "bus_read_beats", "bus_write_beats")
        assert seen[key] == tuple(int(row[name]) for name in columns), row


def counts(row: dict[str, str], arch: Architecture) -> tuple[int, int, int, int]:
    """Commands of the host, commands that are executed, beats of reads and of writes."""
    program = list(map_case(Case(row), arch))
    loads, stores = moved(program, 16)
    m, n, k, *tiles = (int(row[name]) for name in ("M", "N", "K", *TILES))
    host = executed = sum(not command.operation.startswith("loop_ws") for command in program)
    if row["variant"] == "loop":
        written = text_commands("loop", (m, n, k), (tiles[0], tiles[1], tiles[2]))
        host = sum(command.operation.startswith(("config", *LOOP)) for command in written)
    return host, executed, beats(loads, 16), beats(stores, 16)


def test_requests_of_more_programs() -> None:
    arch = gemmini()
    with (DATA / "requests.csv").open() as file:
        for row in csv.DictReader(file):
            loads, stores = moved(list(map_case(Case(row), arch)), 16)
            found = (beats(loads, 16), len(loads), beats(stores, 16), len(stores))
            columns = ("read_beats", "read_requests", "write_beats", "write_requests")
            assert found == tuple(int(row[name]) for name in columns), row


@pytest.mark.parametrize(
    ("name", "variant", "sizes"),
    [
        ("loop_32x32x32_lat10", "loop", (32, 32, 32)),
        ("tile_32x32x32_lat10", "tile", (32, 32, 32)),
        ("phased_32x32x32_lat10", "phased", (32, 32, 32)),
        ("wreuse_48x48x48_lat50", "wreuse", (48, 48, 48)),
    ],
)
def test_requests_are_those_of_the_trace(name: str, variant: str, sizes: tuple[int, ...]) -> None:
    """Addresses and sizes of all requests on the bus, and their order.

    A read that meets a write is sent round once more by the hardware, so that others overtake it.
    """
    measured: dict[str, list[tuple[int, int]]] = {"get": [], "put": []}
    with (DATA / f"trace_{name}.csv").open() as file:
        for row in csv.DictReader(file):
            if row["event"] in measured:
                address, size = (part.split("=")[1] for part in row["detail"].split())
                measured[row["event"]].append((int(address, 16), int(size)))
    loads, stores = moved(list(map_case(case(variant, sizes), gemmini())), 16)
    assert stores == measured["put"]
    assert Counter(loads) == Counter(measured["get"])
    if variant in ("loop", "phased"):  # no writes before the last read
        assert loads == measured["get"]


SIZES = st.tuples(st.integers(1, 70), st.integers(1, 70), st.integers(1, 150))


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(["tile", "phased", "wreuse", "loop"]), SIZES, st.tuples(*[st.integers(0, 5)] * 3))
@example("loop", (70, 70, 150), (1, 1, 1))
@example("loop", (8, 8, 150), (0, 0, 0))
@example("loop", (70, 70, 10), (2, 3, 1))
def test_products_are_complete_and_in_order(
    variant: str, sizes: tuple[int, int, int], tiles: tuple[int, int, int]
) -> None:
    """Executed on names of blocks: every block of C is the sum over all k, once, of the right operands."""
    dim = 8
    blocks = tuple(-(-size // dim) for size in sizes)
    scratchpad: dict[int, tuple[str, int, int]] = {}
    sums: dict[int, Counter[tuple[int, int, int]]] = {}
    stored: dict[tuple[int, int], Counter[tuple[int, int, int]]] = {}
    weights, place, accumulate = None, 0, False
    work = product(sizes, dim)
    for command in text_commands(variant, sizes, tiles, dim):
        at = command.immediates
        if command.operation in ("mvin", "mvin2", "mvout"):
            matrix = {"mvin": work.a, "mvin2": work.b, "mvout": work.c}[command.operation]
            row, col = divmod(at["address"] - matrix.address, matrix.stride)
            count = -(-at["cols"] // dim)
            for block in range(count):
                name = (row // dim, col // dim + block)
                local = at["row"] + block * dim
                if command.operation == "mvout":
                    assert name not in stored
                    stored[name] = sums[local]
                else:
                    scratchpad[local] = ("A" if command.operation == "mvin" else "B", *name)
        elif command.operation == "preload":
            weights = weights if at["reuse"] else scratchpad[at["b"]]
            place, accumulate = at["c"], bool(at["accumulate"])
        elif command.operation.startswith("compute"):
            assert weights is not None
            (kind_a, i, k), (kind_b, k_too, j) = scratchpad[at["a"]], weights
            assert (kind_a, kind_b, k) == ("A", "B", k_too)
            assert at["rows"] == min(dim, sizes[0] - i * dim)
            assert at["cols"] == min(dim, sizes[2] - k * dim)
            sums[place] = (sums[place] if accumulate else Counter()) + Counter({(i, k, j): 1})
    expected = {
        (i, j): Counter({(i, k, j): 1 for k in range(blocks[2])})
        for i in range(blocks[0])
        for j in range(blocks[1])
    }
    assert stored == expected


def test_programs_stay_small() -> None:
    """Loops, not lists: a program does not grow with the product."""
    arch = gemmini()
    for variant, tiles in (("tile", (0, 0, 0)), ("loop", (4, 4, 4)), ("loop", (3, 2, 16))):
        small, large = (
            repr(map_case(case(variant, sizes, tiles), arch)) for sizes in ((1000,) * 3, (4072,) * 3)
        )
        assert small.split("from")[1] == large.split("from")[1]


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (
            {"variant": "tiled"},
            "column 'variant' holds 'tiled'; expected tile, phased, wreuse, loop; did you mean 'tile'?",
        ),
        ({"variant": ""}, "column 'variant' is empty"),
        ({"M": "0"}, "column 'M' holds 0; expected 1 or more"),
        ({"K": "many"}, "column 'K' holds 'many'; expected a whole number"),
        ({"variant": "phased", "M": "4000"}, "'phased' with the columns M, N, K of 250 x 1 x 1 blocks needs"),
        ({"variant": "loop", "tile_n_blocks": "-1"}, "column 'tile_n_blocks' holds -1"),
        ({"variant": "loop", "M": "2000"}, "a macro tile with the columns tile_m_blocks"),
        (
            {"M": "10000000", "N": "10000000"},
            "columns M, N, K hold 10000000, 10000000, 16: the matrices take",
        ),
    ],
)
def test_bad_rows_name_the_column(cells: dict[str, str], message: str) -> None:
    row = {"variant": "tile", "M": "16", "N": "16", "K": "16", **cells}
    with pytest.raises(MappingError) as error:
        map_case(Case(row), gemmini())
    assert message in str(error.value)


def test_rows_without_a_variant_are_layers() -> None:
    program = map_case(Case({"M": "16", "N": "16", "K": "16"}), gemmini())
    assert [command.operation for command in program][-1] == "fence"
