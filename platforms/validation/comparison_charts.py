"""What a comparison of events looks like: error over time, predicted against measured, distribution."""

from __future__ import annotations

from platforms.validation.alignment import Pair
from platforms.validation.chart import Panel, series_of
from platforms.validation.comparison import Comparison
from platforms.validation.error_statistics import histogram


def comparison_panels(found: Comparison) -> tuple[Panel, ...]:
    """Three panels; kinds of events by colour. Events without a partner are in none of them."""
    matched = [pair for pair in found.pairs if pair.error is not None]
    bins = histogram([pair.error for pair in matched if pair.error is not None])
    return (
        Panel(
            "Error over time",
            "measured cycle",
            "error (cycles), late above 0",
            series_of((_kind(pair), pair.cycle, pair.error or 0) for pair in matched),
            whole=True,
        ),
        Panel(
            "Predicted against measured",
            "measured cycle",
            "predicted cycle",
            series_of((_kind(pair), pair.cycle, pair.cycle + (pair.error or 0)) for pair in matched),
            diagonal=True,
            whole=True,
        ),
        Panel(
            "Distribution of the errors",
            "error (cycles)",
            "events",
            bars=tuple((item.low - 0.5, item.high + 0.5, item.count) for item in bins),
            whole=True,
        ),
    )


def _kind(pair: Pair) -> str:
    event = pair.measured or pair.predicted
    return f"{event.unit}/{event.event}" if event else ""
