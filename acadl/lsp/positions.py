"""Columns of editors and ours: editors count from 0 in code units, we count characters from 1."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from acadl.errors import Span
from acadl.rendering import units

_LINE_END = re.compile(r"\r\n|\r|\n")


def plain_lines(text: str) -> str:
    """The text with ``\\n`` at the end of every line, so that our lines are the editor's."""
    return _LINE_END.sub("\n", text) if "\r" in text else text


def edited(text: str, start: tuple[int, int], end: tuple[int, int], new: str, encoding: str) -> str:
    """The text with ``new`` in place of what is between two places, each a line and a character of an editor.

    A place behind the end of its line means that end, one behind the last line the end of the text. Of places
    in the wrong order, the first one counts for both.
    """
    ends = [match.span() for match in _LINE_END.finditer(text)]

    def offset(line: int, character: int) -> int:
        if line > len(ends):
            return len(text)
        first = ends[line - 1][1] if line else 0
        last = ends[line][0] if line < len(ends) else len(text)
        return first + column_of(text[first:last], character, encoding) - 1

    first = offset(*start)
    return text[:first] + new + text[max(first, offset(*end)) :]


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
