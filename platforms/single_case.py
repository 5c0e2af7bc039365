"""One case on a description: what a row of a table of cases says, given by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from acadl.errors import nearest

if TYPE_CHECKING:
    from acadl.model import Architecture
    from mappings.program import LoopProgram

Setting: TypeAlias = int | bool | str


@dataclass(frozen=True)
class SingleCase:
    """A machine and what it runs.

    Attributes:
        notes: What the reader must know.
    """

    arch: Architecture
    program: LoopProgram
    notes: tuple[str, ...] = ()


def single_case(
    arch: str, case: Mapping[str, Setting], settings: Mapping[str, Setting], folder: Path, measured: str = ""
) -> SingleCase:
    """Load the description and map the case.

    Args:
        arch: Name or path of the description.
        case: Column to value. As in a table, a column with the name of a parameter sets it.
        settings: Parameters; those that the case sets go first.
        folder: Programs are found under ``programs/`` in it.
        measured: Column of the measured cycles, for mappings that can predict several.

    Raises:
        AcadlError: As for :func:`platforms.load` and :func:`mappings.cases.map_case`.
    """
    from mappings.cases import Case, map_case
    from platforms.catalog import load_for_cases

    machine = load_for_cases(arch, **settings)
    chosen = {name: value for name, value in case.items() if name in machine.parameters}
    if chosen:
        machine = load_for_cases(arch, **{**settings, **chosen})
    row = Case({name: str(value) for name, value in case.items()}, folder, measured=measured)
    program = map_case(row, machine)
    known = row.read | set(machine.parameters)
    unread = [name for name in case if name not in known]
    if not unread:
        return SingleCase(machine, program)
    near = "; ".join(filter(None, (nearest(name, known).removeprefix("; ") for name in unread)))
    note = (
        f"the prediction does not depend on {', '.join(unread)}: no parameters, and not read by the mapping"
        f"{near and '; ' + near}"
    )
    return SingleCase(machine, program, (note,))
