"""Where in a JSON text a value stands."""

from __future__ import annotations

import re
from collections.abc import Sequence

from acadl.errors import Span

Path = tuple[str | int, ...]
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


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


def _spans(text: str) -> dict[Path, tuple[int, int]]:
    """First and last position of each value; of an object or a list, its opening bracket."""
    spans: dict[Path, tuple[int, int]] = {}
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
