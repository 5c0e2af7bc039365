"""The grammar itself."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from typing import Any

import pytest

from acadl.diagnostics import Collector
from acadl.elaborate_schema import KINDS, OBJECTS
from acadl.grammar_tables import build
from acadl.parser import parse
from acadl.parser_builder import Builder
from acadl.parser_messages import EXAMPLES
from acadl.parser_tables import TABLES, Automaton, Word, tables
from acadl.parser_words import HEADERS
from platforms.catalog import platform_names

GRAMMAR = (files("acadl") / "grammar.lark").read_text("utf-8")


def rules() -> set[str]:
    """Rules and aliases, which are the names of tree nodes."""
    named = set(re.findall(r"^([a-z_]+):", GRAMMAR, flags=re.MULTILINE))
    return named | set(re.findall(r"-> ([a-z_]+)$", GRAMMAR, flags=re.MULTILINE))


def test_every_rule_has_a_callback_and_every_callback_a_rule() -> None:
    callbacks = {name for name in vars(Builder) if not name.startswith("_")}
    inlined = {"open_edge"}  # its alternatives all have aliases
    assert callbacks == rules() - inlined


def test_the_grammar_has_no_conflicts() -> None:
    """Lark reports shift/reduce conflicts, and in strict mode also terminals that overlap."""
    pytest.importorskip("interegular")
    from lark import Lark

    Lark(GRAMMAR, parser="lalr", lexer="basic", start=["file", "expression"], strict=True)


def test_the_tables_are_those_of_the_grammar() -> None:
    """``python -m acadl.grammar_tables`` makes them anew."""
    assert json.loads(TABLES.read_text("utf-8")) == build(GRAMMAR)


@pytest.mark.parametrize("platform", platform_names())
def test_words_are_those_that_lark_finds(platform: str) -> None:
    from lark import Lark

    text = (files("platforms") / "library" / f"{platform}.acadl").read_text("utf-8")
    lark = Lark(GRAMMAR, parser="lalr", lexer="basic", start="file")
    assert list(tables().lex(text)) == [(word.type, str(word), word.start_pos) for word in lark.lex(text)]


@pytest.mark.parametrize("platform", platform_names())
def test_the_tree_is_the_one_that_lark_builds(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from lark import Lark

    words: list[Any] = []  # names and line ends are decided before the automaton reads them
    feed = Automaton.feed

    def remember(automaton: Automaton, word: Word) -> Any:
        words.append(word)
        return feed(automaton, word)

    monkeypatch.setattr(Automaton, "feed", remember)
    text = (files("platforms") / "library" / f"{platform}.acadl").read_text("utf-8")
    found = parse(text, "<string>", Collector()).items
    lark = Lark(GRAMMAR, parser="lalr", start="file", maybe_placeholders=True, transformer=Builder())
    state = lark.parse_interactive("")
    results = [state.feed_token(word) for word in words]
    assert found and found == results[-1]


def test_the_grammar_knows_the_keywords_of_all_classes() -> None:
    (words,) = re.findall(r"^KIND\.2: /\((.*)\)\\b/$", GRAMMAR, flags=re.MULTILINE)
    assert words.split("|") == list(KINDS) == [*OBJECTS, "bus"]


def test_examples_in_messages_are_well_formed() -> None:
    for keyword, example in EXAMPLES.items():
        collector = Collector()
        parse(example.replace("…", ""), "example", collector)
        assert not collector.sorted(), keyword


def test_headers_are_terminals() -> None:
    terminals = set(re.findall(r"^([A-Z_]+)(?:\.\d+)?:", GRAMMAR, flags=re.MULTILINE))
    assert terminals >= HEADERS
