"""Formulas over timing parameters, such as ``RL + tBL + 2 - WL``; and times with units."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation

from dram.errors import DramError, did_you_mean

_FUNCTIONS: dict[str, Callable[..., int]] = {"max": max, "min": min}
_OPERATORS: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.FloorDiv: lambda a, b: a // b,
}
_PICOSECONDS = {"ps": 1, "ns": 1_000, "us": 1_000_000}
_LIMIT = 200  # characters of a formula


def evaluate(formula: str, values: Mapping[str, int]) -> int:
    """The value of a formula: integers, names, ``+ - * //``, ``max``, ``min``, parentheses.

    Raises:
        DramError: Anything else, or a name without a value.
    """
    if len(formula) > _LIMIT:
        raise DramError(f"a formula of {len(formula)} characters is longer than {_LIMIT}")
    try:
        return _value(ast.parse(formula, mode="eval").body, values)
    except SyntaxError as error:
        raise DramError(f"'{formula}' is no formula: {error.msg}") from None
    except ZeroDivisionError:
        raise DramError(f"'{formula}' divides by zero") from None
    except RecursionError:
        raise DramError(f"'{formula}' is nested too deeply") from None


def _value(node: ast.expr, values: Mapping[str, int]) -> int:
    match node:
        case ast.Constant(value=int() as number) if not isinstance(number, bool):
            return number
        case ast.Name(id=name):
            if name not in values:
                raise DramError(f"no timing parameter is called '{name}'{did_you_mean(name, values)}")
            return values[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, values)
        case ast.BinOp(left=left, op=operation, right=right) if type(operation) in _OPERATORS:
            return _OPERATORS[type(operation)](_value(left, values), _value(right, values))
        case ast.Call(func=ast.Name(id=name), args=[_, *_] as args, keywords=[]) if name in _FUNCTIONS:
            return _FUNCTIONS[name](*(_value(argument, values) for argument in args), _value(args[0], values))
        case _:
            raise DramError(
                f"'{ast.unparse(node)}' is no part of a formula: names, integers, + - * // max min"
            )


def cycles(time: int | str, clock_ps: int, down: bool = False, name: str = "the time") -> int:
    """A time in clock cycles: an integer as it is, ``"45.75ns"`` rounded as JEDEC does.

    JESD79-4, section 13.5: a time is rounded up unless it exceeds a whole number of cycles by less than 2.6 %
    of a cycle; with ``down`` it is rounded down.

    Raises:
        DramError: Neither an integer nor a number with ``ps``, ``ns`` or ``us``.
    """
    if isinstance(time, int) and not isinstance(time, bool):
        return time
    text = str(time).strip()
    number, unit = text[:-2].strip(), text[-2:]
    try:
        value = Decimal(number) * _PICOSECONDS[unit]
    except (KeyError, InvalidOperation):
        raise DramError(
            f"{name}: '{text[:40]}' is no time; write 12 (cycles), 13.75ns, 7.8us or 625ps"
        ) from None
    if not value.is_finite() or abs(value) > 10**15:
        raise DramError(f"{name} '{text[:40]}' is out of range")
    return int((value * 1000 / clock_ps + (0 if down else 974)) // 1000)
