"""The shipped descriptions against the RTL of public designs: tables and pictures of docs/validation.md.

    python -m benchmarks.rtl_validation [FOLDER] [--only gemmini] [--write] [--json OUT.json] [--jobs 2]

FOLDER holds a folder per design with ``cycles_dev.csv``, traces (``trace_*.csv``) and waveforms; by default
what ships in ``tests/data/rtl``. ``--write`` writes tables into the page, between their markers, and pictures
into docs/images/measured. What stands around the markers is written by hand.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from acadl.errors import AcadlError
from benchmarks.rtl_designs import DATA, DESIGNS, TABLE, WAVEFORMS, Design
from benchmarks.tables import write_between
from mappings.cases import Case
from platforms.validation.alignment import Kind, Pair
from platforms.validation.case_charts import error_bars
from platforms.validation.case_report import CaseResult, ValidationReport, summarise
from platforms.validation.case_table import read_cases
from platforms.validation.cases import declared, setting, validate
from platforms.validation.chart import Panel, series_of, write_chart
from platforms.validation.comparison_inputs import Inputs

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "validation.md"
IMAGES = Path("images") / "measured"
COMMAND = "python -m benchmarks.rtl_validation"
CLOSE = 4  # cycles within which an event counts as close


@dataclass(frozen=True)
class Traced:
    """A trace against the description; ``reason`` says why it could not be compared."""

    name: str
    pairs: tuple[Pair, ...] = ()
    divergence: str = ""
    only_measured: tuple[Kind, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class Found:
    """What there is to say about a design.

    Attributes:
        reason: Why it was not validated, if it was not.
        cells: Columns of each case, by its line.
    """

    design: Design
    report: ValidationReport | None = None
    cells: dict[int, Case] = field(default_factory=dict)
    traces: tuple[Traced, ...] = ()
    reason: str = ""


def examine(design: Design, data: Path, jobs: int) -> Found:
    """Predict every case and compare every trace."""
    folder = design.folder(data)
    if folder is None:
        return Found(design, reason=f"there is no {TABLE} for it")
    table = folder / TABLE
    try:
        report = validate(design.name, table, workers=jobs)
    except AcadlError as error:
        return Found(design, reason=plain(error))
    unread = [column for column in design.needed if column in report.unused]
    if not report.cases or unread:
        reason = f"its mapping does not read {', '.join(unread)}" if unread else report.failed[0].reason
        return Found(design, reason=reason)
    cells = {case.line: case for case in read_cases(table).cases}
    traces = tuple(compared(design, file, case) for file, case in design.traces(folder))
    return Found(design, report, cells, traces)


def compared(design: Design, file: Path, case: Case) -> Traced:
    """One trace; a waveform that was cut off is compared up to its end."""
    parameters = declared(design.name)[1]
    filled = {name: text for name, text in case.cells.items() if text}
    settings = {name: setting(text) for name, text in filled.items() if name in parameters}
    inputs = Inputs(design.name, str(file), None, filled, settings)
    try:
        until = None
        if file.name.endswith(WAVEFORMS):
            until = max((event.cycle for event in inputs.measured()), default=None)
        found = inputs.compare(None, until, None)
    except AcadlError as error:
        return Traced(file.name, reason=plain(error))
    return Traced(file.name, found.pairs, found.divergence_line, found.only_measured)


def plain(error: AcadlError) -> str:
    """A message for a cell of a table, without the folders of this machine."""
    return re.sub(r"(?<![\w.])/[\w./-]*/", "", str(error)).replace("|", "\\|").replace("\n", " ")


# ---- Tables


def summary_table(found: Sequence[Found]) -> str:
    """One line per design."""
    lines = [
        "| description | cases | exact | MAPE | largest error | traces | events | exact | "
        f"within {CLOSE} cycles |",
        "| --- | --: | --: | --: | --: | --: | --: | --: | --: |",
    ]
    for item in found:
        if item.report is None:
            lines.append(f"| `{item.design.name}` | not validated: {item.reason} | | | | | | | |")
            continue
        errors = item.report.summary
        pairs = [pair for trace in item.traces for pair in trace.pairs]
        traces = sum(not trace.reason for trace in item.traces)
        lines.append(
            f"| `{item.design.name}` | {errors.cases} | {errors.exact} | {errors.mape:.3g} % | "
            f"{errors.max_error_percent:.3g} % | {traces} | {_shares(pairs)} |"
        )
    return "\n".join(lines)


def design_text(found: Found) -> str:
    """Everything that is measured about a design."""
    if found.report is None:
        return f"Not validated: {found.reason}."
    report = found.report
    name, _, result = report.headline.partition(": ")
    parts = [f"`{name}`: {result}.", _group_table(found)]
    if report.failed:
        parts.append(
            f"Without a prediction: {len(report.failed)} cases, the first: {report.failed[0].reason}"
        )
    parts.append(f"![predicted and measured cycles of {found.design.name}]({_image(found.design)})")
    if found.traces:
        parts.append(_trace_table(found.traces))
    if any(trace.pairs for trace in found.traces):
        parts.append(_kind_table(found.traces))
        missing = sorted({"/".join(kind) for trace in found.traces for kind in trace.only_measured})
        parts += [f"Measured, but not predicted: {', '.join(missing)}."] if missing else []
    return "\n\n".join(parts)


def _group_table(found: Found) -> str:
    lines = [
        "| group | cases | exact | MAPE | bias | worst case | measured | predicted | error |",
        "| --- | --: | --: | --: | --: | --- | --: | --: | --: |",
    ]
    assert found.report is not None
    for column in found.design.groups:
        groups = _by_column(found, column)
        if all(case.error_percent == 0 for cases in groups.values() for case in cases):
            groups = {", ".join(groups): [case for cases in groups.values() for case in cases]}
        lines += [
            f"| `{column}` {value} | {_group_cells(cases, found.report.unused)} |"
            for value, cases in groups.items()
        ]
    return "\n".join(lines)


def _group_cells(cases: Sequence[CaseResult], unused: Sequence[str]) -> str:
    errors = summarise(cases)
    worst = max(cases, key=lambda case: (abs(case.error_percent), -case.line))
    shown = "– | | |"
    if errors.exact < errors.cases:
        shown = f"{_run_of(worst, unused)} | {worst.measured:,} | {worst.predicted:,} | "
        shown += f"{worst.error_percent:+.2f} %"
    return f"{errors.cases} | {errors.exact} | {errors.mape:.3g} % | {errors.bias_percent:+.3g} % | {shown}"


def _by_column(found: Found, column: str) -> dict[str, list[CaseResult]]:
    """Cases by the value of a column, numbers in their order."""
    groups: dict[str, list[CaseResult]] = {}
    assert found.report is not None
    for case in found.report.cases:
        groups.setdefault(found.cells[case.line].cells[column], []).append(case)
    numbers = all(value.isdigit() for value in groups)
    return dict(sorted(groups.items(), key=lambda item: int(item[0]))) if numbers else groups


def _run_of(case: CaseResult, unused: Sequence[str]) -> str:
    """A case in short: cells that matter and are not zero, and its line."""
    cells = (part.partition("=") for part in case.case.split())
    shown = [name + " " + value for name, _, value in cells if value != "0" and name not in unused]
    return f"{', '.join(shown)} (line {case.line})"


def _trace_table(traces: Sequence[Traced]) -> str:
    lines = [
        f"| trace | events | exact | within {CLOSE} cycles | mean error | largest | first divergence |",
        "| --- | --: | --: | --: | --: | --: | --- |",
    ]
    for trace in traces:
        told = trace.divergence.removeprefix("first divergence: ").split("\n")[0]
        if trace.reason:
            lines.append(f"| `{trace.name}` | not compared: {trace.reason} | | | | | |")
        else:
            lines.append(f"| `{trace.name}` | {_shares(trace.pairs)} | {_sizes(trace.pairs)} | {told} |")
    return "\n".join(lines)


def _kind_table(traces: Sequence[Traced]) -> str:
    lines = [
        f"| kind of event | events | exact | within {CLOSE} cycles | mean error | largest |",
        "| --- | --: | --: | --: | --: | --: |",
    ]
    kinds: dict[str, list[Pair]] = {}
    for pair in (pair for trace in traces for pair in trace.pairs):
        event = pair.measured or pair.predicted
        assert event is not None  # a pair has at least one event
        kinds.setdefault(f"{event.unit}/{event.event}", []).append(pair)
    lines += [f"| {kind} | {_shares(pairs)} | {_sizes(pairs)} |" for kind, pairs in sorted(kinds.items())]
    return "\n".join(lines)


def _shares(pairs: Sequence[Pair]) -> str:
    """Number of events, and the shares that are exact and close; without a partner they are neither."""
    if not pairs:
        return "0 | |"
    exact = sum(pair.error == 0 for pair in pairs)
    close = sum(pair.error is not None and abs(pair.error) <= CLOSE for pair in pairs)
    return f"{len(pairs):,} | {_percent(exact, len(pairs))} | {_percent(close, len(pairs))}"


def _percent(part: int, whole: int) -> str:
    """Rounded, but never to 100 % what is less."""
    return "100 %" if part == whole else f"{min(100 * part / whole, 99.9):.1f} %"


def _sizes(pairs: Iterable[Pair]) -> str:
    errors = [pair.error for pair in pairs if pair.error is not None]
    if not errors:
        return " | "
    return f"{sum(errors) / len(errors):+.2f} | {max(errors, key=abs):+d}"


# ---- Pictures


def panels(found: Found) -> tuple[Panel, ...]:
    """Predicted against measured cycles, error by size, distribution of the errors; colours by group."""
    assert found.report is not None
    cases = [(_colour(found, case), case) for case in found.report.cases]
    shown = (
        Panel(
            "Predicted against measured",
            "measured cycles",
            "predicted cycles",
            series_of((group, case.measured, max(case.predicted, 1)) for group, case in cases),
            diagonal=True,
            logarithmic=True,
        ),
        Panel(
            "Error by size",
            "measured cycles",
            "error (%), too many cycles above 0",
            series_of((group, case.measured, case.error_percent) for group, case in cases),
            logarithmic_x=True,
        ),
    )
    if found.report.summary.max_error_percent == 0:
        return shown
    return (
        *shown,
        Panel("Distribution of the errors", "error (%)", "cases", bars=error_bars(found.report.cases)),
    )


def _colour(found: Found, case: CaseResult) -> str:
    column = found.design.groups[0]
    return f"{column} {found.cells[case.line].cells[column]}"


def _image(design: Design) -> str:
    return (IMAGES / f"rtl_{design.name}.svg").as_posix()


# ---- The command


def sections(found: Sequence[Found]) -> Iterator[tuple[str, str]]:
    """Markers of the page and what stands between them."""
    yield f"{COMMAND} summary", summary_table(found)
    for item in found:
        yield f"{COMMAND} {item.design.name}", design_text(item)


def to_dict(found: Found) -> dict[str, object]:
    """Plain."""
    traces = [
        {
            "trace": trace.name,
            "reason": trace.reason,
            "events": len(trace.pairs),
            "errors": [pair.error for pair in trace.pairs],
        }
        for trace in found.traces
    ]
    cases = found.report.to_dict() if found.report else {}
    return {"design": found.design.name, "reason": found.reason, "cases": cases, "traces": traces}


def main() -> None:
    """All designs that were asked for."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=DATA, help="default: tests/data/rtl")
    parser.add_argument("--only", choices=[design.name for design in DESIGNS])
    parser.add_argument("--write", action="store_true", help="write tables and pictures into docs/")
    parser.add_argument("--json", type=Path, help="write all errors to this file")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default: 2)")
    options = parser.parse_args()
    found = []
    for design in DESIGNS:
        if options.only in (None, design.name):
            print(f"rtl_validation: {design.name}", file=sys.stderr)
            found.append(examine(design, options.folder, options.jobs))
    for name, text in sections(found):
        print(text, end="\n\n")
        if options.write and not (options.only and name.endswith(" summary")):
            write_between(PAGE, name, text)
    for item in found:
        if options.write and item.report is not None:
            write_chart(f"{item.design.name} against its RTL", panels(item), DOCS / _image(item.design))
    if options.json:
        text = json.dumps([to_dict(item) for item in found], indent=1)
        options.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
