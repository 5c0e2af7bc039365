"""Bandwidth and read latency over time, as numbers and as a picture (extra ``plot``)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dram.errors import DramError
from dram.requests import Int64
from dram.shares import data_buses
from dram.traces.writing import binary_file

if TYPE_CHECKING:
    from dram.result import Run

WINDOWS = 200
FORMATS = (".svg", ".png", ".pdf")
Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """A run in windows of equal length; all arrays have one entry per window.

    Attributes:
        window_cycles: Length of a window.
        start_cycles: First cycle of each.
        read_bytes, write_bytes: Of the requests that were done in the window.
        mean_latency, p99_latency, max_latency: Cycles from arrival to done of the reads that were done in the
            window; NaN without any. The 99th percentile is by nearest rank.
    """

    window_cycles: int
    start_cycles: Int64
    read_bytes: Int64
    write_bytes: Int64
    mean_latency: Float64
    p99_latency: Float64
    max_latency: Float64


def series(run: Run, windows: int = WINDOWS) -> Series:
    """Cut a run into at most ``windows`` windows, from the first arrival to the last completion.

    A window is a whole number of bursts long, so that no more can end in it than the bus carries.
    """
    done, arrival = run.done, run.requests.arrival
    if not len(done):
        none, nothing = np.zeros(0), np.zeros(0, np.int64)
        return Series(1, nothing, nothing, nothing, none, none, none)
    first, last = int(arrival[0]), int(done.max())
    start, end = run.device.read_data
    length = -(-(last - first + 1) // (windows * (end - start))) * (end - start)
    count = -(-(last - first + 1) // length)
    window = (done - first) // length
    reads = ~run.requests.is_write
    burst = run.device.organisation.burst_bytes
    mean, p99, most = _latencies(window[reads], (done - arrival)[reads], count)
    return Series(
        length,
        first + length * np.arange(count, dtype=np.int64),
        burst * np.bincount(window[reads], minlength=count).astype(np.int64),
        burst * np.bincount(window[~reads], minlength=count).astype(np.int64),
        mean,
        p99,
        most,
    )


def _latencies(window: Int64, latency: Int64, count: int) -> tuple[Float64, Float64, Float64]:
    """Mean, 99th percentile and maximum per window."""
    order = np.lexsort((latency, window))
    latency, numbers = latency[order].astype(np.float64), np.bincount(window, minlength=count)
    ends = np.cumsum(numbers)
    found = numbers > 0
    mean, p99, most = (np.full(count, np.nan) for _ in range(3))
    sums = np.bincount(window[order], weights=latency, minlength=count)
    mean[found] = sums[found] / numbers[found]
    rank = -(-numbers[found] * 99 // 100)
    p99[found] = latency[(ends - numbers)[found] + rank - 1]
    most[found] = latency[ends[found] - 1]
    return mean, p99, most


def write_plot(run: Run, path: str | os.PathLike[str], windows: int = WINDOWS) -> None:
    """Draw bandwidth and read latency over time into a ``.svg``, ``.png`` or ``.pdf`` file.

    Raises:
        DramError: Matplotlib is not installed, the file's ending is another one, or it cannot be written.
    """
    name = os.fspath(path)
    ending = check_ending(name)
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError:
        raise DramError("plots need matplotlib: pip install 'acadl[plot]'") from None
    # no time and no random names inside: the same run makes the same file
    with rc_context({"svg.hashsalt": "acadl", "svg.fonttype": "none"}):
        figure = Figure(figsize=(9, 5.6), layout="constrained")
        draw(figure, run, windows)
        _save(figure, name, ending)


def check_ending(name: str) -> str:
    """The ending of a picture's name. Raises :class:`DramError` for one that is none of :data:`FORMATS`."""
    ending = os.path.splitext(name)[1].lower()
    if ending not in FORMATS:
        raise DramError(f"'{name}' has no ending of a picture", hint=f"one of {', '.join(FORMATS)}")
    return ending


def _save(figure: Any, name: str, ending: str) -> None:
    """Write in one step: no half-written file."""
    metadata: dict[str, Any] = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(ending, {})
    with binary_file(name) as file:
        figure.savefig(file, format=ending[1:], metadata=metadata, dpi=150)


def draw(figure: Any, run: Run, windows: int = WINDOWS) -> None:
    """Draw into a Matplotlib figure."""
    found = series(run, windows)
    device = run.device
    seconds = found.window_cycles * device.tick_seconds
    edges = np.append(found.start_cycles, found.start_cycles[-1:] + found.window_cycles)
    microseconds: Float64 = np.asarray(edges * device.tick_seconds * 1e6, np.float64)
    above, below = figure.subplots(2, sharex=True)
    peak = device.peak_bytes_per_second * run.totals.channels * data_buses(device)
    _draw_bandwidth(above, microseconds, found, seconds, peak)
    _draw_latency(below, microseconds, found, device.tick_seconds)
    below.set_xlabel(f"time [µs], windows of {found.window_cycles} cycles")
    figure.suptitle(f"{device.name}: {len(run.done)} requests in {run.cycles} cycles", fontsize=11)


def _draw_bandwidth(axes: Any, edges: Float64, found: Series, seconds: float, peak: float) -> None:
    reads, writes = found.read_bytes / seconds * 1e-9, found.write_bytes / seconds * 1e-9
    axes.stairs(reads, edges, fill=True, color="#3b75af", label="reads")
    axes.stairs(reads + writes, edges, baseline=reads, fill=True, color="#ef8636", label="writes")
    axes.axhline(peak * 1e-9, color="#555555", linewidth=1, linestyle="--", label="peak")
    axes.set_ylabel("bandwidth [GB/s]")
    axes.set_ylim(0, 1.08 * peak * 1e-9)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)


def _draw_latency(axes: Any, edges: Float64, found: Series, tick_seconds: float) -> None:
    middle = (edges[1:] + edges[:-1]) / 2
    longest = np.nanmax(found.max_latency, initial=0.0) * tick_seconds
    unit, scale = ("µs", 1e6) if longest > 10e-6 else ("ns", 1e9)
    for values, name, colour in (
        (found.max_latency, "maximum", "#c0c0c0"),
        (found.p99_latency, "99 %", "#8fb3d9"),
        (found.mean_latency, "mean", "#3b75af"),
    ):
        times = values * tick_seconds * scale
        axes.plot(middle, times, ".-", color=colour, label=name, markersize=3, linewidth=1)
    axes.set_ylabel(f"read latency [{unit}]")
    axes.set_ylim(bottom=0)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
