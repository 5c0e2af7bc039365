"""What :mod:`platforms.commands.simulate` prints: cores, memory, cache."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from platforms.soc.simulation import CoreUse


def print_cores(cores: Sequence[CoreUse], total_cycles: int) -> None:
    """A line for each core, and what it was stalled by most."""
    from platforms.soc.stalls import stall_text

    total = max(1, total_cycles)
    has_alone = any(core.slowdown is not None for core in cores)
    slower = f"  {'slowdown':>8}" if has_alone else ""
    click.echo(f"{'core':>10}  {'busy':>7}  {'stalled':>7}  {'idle':>7}{slower}  parts of layers")
    for core in cores:
        shares = (core.busy_cycles, core.stalled_cycles, core.idle_cycles)
        text = "  ".join(f"{100 * share / total:>5.1f} %" for share in shares)
        slower = ""
        if has_alone:
            slower = f"  {core.slowdown:>8.3f}" if core.slowdown is not None else f"  {'':>8}"
        click.echo(f"{core.name:>10}  {text}{slower}  {core.layers} ({core.architecture})")
    for core in cores:
        if core.stalls:
            most = "; ".join(stall_text(stall, core.stalled_cycles) for stall in core.stalls[:3])
            click.echo(f"{core.name:>10}  stalled by {most}")


def print_memory(memory: Mapping[str, Any]) -> None:
    """Bandwidth, rows and hits."""
    used = 100 * memory["bandwidth_bytes_per_s"] / memory["peak_bytes_per_s"]
    click.echo(
        f"{memory['device']}: {memory['bytes'] / 1e6:.1f} MB, "
        f"{memory['bandwidth_bytes_per_s'] / 1e9:.2f} GB/s, {used:.1f} % of its peak"
    )
    rows = memory["row_hits"] + memory["row_misses"] + memory["row_conflicts"]
    if rows:
        hits, misses = memory["row_hits"] / rows, memory["row_misses"] / rows
        click.echo(
            f"rows: {100 * hits:.1f} % hits, {100 * misses:.1f} % misses, "
            f"{100 * (1 - hits - misses):.1f} % conflicts"
        )
    for name, cache in memory.items():
        if isinstance(cache, dict):
            looked = max(1, cache["hits"] + cache["misses"])
            hits = 100 * cache["hits"] / looked
            click.echo(f"{name.replace('_', ' ')}: {hits:.1f} % hits, {cache['writebacks']:,} write-backs")
