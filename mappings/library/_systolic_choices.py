"""What can be chosen of a product's mapping on the systolic array."""

from __future__ import annotations

from mappings.choices import Choice, Space, Value
from mappings.library._implicit_product import Product
from mappings.library._split import Split, split
from mappings.library._systolic_product import ArrayShape, Tiling, tiling
from mappings.registry import MappingError

ORDERS = ("columns outside", "pixels outside")


def product_space(problem: Product, array: ArrayShape) -> Space:
    """What can be chosen of a product's mapping: the largest tile of each dimension, the order of the loops.

    ``rows``: output rows that share a tile of B; they and the pixels share what the array streams.
    """
    own = tiling(problem, array)
    most_pixels, most_columns, most_run = array.limits
    sharing = array.sections if array.dataflow == "weight_stationary" else 1
    axes: dict[str, tuple[Value, ...]] = {
        "columns": _sizes(problem.columns, most_columns, own.columns),
        "pixels": _sizes(problem.pixels.count, most_pixels, own.pixels),
        "rows": _sizes(problem.rows.count, sharing, own.rows),
        "run": _sizes(problem.run, most_run, own.run),
        "order": ORDERS,
    }
    chosen = {"columns": own.columns, "pixels": own.pixels, "rows": own.rows, "run": own.run}
    return Space(axes, {**{name: part.tile for name, part in chosen.items()}, "order": ORDERS[0]})


def _sizes(size: int, limit: int, own: Split) -> tuple[Value, ...]:
    """Tiles of about equal size, as many different ones as there are up to the limit."""
    return tuple(sorted({split(size, most).tile for most in range(1, min(size, limit) + 1)} | {own.tile}))


def chosen_tiling(problem: Product, array: ArrayShape, choice: Choice | None) -> Tiling:
    """The tiling that a choice stands for; without one, the mapping's own.

    Raises:
        MappingError: Rows and pixels together are more than the array streams, or a row is cut and shared.
    """
    if not choice:
        return tiling(problem, array)
    sizes = {name: int(choice[name]) for name in ("columns", "pixels", "rows", "run")}
    pixels = _cut(problem.pixels.count, sizes["pixels"])
    if sizes["rows"] > 1 and (pixels.tiles > 1 or sizes["rows"] * pixels.tile > array.stream):
        raise MappingError(f"{sizes['rows']} rows of {pixels.tile} pixels cannot share a tile of B")
    return Tiling(
        columns=_cut(problem.columns, sizes["columns"]),
        rows=_cut(problem.rows.count, sizes["rows"]),
        pixels=pixels,
        run=_cut(problem.run, sizes["run"]),
        pixels_outside=choice["order"] == ORDERS[1],
    )


def _cut(size: int, tile: int) -> Split:
    tile = min(tile, size)
    return Split(tile, size // tile, size % tile)
