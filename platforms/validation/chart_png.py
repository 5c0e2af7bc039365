"""Charts as PNG, with Matplotlib (extra ``plot``)."""

from __future__ import annotations

import io
from importlib.util import find_spec
from typing import Any

from acadl.errors import AcadlError
from platforms.validation.chart import PALETTE, Panel, tick_text

INCHES = (8.0, 3.4)  # of a panel
DOTS_PER_INCH = 110
X_TICKS, Y_TICKS = 8, 6


def require(file: str) -> None:
    """Raise :class:`AcadlError` unless Matplotlib is there."""
    if find_spec("matplotlib") is None:
        raise AcadlError(
            f"writing '{file}' needs the extra 'plot': pip install 'acadl[plot]' (an .svg needs nothing)"
        )


def to_png(title: str, panels: tuple[Panel, ...]) -> bytes:
    """The panels below one another."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(INCHES[0], INCHES[1] * len(panels) + 0.3), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title.replace("$", r"\$"))
    axes: Any = figure.subplots(len(panels), squeeze=False)[:, 0] if panels else []
    for panel, ax in zip(panels, axes, strict=True):
        _draw(panel, ax)
    made = io.BytesIO()
    figure.savefig(made, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})
    return made.getvalue()


def _draw(panel: Panel, ax: Any) -> None:
    ax.set_title(panel.title, fontsize="medium", loc="left")
    ax.set_xlabel(panel.x_label)
    ax.set_ylabel(panel.y_label)
    if panel.is_logarithmic(0):
        ax.set_xscale("log")
    if panel.is_logarithmic(1):
        ax.set_yscale("log")
    for left, right, height in panel.bars:
        ax.bar(left, height, right - left, align="edge", color=PALETTE[0], edgecolor="white", linewidth=0.5)
    if panel.diagonal:
        ax.axline((1, 1), (2, 2), color="#8c959f", linewidth=1)
    elif panel.series:
        ax.axhline(0, color="#8c959f", linewidth=1)
    for number, series in enumerate(panel.series):
        x, y = [point[0] for point in series.points], [point[1] for point in series.points]
        name = series.name.replace("$", r"\$")
        style = "-" if panel.joined else "."
        ax.plot(x, y, style, markersize=4, linewidth=1.2, color=PALETTE[number % len(PALETTE)], label=name)
    ax.set_xlim(panel.span(0))
    ax.set_ylim(panel.span(1))
    for axis, most in ((ax.xaxis, X_TICKS), (ax.yaxis, Y_TICKS)):
        marks = panel.ticks(0 if axis is ax.xaxis else 1, most)
        axis.set_ticks(marks, [tick_text(mark) for mark in marks])
        axis.set_ticks([], minor=True)
    ax.set_axisbelow(True)
    ax.grid(linewidth=0.4, alpha=0.6)
    if len(panel.series) > 1:
        ax.legend(fontsize="small", loc="center left", bbox_to_anchor=(1.01, 0.5))
