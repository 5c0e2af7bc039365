"""A stand-in that only compiled code gives a meaning."""

from __future__ import annotations

from typing import TypeVar

Fields = TypeVar("Fields", bound="tuple[object, ...]")


def bare(fields: Fields) -> Fields:
    """A named tuple of lists as it is.

    In compiled code its arrays become bare pointers, which cost nothing to pass from function to function;
    they have no length, and the caller keeps the arrays alive.
    """
    return fields
