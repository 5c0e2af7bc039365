"""Tables of measured cases: CSV, one case a row, with the measured cycles in a column.

The other columns describe the case. Those with the name of a parameter of the description set it; the rest is
for the mapping (:mod:`mappings.cases`).
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from acadl.errors import AcadlError, nearest
from acadl.reading import ReadError, read_text
from mappings.cases import Case
from platforms.validation.conditions import Condition, Value

# Columns that hold the measured cycles, the first that is there.
MEASURED = ("cycles", "kernel_cycles", "total_cycles")
LARGEST_NUMBER = 18  # digits


@dataclass(frozen=True)
class CaseTable:
    """The rows of a table.

    Attributes:
        file: Its name.
        columns: In order.
        measured: The column that holds the measured cycles.
        cases: The rows, each with its line.
    """

    file: str
    columns: tuple[str, ...]
    measured: str
    cases: tuple[Case, ...]

    def cycles(self, case: Case, column: str | None = None) -> int:
        """The measured cycles of one of the cases; ``column``: where there are several.

        Raises:
            AcadlError: There is no such column, or no number of cycles in it.
        """
        if column is None:
            return int(case.cells[self.measured])
        if column not in self.columns:
            raise AcadlError(f"{self.file} has no column '{column}'{nearest(column, self.columns)}")
        _check_cycles(self.file, case.line, column, case.cells[column])
        return int(case.cells[column])

    @property
    def described_by(self) -> tuple[str, ...]:
        """Columns left of the measured ones: what was run, not what came out."""
        first = min(self.columns.index(name) for name in {self.measured, *MEASURED} if name in self.columns)
        return self.columns[:first]

    def label(self, case: Case) -> str:
        """What identifies a case: its filled cells left of the measured ones."""
        filled = [name for name in self.described_by if case.cells[name]]
        return " ".join(f"{name}={case.cells[name]}" for name in filled) or f"line {case.line}"

    def differs_in(self, column: str) -> bool:
        """Whether the cases differ in that column."""
        return len({case.cells[column] for case in self.cases}) > 1


def read_cases(
    path: str | os.PathLike[str], measured: str | None = None, where: Condition | None = None
) -> CaseTable:
    """The cases of a CSV file.

    Args:
        measured: The column that holds the measured cycles; by default the first of ``cycles``,
            ``kernel_cycles`` and ``total_cycles``.
        where: Only rows for which this holds; names are columns.

    Raises:
        AcadlError: The file cannot be read, has no such column, or a row of the wrong length or without a
            positive number of cycles; the message has the line. No case is left.
    """
    file = os.fspath(path)
    columns, rows = _read(file)
    column = _measured_column(file, columns, measured)
    if where is not None:
        where.check_names(frozenset(columns), "column")
        rows = [(line, cells) for line, cells in rows if where.holds(values_of(cells))]
    if not rows:
        raise AcadlError(f"{file}: no case " + (f"has {where.text}" if where else "in the table"))
    for line, cells in rows:
        _check_cycles(file, line, column, cells[column])
    folder = Path(file).parent
    return CaseTable(file, columns, column, tuple(Case(cells, folder, line, column) for line, cells in rows))


def values_of(cells: dict[str, str]) -> dict[str, Value]:
    """Cells as values: numbers where they read as such, unknown where they are empty."""
    return {name: cell_value(text) for name, text in cells.items()}


def cell_value(text: str) -> Value:
    """``12`` and ``0x1f`` are integers, ``2.5`` is a fraction, an empty cell is unknown, the rest is text."""
    if not text:
        return None
    try:
        return int(text, 0)
    except ValueError:
        pass
    try:
        return float(text) if any(sign in text for sign in ".0123456789") else text
    except ValueError:
        return text


def _read(file: str) -> tuple[tuple[str, ...], list[tuple[int, dict[str, str]]]]:
    try:
        text = read_text(Path(file))
    except ReadError as error:
        raise AcadlError(f"cannot read '{file}': {error}") from error
    reader = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True)
    try:
        lines = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except csv.Error as error:
        raise AcadlError(f"{file}, line {reader.line_num}: {error}") from None
    lines = [(line, row) for line, row in lines if any(row)]
    if not lines:
        raise AcadlError(f"{file} is empty; expected a CSV table with a header")
    columns = tuple(lines[0][1])
    _check_columns(file, columns)
    rows = []
    for line, row in lines[1:]:
        if len(row) != len(columns):
            raise AcadlError(
                f"{file}, line {line}: {len(row)} cells, but the header has {len(columns)} columns"
            )
        rows.append((line, dict(zip(columns, row, strict=True))))
    return columns, rows


def _check_columns(file: str, columns: Sequence[str]) -> None:
    for number, name in enumerate(columns):
        if not name:
            raise AcadlError(f"{file}, line 1: column {number + 1} has no name")
        if name in columns[:number]:
            raise AcadlError(f"{file}, line 1: there are two columns '{name}'")


def _measured_column(file: str, columns: Sequence[str], measured: str | None) -> str:
    if measured is not None:
        if measured not in columns:
            raise AcadlError(f"{file} has no column '{measured}'{nearest(measured, columns)}")
        return measured
    for name in MEASURED:
        if name in columns:
            return name
    raise AcadlError(
        f"{file} has no column with the measured cycles ({', '.join(MEASURED)}); "
        f"its columns are {', '.join(columns)}; name yours with --measured"
    )


def _check_cycles(file: str, line: int, column: str, text: str) -> None:
    if not (text.isascii() and text.isdigit() and len(text) <= LARGEST_NUMBER and int(text) > 0):
        found = f"'{text}'" if text else "nothing"
        raise AcadlError(f"{file}, line {line}: {column} is {found}; expected a number of cycles, at least 1")
