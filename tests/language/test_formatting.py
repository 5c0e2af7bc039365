"""The formatter: idempotent, keeps comments, never changes the tree."""

from __future__ import annotations

import re
import time
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acadl.diagnostics import Collector, DescriptionError
from acadl.formatting import format_text, means_the_same
from acadl.formatting.printing import WIDTH
from acadl.parser import parse
from acadl.parser_tables import tables
from tests.language.texts import Writer

ROOT = Path(__file__).parents[2]
HIDDEN = (".venv", ".git", "build")
CORPUS = sorted(path for path in ROOT.rglob("*.acadl") if not set(HIDDEN) & set(path.relative_to(ROOT).parts))
GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.txt"))


def tree_of(text: str) -> object:
    collector = Collector()
    found = parse(text, "<string>", collector)
    assert not collector.error_count
    return found.items


def comments_of(text: str) -> list[str]:
    """Comments in order; what stands behind their slashes."""
    found = (match[0] for match in tables().words.finditer(text) if match.lastgroup == "COMMENT")
    return [comment.strip().lstrip("/").strip() for comment in found]


def check(text: str) -> str:
    """All promises for one text; returns what it is formatted to."""
    formatted = format_text(text)
    assert format_text(formatted) == formatted
    assert means_the_same(tree_of(formatted), tree_of(text))
    assert comments_of(formatted) == comments_of(text)
    assert "\r" not in formatted and "\t" not in formatted
    assert not formatted or (formatted.endswith("\n") and not formatted.endswith("\n\n"))
    assert not any(line != line.rstrip() for line in formatted.split("\n"))
    return formatted


# --- promises -------------------------------------------------------------------------------------------


@settings(max_examples=150)
@given(st.integers(0, 2**32), st.sampled_from((0.0, 0.1, 0.5)))
def test_any_layout_is_formatted(seed: int, comments: float) -> None:
    check(Writer(Random(seed), comments).file())


@pytest.mark.slow
@settings(max_examples=5000)
@given(st.integers(0, 2**32), st.sampled_from((0.0, 0.1, 0.5, 0.9)))
def test_many_layouts_are_formatted(seed: int, comments: float) -> None:
    check(Writer(Random(seed), comments).file())


@settings(max_examples=40)
@given(st.integers(0, 2**32))
def test_equal_words_on_one_line_each_format_alike(seed: int) -> None:
    """Blanks and tabs within lines have no influence."""
    text = Writer(Random(seed), 0.0).file()
    lines = ["\t " + "  ".join(words_of(line)) + " \t" for line in text.split("\n")]
    assert format_text("\n".join(lines)) == format_text(text)


def words_of(line: str) -> list[str]:
    return [match[0] for match in tables().words.finditer(line) if match.lastgroup != "SPACE"]


def test_there_is_a_corpus() -> None:
    assert len(CORPUS) >= 8


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_descriptions_of_the_repository_are_formatted(path: Path) -> None:
    """``acadl fmt .`` brings them into this form."""
    text = path.read_bytes().decode()
    assert check(text) == text
    assert max(map(len, text.split("\n"))) <= WIDTH + 40  # words that cannot be broken may stand out


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.name)
def test_descriptions_in_the_documentation_are_formatted(page: Path) -> None:
    for block in re.findall(r"^```acadl[^\n]*\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE):
        assert format_text(block) == block


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_faulty_descriptions_are_formatted_or_refused(path: Path) -> None:
    text = path.read_text("utf-8").partition("=== ")[0]
    collector = Collector()
    parse(text, "<string>", collector)
    if collector.error_count or path.stem.startswith("e0802"):
        with pytest.raises(DescriptionError):
            format_text(text)
    else:
        check(text)


# --- the style ------------------------------------------------------------------------------------------

STYLE = {
    "signs": (
        "const a=b+-1*( c-2 )<<3\nx[ 0..<4 ] . y->{p ,q[*]}\n",
        "const a = b + -1 * (c - 2) << 3\nx[0 ..< 4].y -> {p, q[*]}\n",
    ),
    "one line": (
        "architecture a{clock 1 GHz,stage s{latency:1},stage t{ }}",
        "architecture a {\n    clock 1 GHz\n    stage s { latency: 1 }\n    stage t { }\n}\n",
    ),
    "a shared line stays": (
        "sram m {\na: 1, b: 2\nc: 3\n}\n",
        "sram m {\n    a: 1, b: 2\n    c: 3\n}\n",
    ),
    "blocks have lines of their own": (
        "architecture a {\nstage s { }, stage t { }\n}\n",
        "architecture a {\n    stage s { }\n    stage t { }\n}\n",
    ),
    "objects below each other": (
        "execute ex {\nunit a { b: 1 }\nmemory_unit c { d: 1 }\n}\n",
        "execute ex {\n    unit a        { b: 1 }\n    memory_unit c { d: 1 }\n}\n",
    ),
    "comments below each other": (
        "const a = 1 // one\nconst bb = 2 // two\n\nconst ccc = 3 //three\n",
        "const a = 1   // one\nconst bb = 2  // two\n\nconst ccc = 3  // three\n",
    ),
    "empty lines": ("\n\nconst a = 1\n\n\n\nconst b = 2\n\n", "const a = 1\n\nconst b = 2\n"),
    "empty lines at the ends of blocks": ("stage s {\n\nlatency: 1\n\n}", "stage s {\n    latency: 1\n}\n"),
    "comments of blocks": (
        "stage s { // why\n// inside\nlatency: 1 // end\n// last\n} // behind\n",
        "stage s {  // why\n    // inside\n    latency: 1  // end\n    // last\n}  // behind\n",
    ),
    "alternatives": (
        "if a { b: 1 }\nelse {\nc: 1 }\n",
        "if a {\n    b: 1\n} else {\n    c: 1\n}\n",
    ),
    "continued edges": ("a // one\n-> b\n", "a  // one\n    -> b\n"),
    "a long edge": (
        " -> ".join(f"stage_number_{n}" for n in range(9)),
        " -> ".join(f"stage_number_{n}" for n in range(6))
        + "\n    -> stage_number_6 -> stage_number_7 -> stage_number_8\n",
    ),
    "a long list": (
        f"operations {{\nmac({', '.join(f'operand_{n}: in reg' for n in range(7))})\n}}\n",
        "operations {\n    mac(\n        "
        + ", ".join(f"operand_{n}: in reg" for n in range(5))
        + ",\n        operand_5: in reg, operand_6: in reg\n    )\n}\n",
    ),
    "a long requirement": (
        f'require {"a" * 60} > 0 else "{"b" * 60}"\n',
        f'require {"a" * 60} > 0\n    else "{"b" * 60}"\n',
    ),
    "lists keep their lines": (
        "architecture a(\nb: int, // one\nc: int, d: int\n) { }\n",
        "architecture a(\n    b: int,  // one\n    c: int, d: int\n) { }\n",
    ),
    "no comma in front of a closing bracket": ("x: max(\na,\nb,\n)\n", "x: max(\n    a,\n    b\n)\n"),
    "windows": ("stage s {\r\n  latency: 1\r\n}\r\n", "stage s {\n    latency: 1\n}\n"),
    "nothing": ("\n \n", ""),
    "only a comment": ("//x", "// x\n"),
    "documentation that would begin to document": (
        "operations {\na()\n/// of nothing\n, b()\n}\n",
        "operations {\n    a()\n    // of nothing\n    b()\n}\n",
    ),
}


@pytest.mark.parametrize("name", STYLE)
def test_style(name: str) -> None:
    text, expected = STYLE[name]
    assert check(text) == expected


def test_text_with_syntax_errors_is_refused() -> None:
    with pytest.raises(DescriptionError) as caught:
        format_text("stage s {", "f.acadl")
    assert [d.code for d in caught.value.diagnostics] == ["E0104"]
    assert caught.value.diagnostics[0].file == "f.acadl"


def test_errors_of_meaning_are_none_of_its_business() -> None:
    assert format_text("stage s{latencies:1}") == "stage s { latencies: 1 }\n"


@pytest.mark.parametrize("opening", ["(", "max("])
def test_deep_brackets_are_refused(opening: str) -> None:
    with pytest.raises(DescriptionError) as caught:
        format_text(f"const a = {opening * 5000}1{')' * 5000}")
    assert [d.code for d in caught.value.diagnostics] == ["E0802"]


LONG = {
    "elements": "q -> {" + ", ".join(f"a{n}" for n in range(45_000)) + "}",
    "alternatives": "if false { }" + " else if false { }" * 19_000,
    "words": "registers r { names: " + " ".join(f"r{n}" for n in range(90_000)) + " }",
    "attributes": "stage s { " + ", ".join(f"a{n}: 1" for n in range(22_000)) + " }",
    "brackets": "const a = " + "(" * 90 + "1" + ")" * 90,
}


@pytest.mark.parametrize("name", LONG)
def test_long_statements_take_time_in_proportion(name: str) -> None:
    """Two to three seconds each; what takes the square of that takes minutes."""
    start = time.process_time()
    format_text(f"architecture a {{\n{LONG[name]}\n}}\n")
    assert time.process_time() - start < 15


def test_a_comma_ends_documentation() -> None:
    assert check("/// one\n,\n/// two\nstage s { }\n") == "// one\n/// two\nstage s { }\n"


def test_four_slashes_are_no_documentation() -> None:
    tree = tree_of("//// ruler ////\n/// two\nstage s { }\n")
    assert isinstance(tree, tuple) and tree[0].doc == "two"
    assert check("stage r { }, //// ruler ////\n/// two\nstage s { }\n")
