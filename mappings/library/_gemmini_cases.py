"""Measured cases of Gemmini: which commands a row of a table stands for.

Columns: ``variant`` (``tile``, ``phased``, ``wreuse``, ``loop``), ``M``, ``N``, ``K``, and for ``loop`` the
blocks of a macro tile, ``tile_m_blocks``, ``tile_n_blocks``, ``tile_k_blocks`` (0 or nothing: all).

Matrices are row-major int8. Rows are filled up to whole blocks; A lies 64 bytes after the beginning of
memory (after address ``region``, if there is such a column), B and C follow, each at a multiple of 64 bytes.
``A_at`` and ``B_at`` give a matrix another address, ``A_pitch`` and ``B_pitch`` another distance of its rows
in bytes: those of another core's matrix, for instance.
"""

from __future__ import annotations

from acadl.errors import nearest
from acadl.model import Architecture
from mappings.cases import Case
from mappings.library._gemmini_commands import Commands
from mappings.library._gemmini_loop_ws import configure, hardware_loops
from mappings.library._gemmini_machine import Machine, machine, memory_named
from mappings.library._gemmini_macro_tile import Unroller
from mappings.library._gemmini_schedules import Matrix, Product, Schedule
from mappings.library._memory import ALIGNMENT, parameter
from mappings.library._nest import simplify
from mappings.program import LoopProgram, Node, sequence
from mappings.registry import MappingError

VARIANTS = ("tile", "phased", "wreuse", "loop")
TILES = ("tile_m_blocks", "tile_n_blocks", "tile_k_blocks")


def command_program(case: Case, arch: Architecture) -> LoopProgram:
    """The commands of a case.

    Raises:
        MappingError: A column is missing or holds what makes no sense, or the machine is too small.
    """
    variant = case.text("variant")
    if variant not in VARIANTS:
        raise MappingError(
            f"column 'variant' holds '{variant}'; expected {', '.join(VARIANTS)}{nearest(variant, VARIANTS)}"
        )
    sizes = machine(arch)
    product = _product(case, arch, sizes.dim)
    commands = Commands(sizes, arch.operations, unrolled=variant == "loop")
    body = _loop(case, arch, product, commands) if variant == "loop" else _host(variant, product, commands)
    name = f"{variant} {product.m}x{product.n}x{product.k}"
    return LoopProgram(simplify(body), arch.operations, name)


def _host(variant: str, product: Product, commands: Commands) -> Node:
    sizes = commands.machine
    schedule = Schedule(product, commands, sizes.dim, *_rows(sizes))
    if variant == "tile":
        return sequence(schedule.configure(), schedule.tile())
    m, n, k = (-(-size // sizes.dim) for size in (product.m, product.n, product.k))
    _fits(f"'{variant}' with the columns M, N, K", (m, n, k), sizes)
    body = schedule.phased() if variant == "phased" else schedule.wreuse()
    return sequence(schedule.configure(), body)


def _loop(case: Case, arch: Architecture, product: Product, commands: Commands) -> Node:
    sizes = commands.machine
    whole = tuple(-(-size // sizes.dim) for size in (product.m, product.n, product.k))
    tiles = tuple(_tile(case, column, blocks) for column, blocks in zip(TILES, whole, strict=True))
    what, alone = f"a macro tile with the columns {', '.join(TILES)}", tiles[:2] == whole[:2]
    _fits(what, (tiles[0], tiles[1], tiles[2]), sizes, share=2, sums_share=1 if alone else 2)
    unroller = Unroller(
        product,
        commands,
        sizes.dim,
        sizes.widest,
        *_rows(sizes),
        ahead=parameter(arch, "load_entries"),
        pairs_ahead=max(1, sizes.execute_entries // 2),
        store_entries=parameter(arch, "store_entries"),
    )
    return sequence(configure(unroller), hardware_loops(unroller, *tiles))


def _tile(case: Case, column: str, blocks: int) -> int:
    """Blocks of a macro tile in one dimension."""
    tile = case.integer(column, default=0)
    if tile < 0:
        raise MappingError(f"column '{column}' holds {tile}; expected a number of blocks, or 0 for all")
    return min(tile or blocks, blocks)


def _product(case: Case, arch: Architecture, dim: int) -> Product:
    m, n, k = (_size(case, column) for column in "MNK")
    low, high = memory_named(arch, "memory").address_ranges[0]
    width_a, width_b = (-(-size // dim) * dim for size in (k, n))
    region = case.integer("region", default=low)
    a = region + ALIGNMENT
    b = _aligned(a + m * width_a)
    c = _aligned(b + k * width_b)
    if c + m * width_b > high:
        raise MappingError(
            f"columns M, N, K hold {m}, {n}, {k}: the matrices take {c + m * width_b - region:,} bytes, but "
            f"'memory' has {high - region:,}"
        )
    other_a = Matrix(case.integer("A_at", default=a), case.integer("A_pitch", default=width_a))
    other_b = Matrix(case.integer("B_at", default=b), case.integer("B_pitch", default=width_b))
    for matrix, rows, width in ((other_a, m, width_a), (other_b, k, width_b)):
        if matrix.address < low or matrix.address + (rows - 1) * matrix.stride + width > high:
            raise MappingError(f"a matrix of {rows} rows at {matrix.address:#x} lies outside of 'memory'")
    return Product(m, n, k, other_a, other_b, Matrix(c, width_b))


def _size(case: Case, column: str) -> int:
    size = case.integer(column)
    if size < 1:
        raise MappingError(f"column '{column}' holds {size}; expected 1 or more")
    return size


def _fits(
    what: str, blocks: tuple[int, int, int], sizes: Machine, share: int = 1, sums_share: int = 1
) -> None:
    """Refuse what needs more than so manieth a part of the scratchpad or of the accumulator."""
    m, n, k = blocks
    for name, needed, there, part in (
        ("scratchpad", (m + n) * k, sizes.scratchpad_blocks, share),
        ("accumulator", m * n, sizes.accumulator_blocks, sums_share),
    ):
        if needed > there // part:
            room = "it" if part == 1 else f"1/{part} of it"
            raise MappingError(
                f"{what} of {m} x {n} x {k} blocks needs {needed:,} blocks of the {name}, "
                f"but {room} holds {there // part:,}"
            )


def _rows(sizes: Machine) -> tuple[int, int]:
    """Rows of the scratchpad and the accumulator."""
    return sizes.scratchpad_blocks * sizes.dim, sizes.accumulator_blocks * sizes.dim


def _aligned(address: int) -> int:
    return -(-address // ALIGNMENT) * ALIGNMENT
