"""Errors of the package: what was found, where, and what to write instead."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class DramError(Exception):
    """Something a user gave cannot be used.

    Attributes:
        message: One sentence that names what was found, without its place.
        file: The file it was found in; ``None`` where it came from no file.
        line: Line of the file, from 1; ``None`` where the finding concerns the whole file.
        hint: One sentence that says what to write instead.
    """

    def __init__(
        self, message: str, *, file: str | None = None, line: int | None = None, hint: str | None = None
    ) -> None:
        self.message, self.file, self.line, self.hint = message, file, line, hint
        place = "" if file is None else f"{file}: " if line is None else f"{file}:{line}: "
        super().__init__(f"{place}{message}" + (f" ({hint})" if hint else ""))


class TraceError(DramError):
    """A trace cannot be read or written."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``; did you mean '…'?`` with the most similar of ``known``; empty if none is similar."""
    close = get_close_matches(name, list(known), 1)
    return f"; did you mean '{close[0]}'?" if close else ""


def shown(text: str, limit: int = 40) -> str:
    """A piece of a file as messages quote it: printable and short."""
    printable = text.encode("unicode_escape").decode("ascii")
    return f"'{printable[:limit]}…'" if len(printable) > limit else f"'{printable}'"
