"""Pictures and HTML reports: well formed, self-contained, escaped, written in one step."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from acadl.errors import AcadlError
from platforms.command_group import cli
from platforms.validation.case_report import CaseResult, FailedCase, ValidationReport
from platforms.validation.chart import Panel, Series, series_of, ticks, write_chart
from platforms.validation.chart_svg import to_svg

DATA = Path(__file__).parents[1] / "data" / "rtl" / "axis_sa"
TRACE = DATA / "trace_4x4_16x16x16.csv"
CASE = ["--case", "M=16", "--case", "N=16", "--case", "K=16"]
SVG = "{http://www.w3.org/2000/svg}"


def run(*args: object) -> Result:
    return CliRunner().invoke(cli, [*map(str, args)])


def check_page(path: Path) -> str:
    """No script, nothing from elsewhere, and pictures that are XML."""
    text = path.read_text(encoding="utf-8")
    assert "<script" not in text and "@import" not in text and "url(" not in text
    outside = [url for url in re.findall(r"https?://[^\s\"'<]+", text) if "www.w3.org" not in url]
    assert outside == [] and not re.search(r"\b(src|href)=", text)
    for picture in re.findall(r"<svg.*?</svg>", text, re.S):
        ElementTree.fromstring(picture)
    assert "prefers-color-scheme: dark" in text
    return text


def test_compare_writes_a_page_that_says_what_it_is_made_from(tmp_path: Path) -> None:
    import hashlib

    page = tmp_path / "out.html"
    assert run("compare", "axis_sa", TRACE, *CASE, "--set", "tile_gap=1", "--html", page).exit_code == 0
    text = check_page(page)
    assert "first divergence: input/first_in 1, measured in cycle 16 (line 4)" in text
    assert "#0 tile starts at input in cycle 0" in text
    assert hashlib.sha256(TRACE.read_bytes()).hexdigest() in text
    assert "axis_sa.acadl" in text and "axis_sa.toml" in text and "tile_gap" in text
    again = tmp_path / "again.html"
    run("compare", "axis_sa", TRACE, *CASE, "--set", "tile_gap=1", "--html", again)
    assert again.read_text() == text  # no time of day, no random names


def test_validate_writes_a_page_with_every_case(tmp_path: Path) -> None:
    table, page = tmp_path / "t<b>.csv", tmp_path / "out.html"
    table.write_text(
        "rows,cols,M,N,K,note,cycles\n4,4,4,4,4,<i>&,16\n8,8,8,8,8,b,31\n4,4,16,16,64,<i>&,1000\n4,4,x,4,4,b,1\n"
    )
    found = run("validate", "axis_sa", "--cases", table, "--group", "note", "--html", page)
    assert found.exit_code == 1
    text = check_page(page)
    assert "t&lt;b&gt;.csv" in text and "&lt;i&gt;&amp;" in text and "<i>" not in text
    assert "holds &#x27;x&#x27;; expected a whole number" in text
    for figure in ("Median size", "95 %", "+3.226 %", "+3.6 %"):
        assert figure in text


def test_pictures_have_a_dot_for_each_event(tmp_path: Path) -> None:
    picture = tmp_path / "out.svg"
    assert run("compare", "axis_sa", TRACE, *CASE, "--set", "tile_gap=1", "--plot", picture).exit_code == 0
    root = ElementTree.parse(picture).getroot()
    dots = [item.get("d", "").count("M") for item in root.iter(f"{SVG}path")]
    assert dots == [16] * 8  # four kinds, in two panels
    names = {item.text for item in root.iter(f"{SVG}text")}
    assert {"input/first_in", "output/last_out", "Distribution of the errors"} <= names


def test_png_needs_the_extra_and_says_so_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platforms.validation.chart_png.find_spec", lambda name: None)
    refused = run("compare", "axis_sa", TRACE, *CASE, "--plot", tmp_path / "out.png")
    assert refused.exit_code == 1 and "pip install 'acadl[plot]'" in refused.stderr
    assert refused.stdout == "" and list(tmp_path.iterdir()) == []
    wrong = run("validate", "axis_sa", "--cases", DATA / "cycles_dev.csv", "--plot", tmp_path / "out.bmp")
    assert wrong.exit_code == 1 and "ends in neither .svg nor .png" in wrong.stderr


def test_png_is_written_where_the_extra_is(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="PNG needs the extra 'plot'")
    picture = tmp_path / "out.png"
    write_chart("a $ b", (Panel("p", "x", "y", (Series("$s$", ((1, 2), (3, 4))),)),), picture)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_file_that_cannot_be_written_leaves_no_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = run("compare", "axis_sa", TRACE, *CASE, "--html", tmp_path / "no" / "out.html")
    assert gone.exit_code == 1 and "cannot write" in gone.stderr
    kept = tmp_path / "old.svg"
    kept.write_text("old")
    with pytest.raises(AcadlError, match="ends in neither"):
        write_chart("t", (), tmp_path / "x.gif")
    monkeypatch.setattr("platforms.validation.chart_svg.to_svg", lambda title, panels: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_chart("t", (), kept)
    assert kept.read_text() == "old" and [path.name for path in tmp_path.iterdir()] == ["old.svg"]


NUMBERS = st.floats(-1e7, 1e7, allow_nan=False)


@given(st.lists(st.tuples(st.sampled_from("abcdefghijkl"), NUMBERS, NUMBERS), max_size=40), st.booleans())
def test_every_chart_is_well_formed(points: list[tuple[str, float, float]], diagonal: bool) -> None:
    panel = Panel("<t>", "x & y", '"', series_of(points), diagonal=diagonal)
    bars = Panel("b", "", "", bars=((-1.0, 0.0, 3.0), (0.0, 1.0, 0.0)))
    root = ElementTree.fromstring(to_svg("a < b", (panel, bars)))
    assert len(panel.series) <= 8
    assert sum(len(series.points) for series in panel.series) == len(points)
    names = list(dict.fromkeys(name for name, _, _ in points))
    assert [series.name for series in panel.series] == (names if len(names) <= 8 else [*names[:7], "others"])
    assert float(root.get("height", 0)) > 0


@given(NUMBERS, st.floats(1e-3, 1e7), st.integers(2, 12))
def test_marks_lie_on_the_axis(low: float, length: float, most: int) -> None:
    marks = ticks(low, low + length, most)
    assert len(marks) <= most + 1
    assert all(low - 1e-6 * length <= mark <= low + length * (1 + 1e-6) for mark in marks)


def test_very_many_points_keep_their_extremes() -> None:
    points = [("s", float(n), float(n % 100)) for n in range(100_000)]
    points[54_321] = ("s", 54_321.0, -7000.0)
    (series,) = series_of(points)
    assert len(series.points) < 2000
    assert (54_321.0, -7000.0) in series.points


def test_reports_of_nothing_are_reports() -> None:
    from platforms.validation.case_charts import case_panels

    empty = ValidationReport("a", "f.csv", "cycles", (), (FailedCase("c", 2, "why"),))
    ElementTree.fromstring(to_svg("t", case_panels(empty)))
    exact = ValidationReport("a", "f.csv", "cycles", (CaseResult("c", 2, 7, 7), CaseResult("d", 3, 9, 9)))
    assert case_panels(exact)[2].bars == ((-0.0005, 0.0005, 2),)
    huge = ValidationReport("a", "f.csv", "cycles", (CaseResult("c", 2, 1, 10**40),))
    ElementTree.fromstring(to_svg("t", case_panels(huge)))
