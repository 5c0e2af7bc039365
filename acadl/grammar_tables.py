"""Makes ``grammar.json`` from ``grammar.lark``; needs lark.

    python -m acadl.grammar_tables

Lark supplies the lexer and the LALR tables. States, rules and helpers get numbers by the order in which they
are reached from the start rules, so that equal grammars make equal files.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from acadl.parser_tables import ABSENT, SPREAD, TABLES

GRAMMAR = Path(__file__).with_name("grammar.lark")
STARTS = ["file", "expression"]


class _WithMistakes:
    """Keeps the terminals for what has no meaning, though no rule uses them."""

    always_accept = ("UNCLOSED", "UNKNOWN")

    def process(self, stream: Iterator[Any]) -> Iterator[Any]:
        return stream


class _Tables:
    """Lark's tables with numbers of our own."""

    def __init__(self, table: Any) -> None:
        self._table = table
        self._helpers: dict[str, str] = {}
        self._rule_numbers: dict[Any, int] = {}
        self._state_numbers: dict[Any, int] = {}
        self.rules: list[list[Any]] = []
        self.states: list[dict[str, int]] = []
        self.starts = {start: self._number(table.start_states[start]) for start in STARTS}
        pending = 0
        order = list(self._state_numbers)
        while pending < len(order):
            self.states.append(self._actions(table.states[order[pending]]))
            order = list(self._state_numbers)
            pending += 1
        self.ends = {start: self._state_numbers[table.end_states[start]] for start in STARTS}

    def _number(self, state: Any) -> int:
        return self._state_numbers.setdefault(state, len(self._state_numbers))

    def _actions(self, actions: dict[str, Any]) -> dict[str, int]:
        made = {}
        for symbol in sorted(actions):
            action, argument = actions[symbol]
            is_shift = action.name == "Shift"
            made[self._symbol(symbol)] = self._number(argument) if is_shift else -1 - self._rule(argument)
        return made

    def _symbol(self, name: str) -> str:
        if not name.startswith("__"):
            return name
        return self._helpers.setdefault(name, f"__{len(self._helpers)}")

    def _rule(self, rule: Any) -> int:
        if rule not in self._rule_numbers:
            self._rule_numbers[rule] = len(self.rules)
            origin = rule.origin.name
            parts = _parts(rule)
            is_transparent = bool(rule.options.expand1 and not rule.alias)
            is_unbuilt = origin.startswith("_") or (is_transparent and parts == [0])
            name = "" if is_unbuilt else rule.alias or origin
            self.rules.append([self._symbol(origin), len(rule.expansion), is_transparent, parts, name])
        return self._rule_numbers[rule]


def _parts(rule: Any) -> list[int]:
    """Which symbols become children; see :class:`acadl.parser_tables.Rule`."""
    absent = [False] * len(rule.expansion)
    if rule.options.empty_indices:
        absent = list(rule.options.empty_indices)
    parts: list[int] = []
    number = 0
    for is_absent in absent:
        if is_absent:
            parts.append(ABSENT)
            continue
        symbol = rule.expansion[number]
        if symbol.is_term:
            parts += [] if symbol.filter_out else [number]
        else:
            parts.append(SPREAD - number if symbol.name.startswith("_") else number)
        number += 1
    return parts


def build(grammar: str) -> dict[str, Any]:
    """What ``grammar.json`` holds, for the text of a grammar."""
    from lark import Lark

    parser: Any = Lark(
        grammar,
        parser="lalr",
        lexer="basic",  # keywords become names by need in `acadl.parser_run`
        start=STARTS,
        maybe_placeholders=True,
        postlex=_WithMistakes(),
    )
    lexer = parser.parser.lexer.lexer
    made = _Tables(parser.parser.parser._parse_table)
    return {
        "words": "|".join(f"(?P<{t.name}>{t.pattern.to_regexp()})" for t in lexer.scanner.terminals),
        "ignored": sorted(lexer.ignore_types),
        "keywords": {
            name: {terminal.pattern.value: terminal.name for terminal in unless.scanner.terminals}
            for name, unless in sorted(lexer.callback.items())
        },
        "starts": made.starts,
        "ends": made.ends,
        "rules": made.rules,
        "states": made.states,
    }


def text_of(tables: dict[str, Any]) -> str:
    """The tables as JSON, a line for every rule and state."""
    lines = []
    for name, value in tables.items():
        if isinstance(value, list) and name in ("rules", "states"):
            rows = ",\n".join(json.dumps(row, sort_keys=True) for row in value)
            lines.append(f"{json.dumps(name)}: [\n{rows}\n]")
        else:
            lines.append(f"{json.dumps(name)}: {json.dumps(value, sort_keys=True)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    TABLES.write_text(text_of(build(GRAMMAR.read_text("utf-8"))), encoding="utf-8")
