"""Colours for descriptions outside of editors with a language server.

The Pygments lexer serves web pages, notebooks and LaTeX (entry point ``acadl``);
``editors/acadl.tmLanguage.json`` is a TextMate grammar with the same words. ``python -m acadl.highlighting``
writes it anew; a test holds both to the grammar.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from pygments.lexer import RegexLexer, words
from pygments.token import Comment, Keyword, Name, Number, Operator, Punctuation, String, Text

from acadl.elaborate_parameters import TYPES
from acadl.elaborate_schema import KINDS
from acadl.elaborate_values import UNITS
from acadl.expressions import FUNCTION_ARITY
from acadl.parser_tables import tables

TEXTMATE = Path(__file__).parents[1] / "editors" / "acadl.tmLanguage.json"

# What the words of the grammar do, for their colours; a test sees to it that all are here.
DECLARING = ("architecture", "platform", "template", "operations", "const", "open", "optional")
CONTROLLING = ("for", "in", "if", "then", "else", "require", "import", "from", "and", "or", "not")
MODIFYING = ("out", "inout", "clock", "names", "addresses", "prepares")
CONSTANTS = ("true", "false")
OPERAND_KINDS = ("reg", "address", "int")


def grammar_words() -> frozenset[str]:
    """All words with a meaning."""
    listed = tables().keywords.get("NAME", {})
    return frozenset(listed) | frozenset(KINDS)


class AcadlLexer(RegexLexer):  # type: ignore[misc]
    """A Pygments lexer for ``.acadl``."""

    name = "acadl"
    aliases: ClassVar[list[str]] = ["acadl"]
    filenames: ClassVar[list[str]] = ["*.acadl"]
    tokens: ClassVar[Mapping[str, Any]] = {
        "root": [
            (r"///(?!/).*$", String.Doc),
            (r"//.*$", Comment.Single),
            (r'"[^"\n]*"', String.Double),
            (r"0[xX][0-9a-fA-F_]+", Number.Hex),
            (r"0[bB][01_]+", Number.Bin),
            (r"[0-9][0-9_]*(\.[0-9]+)?", Number),
            (r"\.\.<|<=>|=>|->|==|!=|<=|>=|<<|>>|[-+*/%<>=]", Operator),
            (r"(\.)(\s*)([A-Za-z_]\w*)", lambda lexer, match: _member(match)),
            (words(KINDS, prefix=r"\b", suffix=r"\b"), Keyword.Type),
            (words(DECLARING, prefix=r"\b", suffix=r"\b"), Keyword.Declaration),
            (words(CONTROLLING, prefix=r"\b", suffix=r"\b"), Keyword),
            (words(MODIFYING, prefix=r"\b", suffix=r"\b"), Keyword.Reserved),
            (words(CONSTANTS, prefix=r"\b", suffix=r"\b"), Keyword.Constant),
            (words(tuple(UNITS), prefix=r"\b", suffix=r"\b"), Keyword.Pseudo),
            (words((*TYPES, *OPERAND_KINDS), prefix=r"\b", suffix=r"\b"), Name.Class),
            (words(tuple(FUNCTION_ARITY), prefix=r"\b", suffix=r"(?=\s*\()"), Name.Builtin),
            (r"[A-Za-z_]\w*(?=\s*:)", Name.Attribute),
            (r"[A-Za-z_]\w*", Name),
            (r"[{}()\[\],:.]", Punctuation),
            (r"\s+", Text.Whitespace),
            (r".", Text),
        ]
    }


def _member(match: Any) -> Any:
    """``.name``: a keyword behind a dot is a name."""
    yield match.start(1), Punctuation, match[1]
    if match[2]:
        yield match.start(2), Text.Whitespace, match[2]
    yield match.start(3), Name, match[3]


def textmate() -> dict[str, Any]:
    """The TextMate grammar."""

    def rule(scope: str, pattern: str) -> dict[str, str]:
        return {"name": f"{scope}.acadl", "match": pattern}

    def any_of(scope: str, listed: tuple[str, ...], behind: str = "") -> dict[str, str]:
        return rule(scope, rf"(?<!\.)\b({'|'.join(listed)})\b{behind}")

    return {
        "$schema": "https://raw.githubusercontent.com/martinring/tmlanguage/master/tmlanguage.json",
        "name": "acadl",
        "scopeName": "source.acadl",
        "fileTypes": ["acadl"],
        "patterns": [
            rule("comment.line.documentation", r"///(?!/).*$"),
            rule("comment.line.double-slash", r"//.*$"),
            rule("string.quoted.double", r'"[^"\n]*"'),
            {
                "match": rf"(?<!\.)\b({'|'.join(KINDS)}|architecture|platform|template)\s+([A-Za-z_]\w*)",
                "captures": {
                    "1": {"name": "storage.type.acadl"},
                    "2": {"name": "entity.name.type.acadl"},
                },
            },
            rule("constant.numeric", r"\b(0[xX][0-9a-fA-F_]+|0[bB][01_]+|[0-9][0-9_]*(\.[0-9]+)?)"),
            any_of("storage.type", KINDS),
            any_of("keyword.other.declaration", DECLARING),
            any_of("keyword.control", CONTROLLING),
            any_of("storage.modifier", MODIFYING),
            any_of("constant.language", CONSTANTS),
            any_of("keyword.other.unit", tuple(UNITS)),
            any_of("support.type", (*TYPES, *OPERAND_KINDS)),
            any_of("support.function", tuple(FUNCTION_ARITY), r"(?=\s*\()"),
            rule("keyword.operator", r"\.\.<|<=>|=>|->|==|!=|<=|>=|<<|>>|[-+*/%<>=]"),
            rule("variable.parameter", r"[A-Za-z_]\w*(?=\s*:)"),
        ],
    }


def textmate_text() -> str:
    """The grammar as the file holds it."""
    return json.dumps(textmate(), indent=2) + "\n"


if __name__ == "__main__":
    TEXTMATE.write_text(textmate_text(), encoding="utf-8")
