"""The shipped DRAM standards: one data file each."""

from __future__ import annotations

from functools import cache
from importlib import resources

from dram.errors import DramError, did_you_mean
from dram.standard import Standard


@cache
def standard_names() -> tuple[str, ...]:
    """``DDR3``, ``DDR4``, …: the data files that are there."""
    files = resources.files(__name__).iterdir()
    return tuple(sorted(file.name[:-5].upper() for file in files if file.name.endswith(".json")))


@cache
def standard(name: str) -> Standard:
    """A shipped standard. Raises :class:`DramError` for an unknown name."""
    if name not in standard_names():
        known = ", ".join(standard_names())
        raise DramError(
            f"no standard is called '{name}'{did_you_mean(name, standard_names())}", hint=f"there are {known}"
        )
    text = resources.files(__name__).joinpath(f"{name.lower()}.json").read_text("utf-8")
    return Standard.parse(text, f"dram/standards/{name.lower()}.json")
