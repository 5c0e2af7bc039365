"""The formatter: one style, comments kept, the meaning never changed (``acadl fmt``)."""

from __future__ import annotations

from typing import Any

from acadl.errors import AcadlError

__all__ = ["format_text"]


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
        meaning = meaning_of(tree.items)
        for comment in (plain_comment, demoted_comment):
            formatted = text_of(layout(block, comment))
            if meaning_of(read(formatted, file)[0].items) == meaning:
                return formatted
    raise AcadlError(f"'{file}' cannot be formatted without changing what it says; please report this")


def meaning_of(node: Any) -> Any:
    """A syntax tree without the places it was read from."""
    from acadl.errors import Span
    from acadl.records import Record

    if isinstance(node, tuple):
        return tuple(map(meaning_of, node))
    if isinstance(node, Record):
        return (type(node).__name__, *(meaning_of(v) for v in node.values() if not isinstance(v, Span)))
    return node
