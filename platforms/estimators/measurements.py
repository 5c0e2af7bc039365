"""Tables of measured layers (CSV): which columns are understood, and how they become a :class:`LayerTable`.

The names of a size's column, the first that is filled in a row counts:

=========== ============================ =========== ===========================
size        columns                      size        columns
=========== ============================ =========== ===========================
op          op, type                     k_h, k_w    k_h/k_w, k, R/S
m           m, gemm_M, M, N              stride      stride_h/stride_w, stride
c_in        c_in, gemm_K, C              dilation    dilation_h/dilation_w, dilation
c_out       c_out, gemm_N, K             groups      groups
h_in, w_in  h_in/w_in, hw_in, H/W        padding     pad_t/pad_b/pad_l/pad_r, pad_h/pad_w
h_out w_out h_out/w_out, hw_out, OH/OW   operands    operands
=========== ============================ =========== ===========================

``act`` and ``pool`` (0 or 1) say what is fused behind a layer. ``flops``, ``gops``, ``num_ops``,
``num_inputs``, ``num_outputs``, ``num_weights`` and ``model_bytes`` give totals where a row is a whole
network or the sizes are not known. ``device``, ``board``, ``dpu_config`` and ``dtype`` tell rows apart by
their text.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from acadl.errors import nearest
from acadl.reading import read_text
from platforms.estimators.errors import EstimatorError
from platforms.estimators.layer_table import (
    CONVOLUTIONS,
    FLAGS,
    NETWORK,
    POOLINGS,
    PRODUCTS,
    SIZES,
    TOTALS,
    TRANSPOSED,
    LayerTable,
)
from platforms.validation.conditions import Condition, parse_condition

if TYPE_CHECKING:
    from numpy.typing import NDArray

NAMES: Mapping[str, tuple[str, ...]] = {
    "m": ("m", "gemm_M", "M", "N"),
    "c_in": ("c_in", "gemm_K", "C"),
    "c_out": ("c_out", "gemm_N", "K"),
    "h_in": ("h_in", "hw_in", "H"),
    "w_in": ("w_in", "hw_in", "W"),
    "h_out": ("h_out", "hw_out", "OH"),
    "w_out": ("w_out", "hw_out", "OW"),
    "k_h": ("k_h", "k", "R"),
    "k_w": ("k_w", "k", "S"),
    "stride_h": ("stride_h", "stride"),
    "stride_w": ("stride_w", "stride"),
    "dilation_h": ("dilation_h", "dilation"),
    "dilation_w": ("dilation_w", "dilation"),
    "groups": ("groups",),
    "operands": ("operands",),
    "act": ("act",),
    "pool": ("pool",),
    "total_ops": ("flops", "num_ops", "gops"),
    "total_inputs": ("num_inputs",),
    "total_outputs": ("num_outputs",),
    "total_weights": ("num_weights", "model_bytes"),
}
PADDING = {"h": (("pad_t", "pad_h"), ("pad_b", "pad_h")), "w": (("pad_l", "pad_w"), ("pad_r", "pad_w"))}
LABELS = ("device", "board", "dpu_config", "dtype")
OPERATOR = ("op", "type")
ALIASES = {
    "conv2d": "conv",
    "depthwise": "dwconv",
    "depthwiseconv": "dwconv",
    "linear": "fc",
    "dense": "fc",
    "fullyconnected": "fc",
    "globalaveragepool": "gap",
    "globalavgpool": "gap",
}
GIGA = 1e9
_EQUALITY = re.compile(r"\s*([A-Za-z_][\w.]*)\s*=(?!=)\s*([^=<>!]*?)\s*")


@dataclass(frozen=True)
class Measurements:
    """Layers and how long they took.

    Attributes:
        layers: What was run.
        latency: How long, in the unit of the column; positive.
        groups: Number of the group of each row; rows of one group never lie on both sides of a split.
        target: Name of the measured column.
        source: Name and SHA-256 of the file.
        skipped: Rows without a positive measurement.
        lines: Line of each row in the file.
    """

    layers: LayerTable
    latency: NDArray[np.float64]
    groups: NDArray[np.int64]
    target: str
    source: tuple[str, str] = ("", "")
    skipped: int = 0
    lines: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.layers)

    def rows(self, chosen: NDArray[np.integer] | NDArray[np.bool_]) -> Measurements:
        """The rows with these numbers, or those where the mask is true."""
        numbers = np.arange(len(self))[chosen]
        lines = tuple(self.lines[i] for i in numbers) if self.lines else ()
        return Measurements(
            self.layers.rows(numbers),
            self.latency[numbers],
            self.groups[numbers],
            self.target,
            self.source,
            self.skipped,
            lines,
        )


@dataclass(frozen=True)
class Table:
    """A CSV file: its rows by column name, each with its line."""

    file: str
    columns: tuple[str, ...]
    cells: tuple[Mapping[str, str], ...]
    lines: tuple[int, ...]
    sha256: str


def read_table(path: str | os.PathLike[str], where: str | None = None) -> Table:
    """A CSV file with a heading, restricted to the rows for which ``where`` holds.

    ``where`` is a condition (``K > 16 and op == "conv"``) or simply ``column=text``.

    Raises:
        EstimatorError: Not readable, no heading, a row of another length, no row left.
    """
    file = os.fspath(path)
    reader = csv.reader(io.StringIO(read_text(Path(file))))
    columns = tuple(name.strip() for name in next(reader, []))
    if not any(columns):
        raise EstimatorError(
            f"{file}: is empty: a table of measurements begins with the names of its columns"
        )
    double = [name for name, times in Counter(columns).items() if times > 1]
    if double:
        raise EstimatorError(f"{file}, line 1: two columns are called '{double[0]}'")
    chosen = _choice(where, columns, file)
    cells, lines, wrong = [], [], []
    for row in reader:
        if not row:
            continue
        if len(row) != len(columns):
            wrong.append(f"{file}, line {reader.line_num}: {len(row)} cells, the heading has {len(columns)}")
            continue
        named = dict(zip(columns, (cell.strip() for cell in row), strict=True))
        if chosen(named):
            cells.append(named)
            lines.append(reader.line_num)
    if wrong:
        raise EstimatorError("\n".join(wrong[:20]))
    if not cells:
        raise EstimatorError(f"{file}: no row" + (f" for which {where} holds" if where else ""))
    digest = sha256(Path(file).read_bytes()).hexdigest()
    return Table(file, columns, tuple(cells), tuple(lines), digest)


def read_measurements(
    path: str | os.PathLike[str], target: str, group: str | None = None, where: str | None = None
) -> Measurements:
    """The rows of a table with a measurement.

    Args:
        target: Column with the measured time; rows where it is empty or not positive are left out.
        group: Column whose equal texts keep rows together when data are split; by default ``network`` where
            there is such a column, else measurements of the same layer are a group.
        where: See :func:`read_table`.

    Raises:
        EstimatorError: Names file, line and column of everything that cannot be read.
    """
    table = read_table(path, where)
    latency = _numbers(table, _known(table, target), 0.0)
    keep = np.flatnonzero(latency > 0)
    if not len(keep):
        raise EstimatorError(f"{table.file}: no row with a positive '{target}'")
    kept = Table(
        table.file,
        table.columns,
        tuple(table.cells[i] for i in keep),
        tuple(table.lines[i] for i in keep),
        table.sha256,
    )
    layers = layers_of(kept)
    name = group if group is not None else ("network" if "network" in table.columns else None)
    return Measurements(
        layers,
        latency[keep],
        same_layers(layers) if name is None else _groups(kept, name),
        target,
        (Path(table.file).name, table.sha256),
        len(table.cells) - len(keep),
        kept.lines,
    )


def layers_of(table: Table) -> LayerTable:
    """The layers that the rows describe.

    Raises:
        EstimatorError: No column that says what a row is, or a size that is no positive number.
    """
    ops = _operators(table)
    columns = {name: _size(table, name) for name in (*SIZES, *FLAGS, *TOTALS)}
    is_op = {kind: np.array([op in names for op in ops]) for kind, names in _KINDS.items()}
    filled = {name: columns[name] > 0 for name in SIZES}
    columns["c_out"] = np.where(filled["c_out"], columns["c_out"], columns["c_in"])
    for axis in ("h", "w"):
        columns[f"{axis}_out"] = _positions(table, axis, columns, is_op["window"], filled[f"{axis}_out"])
    for name in SIZES:
        columns[name] = np.where(columns[name] > 0, columns[name], 1.0)
    for axis in ("h", "w"):  # a matrix product has no image, whatever its row says
        for end in ("in", "out"):
            columns[f"{axis}_{end}"] = np.where(is_op["product"], 1.0, columns[f"{axis}_{end}"])
    two = np.array([op in ("add", "mul") for op in ops]) & ~filled["operands"]
    columns["operands"] = np.where(two, 2.0, columns["operands"])
    labels = {name: tuple(cells[name] for cells in table.cells) for name in LABELS if name in table.columns}
    return LayerTable(ops, columns, labels)


_KINDS = {"product": PRODUCTS, "window": CONVOLUTIONS | TRANSPOSED | POOLINGS}


def _operators(table: Table) -> tuple[str, ...]:
    for name in OPERATOR:
        if name in table.columns:
            given = (cells[name].lower() for cells in table.cells)
            return tuple(ALIASES.get(op, op) or NETWORK for op in given)
    if any(name in table.columns for name in NAMES["total_ops"]):
        return (NETWORK,) * len(table.cells)
    if {"M", "N", "K"} <= set(table.columns):
        return ("gemm",) * len(table.cells)
    if "c_in" in table.columns and "c_out" in table.columns:
        return ("conv",) * len(table.cells)
    raise EstimatorError(
        f"{table.file}: no column says what the rows are: expected 'op' with sizes such as c_in, c_out, "
        f"h_in, w_in, k_h, k_w, or 'flops' or 'gops' of whole networks; found {', '.join(table.columns[:12])}"
    )


def _size(table: Table, name: str) -> NDArray[np.float64]:
    """A size of each row, from the first of its columns that is filled; 0 where none is."""
    names: Sequence[str] = [known for known in NAMES[name] if known in table.columns]
    if {"M", "N", "K"} <= set(table.columns) and "op" not in table.columns:  # a plain table of products
        names = {"m": ["M"], "c_out": ["N"], "c_in": ["K"]}.get(name, names)
    result = np.zeros(len(table.cells))
    for column in reversed(names):
        found = _numbers(table, column, np.nan)
        scale = GIGA if column == "gops" else 1.0
        result = np.where(np.isnan(found), result, found * scale)
    if np.any(result < 0):
        at = int(np.argmax(result < 0))
        raise EstimatorError(f"{table.file}, line {table.lines[at]}: '{name}' is negative")
    return result


def _positions(
    table: Table,
    axis: str,
    columns: Mapping[str, NDArray[np.float64]],
    windowed: NDArray[np.bool_],
    filled: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Output positions along an axis: as given, else from size, padding, kernel and stride."""
    size = np.maximum(columns[f"{axis}_in"], 1)
    stride = np.maximum(columns[f"stride_{axis}"], 1)
    reach = np.maximum(columns[f"dilation_{axis}"], 1) * (np.maximum(columns[f"k_{axis}"], 1) - 1)
    pads = [[name for name in names if name in table.columns] for names in PADDING[axis]]
    if all(pads):
        padding = sum(_numbers(table, names[0], 0.0) for names in pads)
        computed = np.floor((size + padding - reach - 1) / stride) + 1
    else:  # "same" padding, the most common of tables without any
        computed = np.ceil(size / stride)
    return np.where(filled, columns[f"{axis}_out"], np.where(windowed, np.maximum(computed, 1), size))


def _numbers(table: Table, column: str, empty: float) -> NDArray[np.float64]:
    """A column of numbers. Raises :class:`EstimatorError` for a cell that is none."""
    result, wrong = np.empty(len(table.cells)), []
    for i, cells in enumerate(table.cells):
        text = cells[column]
        try:
            result[i] = float(text) if text else empty
        except ValueError:
            wrong.append(f"{table.file}, line {table.lines[i]}: '{column}' is no number: '{text[:40]}'")
            continue
        if text and not np.isfinite(result[i]):
            wrong.append(f"{table.file}, line {table.lines[i]}: '{column}' is {text}, not a finite number")
    if wrong:
        raise EstimatorError("\n".join(wrong[:20]))
    return result


def same_layers(layers: LayerTable) -> NDArray[np.int64]:
    """A number for each row, the same where operator and sizes are the same."""
    matrix = np.stack([layers[name] for name in (*SIZES, *FLAGS, *TOTALS)], axis=1)
    numbers: dict[tuple[str, bytes], int] = {}
    keys = zip(layers.ops, map(bytes, matrix), strict=True)
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys])


def _groups(table: Table, name: str) -> NDArray[np.int64]:
    texts = [cells[_known(table, name)] for cells in table.cells]
    numbers = {text: i for i, text in enumerate(dict.fromkeys(texts))}
    return np.array([numbers[text] for text in texts])


def _known(table: Table, column: str) -> str:
    if column not in table.columns:
        hint = nearest(column, table.columns) or f"; columns: {', '.join(table.columns)}"
        raise EstimatorError(f"{table.file} has no column '{column}'{hint}")
    return column


def _choice(where: str | None, columns: Sequence[str], file: str) -> _Choice:
    if where is None:
        return _Choice(None, "", "")
    equality = _EQUALITY.fullmatch(where)
    if equality is not None:
        name, text = equality.groups()
        if name not in columns:
            hint = nearest(name, columns)
            raise EstimatorError(f"{file} has no column '{name}' to choose rows by{hint}")
        return _Choice(None, name, text.strip("\"'"))
    condition = parse_condition(where)
    condition.check_names(frozenset(columns), "column")
    return _Choice(condition, "", "")


@dataclass(frozen=True)
class _Choice:
    """Whether a row is wanted: all, by a condition, or by the text of one column."""

    condition: Condition | None
    column: str
    text: str

    def __call__(self, cells: Mapping[str, str]) -> bool:
        if self.condition is not None:
            from platforms.validation.conditions import Value

            values: dict[str, Value] = {name: _value(text) for name, text in cells.items()}
            return self.condition.holds(values)
        return not self.column or cells[self.column] == self.text


def _value(text: str) -> int | float | str | None:
    """A cell as a value of conditions: a number where it is one."""
    if not text:
        return None
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
