"""What a validation found: the error of every case, and sums over all of them and over groups."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from html import escape


@dataclass(frozen=True)
class CaseResult:
    """One case.

    Attributes:
        case: What identifies it: the cells that describe it.
        line: Its line in the table.
        measured: Cycles of the measurement.
        predicted: Cycles of the estimate.
        method: How the estimate was obtained: ``exact``, ``full`` or ``fixed_point``.
        group: Value of the column by which cases are grouped; empty without one.
    """

    case: str
    line: int
    measured: int
    predicted: int
    method: str = "exact"
    group: str = ""

    @property
    def error_percent(self) -> float:
        """Predicted against measured, positive where too many cycles are predicted."""
        return 100 * (self.predicted - self.measured) / self.measured

    def to_dict(self) -> dict[str, object]:
        """All attributes and ``error_percent``."""
        return {**asdict(self), "error_percent": self.error_percent}


@dataclass(frozen=True)
class FailedCase:
    """A case without a prediction, and why."""

    case: str
    line: int
    reason: str
    group: str = ""

    def to_dict(self) -> dict[str, object]:
        """All attributes."""
        return asdict(self)


@dataclass(frozen=True)
class ErrorSummary:
    """Errors of several cases, in percent of the measured cycles.

    Attributes:
        cases: How many.
        exact: Those without an error.
        mape, median_abs_percent, p95_abs_percent, max_error_percent: Of the absolute errors: mean, median,
            the smallest size that 95 % of them do not exceed, largest.
        bias_percent: Mean with signs.
    """

    cases: int
    exact: int
    mape: float
    max_error_percent: float
    bias_percent: float
    median_abs_percent: float = 0.0
    p95_abs_percent: float = 0.0

    def to_dict(self) -> dict[str, float]:
        """All attributes."""
        return asdict(self)


def summarise(cases: Iterable[CaseResult]) -> ErrorSummary:
    """Sums over cases; zeros without any."""
    errors = [case.error_percent for case in cases]
    sizes = sorted(map(abs, errors)) or [0.0]
    count = max(len(errors), 1)
    return ErrorSummary(
        cases=len(errors),
        exact=sum(error == 0 for error in errors),
        mape=sum(sizes) / count,
        max_error_percent=sizes[-1],
        bias_percent=sum(errors) / count,
        median_abs_percent=sizes[(len(sizes) - 1) // 2],
        p95_abs_percent=sizes[-(-95 * len(sizes) // 100) - 1],
    )


@dataclass(frozen=True)
class ValidationReport:
    """A description against a table of measured cases.

    Attributes:
        architecture: Name of the description.
        file: The table.
        measured: The column with the measured cycles.
        cases: In the order of the table.
        failed: Cases that could not be predicted.
        group: Column by which cases are grouped, if any.
        where: Condition that chose the cases, if any.
        settings: Parameters that were set for all cases.
        unused: Columns in which the cases differ, left of the measured ones, that neither set a parameter nor
            are read by the mapping: they follow from others, or the model leaves something out.
    """

    architecture: str
    file: str
    measured: str
    cases: tuple[CaseResult, ...]
    failed: tuple[FailedCase, ...] = ()
    group: str | None = None
    where: str | None = None
    settings: Mapping[str, int | bool | str] = field(default_factory=dict)
    unused: tuple[str, ...] = ()

    @property
    def summary(self) -> ErrorSummary:
        """Over all cases with a prediction."""
        return summarise(self.cases)

    @property
    def mape(self) -> float:
        """Mean absolute error in percent of the measured cycles."""
        return self.summary.mape

    @property
    def max_error_percent(self) -> float:
        """Largest absolute error in percent of the measured cycles."""
        return self.summary.max_error_percent

    @property
    def exact(self) -> int:
        """Cases whose cycles are predicted exactly."""
        return self.summary.exact

    @property
    def groups(self) -> dict[str, ErrorSummary]:
        """Sums per value of the grouping column: numbers ascending, else in order of first appearance."""
        if self.group is None:
            return {}
        names = list(dict.fromkeys(case.group for case in self.cases))
        if all(name.isascii() and name.isdigit() for name in names):
            names.sort(key=int)
        return {name: summarise(c for c in self.cases if c.group == name) for name in names}

    def worst(self, count: int) -> tuple[CaseResult, ...]:
        """The cases with the largest absolute errors, the largest first; exact ones are none of them."""
        wrong = [case for case in self.cases if case.error_percent]
        return tuple(sorted(wrong, key=lambda case: (-abs(case.error_percent), case.line))[:count])

    def to_dict(self) -> dict[str, object]:
        """Plain; the keys are those of ``acadl validate --json``."""
        summary = self.summary
        return {
            "architecture": self.architecture,
            "cases_file": self.file,
            "measured_column": self.measured,
            "where": self.where,
            "settings": dict(self.settings),
            "unused_columns": list(self.unused),
            "mape": summary.mape,
            "max_error_percent": summary.max_error_percent,
            "bias_percent": summary.bias_percent,
            "median_abs_percent": summary.median_abs_percent,
            "p95_abs_percent": summary.p95_abs_percent,
            "exact": summary.exact,
            "cases": [case.to_dict() for case in self.cases],
            "failed": [case.to_dict() for case in self.failed],
            "group_column": self.group,
            "groups": {name: found.to_dict() for name, found in self.groups.items()},
        }

    def to_json(self) -> str:
        """:meth:`to_dict` as JSON."""
        return json.dumps(self.to_dict())

    @property
    def headline(self) -> str:
        """The result in one line."""
        found = self.summary
        failed = f", {len(self.failed)} without a prediction" if self.failed else ""
        return (
            f"{self.architecture}: {found.exact} of {found.cases} cases exact, MAPE {found.mape:.4g} %, "
            f"largest error {found.max_error_percent:.4g} %, bias {found.bias_percent:+.4g} %{failed}"
        )

    def _repr_html_(self) -> str:
        """What a notebook shows: the headline and the worst cases."""
        rows = "".join(
            f"<tr><td>{escape(case.case)}</td><td>{case.measured:,}</td><td>{case.predicted:,}</td>"
            f"<td>{case.error_percent:+.3g} %</td></tr>"
            for case in self.worst(10)
        )
        return f"<p><b>{escape(self.headline)}</b></p><table>{rows}</table>"
