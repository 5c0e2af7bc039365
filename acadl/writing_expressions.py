"""Expressions as the language writes them, with as few parentheses as keep their trees."""

from __future__ import annotations

from acadl.expressions import Binary, Call, Conditional, Const, Expr, Name, Unary

_STRENGTH = {
    "or": 1,
    "and": 2,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), 4),
    **dict.fromkeys(("<<", ">>"), 5),
    **dict.fromkeys(("+", "-"), 6),
    **dict.fromkeys(("*", "/", "%"), 7),
}
_NOT, _SIGN, _ATOM = 3, 8, 9
_LOGIC = frozenset({"and", "or"})
_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})


def written(expression: Expr) -> str:
    """Text that is read as the same expression."""
    return _written(expression, 0, truth=_is_truth(expression))


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


def _written(expression: Expr, least: int, truth: bool) -> str:
    """The text, in parentheses if it binds weaker than ``least``; ``truth``: whether 1 is ``true``."""
    match expression:
        case Const():
            if truth:
                return "true" if expression.value else "false"
            return (
                str(expression.value) if expression.value >= 0 or least <= _SIGN else f"({expression.value})"
            )
        case Name():
            return expression.name
        case Call():
            return f"{expression.function}({', '.join(_written(a, 0, False) for a in expression.arguments)})"
        case Unary() if expression.operator == "not":
            text, strength = f"not {_written(expression.operand, _NOT, True)}", _NOT
        case Unary():
            text, strength = f"-{_written(expression.operand, _SIGN + 1, False)}", _SIGN
        case Binary():
            strength = _STRENGTH[expression.operator]
            sides = (expression.left, expression.right)
            inner = expression.operator in _LOGIC or (
                expression.operator in ("==", "!=") and any(map(_is_truth, sides))
            )
            left = _written(expression.left, strength, inner)
            right = _written(expression.right, strength + 1, inner)
            text = f"{left} {expression.operator} {right}"
        case Conditional():
            condition = _written(expression.condition, 0, True)
            then, otherwise = (_written(e, 0, truth) for e in (expression.then, expression.otherwise))
            text, strength = f"if {condition} then {then} else {otherwise}", 0
        case _:
            raise TypeError(f"no expression of the language: {expression!r}")
    return f"({text})" if strength < least or (strength == 0 and least > 0) else text
