"""The reference shows every construct, parsed; every object in time, simulated; and the grammar, as it is.

``ACADL_RECORD=1 pytest tests/language/test_reference_page.py`` writes timing diagrams and grammar anew.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from acadl.diagnostics import Collector
from acadl.elaborate_schema import OBJECTS
from acadl.formatting import format_text
from acadl.parser import parse
from acadl.parser_builder import Builder
from acadl.parser_tables import tables
from tests.language.test_grammar import GRAMMAR
from tests.language.timing_diagrams import diagram

PATH = Path(__file__).parents[2] / "docs" / "language.md"
PAGE = PATH.read_text("utf-8")
FENCE = re.compile(r"^```(acadl|text)[^\n]*\n(.*?)^```", re.DOTALL | re.MULTILINE)
TIMED = re.compile(r"```text\n((?:(?!```).)*?)```\n\n```text\nprogram: ([^\n]*)\n(.*?)```", re.DOTALL)
RULES = GRAMMAR.split("// --- words ---")[0].rstrip() + "\n"
RECORDS = bool(os.environ.get("ACADL_RECORD"))


def statements() -> list[str]:
    """Blocks with statements of the language: not messages, diagrams or the grammar."""
    found = [match[2] for match in FENCE.finditer(PAGE)]
    return [text for text in found if not text.startswith(("error[", "program:", "// Grammar"))]


@pytest.mark.parametrize("text", statements(), ids=lambda text: text.strip().split("\n")[0][:40])
def test_every_example_is_well_formed(text: str) -> None:
    collector = Collector()
    parse(text.replace("…", ""), "example", collector)
    assert not collector.sorted()


def test_every_construct_has_an_example(monkeypatch: pytest.MonkeyPatch) -> None:
    """All rules of the grammar are met while the examples are read."""
    seen: set[str] = set()

    def watch(name: str, build: Any) -> Any:
        def watched(children: Any) -> Any:
            seen.add(name)
            return build(children)

        return watched

    builder = Builder()
    for name in vars(Builder):
        if not name.startswith("_"):
            monkeypatch.setattr(Builder, name, staticmethod(watch(name, getattr(builder, name))))
    tables.cache_clear()
    try:
        for text in statements():
            parse(text.replace("…", ""), "example", Collector())
    finally:
        monkeypatch.undo()
        tables.cache_clear()
    # always transparent, as its one child stands for it
    assert {name for name in vars(Builder) if not name.startswith("_")} - seen == set()


def test_timing_diagrams_are_those_of_the_simulation() -> None:
    def drawn(match: re.Match[str]) -> str:
        text = f"```text\n{match[1]}```\n\n```text\nprogram: {match[2]}\n\n"
        return f"{text}{diagram(match[1], match[2])}\n```"

    global PAGE
    page = TIMED.sub(drawn, PAGE)
    if RECORDS:
        PATH.write_text(page, "utf-8")
        PAGE = page
    assert page == PAGE


def test_every_object_has_a_timing_diagram() -> None:
    section = PAGE.split("## Objects in time")[1].split("\n## ")[0]
    shown = {
        word
        for title in re.findall(r"^### (.*)$", section, re.MULTILINE)
        for word in re.findall(r"`(\w+)`", title)
    }
    assert shown == set(OBJECTS)
    assert len(TIMED.findall(section)) == len(re.findall(r"^### ", section, re.MULTILINE))
    for fragment, _, _ in TIMED.findall(section):
        assert format_text(fragment) == fragment


def test_the_grammar_is_shown_as_it_is() -> None:
    global PAGE
    head, mark, tail = PAGE.partition("```text\n// Grammar")
    assert mark
    page = f"{head}```text\n{RULES}```{tail.partition('```')[2]}"
    if RECORDS:
        PATH.write_text(page, "utf-8")
        PAGE = page
    assert page == PAGE
