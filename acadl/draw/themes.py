"""Colours of drawings: for light and for dark pages, or for whichever the reader has chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

Theme = Literal["auto", "light", "dark"]
THEMES: tuple[Theme, ...] = get_args(Theme)

_SHAPES = """
.acadl text { font-family: Helvetica, Arial, "DejaVu Sans", sans-serif; font-size: 13px }
.acadl .name { font-weight: 600 }
.acadl .note { font-family: Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 11px }
.acadl rect { stroke-width: 1.3 }
.acadl .group { stroke-dasharray: 5 3 }
.acadl .line { fill: none; stroke-linejoin: round }
.acadl .line.forward { stroke-width: 2.4 }
.acadl .line.parts { stroke-width: 2 }
.acadl .line.read, .acadl .line.write, .acadl .line.both { stroke-width: 1.5 }
.acadl .neighbour { stroke-dasharray: 5 4 }
"""

# Style: fill and stroke of boxes, or the one colour of a line with its heads.
_LIGHT: Mapping[str, tuple[str, str]] = {
    "paper": ("#ffffff", "#d0d7de"),
    "group": ("#f6f8fa", "#8c959f"),
    "fetch": ("#fff3dc", "#b26a00"),
    "stage": ("#eef1f4", "#4b5560"),
    "execute": ("#e6effc", "#1c5fb8"),
    "unit": ("#ffffff", "#1c5fb8"),
    "memory_unit": ("#ffffff", "#0b7285"),
    "controller": ("#ffffff", "#a8326e"),
    "mover": ("#fbe8f1", "#a8326e"),
    "registers": ("#f1e7fb", "#7b3fb5"),
    "sram": ("#def4e6", "#1f7a4d"),
    "dram": ("#c9ead6", "#14532d"),
    "cache": ("#dcf3f5", "#0b7285"),
}
_DARK: Mapping[str, tuple[str, str]] = {
    "paper": ("#0d1117", "#30363d"),
    "group": ("#161b22", "#6e7681"),
    "fetch": ("#2e2412", "#d29922"),
    "stage": ("#21262d", "#8b949e"),
    "execute": ("#12243d", "#58a6ff"),
    "unit": ("#0d1117", "#58a6ff"),
    "memory_unit": ("#0d1117", "#39c5cf"),
    "controller": ("#0d1117", "#f778ba"),
    "mover": ("#331a28", "#f778ba"),
    "registers": ("#271a3a", "#bc8cff"),
    "sram": ("#12281b", "#3fb950"),
    "dram": ("#173f28", "#56d364"),
    "cache": ("#0f2b30", "#39c5cf"),
}
_LIGHT_LINES = {
    "forward": "#b26a00",
    "parts": "#a8326e",
    "read": "#2563a8",
    "write": "#15803d",
    "both": "#64748b",
}
_DARK_LINES = {
    "forward": "#e3a03b",
    "parts": "#f778ba",
    "read": "#79c0ff",
    "write": "#56d364",
    "both": "#8b98a9",
}
_LIGHT_TEXT, _DARK_TEXT = ("#1b1f24", "#57606a"), ("#e6edf3", "#9aa4af")


def style(theme: Theme) -> str:
    """The style sheet of a drawing."""
    light = _colours(_LIGHT, _LIGHT_LINES, _LIGHT_TEXT)
    dark = _colours(_DARK, _DARK_LINES, _DARK_TEXT)
    if theme == "auto":
        return f"{_SHAPES}{light}@media (prefers-color-scheme: dark) {{\n{dark}}}\n"
    return _SHAPES + (dark if theme == "dark" else light)


def _colours(boxes: Mapping[str, tuple[str, str]], lines: Mapping[str, str], text: tuple[str, str]) -> str:
    rules = [f".acadl text {{ fill: {text[0]} }}", f".acadl .note {{ fill: {text[1]} }}"]
    rules += [
        f".acadl .{kind} {{ fill: {fill}; stroke: {stroke} }}" for kind, (fill, stroke) in boxes.items()
    ]
    rules.append(f".acadl .copy {{ fill: {boxes['paper'][0]} }}")
    for kind, colour in lines.items():
        rules += [
            f".acadl .line.{kind} {{ fill: none; stroke: {colour} }}",
            f".acadl .head.{kind} {{ fill: {colour} }}",
        ]
    return "\n".join(rules) + "\n"
