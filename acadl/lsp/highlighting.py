"""Semantic tokens: what each word is, with what the index knows about names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from acadl.elaborate_parameters import TYPES
from acadl.elaborate_values import UNITS
from acadl.expressions import FUNCTION_ARITY
from acadl.lsp.index import Index
from acadl.lsp.symbols import SymbolKind
from acadl.parser import is_documentation
from acadl.parser_tables import tables

TYPES_OF_TOKENS = (
    *("keyword", "type", "comment", "string", "number", "operator", "variable", "parameter", "class"),
    *("function", "property", "namespace"),
)
MODIFIERS = ("declaration", "readonly", "documentation")
_OF_SYMBOLS = {
    SymbolKind.ARCHITECTURE: "namespace",
    SymbolKind.PLATFORM: "namespace",
    SymbolKind.TEMPLATE: "class",
    SymbolKind.PARAMETER: "parameter",
    SymbolKind.CONST: "variable",
    SymbolKind.VARIABLE: "variable",
    SymbolKind.OBJECT: "variable",
    SymbolKind.INSTANCE: "variable",
    SymbolKind.OPEN_EDGE: "property",
    SymbolKind.OPERATION: "function",
    SymbolKind.OPERAND: "parameter",
}
_SIGNS = frozenset(
    {"FORWARD", "DATA", "BOTH", "COMPARATOR", "SHIFT", "PLUS", "MINUS", "STAR", "SLASH", "PERCENT", "UPTO"}
)


@dataclass(frozen=True, slots=True)
class Token:
    """A coloured stretch of one line; line and column from 1."""

    line: int
    column: int
    length: int
    kind: str
    modifiers: tuple[str, ...] = ()


def tokens(text: str, index: Index) -> Iterator[Token]:
    """Tokens in order of text."""
    symbols = {(ref.span.line, ref.span.column): ref for ref in index.references}
    line, start = 1, 0
    last = ""
    for match in tables().words.finditer(text):
        kind, word = str(match.lastgroup), match[0]
        if kind == "NEWLINE":
            line, start = line + 1, match.end()
            continue
        column = match.start() - start + 1
        reference = symbols.get((line, column))
        if reference is not None:
            modifiers = ("declaration",) if reference.declares else ()
            if reference.symbol.kind in (SymbolKind.CONST, SymbolKind.VARIABLE):
                modifiers = (*modifiers, "readonly")
            yield Token(line, column, len(word), _OF_SYMBOLS[reference.symbol.kind], modifiers)
        else:
            found = _plain(kind, word, last)
            if found is not None:
                modifiers = ("documentation",) if kind == "COMMENT" and is_documentation(word) else ()
                yield Token(line, column, len(word.rstrip("\r")), found, modifiers)
        last = kind if kind != "SPACE" else last


def _plain(kind: str, word: str, last: str) -> str | None:
    """The kind of a word that is no symbol."""
    if kind in ("COMMENT", "STRING", "NUMBER"):
        return kind.lower()
    if kind == "KIND":
        return "type"
    if kind in _SIGNS:
        return "operator"
    if kind != "NAME":
        return None
    if word in tables().keywords.get("NAME", {}):
        return "keyword"
    if last == "NUMBER" and word in UNITS:
        return "number"
    if word in TYPES:
        return "type"
    return "function" if word in FUNCTION_ARITY else "property"
