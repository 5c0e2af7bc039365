"""Texts that are open in an editor, with lines as the protocol defines them.

Lines end with ``\\n``, ``\\r\\n`` or ``\\r`` and with nothing else: not at a line separator, a form feed
or a vertical tab, where :meth:`str.splitlines` ends them, too.
"""

from __future__ import annotations

from lsprotocol import types
from pygls.workspace import TextDocument

from acadl.lsp.positions import edited


class Document(TextDocument):
    """An open text that takes over edits.

    Args:
        uri: What the editor calls it.
        text: What it contains.
        version: The editor's number of this content.
        encoding: What columns on the wire count.
    """

    def __init__(self, uri: str, text: str, version: int | None, encoding: str) -> None:
        super().__init__(uri, text, version)
        self._text = text
        self._encoding = encoding

    @property
    def source(self) -> str:
        """The text as it is now."""
        return self._text

    def apply_change(self, change: types.TextDocumentContentChangeEvent) -> None:
        """Take over one edit, or the whole new text."""
        if isinstance(change, types.TextDocumentContentChangePartial):
            start, end = change.range.start, change.range.end
            places = ((start.line, start.character), (end.line, end.character))
            self._text = edited(self._text, *places, change.text, self._encoding)
        else:
            self._text = change.text
