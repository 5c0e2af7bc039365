"""Conditions over named values, as text: which rows of a table, which cycles of a waveform.

    variant == "tile" and M * N <= 4096
    io_cmd_valid && io_cmd_ready && io_cmd_bits[6:0] == 0x2

Operators, from the weakest: ``or`` ``||``, ``and`` ``&&``, ``not`` ``!``, comparisons (which do not chain),
``+ -``, ``* / %``, sign. Values are numbers (``12``, ``0x1F``, ``0b101``, ``2.5``), texts in quotes and
names; a name may be followed by bits, ``[3]`` or ``[7:4]``, and stands in backquotes if it is made of other
signs. What is unknown (an empty cell, a signal with undefined bits) stays unknown through all operators
unless the other side decides; at the end it counts as false.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, NoReturn, TypeAlias

from acadl.errors import AcadlError, nearest

Value: TypeAlias = int | float | str | None
Values: TypeAlias = Mapping[str, Value]
Evaluate: TypeAlias = Callable[[Values], Value]

LONGEST = 2000  # characters
DEEPEST = 50  # brackets and signs around one another
_TOKEN = re.compile(
    r"\s*(?:(?P<number>0[xX][0-9a-fA-F_]+|0[bB][01_]+|\d[\d_]*(?:\.\d+)?)|(?P<name>[A-Za-z_][\w.$]*)"
    r"|`(?P<quoted>[^`]+)`|(?P<text>\"[^\"]*\"|'[^']*')|(?P<sign>\|\||&&|[=!<>]=|[<>!()+\-*/%\[\]:])|(?P<end>$))"
)
_WORDS = {"or": "||", "and": "&&", "not": "!"}
_COMPARISONS: Mapping[str, Callable[[object, object], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,  # type: ignore[dict-item]  # sides are made comparable first
    "<=": operator.le,  # type: ignore[dict-item]
    ">": operator.gt,  # type: ignore[dict-item]
    ">=": operator.ge,  # type: ignore[dict-item]
}


class ConditionError(AcadlError):
    """A condition that cannot be read or has no value."""


class Token(NamedTuple):
    """``kind`` is a group of the pattern, ``text`` what it matched, ``at`` its first character from 0."""

    kind: str
    text: str
    at: int


@dataclass(frozen=True)
class Condition:
    """A condition that has been read.

    Attributes:
        text: As it was written.
        names: Names that must have a value.
        value: The value for given values, ``None`` if unknown.
    """

    text: str
    names: frozenset[str]
    value: Evaluate

    def holds(self, values: Values) -> bool:
        """Whether it is true; what is unknown is not."""
        return bool(self.value(values))

    def check_names(self, known: Mapping[str, object] | frozenset[str], what: str) -> None:
        """Raise :class:`ConditionError` for a name that is not ``known``; ``what`` says what names are."""
        for name in sorted(self.names):
            if name not in known:
                raise ConditionError(
                    f"'{self.text}': there is no {what} '{name}'{nearest(name, known)}; texts stand in quotes"
                )


def parse_condition(text: str) -> Condition:
    """Read a condition.

    Raises:
        ConditionError: It is malformed; the message points at the place.
    """
    if len(text) > LONGEST:
        raise ConditionError(f"the condition has {len(text)} characters, more than {LONGEST}")
    parser = _Parser(text)
    value = parser.disjunction()
    if parser.token.kind != "end":
        parser.fail(f"expected an operator or the end, found '{parser.token.text}'")
    return Condition(text, frozenset(parser.names), value)


class _Parser:
    """Recursive descent, one method per level of operators."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.names: set[str] = set()
        self.depth = 0
        self.token = self._read(0)

    def _read(self, start: int) -> Token:
        match = _TOKEN.match(self.text, start)
        if match is None:
            at = start + len(self.text[start:]) - len(self.text[start:].lstrip())
            self.token = Token("", self.text[at], at)
            self.fail(f"'{self.text[at]}' has no meaning here")
        self.after = match.end()
        kind = str(match.lastgroup)
        text = match[kind]
        if kind == "name" and text in _WORDS:
            return Token("sign", _WORDS[text], match.start(kind))
        return Token("name" if kind == "quoted" else kind, text, match.start(kind))

    def next(self) -> Token:
        token, self.token = self.token, self._read(self.after)
        return token

    def fail(self, message: str) -> NoReturn:
        raise ConditionError(f"{message}\n  {self.text}\n  {' ' * self.token.at}^")

    def takes(self, *signs: str) -> str:
        """The next token if it is one of the signs, else nothing."""
        return self.next().text if self.token.kind == "sign" and self.token.text in signs else ""

    def expects(self, sign: str) -> None:
        if not self.takes(sign):
            found = f"'{self.token.text}'" if self.token.text else "the end"
            self.fail(f"expected '{sign}', found {found}")

    def disjunction(self) -> Evaluate:
        left = self.conjunction()
        while self.takes("||"):
            left = _either(left, self.conjunction())
        return left

    def conjunction(self) -> Evaluate:
        left = self.negation()
        while self.takes("&&"):
            left = _both(left, self.negation())
        return left

    def negation(self) -> Evaluate:
        if not self.takes("!"):
            return self.comparison()
        with_depth = self._nested(self.negation)
        return lambda values: _negated(with_depth(values))

    def _nested(self, level: Callable[[], Evaluate]) -> Evaluate:
        self.depth += 1
        if self.depth > DEEPEST:
            self.fail(f"nested more than {DEEPEST} deep")
        result = level()
        self.depth -= 1
        return result

    def comparison(self) -> Evaluate:
        left = self.sum()
        sign = self.takes(*_COMPARISONS)
        if not sign:
            return left
        right = self.sum()
        if self.token.kind == "sign" and self.token.text in _COMPARISONS:
            self.fail("comparisons do not chain; join two of them with 'and'")
        return lambda values: _compared(sign, left(values), right(values))

    def sum(self) -> Evaluate:
        left = self.product()
        while sign := self.takes("+", "-"):
            left = _arithmetic(sign, left, self.product())
        return left

    def product(self) -> Evaluate:
        left = self.signed()
        while sign := self.takes("*", "/", "%"):
            left = _arithmetic(sign, left, self.signed())
        return left

    def signed(self) -> Evaluate:
        if not self.takes("-"):
            return self.atom()
        return _arithmetic("-", lambda values: 0, self._nested(self.signed))

    def atom(self) -> Evaluate:
        if self.takes("("):
            inside = self._nested(self.disjunction)
            self.expects(")")
            return inside
        token = self.token
        if token.kind == "number":
            self.next()
            number = float(token.text) if "." in token.text else int(token.text, self._base(token))
            return lambda values: number
        if token.kind == "text":
            self.next()
            return lambda values: token.text[1:-1]
        if token.kind == "name":
            self.next()
            return self._named(token.text)
        found = f"'{token.text}'" if token.text else "the end"
        self.fail(f"expected a name, a number or a text in quotes, found {found}")

    def _base(self, token: Token) -> int:
        """Decimal, also with zeros in front, which Python would refuse."""
        return 0 if token.text[:2].lower() in ("0x", "0b") else 10

    def _named(self, name: str) -> Evaluate:
        self.names.add(name)
        if not self.takes("["):
            return lambda values: values[name]
        high = low = self._bit()
        if self.takes(":"):
            low = self._bit()
        self.expects("]")
        if low > high:
            self.fail(f"bits are written [high:low], found [{high}:{low}]")
        mask = (1 << (high - low + 1)) - 1
        return lambda values: _bits(name, values[name], low, mask)

    def _bit(self) -> int:
        if self.token.kind != "number" or not self.token.text.isdigit() or int(self.token.text) > 4095:
            self.fail("expected the number of a bit, from 0 to 4095")
        return int(self.next().text)


def _either(left: Evaluate, right: Evaluate) -> Evaluate:
    def evaluate(values: Values) -> Value:
        first = left(values)
        if first:
            return 1
        second = right(values)
        return 1 if second else None if first is None or second is None else 0

    return evaluate


def _both(left: Evaluate, right: Evaluate) -> Evaluate:
    def evaluate(values: Values) -> Value:
        first = left(values)
        if first is not None and not first:
            return 0
        second = right(values)
        if second is not None and not second:
            return 0
        return None if first is None or second is None else 1

    return evaluate


def _negated(value: Value) -> Value:
    return None if value is None else int(not value)


def _compared(sign: str, left: Value, right: Value) -> Value:
    if left is None or right is None:
        return None
    if isinstance(left, str) != isinstance(right, str) and sign not in ("==", "!="):
        raise ConditionError(f"{left!r} {sign} {right!r}: a number and a text have no order")
    return int(_COMPARISONS[sign](left, right))


def _arithmetic(sign: str, left: Evaluate, right: Evaluate) -> Evaluate:
    def evaluate(values: Values) -> Value:
        first, second = left(values), right(values)
        if first is None or second is None:
            return None
        if isinstance(first, str) or isinstance(second, str):
            raise ConditionError(f"{first!r} {sign} {second!r}: expected numbers")
        try:
            return _CALCULATE[sign](first, second)
        except (ZeroDivisionError, OverflowError):
            raise ConditionError(f"{first} {sign} {second} has no value") from None

    return evaluate


_CALCULATE: Mapping[str, Callable[[float, float], int | float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda a, b: a // b if isinstance(a, int) and isinstance(b, int) and a % b == 0 else a / b,
    "%": operator.mod,
}


def _bits(name: str, value: Value, low: int, mask: int) -> Value:
    if value is None:
        return None
    if not isinstance(value, int):
        raise ConditionError(f"'{name}' is {value!r}, which has no bits")
    return (value >> low) & mask
