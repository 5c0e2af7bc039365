"""The formatter: one style, comments kept, the meaning never changed (``acadl fmt``)."""

from __future__ import annotations

from typing import Any

from acadl.errors import AcadlError

__all__ = ["format_text"]

_REPORT = "this is a mistake of the formatter, please report it"


def format_text(text: str, file: str = "<string>") -> str:
    """The text of a description in the one style.

    Comments stay with what they are about, at most one empty line stays between statements, and the result
    formats to itself. ``file`` is what messages call the text.

    Raises:
        DescriptionError: The text has syntax errors.
        AcadlError: The text cannot be laid out without changing what it says (a mistake of the formatter).
    """
    from acadl.formatting.layout import demoted_comment, layout, plain_comment
    from acadl.formatting.printing import text_of
    from acadl.formatting.reading import read
    from acadl.memory import no_garbage_collection

    with no_garbage_collection():
        tree, block = read(text, file)
        for comment in (plain_comment, demoted_comment):
            formatted = text_of(layout(block, comment))
            if means_the_same(tree.items, _parsed_again(formatted, file)):
                return formatted
    raise AcadlError(f"'{file}' cannot be formatted without changing what it says; {_REPORT}")


def _parsed_again(formatted: str, file: str) -> Any:
    """The statements of a text that the formatter has made. Raises :class:`AcadlError`."""
    from acadl.diagnostics import DescriptionError
    from acadl.formatting.reading import parsed

    try:
        return parsed(formatted, file).items
    except DescriptionError as error:
        if error.diagnostics[0].code != "E0801":
            raise AcadlError(f"'{file}' cannot be formatted: {_REPORT}") from error
        reason = "with a line for each statement it would be longer than a description may be"
        raise AcadlError(f"'{file}' stays as it is: {reason}") from error


def means_the_same(first: Any, second: Any) -> bool:
    """Whether two syntax trees differ in nothing but the places they were read from."""
    from acadl.errors import Span
    from acadl.records import Record

    pending = [(first, second)]
    while pending:
        a, b = pending.pop()
        if type(a) is not type(b):
            return False
        if isinstance(a, Record):
            a, b = a.values(), b.values()
        if isinstance(a, tuple) and not isinstance(a, Span):
            if len(a) != len(b):
                return False
            pending += zip(a, b, strict=True)
        elif not isinstance(a, Span) and a != b:
            return False
    return True
