"""Measurements as Markdown tables, and their places in the documentation."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path

Row = Mapping[str, object]


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    model = platform.processor() or "unknown"
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = lines[0].split(":", 1)[1].strip() if lines else model
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.system(),
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
    }


def describe(found: Mapping[str, object]) -> str:
    """The machine in a sentence."""
    load, cores = found["load"], found["cores"]
    text = f"Measured on {found['cpu']} ({cores} cores), Python {found['python']}"
    if isinstance(load, float) and isinstance(cores, int) and load > cores:
        text += f"; other work ran beside it (load {load}), so wall times are longer than they need be"
    return f"{text}."


def shown(value: object) -> str:
    """A cell of a table."""
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 100 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def table(rows: Sequence[Row]) -> str:
    """Markdown; numbers to the right."""
    if not rows:
        return "nothing was measured"
    names = list(rows[0])
    aligned = ["--:" if isinstance(rows[0][name], (int, float)) else "---" for name in names]
    lines = [names, aligned, *([shown(row[name]) for name in names] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write_between(page: Path, name: str, text: str) -> None:
    """Replace what stands between the markers of ``name`` in a page."""
    begin, end = f"<!-- begin: {name} -->", f"<!-- end: {name} -->"
    before, rest = page.read_text(encoding="utf-8").split(begin)
    page.write_text(f"{before}{begin}\n\n{text}\n\n{end}{rest.split(end)[1]}", encoding="utf-8")
