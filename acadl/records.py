"""Immutable records that are declared in microseconds.

A data class costs about half a millisecond when its module is loaded: its methods are written and compiled
one by one. The syntax tree has dozens of classes, and they are loaded whenever a description is read.
"""

from __future__ import annotations

from typing import Any, ClassVar, dataclass_transform


@dataclass_transform(frozen_default=True)
class Record:
    """Base of classes whose annotations are their fields, like those of a frozen data class."""

    _fields: ClassVar[tuple[str, ...]] = ()
    _defaults: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls) -> None:
        cls._fields = tuple(cls.__annotations__)
        cls._defaults = {name: cls.__dict__[name] for name in cls._fields if name in cls.__dict__}

    def __init__(self, *values: Any, **named: Any) -> None:
        fields = self._fields
        if len(values) == len(fields) and not named:  # nearly always
            self.__dict__.update(zip(fields, values, strict=True))
            return
        given = dict(zip(fields, values, strict=False)) | named
        is_given_twice = len(given) < len(values) + len(named)
        if len(given) < len(fields):
            given = self._defaults | given
        if is_given_twice or given.keys() != set(fields):
            raise TypeError(f"{type(self).__name__} takes {', '.join(fields)}; got {values}, {named}")
        self.__dict__.update((name, given[name]) for name in fields)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable: cannot set '{name}'")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable: cannot delete '{name}'")

    def values(self) -> tuple[Any, ...]:
        """The fields' values, in order of declaration."""
        return tuple(self.__dict__.values())

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self.values() == other.values()

    def __hash__(self) -> int:
        return hash((type(self), self.values()))

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._fields)
        return f"{type(self).__qualname__}({shown})"
