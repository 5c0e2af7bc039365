"""The reference page says what the code does."""

from __future__ import annotations

import re
from dataclasses import MISSING, fields
from pathlib import Path

import pytest

from acadl import elaborate_imports, elaborate_names, elaborate_scope, parser
from acadl.elaborate_parameters import TYPES
from acadl.elaborate_schema import FIELDS, OBJECTS
from acadl.elaborate_values import UNITS
from acadl.expressions import FUNCTION_NAMES, Const

PAGE = (Path(__file__).parents[2] / "docs" / "language.md").read_text("utf-8")


def rows(first: str) -> list[list[str]]:
    """Cells of the rows of the table whose head starts with ``first``."""
    table = PAGE.split(f"| {first} |", 1)[1].split("\n\n", 1)[0].split("\n")[2:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in table]


def words(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_the_table_of_keywords() -> None:
    documented = {words(row[0])[0]: (words(row[1])[0], words(row[3])) for row in rows("keyword")}
    actual = {keyword: (form.cls.__name__, list(form.required)) for keyword, form in OBJECTS.items()}
    assert documented == actual


def test_the_table_of_attributes() -> None:
    documented = {(keyword, words(row[0])[0]) for row in rows("attribute") for keyword in words(row[1])}
    actual = {(keyword, attribute) for keyword, form in OBJECTS.items() for attribute in form.attributes}
    assert documented == actual


@pytest.mark.parametrize("row", rows("attribute"), ids=lambda row: row[0])
def test_documented_defaults(row: list[str]) -> None:
    """A single number, size, word or truth value in the column of defaults is the class's default."""
    match = re.fullmatch(r"`?(\w+)`?( KiB| bytes)?", row[3])
    if match is None:  # none, or explained in words
        return
    scale = {" KiB": 1024}.get(match[2] or "", 1)
    for keyword in words(row[1]):
        attribute = words(row[0])[0]
        (default,) = [
            item.default
            for item in fields(OBJECTS[keyword].cls)
            if item.name == FIELDS.get(attribute, attribute)
        ]
        assert default is not MISSING
        value = default.value if isinstance(default, Const) else default
        assert str(value).lower() == (str(int(match[1]) * scale) if match[1].isdigit() else match[1])


def test_units_types_and_functions_are_named() -> None:
    for word in (*UNITS, *TYPES):
        assert f"`{word}`" in PAGE
    for name in FUNCTION_NAMES:
        assert f"`{name}(" in PAGE


def test_limits_are_as_stated() -> None:
    limits = PAGE.split("## Limits")[1]
    for number in (
        parser.MAX_CHARACTERS,
        parser.MAX_TOKENS,
        parser.MAX_DEPTH,
        elaborate_imports.MAX_FILES,
        elaborate_names.MAX_STEPS,
        elaborate_scope.MAX_INSTANCE_DEPTH,
        elaborate_scope.MAX_OBJECTS,
        elaborate_scope.MAX_EDGES,
    ):
        assert f"{number:,}" in limits
