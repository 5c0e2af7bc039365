"""What a validation looks like: predicted against measured, errors, distribution."""

from __future__ import annotations

from collections import Counter

from platforms.validation.case_report import CaseResult, ValidationReport
from platforms.validation.chart import Panel, series_of

MOST_BINS = 20
# Largest over least number of cycles from which on axes are logarithmic.
WIDE = 30


def case_panels(report: ValidationReport) -> tuple[Panel, ...]:
    """Three panels; groups by colour."""
    cases = report.cases
    measured = [case.measured for case in cases]
    return (
        Panel(
            "Predicted against measured",
            "measured cycles",
            "predicted cycles",
            series_of((case.group, case.measured, max(case.predicted, 1)) for case in cases),
            diagonal=True,
            logarithmic=bool(cases) and max(measured) > WIDE * min(measured),
        ),
        Panel(
            "Error of each case, in the order of the table",
            "line of the table",
            "error (%), too many cycles above 0",
            series_of((case.group, case.line, case.error_percent) for case in cases),
        ),
        Panel("Distribution of the errors", "error (%)", "cases", bars=error_bars(cases)),
    )


def error_bars(cases: tuple[CaseResult, ...]) -> tuple[tuple[float, float, float], ...]:
    """At most about 20 bars of equal width, in percent, one of which begins at 0; one if all are exact."""
    errors = [case.error_percent for case in cases]
    if not errors:
        return ()
    if not any(errors):
        return ((-0.0005, 0.0005, len(errors)),)
    width = max((max(errors) - min(errors)) / MOST_BINS, 0.001)
    counts = Counter(int(error // width) for error in errors)
    return tuple(
        (number * width, (number + 1) * width, counts[number])
        for number in range(min(counts), max(counts) + 1)
    )
