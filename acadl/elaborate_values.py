"""Values during elaboration: integers with a dimension, texts, expressions over the instruction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from typing import NoReturn

from acadl import syntax
from acadl.errors import Diagnostic, Label, Span
from acadl.expressions import Const, Expr
from acadl.suggesting import suggestion

LARGEST = 2**62


class Kind(StrEnum):
    """The dimension of a value, in words for messages."""

    NUMBER = "a number"
    CYCLES = "a number of cycles"
    SIZE = "a size"
    FREQUENCY = "a frequency"
    ENERGY = "an energy"
    AREA = "an area"
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
    "aJ": (Kind.ENERGY, 1),
    "fJ": (Kind.ENERGY, 10**3),
    "pJ": (Kind.ENERGY, 10**6),
    "nJ": (Kind.ENERGY, 10**9),
    "uJ": (Kind.ENERGY, 10**12),
    "um2": (Kind.AREA, 10**6),
    "mm2": (Kind.AREA, 10**12),
}
# What units of a kind are whole numbers of.
BASE: Mapping[Kind, str] = {
    Kind.SIZE: "bits", Kind.FREQUENCY: "Hz", Kind.CYCLES: "cycles", Kind.ENERGY: "aJ", Kind.AREA: "nm²",
}  # fmt: skip


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


def bounded(value: int, span: Span) -> int:
    """``value``, if it is not absurdly large."""
    if not -LARGEST <= value <= LARGEST:
        reject("E0302", "the number is too large", span, f"numbers go up to {LARGEST}")
    return value


def number_value(number: syntax.Number) -> Value:
    """The value of a literal. Rejects unknown units and fractions of the base unit."""
    known = _literal(number.text, number.unit.text if number.unit is not None else None)
    return known if known is not None else _faulty_or_large(number)


@lru_cache(maxsize=1024)
def _literal(text: str, unit: str | None) -> Value | None:
    """The value of a plain literal of moderate size; ``None`` for others, which take the long way."""
    kind, factor = UNITS.get(unit, (Kind.TEXT, 0)) if unit is not None else (Kind.NUMBER, 1)
    return Value(kind, int(text) * factor) if factor and text.isdecimal() and len(text) < 10 else None


_TIMES = frozenset({"s", "sec", "ms", "us", "µs", "ns", "ps"})


def _faulty_or_large(number: syntax.Number) -> Value:
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
        if number.unit.text in _TIMES:
            hint = "times are whole cycles of the clock; write the number alone"
        reject("E0304", f"unknown unit '{number.unit.text}'", number.unit.span, hint)
    kind, factor = unit
    scaled = exact * factor
    if scaled.denominator != 1:
        text = f"'{number.text} {number.unit.text}' is no whole number of {BASE[kind]}"
        reject("E0302", text, number.span)
    return Value(kind, bounded(int(scaled), number.span))


def in_bytes(value: Value) -> Value:
    if value.kind is Kind.NUMBER and isinstance(value.value, int):
        return Value(Kind.SIZE, 8 * value.value)
    return value


def common_kind(left: Kind, right: Kind) -> Kind | None:
    """The kind of two values that stand side by side; cycles and plain numbers mix."""
    if left is right:
        return left
    return Kind.CYCLES if left in NUMERIC and right in NUMERIC else None


def result_kind(operator: str, left: Kind, right: Kind) -> Kind | None:
    """The kind of ``left operator right``; ``None`` where it makes no sense."""
    if operator in ("and", "or"):
        return Kind.TRUTH if left is right is Kind.TRUTH else None
    if operator in ("==", "!="):
        return Kind.TRUTH if common_kind(left, right) else None
    if Kind.TRUTH in (left, right) or Kind.TEXT in (left, right):
        return None
    if operator in ("<", "<=", ">", ">="):
        return Kind.TRUTH if common_kind(left, right) else None
    return _arithmetic_kind(operator, left, right)


def _arithmetic_kind(operator: str, left: Kind, right: Kind) -> Kind | None:
    if operator in ("<<", ">>"):
        return left if right is Kind.NUMBER else None
    if operator == "*":
        if left in NUMERIC and right in NUMERIC:
            return common_kind(left, right)
        return right if left in NUMERIC else left if right in NUMERIC else None
    if operator == "/":
        if left is right:
            return Kind.NUMBER
        return left if right in NUMERIC else None
    return common_kind(left, right)
