"""Open dimensions of a model's inputs: which size each takes."""

from __future__ import annotations

from dataclasses import dataclass, field

from onnx import GraphProto, TypeProto, ValueInfoProto

from acadl.errors import AcadlError
from mappings.network import suggestion


@dataclass
class Sizes:
    """Sizes that were chosen.

    Attributes:
        inputs: Shape of each network input; ``None`` for inputs that are no tensors or have no rank.
        symbols: Size of each named dimension.
        assumptions: Pairs of an input and a sentence on the size that was taken for it.
        overridden: Whether a size that the model fixes was replaced, so that its other shapes are stale.
    """

    inputs: dict[str, tuple[int, ...] | None] = field(default_factory=dict)
    symbols: dict[str, int] = field(default_factory=dict)
    assumptions: list[tuple[str, str]] = field(default_factory=list)
    overridden: bool = False


@dataclass(frozen=True)
class _Axis:
    """One dimension of one input; ``size`` is 0 where it is open, ``symbol`` empty where it has no name."""

    input: str
    axis: int
    size: int
    symbol: str

    @property
    def key(self) -> str:
        return f"{self.input}:{self.axis}"


def choose_sizes(graph: GraphProto, batch: int | None, dims: dict[str, int]) -> Sizes:
    """Sizes of all input dimensions: given ones first, then the model's, then 1 for an open batch dimension.

    Raises:
        AcadlError: A given name is not in the model, or a dimension other than the batch stays open.
    """
    constants = {x.name for x in graph.initializer} | {x.values.name for x in graph.sparse_initializer}
    inputs = [x for x in graph.input if x.name not in constants]
    axes = [axis for x in inputs for axis in _axes(x)]
    batch = _batch(axes, batch, dims)
    _check_names(axes, dims)
    sizes = Sizes(symbols={name: size for name, size in dims.items() if any(x.symbol == name for x in axes)})
    if batch is not None:
        sizes.symbols.update((x.symbol, batch) for x in axes if x.axis == 0 and x.symbol and not x.size)
    inner = {x.symbol for x in axes if x.axis > 0}
    chosen = {x.key: _size(x, batch, dims, sizes, inner) for x in axes}
    if unresolved := [x for x in axes if not chosen[x.key]]:
        raise AcadlError(_unresolved(unresolved))
    for x in inputs:
        rank = len(_axes(x))
        sizes.inputs[x.name] = (
            tuple(chosen[f"{x.name}:{k}"] for k in range(rank)) if _has_shape(x.type) else None
        )
    return sizes


def resolved(kind: TypeProto, sizes: Sizes) -> TypeProto:
    """A declared type with the chosen sizes in place of names."""
    copy = TypeProto()
    copy.CopyFrom(kind)
    if _has_shape(copy):
        for dim in copy.tensor_type.shape.dim:
            if dim.dim_param in sizes.symbols:
                dim.dim_value = sizes.symbols[dim.dim_param]
    return copy


def _has_shape(kind: TypeProto) -> bool:
    return bool(kind.HasField("tensor_type") and kind.tensor_type.HasField("shape"))


def _axes(x: ValueInfoProto) -> list[_Axis]:
    if not _has_shape(x.type):
        return []
    return [
        _Axis(x.name, axis, max(0, dim.dim_value), dim.dim_param)
        for axis, dim in enumerate(x.type.tensor_type.shape.dim)
    ]


def _batch(axes: list[_Axis], batch: int | None, dims: dict[str, int]) -> int | None:
    """The batch size; ``dims["batch"]`` means it too, unless the model has a dimension of that name."""
    if "batch" in dims and all(x.symbol != "batch" for x in axes):
        given = dims.pop("batch")
        if batch not in (None, given):
            raise AcadlError(f"batch is given twice: {batch} and {given}")
        return given
    return batch


def _check_names(axes: list[_Axis], dims: dict[str, int]) -> None:
    symbols = sorted({x.symbol for x in axes if x.symbol})
    keys = [x.key for x in axes]
    for name in dims:
        if name not in symbols and name not in keys:
            has = f"it has {', '.join(symbols)}" if symbols else "it has none with a name"
            near = suggestion(name, [*symbols, *keys])
            hint = f"; an input's dimension is written INPUT:AXIS, here {', '.join(keys[:8])}" if keys else ""
            raise AcadlError(f"the model has no open dimension '{name}'{near}; {has}{hint}")


def _size(x: _Axis, batch: int | None, dims: dict[str, int], sizes: Sizes, inner: set[str]) -> int:
    """The size of one dimension, 0 if it stays open."""
    given = dims.get(x.key, batch if x.axis == 0 else None)
    if given is not None:
        sizes.overridden |= x.size not in (0, given)
        return given
    if x.size:
        return x.size
    if x.symbol in sizes.symbols:
        return sizes.symbols[x.symbol]
    if x.axis == 0 and (not x.symbol or x.symbol not in inner):
        named = f" '{x.symbol}'" if x.symbol else ""
        sizes.assumptions.append((x.input, f"the batch dimension{named} is open: 1 is taken"))
        if x.symbol:
            sizes.symbols[x.symbol] = 1
        return 1
    return 0


def _unresolved(axes: list[_Axis]) -> str:
    names = {x.symbol or x.key: f"'{x.symbol}' of {x.key}" if x.symbol else x.key for x in reversed(axes)}
    shown = ", ".join(names[name] for name in reversed(names))
    example = ", ".join(f'"{name}": …' for name in reversed(names))
    return f"dimensions are open: {shown}; give their sizes: dims={{{example}}}"
