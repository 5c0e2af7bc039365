"""JSON files that users write: where their values stand, and all that is wrong with them at once."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from acadl.errors import AcadlError, Diagnostic, Span
from acadl.reading import ReadError, read_text

CODE = "E0001"
Keys = tuple[str | int, ...]
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


class JsonFile:
    """The text of a file and what is wrong with it.

    Raises:
        AcadlError: It cannot be read.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.found: list[Diagnostic] = []
        try:
            self.text = read_text(Path(name))
        except ReadError as error:
            raise AcadlError(f"cannot read '{name}': {error}") from error

    def data(self, what: str) -> Any:
        """The value in the file, which is to be ``what``. Raises :class:`AcadlError` where there is none."""
        try:
            return json.loads(self.text)
        except json.JSONDecodeError as error:
            raise AcadlError(
                f"{self.name}, line {error.lineno}, column {error.colno}: this is no JSON: {error.msg}"
            ) from error
        except (RecursionError, ValueError) as error:  # brackets without end, numbers without end
            raise AcadlError(f"{self.name} is no {what}: {error}") from error

    def add(self, message: str, keys: Sequence[str | int], hint: str | None = None) -> None:
        """Something is wrong with the value at a path of keys and positions."""
        self.found.append(Diagnostic(CODE, message, place(self.text, keys, self.name), hint))

    def check(self) -> None:
        """Raise what has been found, by line."""
        if self.found:
            self.found.sort(key=lambda item: (item.span.line, item.span.column) if item.span else (0, 0))
            raise AcadlError(f"{self.name}: {self.found[0].message}", self.found)


def place(text: str, path: Sequence[str | int], file: str) -> Span:
    """The value at a path of keys and positions, or the nearest one around it that is there.

    ``text`` is well-formed JSON.
    """
    spans = _spans(text)
    wanted = tuple(path)
    while wanted and wanted not in spans:
        wanted = wanted[:-1]
    start, end = spans.get(wanted, (0, 1))
    line = text.count("\n", 0, start) + 1
    column = start - (text.rfind("\n", 0, start) + 1)
    stop = text.find("\n", start)
    length = min(end, len(text) if stop < 0 else stop) - start
    return Span(file, line, column + 1, line, column + 1 + max(1, length))


def _spans(text: str) -> dict[Keys, tuple[int, int]]:
    """First and last position of each value; of an object or a list, its opening bracket."""
    spans: dict[Keys, tuple[int, int]] = {}
    stack: list[str | int] = []  # of each open bracket: the key or position inside it
    in_object: list[bool] = []
    expects_key = False
    for token in _TOKEN.finditer(text):
        sign = token[0]
        if sign in "}]":
            stack.pop()
            in_object.pop()
            expects_key = False
        elif sign == ",":
            expects_key = in_object[-1]
            if not expects_key:
                stack[-1] = int(stack[-1]) + 1
        elif sign == ":":
            expects_key = False
        elif expects_key:
            stack[-1] = sign[1:-1]
        else:
            spans.setdefault(tuple(stack), token.span())
            if sign in "{[":
                in_object.append(sign == "{")
                stack.append("" if sign == "{" else 0)
                expects_key = sign == "{"
    return spans
