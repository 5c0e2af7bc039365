"""Expressions of the language to values: integers with a dimension, or expressions over the instruction.

Sizes are kept in bits. What stays symbolic (immediates and operand sizes of the instruction) becomes an
:class:`acadl.expressions.Expr` with everything else folded away.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from typing import NoReturn

from acadl import expressions, syntax
from acadl.diagnostics import suggestion
from acadl.errors import Diagnostic, Label, Span
from acadl.expressions import Const, Expr, ExpressionError

LARGEST = 2**62


class Kind(StrEnum):
    """The dimension of a value, in words for messages."""

    NUMBER = "a number"
    CYCLES = "a number of cycles"
    SIZE = "a size"
    FREQUENCY = "a frequency"
    TRUTH = "true or false"
    TEXT = "a text"


NUMERIC = frozenset({Kind.NUMBER, Kind.CYCLES})
UNITS: Mapping[str, tuple[Kind, int]] = {
    "bits": (Kind.SIZE, 1),
    "bytes": (Kind.SIZE, 8),
    "KiB": (Kind.SIZE, 8 << 10),
    "MiB": (Kind.SIZE, 8 << 20),
    "GiB": (Kind.SIZE, 8 << 30),
    "Hz": (Kind.FREQUENCY, 1),
    "kHz": (Kind.FREQUENCY, 10**3),
    "MHz": (Kind.FREQUENCY, 10**6),
    "GHz": (Kind.FREQUENCY, 10**9),
    "cycles": (Kind.CYCLES, 1),
}


class Reject(Exception):  # control flow inside elaboration, never seen outside
    """A statement cannot be elaborated; without a diagnostic where its cause was reported before."""

    def __init__(self, diagnostic: Diagnostic | None = None) -> None:
        super().__init__(diagnostic)
        self.diagnostic = diagnostic


def reject(
    code: str, message: str, span: Span | None, hint: str | None = None, labels: Iterable[Label] = ()
) -> NoReturn:
    """Give up the current statement with a diagnostic."""
    raise Reject(Diagnostic(code, message, span, hint, tuple(labels)))


@dataclass(frozen=True, slots=True)
class Value:
    """An integer (truth values are 0 and 1, sizes in bits), a text, or an expression over the instruction."""

    kind: Kind
    value: int | str | Expr

    @property
    def expr(self) -> Expr:
        """As an expression. Texts have none."""
        if isinstance(self.value, int):
            return Const(self.value)
        if isinstance(self.value, str):
            raise TypeError("a text is no expression")
        return self.value


@dataclass(slots=True)
class Scope:
    """Names of values, with the scopes around. ``None`` stands for a value whose declaration has an error.

    Attributes:
        values: Name to value.
        spans: Name to the place of its declaration.
        parent: The scope around.
        component: Whether a template or architecture starts here; names may be declared anew.
        later: Names that are declared further down, for a better message.
    """

    parent: Scope | None = None
    component: bool = False
    values: dict[str, Value | None] = field(default_factory=dict)
    spans: dict[str, Span] = field(default_factory=dict)
    later: dict[str, Span] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def declare(self, name: syntax.Word, value: Value | None) -> None:
        """Bind a name. Rejects names that are taken, here or in an enclosing scope of the same component."""
        scope: Scope | None = self
        while scope is not None:
            if name.text in scope.values:
                first = Label(scope.spans[name.text], "first declared here")
                hint = "names of values cannot be hidden; choose another one"
                reject("E0203", f"'{name.text}' is already declared", name.span, hint, (first,))
            scope = None if scope.component else scope.parent
        self.values[name.text] = value
        self.spans[name.text] = name.span

    def holder(self, name: str) -> Scope | None:
        """The innermost scope that declares ``name``."""
        scope: Scope | None = self
        while scope is not None and name not in scope.values:
            scope = scope.parent
        return scope

    def visible(self) -> list[str]:
        """All names that can be used here, innermost first."""
        names: list[str] = []
        scope: Scope | None = self
        while scope is not None:
            names.extend(scope.values)
            scope = scope.parent
        return names


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
        match expression:
            case syntax.Number():
                return number_value(expression)
            case syntax.Truth():
                return Value(Kind.TRUTH, int(expression.value))
            case syntax.Text():
                return Value(Kind.TEXT, expression.value)
            case syntax.Unary():
                return self._unary(expression)
            case syntax.Binary():
                return self._binary(expression)
            case syntax.Conditional():
                return self._conditional(expression)
            case syntax.Path():
                return self._path(expression)

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
        kind = _result_kind(operator, left.kind, right.kind)
        if kind is None:
            self._mismatch(node, left, right)
        if left.kind is Kind.TEXT:
            return Value(Kind.TRUTH, int((left.value == right.value) == (operator == "==")))
        return self._fold(kind, expressions.Binary(operator, left.expr, right.expr), node.span)

    def _as_addresses(self, operator: str, left: Value, right: Value) -> tuple[Value, Value]:
        """In address ranges, a plain number next to a size counts bytes."""
        if self.addresses and operator in ("+", "-") and {left.kind, right.kind} == {Kind.NUMBER, Kind.SIZE}:
            return _in_bytes(left), _in_bytes(right)
        return left, right

    def _mismatch(self, node: syntax.Binary, left: Value, right: Value) -> NoReturn:
        operator = node.operator.text
        message = f"'{operator}' cannot join {left.kind} and {right.kind}"
        hint = None
        if Kind.SIZE in (left.kind, right.kind) and {left.kind, right.kind} & NUMERIC:
            hint = "give the number a unit, as in `4 bytes`, or take `.bytes` of the size"
        elif operator in ("and", "or"):
            hint = "compare first, as in `x > 0 and y > 0`"
        reject("E0301", message, node.span, hint)

    def _conditional(self, node: syntax.Conditional) -> Value:
        condition = self.evaluate(node.condition)
        self._expect(condition, {Kind.TRUTH}, node.condition.span, "a condition is true or false")
        if isinstance(condition.value, int):
            return self.evaluate(node.then if condition.value else node.otherwise)
        then, otherwise = self.evaluate(node.then), self.evaluate(node.otherwise)
        kind = _common(then.kind, otherwise.kind)
        if kind is None or Kind.TEXT in (then.kind, otherwise.kind):
            message = f"the branches are {then.kind} and {otherwise.kind}"
            reject("E0301", message, node.span, "both branches need the same kind of value")
        made = expressions.Conditional(condition.expr, then.expr, otherwise.expr)
        return self._fold(kind, made, node.span)

    # --- names -------------------------------------------------------------------------------------------

    def _path(self, path: syntax.Path) -> Value:
        name = path.name.text
        if path.parts and isinstance(path.parts[0], syntax.Call):
            if len(path.parts) > 1:
                reject("E0303", "nothing can follow a call", path.parts[1].span)
            return self._call(path, path.parts[0])
        if all(isinstance(part, syntax.Member) for part in path.parts):
            dotted = ".".join([name, *(p.name.text for p in path.parts if isinstance(p, syntax.Member))])
            holder = self.scope.holder(name)
            if dotted in self.attributes:
                self._check_unambiguous(path, dotted, holder)
                return Value(Kind.NUMBER, expressions.Name(dotted))
            if holder is not None:
                return self._member(path, holder)
            self._unknown(path, dotted)
        if self.scope.holder(name) is not None:
            reject("E0303", f"'{name}' is a value and has no elements", path.parts[0].span)
        self._unknown(path, name)

    def _check_unambiguous(self, path: syntax.Path, dotted: str, holder: Scope | None) -> None:
        if holder is not None:
            label = Label(holder.spans[path.name.text], "the value is declared here")
            message = f"'{dotted}' means both a value of the description and an operand of the instruction"
            reject("E0204", message, path.span, "rename one of them", (label,))

    def _member(self, path: syntax.Path, holder: Scope) -> Value:
        value = holder.values[path.name.text]
        holder.used.add(path.name.text)
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
        scope: Scope | None = self.scope
        while scope is not None:
            if path.name.text in scope.later:
                label = Label(scope.later[path.name.text], "declared here")
                hint = "move the declaration up, before its first use"
                reject("E0201", f"'{name}' is used before it is declared", path.span, hint, (label,))
            scope = scope.parent
        known = [*sorted(self.attributes), *self.scope.visible()]
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
            count = str(low) if low == high else f"at least {low}"
            reject("E0303", f"'{name}' takes {count} arguments, got {len(call.arguments)}", path.span)
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
            kind = _result_kind("/", kinds[0], kinds[1])
        else:
            for other in kinds[1:]:
                kind = _common(kind, other) if kind is not None else None
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
        try:
            value = expression.evaluate({})
        except ExpressionError as error:
            reject("E0302", str(error), span)
        return Value(kind, bounded(value, span))


def bounded(value: int, span: Span) -> int:
    """``value``, if it is not absurdly large."""
    if not -LARGEST <= value <= LARGEST:
        reject("E0302", "the number is too large", span, f"numbers go up to {LARGEST}")
    return value


def number_value(number: syntax.Number) -> Value:
    """The value of a literal. Rejects unknown units and fractions of the base unit."""
    text = number.text.replace("_", "")
    if len(text) > 40:
        reject("E0302", "the number is too large", number.span, f"numbers go up to {LARGEST}")
    digits = text[2:] if text[:2].lower() in ("0x", "0b") else text
    if not digits:
        reject("E0302", f"'{number.text}' has no digits", number.span)
    exact = Fraction(text) if "." in text else Fraction(int(text, 0 if text[1:2].isalpha() else 10))
    if number.unit is None:
        if exact.denominator != 1:
            hint = "numbers are whole; fractions are possible with a unit, as in `2.5 GHz`"
            reject("E0302", f"'{number.text}' is not a whole number", number.span, hint)
        return Value(Kind.NUMBER, bounded(int(exact), number.span))
    unit = UNITS.get(number.unit.text)
    if unit is None:
        hint = suggestion(number.unit.text, UNITS, "units")
        reject("E0304", f"unknown unit '{number.unit.text}'", number.unit.span, hint)
    kind, factor = unit
    scaled = exact * factor
    if scaled.denominator != 1:
        base = {Kind.SIZE: "bits", Kind.FREQUENCY: "Hz"}.get(kind, "cycles")
        reject("E0302", f"'{number.text} {number.unit.text}' is no whole number of {base}", number.span)
    return Value(kind, bounded(int(scaled), number.span))


def _in_bytes(value: Value) -> Value:
    if value.kind is Kind.NUMBER and isinstance(value.value, int):
        return Value(Kind.SIZE, 8 * value.value)
    return value


def _common(left: Kind, right: Kind) -> Kind | None:
    """The kind of two values that stand side by side; cycles and plain numbers mix."""
    if left is right:
        return left
    return Kind.CYCLES if left in NUMERIC and right in NUMERIC else None


def _result_kind(operator: str, left: Kind, right: Kind) -> Kind | None:
    """The kind of ``left operator right``; ``None`` where it makes no sense."""
    if operator in ("and", "or"):
        return Kind.TRUTH if left is right is Kind.TRUTH else None
    if operator in ("==", "!="):
        return Kind.TRUTH if _common(left, right) else None
    if Kind.TRUTH in (left, right) or Kind.TEXT in (left, right):
        return None
    if operator in ("<", "<=", ">", ">="):
        return Kind.TRUTH if _common(left, right) else None
    return _arithmetic_kind(operator, left, right)


def _arithmetic_kind(operator: str, left: Kind, right: Kind) -> Kind | None:
    if operator in ("<<", ">>"):
        return left if right is Kind.NUMBER else None
    if operator == "*":
        if left in NUMERIC and right in NUMERIC:
            return _common(left, right)
        return right if left in NUMERIC else left if right in NUMERIC else None
    if operator == "/":
        if left is right:
            return Kind.NUMBER
        return left if right in NUMERIC else None
    return _common(left, right)
