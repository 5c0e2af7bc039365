"""Words and LALR tables of the grammar, and the automaton that runs on them.

``grammar.json`` is made from ``grammar.lark`` by :mod:`acadl.grammar_tables`: making tables takes longer than
reading most descriptions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from acadl.parser_builder import Builder

TABLES = Path(__file__).with_name("grammar.json")
END = "$END"

# In a rule's parts: a child that the text leaves out, and (from here on down) children to put in place.
ABSENT, SPREAD = -1, -2


class UnexpectedWordError(Exception):
    """A word that the grammar has no room for."""


class Word(Protocol):
    """What the automaton reads."""

    @property
    def type(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Rule:
    """What is done when all symbols of a rule have been read.

    Attributes:
        origin: What they form; helpers of the grammar's repetitions start with ``__``.
        size: How many they are.
        is_transparent: A single child stands for the whole.
        parts: What the rule's children are: symbols by number, ``ABSENT``, or ``SPREAD - n``: the children of
            symbol ``n``.
        build: From children to a node; ``None`` for helpers, whose children are spread, and where a single
            child always stands for the whole.
        grows: Whether it adds to the children of its first symbol, a helper like itself. It does so in place,
            as long lists would take for ever otherwise.
        passes: Whether its only symbol stands for the whole, as an operand does at each level of precedence.
    """

    origin: str
    size: int
    is_transparent: bool
    parts: tuple[int, ...]
    build: Callable[[list[Any]], Any] | None
    grows: bool
    passes: bool

    def reduce(self, values: list[Any]) -> Any:
        """The node, from the values of the symbols."""
        if self.grows:
            grown: list[Any] = values[0]
            grown += self._children(values, self.parts[1:])
            return grown
        children = self._children(values, self.parts)
        if self.is_transparent and len(children) == 1:
            return children[0]
        return children if self.build is None else self.build(children)

    def _children(self, values: list[Any], parts: tuple[int, ...]) -> list[Any]:
        children: list[Any] = []
        for part in parts:
            if part >= 0:
                children.append(values[part])
            elif part == ABSENT:
                children.append(None)
            else:
                children += values[SPREAD - part]
        return children


@dataclass(frozen=True, slots=True)
class Tables:
    """The grammar.

    Attributes:
        words: One group per terminal.
        ignored: Terminals that nobody sees.
        keywords: Terminal to the texts that are another one.
        rules: By number.
        states: Symbol to what follows: a state to go to, or ``-1 - n``: rule ``n`` is complete.
        starts: Start rule to its first state.
        ends: Start rule to the state in which it is complete.
    """

    words: re.Pattern[str]
    ignored: frozenset[str]
    keywords: Mapping[str, Mapping[str, str]]
    rules: tuple[Rule, ...]
    states: tuple[Mapping[str, int], ...]
    starts: Mapping[str, int]
    ends: Mapping[str, int]

    def lex(self, text: str) -> Iterator[tuple[str, str, int]]:
        """Terminal, text and position of every word; with what is ignored they are the whole text."""
        for match in self.words.finditer(text):
            kind, found = str(match.lastgroup), match[0]
            if kind not in self.ignored:
                if kind in self.keywords:
                    kind = self.keywords[kind].get(found, kind)
                yield kind, found, match.start()


@cache
def tables() -> Tables:
    """The tables, read on first use."""
    data = json.loads(TABLES.read_text("utf-8"))
    builder = Builder()
    return Tables(
        words=re.compile(data["words"]),
        ignored=frozenset(data["ignored"]),
        keywords=data["keywords"],
        rules=tuple(
            Rule(
                *(origin, size, single, tuple(parts), getattr(builder, name) if name else None),
                grows=origin.startswith("__") and parts[:1] == [SPREAD],
                passes=single and size == 1 and parts == [0],
            )
            for origin, size, single, parts, name in data["rules"]
        ),
        states=tuple(data["states"]),
        starts=data["starts"],
        ends=data["ends"],
    )


class Automaton:
    """Reads words one by one.

    Attributes:
        states, values: Its stacks; a state for the beginning, then one for each value.
    """

    def __init__(self, start: str) -> None:
        self._tables = tables()
        self.states = [self._tables.starts[start]]
        self.values: list[Any] = []
        self._end = self._tables.ends[start]
        self._passed: dict[tuple[int, int, str], int] = {}

    def feed(self, word: Word) -> Any:
        """Read a word; behind ``$END`` stands the result of the start rule.

        Raises:
            UnexpectedWordError: The word does not fit; nothing has changed.
        """
        actions, rules, states, values = self._tables.states, self._tables.rules, self.states, self.values
        kind = word.type
        completed: list[tuple[list[int], list[Any], int]] = []
        while True:
            action = actions[states[-1]].get(kind)
            if action is None:
                self._restore(completed)
                raise UnexpectedWordError
            if action >= 0:
                states.append(action)
                values.append(word)
                return None
            rule = rules[-1 - action]
            if rule.passes:
                completed.append((states[-1:], values[-1:], 0))
                states[-1] = self._behind_passing(states[-2], states[-1], kind)
                if kind == END and states[-1] == self._end:
                    return values[-1]
                continue
            first = len(values) - rule.size
            taken = values[first:]
            completed.append((states[first + 1 :], taken, len(taken[0]) if rule.grows else 0))
            value = rule.reduce(taken)
            del states[first + 1 :], values[first:]
            states.append(actions[states[-1]][rule.origin])
            values.append(value)
            if kind == END and states[-1] == self._end:
                return value

    def _behind_passing(self, below: int, state: int, kind: str) -> int:
        """The state in which a word of that kind is read, or a rule that does something is completed."""
        key = below, state, kind
        known = self._passed.get(key)
        if known is None:
            actions, rules = self._tables.states, self._tables.rules
            while (action := actions[state].get(kind, 0)) < 0 and rules[-1 - action].passes:
                state = actions[below][rules[-1 - action].origin]
                if kind == END and state == self._end:
                    break
            known = self._passed[key] = state
        return known

    def _restore(self, completed: list[tuple[list[int], list[Any], int]]) -> None:
        """Take back rules that were completed in vain."""
        for states, values, length in reversed(completed):
            if length:
                del values[0][length:]
            del self.states[-1], self.values[-1]
            self.states += states
            self.values += values

    def choices(self) -> Mapping[str, int]:
        """Symbols for which there is an action; some of them do not fit after all (see :meth:`accepts`)."""
        return self._tables.states[self.states[-1]]

    def is_read_next(self, kind: str) -> bool:
        """Whether a word of that kind would be read without completing a rule."""
        return self.choices().get(kind, -1) >= 0

    def accepts(self) -> frozenset[str]:
        """Kinds of words that fit."""
        kinds = (kind for kind in self.choices() if kind.upper() == kind and not kind.startswith("_"))
        return frozenset(kind for kind in kinds if self.fits(kind))

    def fits(self, kind: str) -> bool:
        """Whether a word of that kind would be read."""
        states = self.states.copy()
        while True:
            action = self._tables.states[states[-1]].get(kind)
            if action is None or action >= 0:
                return action is not None
            rule = self._tables.rules[-1 - action]
            del states[len(states) - rule.size :]
            states.append(self._tables.states[states[-1]][rule.origin])
            if kind == END and states[-1] == self._end:
                return True
