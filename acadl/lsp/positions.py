"""Columns of editors and ours: editors count from 0 in code units, we count characters from 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from acadl.errors import Span
from acadl.rendering import units


def column_of(line: str, character: int, encoding: str) -> int:
    """Our column of an editor's character; the end of the line for what lies behind it."""
    count = 0
    for number, sign in enumerate(line, 1):
        if count >= character:
            return number
        count += units(sign, encoding)
    return len(line) + 1


@dataclass(frozen=True, slots=True)
class Place:
    """A range as editors count it: lines and characters from 0."""

    line: int
    character: int
    end_line: int
    end_character: int


def place_of(span: Span, lines: Sequence[str], encoding: str) -> Place:
    """A span as editors count it."""

    def character(line: int, column: int) -> int:
        text = lines[line - 1] if 1 <= line <= len(lines) else ""
        return units(text[: column - 1], encoding)

    return Place(
        span.line - 1,
        character(span.line, span.column),
        span.end_line - 1,
        character(span.end_line, span.end_column),
    )
