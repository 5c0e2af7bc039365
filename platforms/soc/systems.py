"""Systems of several cores that ship, by name."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from acadl.errors import AcadlError, nearest
from mappings.cases import Case

Setting = int | bool | str
PAIR = "gemmini_pair"
_PLATFORM = re.compile(r"^[ \t]*platform[ \t]+\w", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class System:
    """A system and what its measured cases look like.

    Attributes:
        parameters: With their defaults.
        label: Column that names a case; the cores' cases are ``LABEL:0``, ``LABEL:1``, …
        measured: Per core: the column with its measured cycles.
        unrelated: Columns that say nothing about what was run.
        predict: The cycles of each core, for a case and values of parameters.
    """

    name: str
    parameters: Mapping[str, Setting]
    label: str
    measured: tuple[str, ...]
    unrelated: frozenset[str]
    predict: Callable[[Case, Mapping[str, Setting]], tuple[int, ...]]


def system_names() -> tuple[str, ...]:
    """Names of the systems that ship: the files of ``platforms/systems``."""
    from platforms.soc.description import shipped_systems

    return tuple(shipped_systems())


def find_system(name: object) -> System | None:
    """The system with measured cases that ships under a name, or that a file describes; ``None``: none.

    Raises:
        AcadlError: There is one, and it has errors.
    """
    from platforms.catalog import is_path

    if name == PAIR:
        from platforms.soc.description import shipped_systems

        return _pair(shipped_systems()[PAIR])
    if isinstance(name, str | os.PathLike) and is_path(name) and _has_platform(Path(name)):
        return _pair(Path(name))
    return None


def _pair(path: Path) -> System:
    from platforms.soc.gemmini_pair import pair_system

    return pair_system(path)


def _has_platform(path: Path) -> bool:
    """Whether a file seems to declare one; whoever reads it says what is wrong with it."""
    from acadl.reading import ReadError, read_text

    try:
        return _PLATFORM.search(read_text(path)) is not None
    except ReadError:
        return False


def with_defaults(system: System, settings: Mapping[str, Setting]) -> dict[str, Setting]:
    """Values of all parameters.

    Raises:
        AcadlError: There is no such parameter, or a value is of another kind than the default.
    """
    values = dict(system.parameters)
    for name, value in settings.items():
        if name not in values:
            raise AcadlError(f"'{system.name}' has no parameter '{name}'{nearest(name, values)}")
        if type(value) is not type(values[name]):
            kind = "a whole number" if isinstance(values[name], int) else "a word"
            raise AcadlError(f"{name} is '{value}'; expected {kind}")
        values[name] = value
    return values
