"""Pictures and reports of ``acadl simulate``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from platforms.soc.html_report import Run


def check_plot(plot: str | None) -> None:
    """Raise before anything is run where the picture could not be written."""
    if plot:
        from platforms.validation.chart import check_format

        check_format(plot)


def write_pictures(run: Run, plot: str | None, html: str | None) -> None:
    """Write what is wanted."""
    if plot:
        from platforms.soc.charts import panels
        from platforms.soc.html_report import title_of
        from platforms.validation.chart import write_chart

        peak = run.memory["peak_bytes_per_s"]
        write_chart(title_of(run), panels(run.over_time, run.clock_hz, peak), plot)
    if html:
        from platforms.soc.html_report import write_html

        write_html(html, run)
