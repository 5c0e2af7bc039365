"""What can be drawn: architectures and platforms."""

from __future__ import annotations

from typing import TypeAlias

from acadl.draw.boxes import Box, Line, build
from acadl.draw.platforms import platform_boxes
from acadl.model import Architecture
from acadl.platform_model import PlatformDescription

Drawable: TypeAlias = Architecture | PlatformDescription


def drawn(arch: Drawable, *, unfold: bool = False, scale: int = 1) -> tuple[Box, list[Line]]:
    """The root box and the lines; see :func:`acadl.draw.boxes.build`. Platforms have no arrays to unfold."""
    if isinstance(arch, PlatformDescription):
        return platform_boxes(arch)
    return build(arch, unfold=unfold, scale=scale)
