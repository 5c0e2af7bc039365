"""Errors of the whole project: what was found, where, and what to write instead."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Literal, NamedTuple

Severity = Literal["error", "warning", "note"]
_SEVERITIES: dict[str, Severity] = {"E": "error", "W": "warning", "N": "note"}


class Span(NamedTuple):
    """A stretch of source text; lines and columns count from 1, ``end_column`` is exclusive."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Label:
    """A secondary place that helps to understand a diagnostic, possibly in another file."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding about a user's input.

    Attributes:
        code: Stable identifier, ``E....`` for errors, ``W....`` for warnings and ``N....`` for notes;
            ``acadl explain CODE`` says more about it.
        message: One sentence that names what was found.
        span: Where; ``None`` where the finding has no place in a file.
        hint: One sentence that says what to write instead.
        labels: Related places, such as the first declaration.
    """

    code: str
    message: str
    span: Span | None = None
    hint: str | None = None
    labels: tuple[Label, ...] = field(default=())

    @property
    def file(self) -> str | None:
        """The file; ``None`` where the finding has no place in one. Likewise the properties below."""
        return self.span.file if self.span else None

    @property
    def line(self) -> int | None:
        """First line, from 1."""
        return self.span.line if self.span else None

    @property
    def column(self) -> int | None:
        """First column, from 1."""
        return self.span.column if self.span else None

    @property
    def end(self) -> tuple[int, int] | None:
        """Last line, and the column after the last one."""
        return (self.span.end_line, self.span.end_column) if self.span else None

    @property
    def is_error(self) -> bool:
        """Whether the input is unusable because of this finding."""
        return self.code.startswith("E")

    @property
    def severity(self) -> Severity:
        """``error``, ``warning`` or ``note``."""
        return _SEVERITIES.get(self.code[:1], "error")

    @property
    def title(self) -> str:
        """What all findings of this code have in common; empty for codes of other inputs."""
        from acadl.diagnostics import CODES

        return CODES.get(self.code, "")

    def to_dict(self) -> dict[str, object]:
        """For JSON.

        Keys ``code, severity, title, message, file, line, column, end_line, end_column, hint, labels``;
        ``labels`` is a list of related places: ``text, file, line, column, end_line, end_column``.
        """
        end = self.end or (None, None)
        return {
            "code": self.code,
            "severity": self.severity,
            "title": self.title,
            "message": self.message,
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "end_line": end[0],
            "end_column": end[1],
            "hint": self.hint,
            "labels": [{"text": label.text, **label.span._asdict()} for label in self.labels],
        }


class AcadlError(Exception):
    """Something a user gave cannot be used; ``diagnostics`` says what and where, if it is a file."""

    def __init__(self, message: str, diagnostics: Iterable[Diagnostic] = ()) -> None:
        super().__init__(message)
        self.diagnostics: tuple[Diagnostic, ...] = tuple(diagnostics)


class RoutingError(AcadlError):
    """An instruction cannot be given to exactly one functional unit, or the unit cannot be reached."""


class ProgramError(AcadlError):
    """A loop program is malformed: unknown operation, wrong operand, address outside every memory."""


class SimulationError(AcadlError):
    """A simulation cannot go on: missing function, deadlock, value that does not fit."""


def nearest(name: str, known: Iterable[str]) -> str:
    """``; did you mean '…'?`` with the most similar of ``known``, to end a message with; empty if none is."""
    close = get_close_matches(name, list(known), 1)
    return f"; did you mean '{close[0]}'?" if close else ""


def shortened(text: str, most: int = 100) -> str:
    """A text that a user gave, for a message: its start and its end where it is longer than ``most``."""
    if len(text) <= most:
        return text
    half = (most - 1) // 2
    return f"{text[:half]}…{text[-half:]}"


def reason_of(error: OSError | ValueError) -> str:
    """Why a file cannot be read, without its name."""
    return getattr(error, "strerror", None) or str(error)
