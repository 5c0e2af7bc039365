"""``acadl calibrate``: free parameters of a description, fitted to measured cycles."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from platforms.commands._options import (
    json_option,
    mapping_option,
    print_json,
    settings_option,
    using_mappings,
)
from platforms.commands._outputs import check_outputs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from platforms.estimators.calibration import Calibration, Free


class Range(click.ParamType[tuple[str, int, int]]):
    """``NAME=LOW..HIGH`` of a free parameter."""

    name = "NAME=LOW..HIGH"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int, int]:
        found = re.fullmatch(r"\s*([A-Za-z_]\w*)\s*=\s*(\d+)\s*\.\.\s*(\d+)\s*", str(value))
        if found is None:
            self.fail(f"'{value}' is not a parameter with its range, such as mem_latency=1..200", param, ctx)
        return found[1], int(found[2]), int(found[3])


@click.command()
@click.argument("arch")
@click.option(
    "--cases",
    "-c",
    required=True,
    type=click.Path(exists=True, dir_okay=False),
    help="Table of cases (.csv).",
)
@click.option("--free", "ranges", type=Range(), multiple=True, required=True, help="Fit this; repeatable.")
@click.option("--where", metavar="EXPR", help="Only rows for which this holds.")
@click.option("--measured", metavar="COLUMN", help="Column with the measured cycles.")
@click.option(
    "--budget", type=click.IntRange(2), default=400, show_default=True, help="Sets of values at most."
)
@click.option("--output", "-o", metavar="OUT.json", help="Write what was found.")
@settings_option
@mapping_option
@json_option
def command(
    arch: str,
    cases: str,
    ranges: tuple[tuple[str, int, int], ...],
    where: str | None,
    measured: str | None,
    budget: int,
    output: str | None,
    settings: tuple[tuple[str, int | bool | str], ...],
    mappings: tuple[str, ...],
    as_json: bool,
) -> None:
    """Fit free parameters of ARCH to the measured cycles of a table of cases.

    Says for each parameter the value, which other values explain the cases as well, and whether the cases
    determine it at all. A column of the table that sets a parameter goes before what is fitted.
    """
    from platforms.estimators.calibration import Free, calibrate
    from platforms.messages import clear_progress, progress_line

    check_outputs({"the result": output}, [("the description", arch), ("the table of cases", cases)])
    free = tuple(Free(*entry) for entry in ranges)
    with using_mappings(mappings):
        evaluator = _Evaluator(arch, cases, dict(settings), where, measured, mappings)
        line = progress_line()
        try:
            found = calibrate(
                evaluator.predict,
                evaluator.measured,
                free,
                evaluator.start(free),
                budget=budget,
                done=None if line is None else lambda n, e: line(n - 1, budget, f"mean error {e:.3f} %"),
            )
        finally:
            clear_progress()
    result = {"architecture": arch, "cases": len(evaluator.measured), **found.to_dict()}
    if output is not None:
        _write(output, result)
    if as_json:
        print_json(result)
    else:
        _print(found, len(evaluator.measured))


class _Evaluator:
    """Predictions of the cases of a table for values of the free parameters."""

    def __init__(
        self,
        arch: str,
        cases: str,
        settings: dict[str, int | bool | str],
        where: str | None,
        measured: str | None,
        mappings: tuple[str, ...],
    ) -> None:
        import numpy as np

        self._arch, self._cases, self._settings = arch, cases, settings
        self._where, self._column, self._mappings = where, measured, mappings
        first = self._report({})
        if first.failed:
            failed = first.failed[0]
            raise click.UsageError(f"{first.file}, line {failed.line}: {failed.reason}")
        self.measured: NDArray[np.float64] = np.array([case.measured for case in first.cases], np.float64)

    def start(self, free: tuple[Free, ...]) -> dict[str, int]:
        """Today's values of the description. Raises for a parameter that it lacks, or that is no number."""
        from acadl.errors import nearest
        from platforms.catalog import load

        values = load(self._arch, **self._settings).parameters
        found = {}
        for parameter in free:
            if parameter.name not in values:
                hint = nearest(parameter.name, values)
                raise click.UsageError(f"'{self._arch}' has no parameter '{parameter.name}'{hint}")
            value = values[parameter.name]
            if isinstance(value, bool) or not isinstance(value, int):
                raise click.UsageError(f"'{parameter.name}' is {value!r}; only whole numbers can be fitted")
            found[parameter.name] = value
        return found

    def predict(self, values: Mapping[str, int]) -> NDArray[np.float64]:
        """Cycles of all cases; infinite where a case has no prediction with these values."""
        import numpy as np

        report = self._report(values)
        by_line: dict[tuple[int, str], float] = {(c.line, c.case): float(c.predicted) for c in report.cases}
        if not report.failed:
            return np.array(list(by_line.values()))
        return np.full(len(self.measured), np.inf)

    def _report(self, values: Mapping[str, int]) -> Any:
        from platforms.validation.cases import validate

        return validate(
            self._arch,
            self._cases,
            settings={**self._settings, **values},
            where=self._where,
            measured=self._column,
            mapping_files=self._mappings,
        )


def _write(path: str, result: Mapping[str, object]) -> None:
    part = Path(f"{path}.{os.getpid()}.part")
    try:
        part.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _print(found: Calibration, cases: int) -> None:
    for p in found.parameters:
        text = f"{p.name} = {p.value}"
        if p.with_:
            text += f"   only together with {', '.join(p.with_)}"
        elif not p.identified:
            text += "   not determined by these cases" if found.complete else "   not judged"
        elif p.low < p.high:
            text += f"   as good from {p.low} to {p.high}"
        click.echo(text)
    ended = "" if found.complete else "; stopped by --budget"
    click.echo(
        f"mean error over {cases} cases: {found.start_mape:.3f} % before, {found.mape:.3f} % after "
        f"{found.evaluations} sets of values{ended}"
    )
