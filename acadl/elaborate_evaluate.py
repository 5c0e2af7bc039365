"""Expressions of the language to values.

What stays symbolic (immediates and operand sizes of the instruction) becomes an
:class:`acadl.expressions.Expr` with everything else folded away.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import NoReturn

from acadl import expressions, syntax
from acadl.elaborate_names import Entry, Scope
from acadl.elaborate_values import (
    NUMERIC,
    Kind,
    Reject,
    Value,
    bounded,
    common_kind,
    in_bytes,
    number_value,
    reject,
    result_kind,
)
from acadl.errors import Label, Span
from acadl.expressions import Const, Expr, ExpressionError
from acadl.suggesting import suggestion


@dataclass(frozen=True, slots=True)
class Evaluator:
    """Evaluates expressions in one scope.

    Attributes:
        scope: Where names are looked up.
        attributes: Names that the instruction binds; they stay symbolic.
        addresses: Whether plain numbers count as bytes next to sizes.
    """

    scope: Scope
    attributes: frozenset[str] = frozenset()
    addresses: bool = False

    def evaluate(self, expression: syntax.Expression) -> Value:
        """The value. Rejects what has none."""
        self.scope.meter.step(expression.span)
        match expression:
            case syntax.Path():
                return self._path(expression)
            case syntax.Number():
                return number_value(expression)
            case syntax.Binary():
                return self._binary(expression)
            case syntax.Unary():
                return self._unary(expression)
            case syntax.Conditional():
                return self._conditional(expression)
            case syntax.Truth():
                return Value(Kind.TRUTH, int(expression.value))
            case syntax.Text():
                return Value(Kind.TEXT, expression.value)

    # --- operators ---------------------------------------------------------------------------------------

    def _unary(self, node: syntax.Unary) -> Value:
        operand = self.evaluate(node.operand)
        if node.operator.text == "not":
            self._expect(operand, {Kind.TRUTH}, node.operand.span, "'not' needs true or false")
        else:
            signed = {Kind.NUMBER, Kind.CYCLES, Kind.SIZE}
            self._expect(operand, signed, node.operand.span, "'-' needs a number")
        return self._fold(operand.kind, expressions.Unary(node.operator.text, operand.expr), node.span)

    def _binary(self, node: syntax.Binary) -> Value:
        operator = node.operator.text
        left = self.evaluate(node.left)
        if operator in ("and", "or"):
            self._expect(left, {Kind.TRUTH}, node.left.span, f"'{operator}' needs true or false")
            if left.value == (operator == "or"):
                return left
        right = self.evaluate(node.right)
        if operator in ("and", "or"):
            self._expect(right, {Kind.TRUTH}, node.right.span, f"'{operator}' needs true or false")
        left, right = self._as_addresses(operator, left, right)
        kind = result_kind(operator, left.kind, right.kind)
        if kind is None:
            self._mismatch(node, left, right)
        if left.kind is Kind.TEXT:
            return Value(Kind.TRUTH, int((left.value == right.value) == (operator == "==")))
        made = expressions.Binary(operator, left.expr, right.expr)
        if isinstance(left.value, int) and isinstance(right.value, int):
            return self._constant(kind, made, node.span)
        return self._fold(kind, made, node.span)

    def _as_addresses(self, operator: str, left: Value, right: Value) -> tuple[Value, Value]:
        """In address ranges, a plain number next to a size counts bytes."""
        if self.addresses and operator in ("+", "-") and {left.kind, right.kind} == {Kind.NUMBER, Kind.SIZE}:
            return in_bytes(left), in_bytes(right)
        return left, right

    def _mismatch(self, node: syntax.Binary, left: Value, right: Value) -> NoReturn:
        operator = node.operator.text
        message = f"'{operator}' cannot join {left.kind} and {right.kind}"
        hint = None
        if Kind.SIZE in (left.kind, right.kind) and {left.kind, right.kind} & NUMERIC:
            hint = "give the number a unit, as in `4 bytes`, or take `.bytes` of the size"
        elif left.kind is Kind.TRUTH and operator in ("<", "<=", ">", ">="):
            hint = "join two comparisons by `and`, as in `0 < x and x < 4`"
        reject("E0301", message, node.span, hint)

    def _conditional(self, node: syntax.Conditional) -> Value:
        condition = self.evaluate(node.condition)
        self._expect(condition, {Kind.TRUTH}, node.condition.span, "a condition is true or false")
        if isinstance(condition.value, int):
            return self.evaluate(node.then if condition.value else node.otherwise)
        then, otherwise = self.evaluate(node.then), self.evaluate(node.otherwise)
        kind = common_kind(then.kind, otherwise.kind)
        if kind is None or Kind.TEXT in (then.kind, otherwise.kind):
            message = f"the branches are {then.kind} and {otherwise.kind}"
            reject("E0301", message, node.span, "both branches need the same kind of value")
        made = expressions.Conditional(condition.expr, then.expr, otherwise.expr)
        return self._fold(kind, made, node.span)

    # --- names -------------------------------------------------------------------------------------------

    def _path(self, path: syntax.Path) -> Value:
        name = path.name.text
        if not path.parts and name not in self.attributes:
            entry = self.scope.find(name)
            if entry is not None:
                return self._member(path, entry)
        if path.parts and isinstance(path.parts[0], syntax.Call):
            if len(path.parts) > 1:
                reject("E0303", "nothing can follow a call", path.parts[1].span)
            return self._call(path, path.parts[0])
        if all(isinstance(part, syntax.Member) for part in path.parts):
            dotted = ".".join([name, *(p.name.text for p in path.parts if isinstance(p, syntax.Member))])
            entry = self.scope.find(name)
            if dotted in self.attributes:
                self._check_unambiguous(path, dotted, entry)
                return Value(Kind.NUMBER, expressions.Name(dotted))
            if entry is not None:
                return self._member(path, entry)
            self._unknown(path, dotted)
        if self.scope.find(name) is not None:
            reject("E0303", f"'{name}' is a value and has no elements", path.parts[0].span)
        self._unknown(path, name)

    def _check_unambiguous(self, path: syntax.Path, dotted: str, entry: Entry | None) -> None:
        if entry is not None and entry.value is None:
            raise Reject
        if entry is not None:
            label = Label(entry.span, "the value is declared here")
            message = f"'{dotted}' means both a value of the description and an operand of the instruction"
            reject("E0204", message, path.span, "rename one of them", (label,))

    def _member(self, path: syntax.Path, entry: Entry) -> Value:
        value = entry.value
        if value is None:
            raise Reject
        if not path.parts:
            return value
        member = path.parts[0]
        if len(path.parts) > 1 or not isinstance(member, syntax.Member):
            reject("E0303", f"'{path.name.text}' has no such member", path.parts[-1].span)
        return self._size_member(value, path, member.name)

    def _size_member(self, value: Value, path: syntax.Path, name: syntax.Word) -> Value:
        if value.kind is not Kind.SIZE:
            hint = "only sizes have members: `.bytes` and `.bits`"
            reject(
                "E0303",
                f"'{path.name.text}' is {value.kind} and has no member '{name.text}'",
                name.span,
                hint,
            )
        if name.text == "bits":
            return Value(Kind.NUMBER, value.value)
        if name.text != "bytes":
            hint = suggestion(name.text, ("bytes", "bits"), "members of a size")
            reject("E0303", f"a size has no member '{name.text}'", name.span, hint)
        if isinstance(value.value, int) and value.value % 8:
            reject("E0302", f"{value.value} bits are no whole number of bytes", path.span)
        return self._fold(Kind.NUMBER, expressions.Binary("/", value.expr, Const(8)), path.span)

    def _unknown(self, path: syntax.Path, name: str) -> NoReturn:
        later = self.scope.find_later(path.name.text)
        if later is not None:
            hint = "move the declaration up, before its first use"
            label = Label(later, "declared here")
            reject("E0201", f"'{name}' is used before it is declared", path.span, hint, (label,))
        if name.lower() in ("true", "false"):
            reject("E0201", f"unknown name '{name}'", path.span, f"write `{name.lower()}`")
        known = chain(sorted(self.attributes), self.scope.visible())
        reject("E0201", f"unknown name '{name}'", path.span, suggestion(name, known, "names"))

    def _call(self, path: syntax.Path, call: syntax.Call) -> Value:
        name = path.name.text
        arity = expressions.FUNCTION_ARITY.get(name)
        if arity is None:
            hint = suggestion(name, sorted(expressions.FUNCTION_NAMES), "functions")
            reject("E0201", f"unknown function '{name}'", path.name.span, hint)
        for argument in call.arguments:
            if argument.name is not None:
                reject("E0303", f"arguments of '{name}' have no names", argument.name.span)
        low, high = arity
        if not low <= len(call.arguments) or (high is not None and len(call.arguments) > high):
            count = f"{low} argument{'s' if low > 1 else ''}" if low == high else f"at least {low} arguments"
            reject("E0303", f"'{name}' takes {count}, got {len(call.arguments)}", path.span)
        values = [self.evaluate(argument.value) for argument in call.arguments]
        kind = self._call_kind(path, name, values)
        made = expressions.Call(name, tuple(value.expr for value in values))
        return self._fold(kind, made, path.span)

    def _call_kind(self, path: syntax.Path, name: str, values: list[Value]) -> Kind:
        kinds = [value.kind for value in values]
        kind: Kind | None = kinds[0]
        if Kind.TRUTH in kinds or Kind.TEXT in kinds:
            kind = None
        elif name == "ceil_div":
            kind = result_kind("/", kinds[0], kinds[1])
        else:
            for other in kinds[1:]:
                kind = common_kind(kind, other) if kind is not None else None
        if kind is None:
            hint = "give the number a unit, as in `4 bytes`, or take `.bytes` of the size"
            listed = ", ".join(kinds)
            reject("E0301", f"'{name}' cannot take {listed}", path.span, hint if Kind.SIZE in kinds else None)
        return kind

    # --- results -----------------------------------------------------------------------------------------

    def _expect(self, value: Value, kinds: set[Kind], span: Span, message: str) -> None:
        if value.kind not in kinds:
            reject("E0301", f"{message}, found {value.kind}", span)

    def _fold(self, kind: Kind, expression: Expr, span: Span) -> Value:
        if expression.names():
            return Value(kind, expression)
        return self._constant(kind, expression, span)

    def _constant(self, kind: Kind, expression: Expr, span: Span) -> Value:
        try:
            value = expression.evaluate({})
        except ExpressionError as error:
            reject("E0302", str(error), span)
        return Value(kind, bounded(value, span))
