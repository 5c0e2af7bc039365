"""A description and its mapping against measured cycles.

>>> from platforms import validate
>>> validate("axis_sa", "cycles.csv", where="rows == 8").mape          # doctest: +SKIP
0.0
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from acadl.errors import AcadlError, nearest
from mappings.cases import Case
from platforms.soc.systems import System, find_system
from platforms.validation.case_report import CaseResult, FailedCase, ValidationReport
from platforms.validation.case_runs import Job, Outcome, Setting, outcomes, predicted
from platforms.validation.case_table import CaseTable, read_cases
from platforms.validation.conditions import parse_condition

if TYPE_CHECKING:
    from acadl.model import Architecture

Progress = Callable[[int, int, str], None]
"""Called before each case with its number from 0, the number of cases and what identifies it."""


def validate(
    arch: str | os.PathLike[str] | Architecture,
    cases: str | os.PathLike[str],
    *,
    settings: Mapping[str, Setting] | None = None,
    where: str | None = None,
    group: str | None = None,
    measured: str | None = None,
    workers: int = 1,
    mapping_files: tuple[str, ...] = (),
    limit_s: float | None = None,
    progress: Progress | None = None,
) -> ValidationReport:
    """Predict the cycles of every case of a table and compare them with the measured ones.

    Args:
        arch: Name or path of a description. An :class:`acadl.model.Architecture` is taken as it is: no column
            may then set a parameter to another value.
        cases: A CSV file, one case a row (:mod:`platforms.validation.case_table`).
        settings: Parameters for all cases; a filled cell of a column with the name of a parameter goes first.
        where: Only the rows for which this condition over columns holds
            (:mod:`platforms.validation.conditions`).
        group: Column by whose values the errors are also summed up.
        measured: Column with the measured cycles.
        workers: Processes to use; more than one needs a name or path. Results do not depend on it.
        mapping_files: The user's mapping modules; already imported here, other processes import them.
        limit_s: Seconds that the prediction of a case may take, where ``arch`` is a name or path; by default
            as long as it takes.
        progress: Told about every case.

    Raises:
        AcadlError: The table or the description cannot be read, a name is unknown, or there is no mapping.
            What only concerns single cases is in the report.
    """
    condition = parse_condition(where) if where is not None else None
    system = find_system(arch)
    table = read_cases(cases, measured or (system.measured[0] if system else None), condition)
    if group is not None and group not in table.columns:
        raise AcadlError(f"{table.file} has no column '{group}' to group by{nearest(group, table.columns)}")
    chosen = dict(settings or {})
    name, parameters, results = _evaluate(arch, table, chosen, workers, mapping_files, limit_s)
    good, failed, read = _collect(system, table, results, group, progress)
    unrelated = system.unrelated if system else frozenset[str]()
    used = {*parameters, *read, *unrelated}
    unused = [column for column in table.described_by if column not in used and table.differs_in(column)]
    return ValidationReport(
        name,
        table.file,
        table.measured,
        tuple(good),
        tuple(failed),
        group,
        where,
        chosen,
        tuple(unused) if good else (),
    )


def _collect(
    system: System | None,
    table: CaseTable,
    results: Iterator[Outcome],
    group: str | None,
    progress: Progress | None,
) -> tuple[list[CaseResult], list[FailedCase], set[str]]:
    """Cases that were predicted, cases that could not be, and the columns that were read."""
    good: list[CaseResult] = []
    failed: list[FailedCase] = []
    read: set[str] = set()
    for number, case in enumerate(table.cases):
        label = table.label(case) if system is None else case.text(system.label)
        key = case.cells[group] if group is not None else ""
        if progress is not None:
            progress(number, len(table.cases), label)
        outcome = next(results)
        read |= outcome.read
        if outcome.reason:
            failed.append(FailedCase(label, case.line, outcome.reason, key))
        elif system is not None:
            good += _per_core(system, table, case, outcome, key)
        else:
            cycles = table.cycles(case)
            good.append(CaseResult(label, case.line, cycles, outcome.cycles, outcome.method, key))
    return good, failed, read


def _per_core(
    system: System, table: CaseTable, case: Case, outcome: Outcome, key: str
) -> Iterator[CaseResult]:
    """The cases of a row, one for each core."""
    for number, (column, predicted_cycles) in enumerate(zip(system.measured, outcome.per_core, strict=True)):
        measured = table.cycles(case, column)
        yield CaseResult(
            f"{case.cells[system.label]}:{number}", case.line, measured, predicted_cycles, outcome.method, key
        )


def _evaluate(
    arch: str | os.PathLike[str] | Architecture,
    table: CaseTable,
    settings: dict[str, Setting],
    workers: int,
    mapping_files: tuple[str, ...],
    limit_s: float | None,
) -> tuple[str, tuple[str, ...], Iterator[Outcome]]:
    """Name of the description, its parameters, and the outcomes of the cases in their order."""
    from acadl.model import Architecture

    if isinstance(arch, Architecture):
        if settings:
            raise AcadlError("settings need the description's name or path; this one has its values already")
        return arch.name, tuple(arch.parameters), (_as_it_is(arch, case) for case in table.cases)
    name, parameters = declared(arch)
    for setting in settings:
        if setting not in parameters:
            raise AcadlError(f"'{name}' has no parameter '{setting}'{nearest(setting, parameters)}")
    source = arch if isinstance(arch, str) else str(Path(arch).absolute())  # a path stays one
    jobs = [Job(source, {**settings, **_own_settings(case, parameters)}, case) for case in table.cases]
    return name, parameters, outcomes(jobs, workers, mapping_files, limit_s=limit_s)


def declared(arch: str | os.PathLike[str]) -> tuple[str, tuple[str, ...]]:
    """Name of a description and of its parameters.

    Raises:
        AcadlError: It cannot be read.
    """
    system = find_system(arch)
    if system is not None:
        return system.name, tuple(system.parameters)
    from acadl import syntax
    from acadl.diagnostics import Collector, DescriptionError
    from acadl.parser import parse
    from acadl.reading import ReadError, read_text
    from platforms.catalog import located

    with located(arch) as path:
        try:
            text = read_text(path)
        except ReadError as error:
            raise AcadlError(f"cannot read '{path}': {error}") from error
    collector = Collector()
    for item in parse(text, str(path), collector).items:
        if isinstance(item, syntax.ArchitectureDeclaration):
            return item.name.text, tuple(parameter.name.text for parameter in item.parameters)
    if collector.error_count:
        raise DescriptionError(collector.sorted(), {str(path): text})
    raise AcadlError(f"'{path}' has no architecture")


def _own_settings(case: Case, parameters: tuple[str, ...]) -> dict[str, Setting]:
    """Parameters that the row itself sets."""
    return {name: setting(case.cells[name]) for name in parameters if case.cells.get(name)}


def setting(text: str) -> Setting:
    """``true`` and ``false``, whole numbers, else the text, which the description reads (``64 KiB``)."""
    if text in ("true", "false"):
        return text == "true"
    try:
        return int(text, 0)
    except ValueError:
        return text


def _as_it_is(arch: Architecture, case: Case) -> Outcome:
    for name, value in _own_settings(case, tuple(arch.parameters)).items():
        if arch.parameters[name] != value:
            return Outcome(
                reason=f"the case has {name}={value}, the architecture {name}={arch.parameters[name]}; "
                "give the description's name or path, so that cases can set its parameters"
            )
    try:
        return predicted(arch, case)
    except AcadlError as error:
        return Outcome(reason=str(error))
