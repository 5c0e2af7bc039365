"""Layer tables: networks as CSV, one layer a row.

Columns are fields of :class:`mappings.layers.Layer` (``layer`` holds its name); an empty cell means "not
applicable" and takes the field's default. Every unusable cell is reported at once, with its line and column.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TypeAlias

from acadl.errors import AcadlError, Diagnostic, Label, Span, reason_of, shortened
from mappings.layers import KERNELS, MATRIX_PRODUCTS, Layer, layer_problems
from mappings.network import Network, Note, suggestion
from mappings.registry import known_operators

# fmt: off
INTEGER_COLUMNS = (
    "count", "N", "C", "H", "W", "K", "R", "S", "stride_h", "stride_w", "pad_h", "pad_w", "pad_h_end",
    "pad_w_end", "dilation_h", "dilation_w", "groups", "gemm_M", "gemm_N", "gemm_K", "gemm_batch", "operands",
    "window", "output_pad_h", "output_pad_w",
)
# fmt: on
FLAG_COLUMNS = ("bias", "ceil_mode", "count_include_pad")
COLUMNS = ("layer", "op", *INTEGER_COLUMNS, *FLAG_COLUMNS)

_TWO_OPERANDS = frozenset({"add", "sub", "mul", "div", "min", "max", "concat"})
_LRN_WINDOW = 5  # channels, as in every published network that has the operator
_FLAGS = {"0": False, "1": True, "false": False, "true": True}
_SHOWN = 20  # problems in the text of the error; its diagnostics have all

Values: TypeAlias = dict[str, int | bool]


@dataclass(frozen=True, slots=True)
class Cell:
    """Text of one cell, without surrounding blanks and quotes, and where it begins."""

    text: str
    line: int
    column: int
    width: int = 0


@dataclass
class _Table:
    """What has been read so far of one file."""

    file: str
    problems: list[Diagnostic] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    layers: list[Layer] = field(default_factory=list)
    names: dict[str, Cell] = field(default_factory=dict)

    def span(self, cell: Cell) -> Span:
        return Span(self.file, cell.line, cell.column, cell.line, cell.column + max(1, cell.width))

    def report(
        self, code: str, cell: Cell, message: str, hint: str | None = None, first: Cell | None = None
    ) -> None:
        labels = (Label(self.span(first), "first used here"),) if first else ()
        self.problems.append(Diagnostic(code, message, self.span(cell), hint, labels))


def read_layer_table(path: Path) -> Network:
    """The network of a CSV file; its name is the stem of the file's.

    Raises:
        AcadlError: The file cannot be read, or cells are unusable (``diagnostics`` has one for each).
    """
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")
    except FileNotFoundError:
        raise AcadlError(f"there is no file {shortened(str(path))}") from None
    except UnicodeDecodeError as error:
        raise AcadlError(
            f"{path} is not UTF-8 text (byte {error.start}); save the table as UTF-8 CSV"
        ) from None
    except (OSError, ValueError) as error:
        raise AcadlError(f"{shortened(str(path))} cannot be read: {reason_of(error)}") from None
    layers, notes = parse_layer_table(text, str(path))
    return Network(path.stem, layers, notes, str(path), sha256(data).hexdigest())


def parse_layer_table(text: str, file: str = "<text>") -> tuple[tuple[Layer, ...], tuple[Note, ...]]:
    """Layers of a table, and notes on what was ignored or assumed.

    Raises:
        AcadlError: With one diagnostic for each unusable cell.
    """
    table = _Table(file)
    rows = _rows(text)
    header = next(rows, [])
    columns = _columns(table, header)
    if columns is not None:
        for row in rows:
            _read_row(table, columns, row)
        if not table.layers and not table.problems:
            table.report("E7003", header[0], "the table has a header but no layers", "add one row per layer")
    _raise(table)
    return tuple(table.layers), tuple(table.notes)


def _raise(table: _Table) -> None:
    if not table.problems:
        return
    found = sorted(table.problems, key=lambda d: (d.span.line, d.span.column) if d.span else (0, 0))
    lines = [
        f"  line {d.span.line}, column {d.span.column}: {d.message}{f' ({d.hint})' if d.hint else ''}"
        for d in found[:_SHOWN]
        if d.span
    ]
    if len(found) > _SHOWN:
        lines.append(f"  and {len(found) - _SHOWN} more")
    plural = "s" if len(found) > 1 else ""
    raise AcadlError(
        "\n".join([f"{table.file}: {len(found)} problem{plural} in the layer table", *lines]), found
    )


_CELL = re.compile(r'[ \t]*(?:"((?:[^"]|"")*)"[ \t]*(?=,|\r|\n|$)|([^,\r\n]*))')


def _rows(text: str) -> Iterator[list[Cell]]:
    """Rows that are not blank, in the dialect of Excel: commas, optional double quotes, any line ends."""
    position, line, start = 0, 1, 0
    row: list[Cell] = []
    while position <= len(text):
        match = _CELL.match(text, position)
        assert match is not None  # every part of the pattern may be empty
        quoted, plain = match.groups()
        raw = (plain if quoted is None else quoted.replace('""', '"')).strip()
        begin = position + len(match[0]) - len(match[0].lstrip())
        row.append(Cell(raw, line, begin - start + 1, len(match[0].strip())))
        position = match.end()
        if breaks := match[0].count("\n"):
            line, start = line + breaks, text.rindex("\n", 0, position) + 1
        if text[position : position + 1] == ",":
            position += 1
            continue
        if any(cell.text for cell in row):
            yield row
        row = []
        position += 2 if text.startswith("\r\n", position) else 1
        line, start = line + 1, position


def _columns(table: _Table, header: list[Cell]) -> dict[str, int] | None:
    """Position of each known column, or nothing if the table cannot be read without what is missing."""
    if not header:
        table.report(
            "E7001", Cell("", 1, 1), "the table is empty", "the first line names the columns: layer,op,…"
        )
        return None
    found: dict[str, int] = {}
    for position, cell in enumerate(header):
        if cell.text in found:
            table.report("E7001", cell, f"column '{cell.text}' occurs twice", None, header[found[cell.text]])
        elif cell.text in COLUMNS:
            found[cell.text] = position
        elif cell.text:
            near = suggestion(cell.text, COLUMNS, cutoff=0.75)
            table.notes.append(Note("ignored", cell.text, "", f"the column is not read{near}"))
    missing = [name for name in ("layer", "op") if name not in found]
    for name in missing:
        hint = "columns are separated by commas" if len(header) == 1 else "the first line names the columns"
        table.report("E7001", header[0], f"there is no column '{name}'", hint)
    return None if missing else found


def _read_row(table: _Table, columns: dict[str, int], row: list[Cell]) -> None:
    nowhere = Cell("", row[-1].line, row[-1].column + row[-1].width)
    cells = {name: row[position] if position < len(row) else nowhere for name, position in columns.items()}
    before = len(table.problems)
    values = {
        name: value
        for name, cell in cells.items()
        if name not in ("layer", "op") and (value := _value(table, name, cell)) is not None
    }
    _check_name(table, cells["layer"])
    op = cells["op"].text
    if op not in (known := known_operators()):
        hint = suggestion(op.lower(), known) or (
            f"; known are {', '.join(sorted(known))}; those of a mapper's own come with its file (--mapping)"
        )
        message = f"'{op}' is not an operator" if op else "the operator is missing"
        table.report("E7002", cells["op"], message, hint.removeprefix("; "))
        return
    missing = [
        name
        for name in _required(op, values)
        if name not in values and not (name in cells and cells[name].text)
    ]
    for name in missing:
        hint = f"{'fill' if name in cells else 'add'} column '{name}'"
        table.report("E7002", cells.get(name, cells["op"]), f"{op} needs {name}", hint)
    if len(table.problems) > before:
        return
    layer = Layer(name=cells["layer"].text, op=op, **_completed(table, op, values, cells))  # type: ignore[arg-type]
    for name, message in layer_problems(layer):
        table.report("E7002", cells.get(name, cells["op"]), message)
    table.layers.append(layer)


def _check_name(table: _Table, cell: Cell) -> None:
    if not cell.text:
        table.report("E7002", cell, "the layer has no name", "fill column 'layer'")
    elif cell.text in table.names:
        table.report("E7002", cell, f"two layers are named '{cell.text}'", None, table.names[cell.text])
    else:
        table.names[cell.text] = cell


def _value(table: _Table, name: str, cell: Cell) -> int | bool | None:
    """The number or flag in a cell; nothing if it is empty or unusable."""
    if not cell.text:
        return None
    if name in FLAG_COLUMNS:
        if cell.text.lower() not in _FLAGS:
            table.report("E7002", cell, f"{name} is '{cell.text}'", "write 0, 1, false or true")
        return _FLAGS.get(cell.text.lower())
    if not re.fullmatch(r"[+-]?[0-9]{1,12}", cell.text):
        shown = cell.text if len(cell.text) <= 40 else cell.text[:37] + "..."
        hint = "write an integer of at most 12 digits, or leave the cell empty"
        table.report("E7002", cell, f"{name} is '{shown}', not an integer", hint)
        return None
    return int(cell.text)


def _required(op: str, values: Values) -> tuple[str, ...]:
    if op == "fc" and "K" in values and not any(name.startswith("gemm") for name in values):
        return ("C",)
    if op in MATRIX_PRODUCTS:
        return ("gemm_M", "gemm_N", "gemm_K")
    if op == "conv1d":
        return ("C", "W", "K", "S")
    if op in KERNELS - {"dwconv"}:
        return ("C", "H", "W", "K", "R", "S")
    if op in ("dwconv", "maxpool", "avgpool"):
        return ("C", "H", "W", "R", "S")
    return ("C",)


def _completed(table: _Table, op: str, values: Values, cells: dict[str, Cell]) -> Values:
    """Values with the defaults that follow from other columns."""
    c, h, w, n = (values.get(name, 1) for name in ("C", "H", "W", "N"))
    defaults: dict[str, Callable[[], Values]] = {
        "dwconv": lambda: {"K": c, "groups": c},
        "maxpool": lambda: {"K": c},
        "avgpool": lambda: {"K": c},
        "globalavgpool": lambda: {"K": c, "R": h, "S": w},
        "fc": lambda: {} if "gemm_M" in values else {"gemm_M": n, "gemm_N": values["K"], "gemm_K": c * h * w},
        "lrn": lambda: {"window": _LRN_WINDOW},
    }
    more = defaults[op]() if op in defaults else {}
    if op in _TWO_OPERANDS:
        more["operands"] = 2
    if op == "lrn" and "window" not in values:
        text = f"no column 'window': a window of {_LRN_WINDOW} channels is taken"
        table.notes.append(Note("assumed", cells["layer"].text, op, text))
    return more | values
