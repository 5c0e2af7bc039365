"""Expressions as the language writes them, with as few parentheses as keep their trees."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from acadl.errors import AcadlError
from acadl.expressions import Binary, Call, Conditional, Const, Expr, Name, Unary

Unit = Callable[[int], str]
"""Writes a number of the base unit with its unit."""

_STRENGTH = {
    "or": 1,
    "and": 2,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), 4),
    **dict.fromkeys(("<<", ">>"), 5),
    **dict.fromkeys(("+", "-"), 6),
    **dict.fromkeys(("*", "/", "%"), 7),
}
_NOT, _SIGN = 3, 8
_LOGIC = frozenset({"and", "or"})
_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
_FREQUENCIES = (("GHz", 10**9), ("MHz", 10**6), ("kHz", 10**3), ("Hz", 1))
_SIZES = (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("bytes", 1))
_ENERGIES = (("uJ", 10**12), ("nJ", 10**9), ("pJ", 10**6), ("fJ", 10**3), ("aJ", 1))
_AREAS = (("mm2", 10**12), ("um2", 10**6))


def written(expression: Expr, unit: Unit | None = None) -> str:
    """Text that is read as the same expression.

    Args:
        expression: What is written.
        unit: What its value counts; ``None``: a plain number, or true or false.

    Raises:
        AcadlError: The value cannot be such a quantity.
    """
    return _written(expression, 0, _is_truth(expression), unit)


def _is_truth(expression: Expr) -> bool:
    """Whether the value is true or false, as far as the tree says so; of plain constants it does not."""
    match expression:
        case Unary():
            return expression.operator == "not"
        case Binary():
            return expression.operator in _LOGIC | _COMPARISONS
        case Conditional():
            return _is_truth(expression.then) or _is_truth(expression.otherwise)
    return False


def _written(expression: Expr, least: int, truth: bool, unit: Unit | None) -> str:
    """The text, in parentheses if it binds weaker than ``least``; ``truth``: whether 1 is ``true``."""
    match expression:
        case Const():
            if truth:
                return "true" if expression.value else "false"
            sign, text = "-" if expression.value < 0 else "", (unit or str)(abs(expression.value))
            return f"({sign}{text})" if sign and least > _SIGN else sign + text
        case Name():
            if unit is not None:
                raise AcadlError(f"'{expression}' is a number and has no unit")
            return expression.name
        case Call():
            units = [unit if expression.function != "ceil_div" or not n else None for n in range(9)]
            arguments = (_written(a, 0, False, u) for a, u in zip(expression.arguments, units, strict=False))
            return f"{expression.function}({', '.join(arguments)})"
        case Unary() if expression.operator == "not":
            text, strength = f"not {_written(expression.operand, _NOT, True, None)}", _NOT
        case Unary():
            text, strength = f"-{_written(expression.operand, _SIGN + 1, False, unit)}", _SIGN
        case Binary():
            strength = _STRENGTH[expression.operator]
            text = _binary(expression, strength, unit)
        case Conditional():
            condition = _written(expression.condition, 0, True, None)
            then, otherwise = (_written(e, 0, truth, unit) for e in (expression.then, expression.otherwise))
            text, strength = f"if {condition} then {then} else {otherwise}", 0
        case _:
            raise TypeError(f"no expression of the language: {expression!r}")
    return f"({text})" if strength < least or (strength == 0 and least > 0) else text


def _binary(expression: Binary, strength: int, unit: Unit | None) -> str:
    operator, left, right = expression.operator, expression.left, expression.right
    compared = operator in ("==", "!=") and (_is_truth(left) or _is_truth(right))
    inner = operator in _LOGIC or compared
    units = (unit, unit)
    if unit is not None and operator in ("/", "<<", ">>"):
        units = (unit, None)
    elif unit is not None and operator == "*":
        units = (None, unit) if isinstance(right, Const) or not _may_count(left) else (unit, None)
    sides = (
        _written(left, strength, inner, units[0]),
        _written(right, strength + 1, inner, units[1]),
    )
    return f"{sides[0]} {operator} {sides[1]}"


def _may_count(expression: Expr) -> bool:
    """Whether some constant in it can bear a unit: names never do."""
    match expression:
        case Const():
            return True
        case Unary():
            return _may_count(expression.operand)
        case Binary():
            return _may_count(expression.left) or _may_count(expression.right)
        case Call():
            return all(map(_may_count, expression.arguments))
        case Conditional():
            return _may_count(expression.then) and _may_count(expression.otherwise)
    return False


# --- quantities -----------------------------------------------------------------------------------------


def frequency_text(hertz: int) -> str:
    """``500000000`` → ``500 MHz``, exactly."""
    return _whole(hertz, _FREQUENCIES)


def bytes_text(count: int) -> str:
    """``65536`` → ``64 KiB``, exactly."""
    return _whole(count, _SIZES)


def energy_text(attojoules: int) -> str:
    """``300000`` → ``0.3 pJ``, exactly."""
    return _decimal(attojoules, _ENERGIES[:3] if attojoules >= 10**5 else _ENERGIES)


def area_text(square_nanometres: int) -> str:
    """``250000000000`` → ``0.25 mm2``, exactly."""
    return _decimal(square_nanometres, _AREAS)


def _whole(value: int, units: tuple[tuple[str, int], ...]) -> str:
    """In the largest unit of which it is a whole number."""
    unit, factor = next((u, f) for u, f in units if (value >= f and value % f == 0) or f == 1)
    return f"{value // factor} {unit}"


def _decimal(value: int, units: tuple[tuple[str, int], ...]) -> str:
    """In the largest unit of which it is at least a tenth."""
    unit, factor = next(((u, f) for u, f in units if 10 * value >= f), units[-1])
    return f"{(Decimal(value) / factor).normalize():f} {unit}"
