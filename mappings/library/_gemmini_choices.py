"""What can be chosen of a product's mapping on Gemmini.

``columns``: blocks of output columns of a macro tile; ``pixels``: its output pixels, as whole rows (``4
rows``) or as a part of one (``28 pixels``); ``depth``: blocks of the reduction that one command loads;
``order``: what the tiles' loops have outside; ``stationary``: what stays in the array or at its input while
the other operand changes.
"""

from __future__ import annotations

from mappings.choices import Choice, Space, Value
from mappings.library._gemmini_machine import Machine, room_for
from mappings.library._gemmini_product import Product
from mappings.library._gemmini_tiling import Plan, Tiling, piece_blocks, plan
from mappings.library._split import Split, split
from mappings.registry import MappingError

ORDERS = ("columns outside", "pixels outside")
STATIONARY = ("inputs", "weights")

# Blocks of pixels × blocks of columns × depth of a tile: bounds the size of programs.
MOST_PAIRS = 128


def product_space(product: Product, machine: Machine) -> Space:
    """What can be chosen for a product; combinations that do not fit are told by :func:`chosen_plan`."""
    own = plan(product, machine)
    most = min(product.column_blocks, machine.accumulator_blocks, machine.half_scratchpad, MOST_PAIRS)
    columns = {_column_blocks(product, limit) for limit in range(1, most + 1)}
    default: dict[str, Value] = {
        "columns": -(-own.tiling.columns.tile // product.dim),
        "pixels": _pixels_text(own.tiling),
        "depth": own.depth,
        "order": ORDERS[own.pixels_outside],
        "stationary": STATIONARY[own.weights_stay],
    }
    axes: dict[str, tuple[Value, ...]] = {
        "columns": tuple(sorted(columns | {int(default["columns"])})),
        "pixels": _pixel_values(product, machine, str(default["pixels"])),
        "depth": tuple(range(1, piece_blocks(product, machine) + 1)),
        "order": ORDERS,
        "stationary": STATIONARY,
    }
    return Space(axes, default)


def chosen_plan(product: Product, machine: Machine, choice: Choice | None) -> Plan:
    """The plan that a choice stands for; without one, the mapping's own.

    Raises:
        MappingError: The tile does not fit the scratchpad or the accumulator.
    """
    if not choice:
        return plan(product, machine)
    dim, depth = product.dim, min(int(choice["depth"]), piece_blocks(product, machine))
    rows, pixels = _pixel_split(product, str(choice["pixels"]))
    columns = split(product.columns, int(choice["columns"]) * dim, dim)
    made = Tiling(rows, pixels, columns)
    pixel_blocks = -(-rows.tile * pixels.tile // dim)
    column_blocks = -(-columns.tile // dim)
    fits = max(pixel_blocks, column_blocks) * room_for(depth, machine.wide) <= machine.half_scratchpad
    if not fits or made.blocks(dim, machine.wide) > machine.accumulator_blocks:
        raise MappingError(f"a tile of {choice['pixels']} × {column_blocks} blocks of columns does not fit")
    if pixel_blocks * column_blocks * depth > MOST_PAIRS:
        raise MappingError(f"a tile has more than {MOST_PAIRS} products of blocks")
    return Plan(made, depth, choice["order"] == ORDERS[1], choice["stationary"] == STATIONARY[1])


def _column_blocks(product: Product, limit: int) -> int:
    """Blocks of the tiles that a limit leads to; different limits may lead to the same."""
    return -(-split(product.columns, limit * product.dim, product.dim).tile // product.dim)


def _pixel_values(product: Product, machine: Machine, default: str) -> tuple[str, ...]:
    """Parts of a row, then whole rows, the smallest first."""
    dim, row = product.dim, product.pixels.count
    most = min(machine.accumulator_blocks, machine.half_scratchpad, MOST_PAIRS) * dim
    parts = sorted({split(row, limit, dim).tile for limit in range(dim, min(row - 1, most) + 1, dim)})
    found = [f"{part} pixels" for part in parts if part < row]
    whole = sorted({split(product.rows.count, rows).tile for rows in range(1, most // row + 1)})
    found += [f"{rows} rows" for rows in whole]
    return tuple(found if default in found else [*found, default])


def _pixels_text(tiling: Tiling) -> str:
    return f"{tiling.pixels.tile} pixels" if tiling.pixels.tiles > 1 else f"{tiling.rows.tile} rows"


def _pixel_split(product: Product, text: str) -> tuple[Split, Split]:
    """Rows and pixels as :func:`_pixels_text` writes them."""
    count, _, kind = text.partition(" ")
    rows, pixels, size = product.rows.count, product.pixels.count, int(count)
    if kind == "rows":
        size = min(size, rows)
        return Split(size, rows // size, rows % size), Split(pixels, 1, 0)
    size = min(size, pixels)
    return Split(1, rows, 0), Split(size, pixels // size, pixels % size)
