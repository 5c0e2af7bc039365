"""Block diagrams of architectures: SVG, Graphviz DOT and self-contained HTML, without heavy dependencies.

    >>> from acadl import draw
    >>> svg_text = draw.to_svg(arch)                                  # doctest: +SKIP

Containment is nesting, the instruction path runs from left to right, memories and register files stand beside
their users. Arrays of instances are drawn once, with their dimensions ("pe × 16 × 16"); dashed lines go to a
neighbouring instance. Documentation comments become tooltips. The same architecture always gives the
same text.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from acadl.draw.boxes import build
from acadl.draw.dot import to_dot
from acadl.draw.drawable import Drawable
from acadl.draw.html import to_html
from acadl.draw.svg import to_svg
from acadl.draw.themes import THEMES, Theme
from acadl.errors import AcadlError

if TYPE_CHECKING:
    from acadl.model import Architecture

__all__ = ["FORMATS", "THEMES", "Drawable", "Theme", "notebook_svg", "to_dot", "to_html", "to_svg", "to_text"]

NOTEBOOK_BOXES = 150

FORMATS = {".svg": to_svg, ".dot": to_dot, ".html": to_html}
"""File ending to the function that writes the format."""


def to_text(arch: Drawable, suffix: str, *, theme: Theme = "auto", unfold: bool = False) -> str:
    """The drawing in the format of a file ending; ``theme`` and ``unfold`` as for :func:`to_svg`."""
    if suffix == ".dot":
        return to_dot(arch, unfold=unfold)
    write = to_html if suffix == ".html" else to_svg
    return write(arch, theme=theme, unfold=unfold)


def notebook_svg(arch: Architecture) -> str:
    """The drawing; of so many boxes that a notebook would wait for it, what to do instead."""
    try:
        root, _ = build(arch)
        boxes = sum(1 for _ in root.walk())
        if boxes <= NOTEBOOK_BOXES:
            return to_svg(arch)
        text = f"{root.label}: {boxes} boxes are too many to draw here; acadl draw writes them to a file"
    except AcadlError as error:
        text = escape(str(error))
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="720" height="24">'
        f'<text x="4" y="16" font-family="sans-serif" font-size="13">{text}</text></svg>'
    )
