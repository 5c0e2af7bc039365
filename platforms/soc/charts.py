"""Bandwidth and contention of a run as pictures."""

from __future__ import annotations

from collections.abc import Sequence

from platforms.soc.over_time import OverTime
from platforms.validation.chart import Panel, Series


def panels(over: OverTime, clock_hz: int, peak_bytes_per_s: float) -> tuple[Panel, ...]:
    """What the memory moved for whom, queues, hits, and cores that were held up; over time in ms."""
    step = 1e3 * over.window_cycles / clock_hz
    seconds = over.window_cycles / clock_hz
    found = []
    for channel, rows in over.bytes_moved.items():
        used = {name: row for name, row in rows.items() if any(row)}
        series = [_series(name, row, step, 1e9 * seconds) for name, row in used.items()]
        if len(used) > 1:
            total = [sum(each) for each in zip(*used.values(), strict=True)]
            series.append(_series("all cores", total, step, 1e9 * seconds))
        peak = peak_bytes_per_s / len(over.bytes_moved) / 1e9
        end = step * max(1, over.windows)
        series.append(Series("peak", ((0.0, peak), (end, peak))))
        found.append(Panel(f"Bandwidth of {channel}", "ms", "GB/s", tuple(series), joined=True))
    waiting = [_series(name, row, step, over.window_cycles) for name, row in over.waiting.items()]
    found.append(
        Panel("Requests waiting or under way, in the mean", "ms", "requests", tuple(waiting), joined=True)
    )
    if over.hits:
        hits = tuple(_rate(name, row, over.misses[name], step) for name, row in over.hits.items())
        found.append(Panel(f"Hits of {', '.join(over.hits)}", "ms", "% of accesses", hits, joined=True))
    held = [_series(name, row, step, over.window_cycles / 100) for name, row in over.held.items() if any(row)]
    if held:
        found.append(Panel("Cores that wait for an answer", "ms", "% of the time", tuple(held), joined=True))
    return tuple(found)


def _series(name: str, row: Sequence[int], step: float, unit: float) -> Series:
    """A window is drawn in its middle."""
    return Series(name, tuple(((n + 0.5) * step, value / unit) for n, value in enumerate(row)))


def _rate(name: str, hits: Sequence[int], misses: Sequence[int], step: float) -> Series:
    """Windows without accesses have no rate."""
    points = [
        ((n + 0.5) * step, 100 * hit / (hit + miss))
        for n, (hit, miss) in enumerate(zip(hits, misses, strict=True))
        if hit + miss
    ]
    return Series(name, tuple(points))
