"""Expressions: dimensions, units, folding, what stays symbolic."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acadl.diagnostics import Collector
from acadl.elaborate_evaluate import Evaluator
from acadl.elaborate_names import MAX_STEPS, Meter, Scope, TooLargeError
from acadl.elaborate_values import LARGEST, Kind, Reject, Value
from acadl.errors import Span
from acadl.expressions import Name
from acadl.parser import parse_expression
from acadl.syntax import Word

HERE = Span("f", 1, 1, 1, 2)


def evaluated(text: str, attributes: frozenset[str] = frozenset(), **values: Value) -> Value:
    collector = Collector()
    node = parse_expression(text, "f", collector)
    assert node is not None, collector.sorted()
    scope = Scope(None, Meter())
    for name, value in values.items():
        scope.declare(Word(HERE, name), value)
    return Evaluator(scope, attributes).evaluate(node)


def code(text: str, attributes: frozenset[str] = frozenset(), **values: Value) -> str:
    with pytest.raises(Reject) as caught:
        evaluated(text, attributes, **values)
    assert caught.value.diagnostic is not None
    return caught.value.diagnostic.code


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("7 / 2", Kind.NUMBER, 3),
        ("-7 / 2", Kind.NUMBER, -4),
        ("-7 % 3", Kind.NUMBER, 2),
        ("1 << 10", Kind.NUMBER, 1024),
        ("0x10 + 0b11 + 1_000", Kind.NUMBER, 1019),
        ("ceil_div(7, 2)", Kind.NUMBER, 4),
        ("min(3, 1, 2) + abs(-4)", Kind.NUMBER, 5),
        ("if 1 < 2 then 10 else 1 / 0", Kind.NUMBER, 10),
        ("1 < 2 and not 3 == 4", Kind.TRUTH, 1),
        ("false and 1 / 0 == 1", Kind.TRUTH, 0),
        ("true or 1 / 0 == 1", Kind.TRUTH, 1),
        ("4 KiB", Kind.SIZE, 32768),
        ("2 MiB / 1 KiB", Kind.NUMBER, 2048),
        ("64 bytes * 2 + 8 bits", Kind.SIZE, 1032),
        ("64 bytes / 4", Kind.SIZE, 128),
        ("1 KiB % 1000 bytes", Kind.SIZE, 192),
        ("max(1 bytes, 9 bits)", Kind.SIZE, 9),
        ("1.5 KiB", Kind.SIZE, 12288),
        ("2.5 GHz", Kind.FREQUENCY, 2_500_000_000),
        ("3 cycles + 1", Kind.CYCLES, 4),
        ("2 * 3 cycles", Kind.CYCLES, 6),
        ("8 cycles / 2 cycles", Kind.NUMBER, 4),
        ("1 KiB == 1024 bytes", Kind.TRUTH, 1),
        ('"a" == "a"', Kind.TRUTH, 1),
        ('"a" != "a"', Kind.TRUTH, 0),
        ("true == false", Kind.TRUTH, 0),
    ],
)
def test_value_and_kind(text: str, kind: Kind, value: int) -> None:
    assert evaluated(text) == Value(kind, value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 1 bytes", "E0301"),
        ("1 bytes * 1 bytes", "E0301"),
        ("1 / 1 bytes", "E0301"),
        ("1 cycles + 1 bytes", "E0301"),
        ("1 MHz < 1", "E0301"),
        ("true + 1", "E0301"),
        ("-true", "E0301"),
        ("-(1 MHz)", "E0301"),
        ("not 1", "E0301"),
        ("1 and true", "E0301"),
        ("true and 1", "E0301"),
        ("if 1 then 2 else 3", "E0301"),
        ("0 < 1 < 2", "E0301"),
        ('"a" + "b"', "E0301"),
        ("1 << 4 bytes", "E0301"),
        ("max(1, 1 bytes)", "E0301"),
        ("min(true, 1)", "E0301"),
        ("1 / 0", "E0302"),
        ("1 % 0", "E0302"),
        ("ceil_div(1, 0)", "E0302"),
        ("1 << 64", "E0302"),
        ("1 << -1", "E0302"),
        ("0.5", "E0302"),
        ("0.3 bytes", "E0302"),
        ("0x", "E0301"),
        ("max(1)", "E0303"),
        ("abs(1, 2)", "E0303"),
        ("max(a: 1, b: 2)", "E0303"),
        ("max(1, 2).bytes", "E0303"),
        ("4 KB", "E0304"),
        ("x", "E0201"),
        ("x.y", "E0201"),
        ("x[1]", "E0201"),
        ("sqrt(4)", "E0201"),
    ],
)
def test_what_has_no_value(text: str, expected: str) -> None:
    if text == "0x":  # lexed as the number 0 with the unit x
        expected = "E0304"
    assert code(text) == expected


def test_numbers_have_a_largest_magnitude() -> None:
    assert evaluated(str(LARGEST)).value == LARGEST
    assert evaluated(f"-{LARGEST}").value == -LARGEST
    assert code(str(LARGEST + 1)) == "E0302"
    assert code(f"-{LARGEST} - 1") == "E0302"
    assert code(f"{LARGEST} bytes") == "E0302"
    assert code("9" * 5000) == "E0302"


def test_sizes_turn_into_numbers_by_their_members() -> None:
    size = Value(Kind.SIZE, 1024)
    assert evaluated("s.bytes", s=size) == Value(Kind.NUMBER, 128)
    assert evaluated("s.bits", s=size) == Value(Kind.NUMBER, 1024)
    assert code("s.kib", s=size) == "E0303"
    assert code("s.bytes.bits", s=size) == "E0303"
    assert code("s[0]", s=size) == "E0303"
    assert code("n.bytes", n=Value(Kind.NUMBER, 8)) == "E0303"
    assert code("s.bytes", s=Value(Kind.SIZE, 9)) == "E0302"


def test_values_with_errors_cause_no_second_error() -> None:
    scope = Scope(None, Meter())
    scope.declare(Word(HERE, "broken"), None)
    node = parse_expression("1 + broken", "f", Collector())
    assert node is not None
    with pytest.raises(Reject) as caught:
        Evaluator(scope).evaluate(node)
    assert caught.value.diagnostic is None


def test_instruction_attributes_stay_symbolic() -> None:
    attributes = frozenset({"m", "src.bytes"})
    rows = Value(Kind.NUMBER, 16)
    latency = evaluated("m + 2 * rows - 1 + src.bytes / 4", attributes, rows=rows)
    assert latency.kind is Kind.NUMBER
    assert latency.expr.names() == {"m", "src.bytes"}
    assert latency.expr.evaluate({"m": 3, "src.bytes": 8}) == 3 + 32 - 1 + 2
    assert str(evaluated("m + 2 * 8", attributes).value) == "(m + 16)"
    assert evaluated("if m > 4 and true then m else 0", attributes).expr.evaluate({"m": 5}) == 5
    assert evaluated("if false then m else 1", attributes) == Value(Kind.NUMBER, 1)
    assert evaluated("max(m, 1)", attributes).expr.evaluate({"m": 0}) == 1


def test_instruction_attributes_have_dimensions() -> None:
    attributes = frozenset({"m"})
    width = Value(Kind.SIZE, 128)
    assert evaluated("ceil_div(m * 4 bytes, w)", attributes, w=width).expr.evaluate({"m": 5}) == 2
    assert evaluated("m * 4 bytes", attributes).kind is Kind.SIZE
    assert code("m + w", attributes, w=width) == "E0301"
    assert code("m and true", attributes) == "E0301"


def test_a_name_may_not_mean_two_things() -> None:
    number = Value(Kind.NUMBER, 1)
    assert code("m + 1", frozenset({"m"}), m=number) == "E0204"
    assert code("m.bytes", frozenset({"m.bytes"}), m=Value(Kind.SIZE, 8)) == "E0204"
    assert evaluated("n + 1", frozenset({"m"}), n=number).value == 2


def test_scopes_hide_nothing_within_a_component() -> None:
    number = Value(Kind.NUMBER, 1)
    outer = Scope(None, Meter(), component=True)
    outer.declare(Word(HERE, "n"), number)
    inner = Scope(outer, outer.meter)
    with pytest.raises(Reject):
        inner.declare(Word(HERE, "n"), number)
    template = Scope(outer, outer.meter, component=True)
    template.declare(Word(HERE, "n"), Value(Kind.NUMBER, 2))
    found = template.find("n")
    assert found is not None
    assert found.value == Value(Kind.NUMBER, 2)
    assert list(template.visible()) == ["n", "n"]


def test_evaluation_is_bounded() -> None:
    meter = Meter()
    meter.step(HERE, MAX_STEPS)
    with pytest.raises(TooLargeError):
        meter.step(HERE)


names = st.sampled_from(["a", "b", "c"])
leaves = st.one_of(st.integers(0, 20).map(str), names)
texts = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*"]), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(inner, st.integers(1, 9)).map(lambda t: f"({t[0]} / {t[1]})"),
        st.tuples(inner, inner).map(lambda t: f"max({t[0]}, {t[1]})"),
        st.tuples(inner, inner, inner, inner).map(lambda t: f"(if {t[0]} < {t[1]} then {t[2]} else {t[3]})"),
    ),
    max_leaves=12,
)


@given(text=texts, numbers=st.tuples(*[st.integers(0, 50)] * 3))
def test_folding_equals_evaluating_later(text: str, numbers: tuple[int, int, int]) -> None:
    """Names bound before evaluation or after it: the value is the same."""
    bound = dict(zip("abc", numbers, strict=True))
    early = evaluated(text, **{name: Value(Kind.NUMBER, value) for name, value in bound.items()})
    late = evaluated(text, frozenset(bound))
    assert late.expr.evaluate(bound) == early.value
    assert isinstance(Name("a"), type(evaluated("a", frozenset("a")).value))
