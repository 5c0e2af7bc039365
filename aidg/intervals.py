"""Bounds of an expression over ranges of its names."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from acadl.expressions import Binary, Call, Conditional, Const, Expr, ExpressionError, Name, Unary

Interval = tuple[int, int]


def bounds(expression: Expr, names: Mapping[str, Interval]) -> Interval | None:
    """Lowest and highest value that ``expression`` can have; ``None`` where that is not known.

    The bounds may be wider than what is reached; over smaller ranges they are never wider.
    """
    match expression:
        case Const(value):
            return value, value
        case Name(name):
            return names.get(name)
        case Unary("-", operand):
            inner = bounds(operand, names)
            return inner and (-inner[1], -inner[0])
        case Call("min" | "max" as function, arguments):
            parts = [bounds(argument, names) for argument in arguments]
            known = [part for part in parts if part is not None]
            if len(known) < len(parts):
                return None
            choose = min if function == "min" else max
            return choose(low for low, _ in known), choose(high for _, high in known)
        case Conditional(condition, then, otherwise):
            return _conditional(bounds(condition, names), bounds(then, names), bounds(otherwise, names))
        case Binary(operator, left, right):
            return _binary(operator, bounds(left, names), bounds(right, names))
    return _point(expression, names)


def is_steady(expression: Expr, names: Mapping[str, Interval], moving: Collection[str]) -> bool:
    """Whether ``expression`` depends on no name in ``moving`` while all names stay within their ranges.

    ``False`` may only mean that this is not known.
    """
    if expression.names().isdisjoint(moving):
        return True
    reached = bounds(expression, names)
    if reached is not None and reached[0] == reached[1]:
        return True
    match expression:
        case Unary(_, operand):
            parts: tuple[Expr, ...] = (operand,)
        case Binary(_, left, right):
            parts = (left, right)
        case Call(_, arguments):
            parts = tuple(arguments)
        case Conditional(condition, then, otherwise):
            decided = bounds(condition, names)
            if decided is not None and decided[0] == decided[1]:
                parts = (then if decided[0] else otherwise,)
            else:
                parts = (condition, then, otherwise)
        case _:
            return False
    return all(is_steady(part, names, moving) for part in parts)


def _conditional(
    condition: Interval | None, then: Interval | None, otherwise: Interval | None
) -> Interval | None:
    if condition is not None and (condition[0] > 0 or condition[1] < 0):
        return then
    if condition == (0, 0):
        return otherwise
    if then is None or otherwise is None:
        return None
    return min(then[0], otherwise[0]), max(then[1], otherwise[1])


def _binary(operator: str, left: Interval | None, right: Interval | None) -> Interval | None:
    if left is None or right is None:
        return None
    (a, b), (c, d) = left, right
    match operator:
        case "+":
            return a + c, b + d
        case "-":
            return a - d, b - c
        case "*":
            corners = (a * c, a * d, b * c, b * d)
            return min(corners), max(corners)
        case "/" if c > 0 or d < 0:
            corners = (a // c, a // d, b // c, b // d)
            return min(corners), max(corners)
        case "<" | ">" | "<=" | ">=":
            if operator in (">", ">="):
                (a, b), (c, d) = (c, d), (a, b)
            strict = operator in ("<", ">")
            always = b < c if strict else b <= c
            never = a >= d if strict else a > d
            return (int(always), int(not never))
        case "==" | "!=":
            same = a == b == c == d
            apart = b < c or d < a
            low, high = int(same), int(not apart)
            return (low, high) if operator == "==" else (1 - high, 1 - low)
    if a == b and c == d:
        return _point(Binary(operator, Const(a), Const(c)), {})
    return None


def _point(expression: Expr, names: Mapping[str, Interval]) -> Interval | None:
    """The value where every name has one value."""
    used = {name: names.get(name, (0, 1)) for name in expression.names()}
    if any(low != high for low, high in used.values()):
        return None
    try:
        value = expression.evaluate({name: low for name, (low, _) in used.items()})
    except ExpressionError:
        return None
    return value, value
