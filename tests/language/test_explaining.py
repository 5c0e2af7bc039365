"""Every code has a long form, whose example is right, and a page of the documentation shows them all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import acadl
from acadl.diagnostics import CODES
from acadl.explaining import explain, explanations
from acadl.formatting import format_text
from tests.language.descriptions import FRAME

PAGE = Path(__file__).parents[2] / "docs" / "diagnostics.md"
GOLDEN = Path(__file__).parent / "golden"
HEAD = PAGE.read_text("utf-8").partition("## E0101")[0] if PAGE.exists() else ""


def page() -> str:
    """The codes of the page: what each means, a right example, and a message."""
    parts = []
    for code, item in explanations().items():
        parts.append(f"## {code}: {item.title}\n\n{item.text}\n\nRight:\n\n```text\n{item.example}```\n")
        for path in sorted(GOLDEN.glob(f"{code.lower()}_*.txt"))[:1]:
            message = path.read_text("utf-8").partition("=== diagnostics\n")[2]
            found = next((m for m in message.split("\n\n") if f"[{code}]" in m), "").strip()
            parts.append(f"A message:\n\n```text\n{found}\n```\n")
    return "\n".join(parts)


def test_every_code_is_explained_in_order() -> None:
    assert list(explanations()) == list(CODES)


@pytest.mark.parametrize("code", CODES)
def test_examples_are_right_and_formatted(code: str) -> None:
    example = explanations()[code].example
    assert format_text(example) == example
    text = example if "architecture" in example else FRAME.format(parameters="", body=example)
    found = acadl.check(text)
    assert not [item for item in found if item.is_error or item.code == code], found


@pytest.mark.parametrize("code", CODES)
def test_explanations_are_short_texts(code: str) -> None:
    item = explanations()[code]
    assert item.text.endswith(".") and 60 < len(item.text) < 500
    assert str(item).startswith(f"{code}: {item.title}\n")
    assert item.to_dict()["code"] == code


def test_codes_are_found_in_any_case() -> None:
    assert explain("e0201") is explain("E0201")


def test_unknown_codes_are_named_with_the_nearest_one() -> None:
    with pytest.raises(acadl.AcadlError, match="no diagnostic 'E0209'; did you mean"):
        explain("E0209")
    with pytest.raises(acadl.AcadlError, match="codes look like"):
        explain("hello")


def test_the_page_has_all_of_them() -> None:
    """``ACADL_RECORD=1 pytest tests/language/test_explaining.py`` writes it anew."""
    if os.environ.get("ACADL_RECORD"):
        PAGE.write_text(HEAD.rstrip("\n").partition("## E0101")[0].rstrip("\n") + "\n\n" + page(), "utf-8")
    text = PAGE.read_text("utf-8")
    assert text == text.partition("## E0101")[0] + page()


def test_a_number_is_enough_where_one_code_has_it() -> None:
    assert explain("503").code == explain("0503").code == "E0503"
    with pytest.raises(acadl.AcadlError, match="there is no diagnostic '9999'"):
        explain("9999")
