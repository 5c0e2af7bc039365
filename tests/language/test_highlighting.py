"""Words of the Pygments lexer and of the TextMate grammar are those of the grammar."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("pygments")

from pygments.token import Comment, Error, Keyword, Name, Number, String

from acadl.highlighting import (
    CONSTANTS,
    CONTROLLING,
    DECLARING,
    KINDS,
    MODIFYING,
    TEXTMATE,
    AcadlLexer,
    grammar_words,
    textmate,
    textmate_text,
)

ROOT = Path(__file__).parents[2]
FILES = sorted([*ROOT.glob("platforms/library/*.acadl"), *ROOT.glob("examples/**/*.acadl")])


def test_every_word_of_the_grammar_has_one_colour() -> None:
    listed = [*DECLARING, *CONTROLLING, *MODIFYING, *CONSTANTS, *KINDS]
    assert sorted(listed) == sorted(grammar_words())


def test_the_textmate_grammar_is_up_to_date() -> None:
    """``python -m acadl.highlighting`` writes it anew."""
    assert TEXTMATE.read_text("utf-8") == textmate_text()
    for pattern in textmate()["patterns"]:
        re.compile(pattern["match"])  # as far as the two dialects agree


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_shipped_descriptions_have_no_unknown_words(path: Path) -> None:
    text = path.read_text("utf-8")
    tokens = list(AcadlLexer().get_tokens_unprocessed(text))
    assert "".join(word for _, _, word in tokens) == text
    assert not [word for _, kind, word in tokens if kind is Error or (kind is Name and word in KINDS)]


def test_colours() -> None:
    text = 'stage s { latency: 4 KiB }  // note\n/// doc\nx.in -> "a"'
    kinds = {word: kind for _, kind, word in AcadlLexer().get_tokens_unprocessed(text)}
    assert kinds["stage"] is Keyword.Type and kinds["latency"] is Name.Attribute
    assert kinds["4"] is Number and kinds["KiB"] is Keyword.Pseudo
    assert kinds["// note"] is Comment.Single and kinds["/// doc"] is String.Doc
    assert kinds["in"] is Name and kinds['"a"'] is String.Double


def test_pygments_finds_the_lexer() -> None:
    from importlib.metadata import entry_points

    names = {entry.name: entry.value for entry in entry_points(group="pygments.lexers")}
    assert names.get("acadl", "acadl.highlighting:AcadlLexer") == "acadl.highlighting:AcadlLexer"
