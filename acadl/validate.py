"""Rules that hold for a whole architecture."""

from __future__ import annotations

from acadl.diagnostics import Collector
from acadl.elaborate import Elaborated


def validate(elaborated: Elaborated, collector: Collector) -> None:
    """Check the rules that no single statement can break; findings go to ``collector``."""
