"""What users read on standard error: rendered diagnostics, warnings, progress."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from acadl.errors import AcadlError, Diagnostic

if TYPE_CHECKING:
    from platforms.network_layers import Progress
    from platforms.result import UnmappedLayer

MOST_REASONS = 12  # why layers are not part of the total
LARGEST_EXCERPT = 10_000_000  # bytes of a file that is read again to show a line of it


def wants_color(stream: object) -> bool:
    """Whether to colour what goes to ``stream``: a terminal, unless NO_COLOR is set."""
    isatty = getattr(stream, "isatty", None)
    return not os.environ.get("NO_COLOR") and bool(isatty and isatty())


def show_error(error: AcadlError) -> None:
    """The error as text on standard error."""
    if error.diagnostics:
        show_diagnostics(error.diagnostics, getattr(error, "sources", {}))
    else:
        click.echo(f"error: {_shown(error)}", err=True)


def print_json_error(message: str, diagnostics: Iterable[Diagnostic] = ()) -> None:
    """The failure as the one JSON object on standard output."""
    import json

    found = [item.to_dict() for item in diagnostics]
    click.echo(json.dumps({"error": message, "diagnostics": found}, indent=2))


def show_diagnostics(diagnostics: Iterable[Diagnostic], sources: Mapping[str, str] | None = None) -> None:
    """Findings with the lines they are about, on standard error."""
    from acadl.diagnostics import render

    found = list(diagnostics)
    texts = {**_texts(found), **(sources or {})}
    if found:
        click.echo(render(found, texts, color=wants_color(sys.stderr)), err=True)


def _texts(diagnostics: list[Diagnostic]) -> dict[str, str]:
    """The files that the diagnostics point into, as far as they can be read."""
    texts: dict[str, str] = {}
    for file in {diagnostic.span.file for diagnostic in diagnostics if diagnostic.span}:
        path = Path(file)
        if path.is_file() and path.stat().st_size <= LARGEST_EXCERPT:
            texts[file] = path.read_text(encoding="utf-8", errors="replace")
    return texts


def warn(message: str) -> None:
    """A warning on standard error."""
    click.echo(f"warning: {_shown(message)}", err=True)


def _shown(message: object) -> str:
    """A message without control characters, which names of files may hold and which steer a terminal."""
    from acadl.diagnostics import printable_lines

    return printable_lines(str(message))


def warn_unmapped(layers: Iterable[UnmappedLayer]) -> None:
    """What is not part of the total: one warning for all layers that share a reason."""
    groups: dict[str, list[str]] = {}
    for layer in layers:
        groups.setdefault(layer.reason.removeprefix(f"layer '{layer.name}'"), []).append(layer.name)
    for number, (reason, names) in enumerate(groups.items()):
        if number == MOST_REASONS:
            left = sum(map(len, list(groups.values())[number:]))
            warn(f"not part of the total: {left} more layers, for other reasons; --json has them all")
            return
        if reason.startswith((" ", ":")):
            reason = f"layer{'s' if names[1:] else ''} {listed(names)}{reason}"
        warn(f"not part of the total: {reason}")


def listed(names: Iterable[str], most: int = 6) -> str:
    """``'a', 'b' and 3 more``"""
    found = [f"'{name}'" for name in names]
    shown = ", ".join(found[:most])
    return shown if len(found) <= most else f"{shown} and {len(found) - most} more"


def progress_line() -> Progress | None:
    """Shows which layer is being evaluated; ``None`` unless standard error is a terminal."""
    if not sys.stderr.isatty():
        return None

    def show(number: int, total: int, name: str) -> None:
        click.echo(f"\r\x1b[K[{number + 1}/{total}] {name[:60]}", err=True, nl=False)

    return show


def clear_progress() -> None:
    """Remove the line of :func:`progress_line`."""
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", err=True, nl=False)
