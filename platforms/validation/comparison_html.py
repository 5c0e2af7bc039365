"""A comparison of events as one HTML file."""

from __future__ import annotations

import os
from collections.abc import Iterator

from acadl.files import write_text
from platforms.validation import html_page as html
from platforms.validation.comparison import Comparison, KindReport
from platforms.validation.comparison_charts import comparison_panels
from platforms.validation.provenance import Provenance

KIND_COLUMNS = (
    "Event",
    "Matched by",
    "Matched",
    "Missing",
    "Extra",
    "Exact",
    "Mean",
    "Median",
    "Mean size",
    "95 %",
    "Largest",
    "Drift / 1000",
)


def write_comparison_html(
    found: Comparison, title: str, made_from: Provenance, path: str | os.PathLike[str]
) -> None:
    """Write the report, in one step. Raises :class:`AcadlError` where that is impossible."""
    write_text(path, html.page(title, _parts(found, title, made_from)))


def _parts(found: Comparison, title: str, made_from: Provenance) -> Iterator[str]:
    yield html.headline(found.headline)
    totals = found.totals
    yield html.paragraphs(
        [
            f"The last compared event is in cycle {totals.measured:,} measured, {totals.predicted:,} "
            f"predicted ({totals.error_percent:+.4g} %). Errors are in cycles, positive where the prediction "
            "is late.",
            *(f"Note: {note}" for note in found.notes),
        ]
    )
    yield html.heading("Where the two sides part")
    yield html.paragraphs([found.divergence_line])
    if found.divergence is not None:
        yield html.lines(found.divergence.lines())
    yield html.heading("Kinds of events")
    yield html.table(KIND_COLUMNS, map(_kind_row, found.kinds), text_columns=2)
    for kinds, side in ((found.only_measured, "trace"), (found.only_predicted, "run")):
        if kinds:
            names = ", ".join("/".join(kind) for kind in kinds)
            yield html.paragraphs([f"Not compared, only in the {side}: {names}."])
    yield html.chart(title, comparison_panels(found))
    yield html.heading("Errors over time")
    yield html.table(("Event", "From cycle", "To", "Events", "Mean error", "Largest"), _windows(found))
    yield html.heading("Distribution of the errors")
    yield html.table(("Event", "Error from", "To", "Events"), _bins(found))
    yield from html.origin(made_from)


def _kind_row(kind: KindReport) -> tuple[object, ...]:
    errors = kind.errors
    return (
        f"{kind.unit}/{kind.event}",
        kind.method,
        *(f"{number:,}" for number in (kind.matched, kind.missing, kind.extra, errors.exact)),
        f"{errors.mean:+.4g}",
        f"{errors.median:+.4g}",
        f"{errors.mean_abs:.4g}",
        errors.p95_abs,
        errors.max_abs,
        f"{errors.drift:+.4g}",
    )


def _windows(found: Comparison) -> Iterator[tuple[object, ...]]:
    for kind in found.kinds:
        for window in kind.windows:
            cycles = f"{window.first:,}", f"{window.last:,}", f"{window.events:,}"
            yield f"{kind.unit}/{kind.event}", *cycles, f"{window.mean:+.4g}", window.max_abs


def _bins(found: Comparison) -> Iterator[tuple[object, ...]]:
    for kind in found.kinds:
        for item in kind.histogram:
            if item.count:
                yield f"{kind.unit}/{kind.event}", f"{item.low:+}", f"{item.high:+}", f"{item.count:,}"
