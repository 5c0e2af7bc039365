"""Which version of the distribution this is."""

from __future__ import annotations


def version() -> str:
    """Version of the installed distribution; ``0+unknown`` where the packages run uninstalled."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("acadl")
    except PackageNotFoundError:
        return "0+unknown"
