"""The grammar itself."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from acadl.elaborate_schema import OBJECTS
from acadl.parser_builder import Builder
from acadl.parser_messages import EXAMPLES, HEADERS

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


def test_the_grammar_is_lalr() -> None:
    from lark import Lark

    assert Lark(GRAMMAR, parser="lalr", lexer="basic", start=["file", "expression"]).terminals


def test_the_grammar_knows_the_keywords_of_all_classes() -> None:
    (words,) = re.findall(r"^KIND\.2: /\((.*)\)\\b/$", GRAMMAR, flags=re.MULTILINE)
    assert words.split("|") == list(OBJECTS)


def test_examples_in_messages_are_well_formed() -> None:
    from acadl.diagnostics import Collector
    from acadl.parser import parse

    for keyword, example in EXAMPLES.items():
        collector = Collector()
        parse(example.replace("…", ""), "example", collector)
        assert not collector.sorted(), keyword


def test_headers_are_terminals() -> None:
    terminals = set(re.findall(r"^([A-Z_]+)(?:\.\d+)?:", GRAMMAR, flags=re.MULTILINE))
    assert terminals >= HEADERS
