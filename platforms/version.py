"""Which version this is; the distribution's metadata take it from here."""

from __future__ import annotations

VERSION = "0.1.0"


def version() -> str:
    """The version: looking it up in the distribution's metadata would take longer than many estimates."""
    return VERSION
