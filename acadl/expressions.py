"""Total integer expressions: latencies, intervals and scalar functions of operations.

Expressions have no loops and no state. Parameters of the description are folded away at elaboration; the
names that remain are bound per instruction: immediates (``m``), operand sizes (``src.bytes``, ``src.rows``)
and, in functions on data, operand values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from acadl.errors import AcadlError


class ExpressionError(AcadlError):
    """An expression has no value: unknown name, division by zero."""


def ceil_div(dividend: int, divisor: int) -> int:
    """Quotient rounded up; raises ``ZeroDivisionError`` like ``//``."""
    return -(-dividend // divisor)


_BINARY: dict[str, Callable[[int, int], int]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a // b,
    "%": lambda a, b: a % b,
    "<<": lambda a, b: a << b if 0 <= b < 64 else _shift_error(b),
    ">>": lambda a, b: a >> b if b >= 0 else _shift_error(b),
    "==": lambda a, b: int(a == b),
    "!=": lambda a, b: int(a != b),
    "<": lambda a, b: int(a < b),
    "<=": lambda a, b: int(a <= b),
    ">": lambda a, b: int(a > b),
    ">=": lambda a, b: int(a >= b),
}


def _shift_error(distance: int) -> int:
    raise ExpressionError(f"a shift by {distance} is outside 0 to 63")


_FUNCTIONS: dict[str, Callable[..., int]] = {
    "min": min,
    "max": max,
    "ceil_div": ceil_div,
    "abs": abs,
}

BINARY_OPERATORS = frozenset(_BINARY) | {"and", "or"}
FUNCTION_NAMES = frozenset(_FUNCTIONS)
FUNCTION_ARITY: Mapping[str, tuple[int, int | None]] = {
    "min": (2, None),
    "max": (2, None),
    "ceil_div": (2, 2),
    "abs": (1, 1),
}


@dataclass(frozen=True, slots=True)
class Expr:
    """Base of all expression nodes."""

    def evaluate(self, names: Mapping[str, int]) -> int:
        """Value with ``names`` bound; booleans are 0 and 1. Raises :class:`ExpressionError`."""
        raise NotImplementedError  # abstract

    def names(self) -> frozenset[str]:
        """Names that must be bound."""
        raise NotImplementedError  # abstract


@dataclass(frozen=True, slots=True)
class Const(Expr):
    """An integer."""

    value: int

    def evaluate(self, names: Mapping[str, int]) -> int:
        return self.value

    def names(self) -> frozenset[str]:
        return frozenset()

    def __str__(self) -> str:
        return str(self.value)


@dataclass(frozen=True, slots=True)
class Name(Expr):
    """A name bound per instruction, dotted for attributes of operands."""

    name: str

    def evaluate(self, names: Mapping[str, int]) -> int:
        try:
            return names[self.name]
        except KeyError:
            known = ", ".join(sorted(names)) or "none"
            raise ExpressionError(f"unknown name '{self.name}'; known here: {known}") from None

    def names(self) -> frozenset[str]:
        return frozenset((self.name,))

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Unary(Expr):
    """Negation (``-``) or logical complement (``not``)."""

    operator: str
    operand: Expr

    def evaluate(self, names: Mapping[str, int]) -> int:
        value = self.operand.evaluate(names)
        return -value if self.operator == "-" else int(not value)

    def names(self) -> frozenset[str]:
        return self.operand.names()

    def __str__(self) -> str:
        return f"{self.operator}{' ' if self.operator == 'not' else ''}{self.operand}"


@dataclass(frozen=True, slots=True)
class Binary(Expr):
    """An arithmetic, comparing or logical operation; ``/`` rounds down, ``and``/``or`` short-circuit."""

    operator: str
    left: Expr
    right: Expr

    def evaluate(self, names: Mapping[str, int]) -> int:
        if self.operator == "and":
            return int(bool(self.left.evaluate(names)) and bool(self.right.evaluate(names)))
        if self.operator == "or":
            return int(bool(self.left.evaluate(names)) or bool(self.right.evaluate(names)))
        left, right = self.left.evaluate(names), self.right.evaluate(names)
        try:
            return _BINARY[self.operator](left, right)
        except ZeroDivisionError:
            raise ExpressionError(f"division by zero in '{self}'") from None

    def names(self) -> frozenset[str]:
        return self.left.names() | self.right.names()

    def __str__(self) -> str:
        return f"({self.left} {self.operator} {self.right})"


@dataclass(frozen=True, slots=True)
class Call(Expr):
    """``min``, ``max``, ``ceil_div`` or ``abs``."""

    function: str
    arguments: tuple[Expr, ...]

    def evaluate(self, names: Mapping[str, int]) -> int:
        values = [argument.evaluate(names) for argument in self.arguments]
        try:
            return _FUNCTIONS[self.function](*values)
        except ZeroDivisionError:
            raise ExpressionError(f"division by zero in '{self}'") from None

    def names(self) -> frozenset[str]:
        return frozenset().union(*(argument.names() for argument in self.arguments))

    def __str__(self) -> str:
        return f"{self.function}({', '.join(map(str, self.arguments))})"


@dataclass(frozen=True, slots=True)
class Conditional(Expr):
    """``if condition then a else b``; only the chosen branch is evaluated."""

    condition: Expr
    then: Expr
    otherwise: Expr

    def evaluate(self, names: Mapping[str, int]) -> int:
        chosen = self.then if self.condition.evaluate(names) else self.otherwise
        return chosen.evaluate(names)

    def names(self) -> frozenset[str]:
        return self.condition.names() | self.then.names() | self.otherwise.names()

    def __str__(self) -> str:
        return f"(if {self.condition} then {self.then} else {self.otherwise})"


def substitute(expression: Expr, values: Mapping[str, Expr]) -> Expr:
    """Replace names and fold what has become constant."""
    match expression:
        case Name(name):
            return values.get(name, expression)
        case Unary(operator, operand):
            result: Expr = Unary(operator, substitute(operand, values))
        case Binary(operator, left, right):
            result = Binary(operator, substitute(left, values), substitute(right, values))
        case Call(function, arguments):
            result = Call(function, tuple(substitute(a, values) for a in arguments))
        case Conditional(condition, then, otherwise):
            result = Conditional(
                substitute(condition, values), substitute(then, values), substitute(otherwise, values)
            )
        case _:
            return expression
    return Const(result.evaluate({})) if not result.names() else result
