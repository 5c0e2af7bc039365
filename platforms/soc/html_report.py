"""A run of a system as one HTML file."""

from __future__ import annotations

import os
from collections.abc import Iterator

from acadl.files import write_text
from platforms.soc.charts import panels
from platforms.soc.serving import LoadRun
from platforms.soc.simulation import SystemRun
from platforms.soc.stalls import TEXTS
from platforms.validation import html_page as html

Run = SystemRun | LoadRun
STREAM_COLUMNS = (
    "Network",
    "Inputs",
    "Per second",
    "Median ms",
    "95 %",
    "99 %",
    "Largest",
    "Deadlines missed",
)
CORE_COLUMNS = ("Core", "Description", "Busy", "Stalled", "Idle", "Slowdown", "Parts of layers")
LAYER_COLUMNS = ("Layer", "Operator", "Core", "Tile", "Begin", "End", "Cycles", "Stalled")


def title_of(run: Run) -> str:
    """What was run on what."""
    if isinstance(run, SystemRun):
        return f"{run.network} on {run.system}"
    return f"{', '.join(stream.network for stream in run.streams)} on {run.system}"


def write_html(path: str | os.PathLike[str], run: Run) -> None:
    """Write the report, in one step. Raises :class:`AcadlError` where that is impossible."""
    write_text(path, html.page(title_of(run), _parts(run)))


def _parts(run: Run) -> Iterator[str]:
    total = run.total_cycles
    yield html.headline(f"{run.latency_s * 1e3:,.3f} ms, {total:,} cycles of the memory")
    yield html.paragraphs(_notes(run))
    if isinstance(run, LoadRun):
        yield html.heading("Networks")
        yield html.table(STREAM_COLUMNS, _streams(run))
    yield html.heading("Cores")
    yield html.table(CORE_COLUMNS, _cores(run), text_columns=2)
    yield html.heading("What cores were stalled by")
    yield html.table(("Core", "Waited for", "Of", "Cycles", "Part"), _stalls(run), text_columns=3)
    yield html.heading("Memory")
    yield html.table(("What", "How much"), _memory(run))
    peak = run.memory["peak_bytes_per_s"]
    yield html.chart(title_of(run), panels(run.over_time, run.clock_hz, peak))
    if isinstance(run, SystemRun):
        yield html.heading("Layers")
        yield html.table(LAYER_COLUMNS, _layers(run), text_columns=3)


def _notes(run: Run) -> Iterator[str]:
    if isinstance(run, SystemRun) and run.alone_cycles:
        longer = 100 * (run.total_cycles / run.alone_cycles - 1)
        yield f"{longer:.1f} % longer than if the memory was never waited for."
    skipped = run.extrapolated
    if skipped.cycles:
        part = 100 * skipped.cycles / max(1, run.total_cycles)
        yield f"{part:.0f} % of the cycles are extrapolated, ± {skipped.error_cycles:,} cycles."
    unmapped = run.unmapped if isinstance(run, SystemRun) else [u for s in run.streams for u in s.unmapped]
    for name, reason in unmapped:
        yield f"No core can run layer '{name}': {reason}."


def _streams(run: LoadRun) -> Iterator[tuple[object, ...]]:
    for each in run.streams:
        times = (f"{1e3 * each.latency_s[name]:.3f}" for name in ("median", "p95", "p99", "max"))
        missed = "no deadline" if each.deadline_s is None else each.missed
        yield each.network, each.inputs, f"{each.throughput_per_s:,.1f}", *times, missed


def _cores(run: Run) -> Iterator[tuple[object, ...]]:
    total = max(1, run.total_cycles)
    for core in run.cores:
        cycles = (core.busy_cycles, core.stalled_cycles, core.idle_cycles)
        shares = (f"{100 * each / total:.1f} %" for each in cycles)
        slowdown = "" if core.slowdown is None else f"{core.slowdown:.3f}"
        yield core.name, core.architecture, *shares, slowdown, core.layers


def _stalls(run: Run) -> Iterator[tuple[object, ...]]:
    for core in run.cores:
        for each in core.stalls:
            part = f"{100 * each.cycles / core.stalled_cycles:.1f} %"
            yield core.name, TEXTS[each.where], each.who, f"{each.cycles:,}", part


def _memory(run: Run) -> Iterator[tuple[object, ...]]:
    memory = run.memory
    used = 100 * memory["bandwidth_bytes_per_s"] / memory["peak_bytes_per_s"]
    yield memory["device"], f"{memory['bytes'] / 1e6:,.2f} MB"
    yield "Bandwidth", f"{memory['bandwidth_bytes_per_s'] / 1e9:.2f} GB/s, {used:.1f} % of its peak"
    for kind in ("hits", "misses", "conflicts"):
        yield f"Row {kind}", f"{memory[f'row_{kind}']:,}"
    for cache, counts in memory.items():
        for name, value in counts.items() if isinstance(counts, dict) else ():
            yield f"{cache.replace('_', ' ').capitalize()}: {name.replace('_', ' ')}", f"{value:,}"


def _layers(run: SystemRun) -> Iterator[tuple[object, ...]]:
    for part in run.layers:
        cycles = (part.begin, part.end, part.end - part.begin, part.stalled_cycles)
        yield part.layer, part.op, part.core, part.tile, *(f"{each:,}" for each in cycles)
