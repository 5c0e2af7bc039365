"""Rendering, suggestions, the collector; the table of codes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import acadl
from acadl.diagnostics import (
    CODES,
    MAX_DIAGNOSTICS,
    MAX_REPETITIONS,
    Collector,
    TooManyDiagnosticsError,
    render,
)
from acadl.errors import Diagnostic, Label, Span
from acadl.loading import check_text
from acadl.suggesting import MAX_LENGTH, MAX_NAMES, distance, nearest, suggestion

ROOT = Path(__file__).parents[2]


def shown(line: str, start: int, end: int) -> list[str]:
    span = Span("f", 1, start, 1, end)
    return render([Diagnostic("E0101", "message", span)], {"f": line}).split("\n")[2:]


def test_caret_stands_under_what_is_meant() -> None:
    assert shown("abc def", 5, 8) == ["  1 | abc def", "    |     ^^^"]


def test_tabs_take_four_columns() -> None:
    assert shown("\tabc", 2, 5) == ["  1 |     abc", "    |     ^^^"]
    assert shown("a\tb", 2, 3) == ["  1 | a    b", "    |  ^^^^"]


def test_empty_places_get_one_caret() -> None:
    assert shown("abc", 4, 5) == ["  1 | abc", "    |    ^"]
    assert shown("abc", 4, 4) == ["  1 | abc", "    |    ^"]


def test_a_place_over_several_lines_is_marked_to_the_end_of_its_first() -> None:
    span = Span("f", 2, 3, 4, 2)
    text = render([Diagnostic("E0101", "m", span)], {"f": "one\ntwo x\nthree\nfour"})
    assert text.split("\n")[2:] == ["  2 | two x", "    |   ^^^"]


def test_wide_line_numbers_keep_the_bars_aligned() -> None:
    span = Span("f", 1234, 1, 1234, 2)
    lines = render([Diagnostic("E0101", "m", span)], {"f": "x\n" * 2000}).split("\n")
    assert lines[2:] == ["1234 | x", "     | ^"]


def test_control_characters_do_not_reach_the_terminal() -> None:
    line = shown("a\x1b[31mb\r", 1, 2)[0]
    assert "\x1b" not in line
    assert line == "  1 | a\ufffd[31mb"
    assert "\x1b" not in render([Diagnostic("E0101", "found '\x1b'", None)], {})


def test_colour_only_on_request() -> None:
    finding = Diagnostic("W0901", "m", Span("f", 1, 1, 1, 2), "hint")
    assert "\x1b" not in render([finding], {"f": "x"})
    assert render([finding], {"f": "x"}, color=True).startswith("\x1b[1;33mwarning[W0901]\x1b[0m: ")


def test_places_without_text_show_no_excerpt() -> None:
    assert render([Diagnostic("E0101", "m", Span("g", 3, 4, 3, 5))], {}) == "error[E0101]: m\n  --> g:3:4"
    assert render([Diagnostic("E0101", "m")], {}) == "error[E0101]: m"


def test_labels_are_shown_below_with_their_own_file() -> None:
    finding = Diagnostic(
        "E0203", "m", Span("f", 1, 1, 1, 2), None, (Label(Span("g", 2, 1, 2, 4), "first here"),)
    )
    lines = render([finding], {"f": "x", "g": "one\ntwo"}).split("\n")
    assert lines[4:] == ["  --> g:2:1", "  2 | two", "    | --- first here"]


# --- suggestions ---


@pytest.mark.parametrize(
    ("first", "second", "edits"),
    [
        ("", "abc", 3),
        ("abc", "abc", 0),
        ("abc", "abd", 1),
        ("abc", "acb", 1),
        ("dmem", "dmen", 1),
        ("ab", "ba", 1),
    ],
)
def test_distance(first: str, second: str, edits: int) -> None:
    assert distance(first, second) == edits


def distance_by_table(first: str, second: str) -> int:
    """The same by the table of Damerau and Levenshtein, each pair of neighbours swapped at most once."""
    table = [
        [max(i, j) if not i or not j else 0 for j in range(len(second) + 1)] for i in range(len(first) + 1)
    ]
    for i, a in enumerate(first, 1):
        for j, b in enumerate(second, 1):
            edits = [table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + (a != b)]
            if i > 1 and j > 1 and a == second[j - 2] and first[i - 2] == b:
                edits.append(table[i - 2][j - 2] + 1)
            table[i][j] = min(edits)
    return table[-1][-1]


@given(st.text("abc", max_size=12), st.text("abc", max_size=12))
def test_distance_is_that_of_the_table(first: str, second: str) -> None:
    assert distance(first, second) == distance_by_table(first, second)


@given(st.text("abc", max_size=6), st.text("abc", max_size=6), st.text("abc", max_size=6))
def test_distance_is_symmetric_and_zero_only_for_equal_names(a: str, b: str, c: str) -> None:
    assert distance(a, b) == distance(b, a)
    assert (distance(a, b) == 0) == (a == b)
    assert distance(a, b) <= max(len(a), len(b))
    assert distance(a, c) <= distance(a, b) + distance(b, c) + min(len(a), len(c))


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        ("latencies", ["latency", "capacity"], "latency"),
        ("Mac", ["mac", "max"], "mac"),
        ("row", ["rows", "cols"], "rows"),
        ("xyz", ["abc"], None),
        ("withd", ["width"], None),  # two edits in five letters
        ("data_with", ["data_width"], "data_width"),
        ("integer", ["int"], "int"),
        ("in", ["integer"], None),
        ("a" * (MAX_LENGTH + 1), ["a" * MAX_LENGTH], None),
        ("x", [], None),
    ],
)
def test_nearest_name(name: str, known: list[str], expected: str | None) -> None:
    assert nearest(name, known) == expected


def test_suggestions_list_what_there_is() -> None:
    assert suggestion("mac", ["max"], "operations") == "did you mean 'max'?"
    assert suggestion("q", ["load", "store"], "operations") == "known operations: load, store"
    assert suggestion("q", [], "operations") == "there are no operations here"
    many = suggestion("q", [f"name{i:02}" for i in range(20)], "names")
    assert many.endswith("name11 and 8 more")
    assert suggestion("q", (f"name{n}" for n in range(10 * MAX_NAMES)), "names").endswith(" and many more")
    assert suggestion("q", ["x" * 500], "names") == f"known names: {'x' * 39}…"


# --- the collector ---


def finding(line: int, code: str = "E0101", message: str = "m") -> Diagnostic:
    return Diagnostic(code, message, Span("f", line, 1, line, 2))


def test_findings_are_sorted_and_repetitions_dropped() -> None:
    collector = Collector()
    for item in (finding(3), finding(1), finding(1), finding(2, "W0901"), Diagnostic("E0601", "no place")):
        collector.add(item)
    assert [d.code for d in collector.sorted()] == ["E0101", "W0901", "E0101", "E0601"]
    assert collector.error_count == 3
    collector.add(finding(1, message="other"))
    assert collector.error_count == 3
    collector.add(finding(1, message="other"), distinct=True)
    assert collector.error_count == 4


def test_the_collector_has_an_end() -> None:
    collector = Collector()
    for line in range(MAX_DIAGNOSTICS - 1):
        collector.add(finding(line))
    with pytest.raises(TooManyDiagnosticsError):
        collector.add(finding(MAX_DIAGNOSTICS))
    assert len(collector.sorted()) == MAX_DIAGNOSTICS


def test_repetitions_have_an_end() -> None:
    collector = Collector()
    for _ in range(MAX_REPETITIONS):
        collector.add(finding(1))
    with pytest.raises(TooManyDiagnosticsError):
        collector.add(finding(1))


def test_no_more_than_a_hundred_findings() -> None:
    edges = "\n".join(f"x{i} -> y{i}" for i in range(200))
    found = acadl.check(f"architecture a {{\nclock 1 GHz\n{edges}\n}}")
    assert len(found) == MAX_DIAGNOSTICS + 1
    assert found[-1].code == "N1002" and "than the 100 that are listed" in found[-1].message


def test_names_of_files_steer_no_terminal() -> None:
    checked = check_text("architecture a {\n b -> c\n}", "a\x1b[31m\nb", None, {})
    assert "\x1b" not in render(checked.diagnostics, checked.sources)


# --- codes ---


def used_codes() -> set[str]:
    sources = "\n".join(path.read_text("utf-8") for path in (ROOT / "acadl").glob("*.py"))
    return set(re.findall(r'"([EWN]\d{4})"(?!:)', sources))  # not those of the table itself


def test_the_table_of_codes_is_complete() -> None:
    assert used_codes() == set(CODES)


def test_codes_are_documented() -> None:
    page = (ROOT / "docs" / "language.md").read_text("utf-8")
    for code, title in CODES.items():
        assert f"| `{code}` | {title} |" in page


def test_every_code_has_a_golden_case() -> None:
    cases = {path.stem[:5].upper() for path in (Path(__file__).parent / "golden").glob("*.txt")}
    assert set(CODES) - cases == {"E0801"}  # a text that is too long is no file to keep; see test_syntax
