"""Block diagrams of architectures: SVG, Graphviz DOT and self-contained HTML, without heavy dependencies.

    >>> from acadl import draw
    >>> svg_text = draw.to_svg(arch)                                  # doctest: +SKIP

Containment is nesting, the instruction path runs from left to right, memories and register files stand beside
their users. Arrays of instances are drawn once, with their dimensions ("pe × 16 × 16"); dashed lines go to a
neighbouring instance. Documentation comments become tooltips. The same architecture always gives the
same text.
"""

from __future__ import annotations

from acadl.draw.dot import to_dot
from acadl.draw.html import to_html
from acadl.draw.svg import to_svg

__all__ = ["FORMATS", "to_dot", "to_html", "to_svg"]

FORMATS = {".svg": to_svg, ".dot": to_dot, ".html": to_html}
"""File ending to the function that writes the format."""
