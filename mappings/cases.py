"""Measured cases: one row of a table of measurements to the program whose cycles were measured.

Which columns a row has depends on the machine. A function under :func:`case_mapper` reads those of its
architecture; without one a row is a matrix product (columns ``M``, ``N``, ``K``) or a layer with the columns
of the layer table (``op, C, H, W, …``), mapped by the architecture's mapper.

    >>> @case_mapper("toy")
    ... def map_case(case, arch):
    ...     return program_of(case.text("program"), case.integer("size"), arch)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

from acadl.errors import nearest
from acadl.model import Architecture
from mappings.layer_table import INTEGER_COLUMNS
from mappings.layers import Layer
from mappings.program import LoopProgram
from mappings.registry import MappingError, find_mapper, library_module, map_layer


@dataclass(frozen=True)
class Case:
    """One row of a table of measurements.

    Attributes:
        cells: Column to text; cells without a value are empty.
        folder: Where the table lies; programs are found under ``programs/`` in it.
        line: Line of the table.
        measured: Column with the measured cycles, where there is one.
        read: Columns that have been asked for; who validates says which were not.
    """

    cells: Mapping[str, str]
    folder: Path = field(default_factory=Path)
    line: int = 0
    measured: str = ""
    read: set[str] = field(default_factory=set, compare=False, repr=False)

    def text(self, column: str) -> str:
        """A cell that must not be empty.

        Raises:
            MappingError: There is no such column, or nothing in it.
        """
        self.read.add(column)
        if column not in self.cells:
            raise MappingError(f"the cases have no column '{column}'{nearest(column, self.cells)}")
        if not self.cells[column]:
            raise MappingError(f"column '{column}' is empty")
        return self.cells[column]

    def integer(self, column: str, default: int | None = None) -> int:
        """A whole number; ``default``, if given, where the column is missing or empty.

        Raises:
            MappingError: There is no number.
        """
        self.read.add(column)
        if default is not None and not self.cells.get(column):
            return default
        text = self.text(column)
        try:
            return int(text, 0)
        except ValueError:
            raise MappingError(f"column '{column}' holds '{text}'; expected a whole number") from None


CaseMapper: TypeAlias = Callable[[Case, Architecture], LoopProgram]

Setting: TypeAlias = int | bool | str

# The one place that registration writes to; everything else only looks up.
_registered: dict[str, tuple[CaseMapper, Mapping[str, Setting]]] = {}


def case_mapper(architecture: str, **parameters: Setting) -> Callable[[CaseMapper], CaseMapper]:
    """Register the decorated function for cases of ``architecture``; the last one wins.

    Args:
        parameters: Of the description, where cases are to be evaluated with others than its defaults.
    """

    def register(function: CaseMapper) -> CaseMapper:
        _registered[architecture] = function, parameters
        return function

    return register


def case_parameters(architecture: str) -> Mapping[str, Setting]:
    """Parameters of a description that its cases are evaluated with, unless somebody sets them."""
    if architecture not in _registered:
        library_module(architecture)
    return _registered[architecture][1] if architecture in _registered else {}


def map_case(case: Case, arch: Architecture) -> LoopProgram:
    """The program of a case for ``arch``.

    Raises:
        MappingError: There is no mapping for ``arch.name``, the row lacks a column that the mapping reads, or
            the machine cannot run what the row says.
    """
    if arch.name not in _registered:
        library_module(arch.name)  # registers what ships
    if arch.name in _registered:
        return _registered[arch.name][0](case, arch)
    find_mapper(arch.name)  # before complaints about columns
    return map_layer(layer_of(case), arch)


def layer_of(case: Case) -> Layer:
    """The layer that a row describes: a matrix product (``M``, ``N``, ``K``), or as in a layer table.

    Raises:
        MappingError: Columns are missing or hold no numbers.
    """
    if "op" in case.cells:
        sizes = {column: case.integer(column) for column in INTEGER_COLUMNS if case.cells.get(column)}
        return replace(Layer(name="case", op=case.text("op")), **sizes)  # type: ignore[arg-type]
    prefix = "gemm_" if "gemm_M" in case.cells else ""
    if f"{prefix}M" not in case.cells:
        columns = ", ".join(case.cells)
        raise MappingError(
            "the cases have neither the columns M, N, K of a matrix product nor a column 'op' as in a layer "
            f"table; they have: {columns}"
        )
    m, n, k = (case.integer(f"{prefix}{name}") for name in "MNK")
    return Layer(name="case", op="gemm", gemm_M=m, gemm_N=n, gemm_K=k)
