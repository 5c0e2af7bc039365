"""Systems of several cores that ship, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from acadl.errors import AcadlError, nearest
from mappings.cases import Case

Setting = int | bool | str


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
    """Names of the systems that ship, those with measured cases first."""
    from platforms.soc.chips import chip_names

    return ("gemmini_pair", *chip_names())


def find_system(name: object) -> System | None:
    """The system of that name; ``None`` if there is none."""
    if name != "gemmini_pair":
        return None
    from platforms.soc.gemmini_pair import SYSTEM

    return SYSTEM


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
