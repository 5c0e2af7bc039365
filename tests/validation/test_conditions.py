"""Conditions: what they mean, and that everything else is refused with a place."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platforms.validation.conditions import ConditionError, Value, parse_condition

VALUES: dict[str, Value] = {
    "a": 3,
    "b": 0,
    "name": "tile",
    "none": None,
    "bus": 0b1101_0110,
    "x y": 7,
    "half": 0.5,
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a == 3", True),
        ("a == 3 and b", False),
        ("a && !b", True),
        ("not b or none", True),
        ("none", False),
        ("!none", False),  # unknown stays unknown
        ("none or a", True),
        ("none and b == 0", False),
        ("!(none and b)", True),  # b decides
        ("none == 0", False),
        ("none != 0", False),
        ("name == 'tile'", True),
        ('name != "tile"', False),
        ("name == 3", False),
        ("a * 2 + 1 == 7", True),
        ("1 + a * 2 == 7", True),
        ("-a < 0 and - -a > 0", True),
        ("a / 2 == 1.5 and a % 2 == 1", True),
        ("bus[7:4] == 0xD and bus[1] and !bus[0]", True),
        ("bus[3:0] == 0b0110", True),
        ("`x y` == 7", True),
        ("half > 0.25", True),
        ("a == 03", True),
        ("a > b and (b or a) and 1_000 > 999", True),
        ("not a == 4", True),
        ("b || a && b", False),
    ],
)
def test_meaning(text: str, expected: bool) -> None:
    assert parse_condition(text).holds(VALUES) is expected


@pytest.mark.parametrize(
    ("text", "message", "column"),
    [
        ("", "expected a name", 0),
        ("a = 3", "'=' has no meaning", 2),
        ("a ==", "found the end", 4),
        ("(a", r"expected '\)'", 2),
        ("a b", "expected an operator", 2),
        ("a < b < 3", "do not chain", 6),
        ("a[3", r"expected '\]'", 3),
        ("a[0:3]", "high:low", 6),
        ("a[b]", "number of a bit", 2),
        ("__import__('os')", "expected an operator", 10),
        ("a; b", "';' has no meaning", 1),
    ],
)
def test_mistakes_have_a_place(text: str, message: str, column: int) -> None:
    with pytest.raises(ConditionError, match=message) as caught:
        parse_condition(text)
    assert str(caught.value).splitlines()[-1] == "  " + " " * column + "^"


@pytest.mark.parametrize("text", ["name < 3", "name + 1", "a / b", "a % b", "half[1]"])
def test_what_has_no_value_is_an_error(text: str) -> None:
    with pytest.raises(ConditionError):
        parse_condition(text).holds(VALUES)


def test_unknown_names_are_named() -> None:
    with pytest.raises(ConditionError, match=r"no column 'row'; did you mean 'rows'\?"):
        parse_condition("row == 4").check_names(frozenset({"rows", "cols"}), "column")


@pytest.mark.parametrize("text", ["(" * 400 + "a" + ")" * 400, "!" * 1000 + "a", "-" * 900 + "1", "a" * 3000])
def test_depth_and_length_are_bounded(text: str) -> None:
    with pytest.raises(ConditionError):
        parse_condition(text)


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(ConditionError):
        parse_condition(text)


NUMBERS = st.integers(0, 20)


@given(
    st.recursive(
        NUMBERS.map(str),
        lambda inner: st.tuples(inner, st.sampled_from(["+", "-", "*", "<", "=="]), inner).map(
            lambda parts: f"({parts[0]} {parts[1]} {parts[2]})"
        ),
        max_leaves=8,
    )
)
def test_values_are_those_of_python(text: str) -> None:
    expected = eval(text)  # safe: the text is made by this test
    assert parse_condition(text).holds({}) == bool(expected)
