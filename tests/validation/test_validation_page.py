"""``docs/validation.md`` and its pictures are what its command makes of the data."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import rtl, rtl_validation
from benchmarks.rtl_designs import DATA, DESIGNS, TABLE, Design
from benchmarks.rtl_validation import COMMAND, DOCS, PAGE, Found, design_text, examine, panels, summary_table
from mappings.cases import Case
from platforms.validation.chart_svg import to_svg

BY_NAME = {design.name: design for design in DESIGNS}
AXIS = BY_NAME["axis_sa"]
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in BY_NAME if name != "axis_sa"]


def between(name: str) -> str:
    """What the page has between the markers."""
    page = PAGE.read_text(encoding="utf-8")
    return page.split(f"<!-- begin: {COMMAND} {name} -->")[1].split("<!-- end:")[0].strip()


@pytest.mark.parametrize("name", ["axis_sa", *SLOW])
def test_the_page_is_up_to_date(name: str) -> None:
    found = examine(BY_NAME[name], DATA, jobs=1)
    assert between(name) == design_text(found)
    assert summary_table([found]).splitlines()[-1] in between("summary")
    if found.report is not None:
        picture = (DOCS / "images" / "measured" / f"rtl_{name}.svg").read_text(encoding="utf-8")
        assert picture == to_svg(f"{name} against its RTL", panels(found))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A copy of the data of ``axis_sa`` with every eighth case, to be damaged."""
    shutil.copytree(DATA / "axis_sa", tmp_path / "axis_sa")
    table = tmp_path / "axis_sa" / TABLE
    header, *rows = table.read_text().splitlines(keepends=True)
    table.write_text("".join([header, *rows[5::8]]))
    return tmp_path


def damage(file: Path, right: str, wrong: str) -> None:
    text = file.read_text()
    assert text.count(right) == 1
    file.write_text(text.replace(right, wrong))


def test_a_wrong_case_is_shown(data: Path) -> None:
    damage(data / "axis_sa" / TABLE, "8,8,96,64,128,3,2,8,96,37653,", "8,8,96,64,128,3,2,8,96,40000,")
    found = examine(AXIS, data, jobs=1)
    text = design_text(found)
    assert "`axis_sa`: 14 of 15 cases exact" in text
    (line,) = (line for line in text.splitlines() if line.startswith("| `rows` 8 |"))
    assert line.startswith("| `rows` 8 | 5 | 4 |")
    assert (
        "M 96, N 64, K 128, in_period 3, out_period 2, tile_gap 8 (line 11) | 40,000 | 37,653 | -5.87 % |"
        in line
    )
    assert [panel.title for panel in panels(found)][-1] == "Distribution of the errors"


def test_a_wrong_event_is_shown(data: Path) -> None:
    trace = data / "axis_sa" / "trace_4x4_16x16x16.csv"
    lines = trace.read_text().splitlines()
    assert lines[-1].startswith("267,")
    trace.write_text("\n".join([*lines[:-1], lines[-1].replace("267,", "273,")]) + "\n")
    text = design_text(examine(AXIS, data, jobs=1))
    (line,) = (line for line in text.splitlines() if line.startswith("| `trace_4x4_16x16x16.csv`"))
    assert "| 64 | 98.4 % | 98.4 % |" in line
    assert "6 too early" in line


def test_a_trace_that_is_none_is_named(data: Path) -> None:
    (data / "axis_sa" / "trace_4x4_16x16x16.csv").write_text("cycle,event,unit,id\nx,first_in,input,0\n")
    text = design_text(examine(AXIS, data, jobs=1))
    assert "| `trace_4x4_16x16x16.csv` | not compared: " in text


def test_a_design_without_data_or_model_is_not_validated(data: Path, tmp_path: Path) -> None:
    nowhere = examine(AXIS, tmp_path / "nowhere", jobs=1)
    assert nowhere.report is None
    assert design_text(nowhere) == f"Not validated: there is no {TABLE} for it."
    unknown = examine(replace(AXIS, name="axis"), data, jobs=1)
    assert "no platform 'axis'" in design_text(unknown)
    broken = data / "axis_sa" / TABLE
    broken.write_text(broken.read_text().replace("total_cycles", "time"))
    assert design_text(examine(AXIS, data, jobs=1)).startswith(f"Not validated: {TABLE} has no column with")
    broken.write_text(broken.read_text().replace("time", "total_cycles"))
    unread = examine(replace(AXIS, needed=("tiles",)), data, jobs=1)
    assert design_text(unread) == "Not validated: its mapping does not read tiles."
    assert "| `axis_sa` | not validated: " in summary_table([unread])


def case_of(design: Design, name: str, table: str, folder: Path) -> Case:
    """The case that a trace of that name shows, beside that table."""
    (folder / TABLE).write_text(table)
    (folder / name).write_text("")
    ((_, case),) = design.traces(folder)
    return case


GEMMINI_TABLE = """variant,M,N,K,tile_m_blocks,tile_n_blocks,tile_k_blocks,mem_latency,cmd_gap,total_cycles
loop,32,32,32,2,2,2,10,8,500
loop,32,32,32,2,2,2,10,0,450
loop,32,32,32,2,2,2,50,0,609
"""
PICORV32_TABLE = """program,p0,p1,p2,p3,isa,core_config,mem_latency,kernel_cycles
gemm,4,4,4,,rv32im,fast,1,899
gemm,4,4,4,,rv32im,mul,1,1500
isort,8,,,,rv32im,fast,0,1000
"""


@pytest.mark.parametrize(
    ("design", "name", "table", "columns"),
    [
        ("gemmini", "trace_loop_32x32x32_lat10.csv", GEMMINI_TABLE, {"total_cycles": "450", "cmd_gap": "0"}),
        ("gemmini", "tile_16x16x32_lat10.vcd.gz", GEMMINI_TABLE, {"variant": "tile", "K": "32"}),
        ("picorv32", "trace_gemm_4x4x4_rv32im_fast_lat1.csv", PICORV32_TABLE, {"kernel_cycles": "899"}),
        ("picorv32", "gemm_4x4x4_rv32im_fast_lat1.vcd.gz", PICORV32_TABLE, {"kernel_cycles": "899"}),
        ("picorv32", "trace_isort_8_rv32im_fast_lat0.csv", PICORV32_TABLE, {"kernel_cycles": "1000"}),
        ("picorv32", "trace_dot_33_rv32i_base_lat1.csv", PICORV32_TABLE, {"p0": "33", "isa": "rv32i"}),
    ],
)
def test_the_name_of_a_trace_says_which_case_it_shows(
    design: str, name: str, table: str, columns: dict[str, str], tmp_path: Path
) -> None:
    cells = case_of(BY_NAME[design], name, table, tmp_path).cells
    assert {column: cells[column] for column in columns} == columns


def test_speed_is_measured_only_of_models_that_read_the_case(monkeypatch: pytest.MonkeyPatch) -> None:
    case = {"M": "8", "N": "8", "K": "8"}
    right = rtl.Workload("gemmini 8 × 8", "product", case, DATA, "axis_sa", "K")
    wrong = rtl.Workload("gemmini 8 × 8", "product", case, DATA, "axis_sa", "variant")
    monkeypatch.setattr(rtl, "workloads", lambda: iter([wrong, right]))
    monkeypatch.setattr(rtl, "is_available", lambda: False)
    (row,) = rtl.measure()
    assert row["cycles"] == 44
    assert row["times RTL"] == pytest.approx(44 / row["interpreted, ms"] * 1e3 / 75_000)
    assert 0 < row["from the case"] < row["times RTL"]


def test_sections_cover_every_design() -> None:
    found = [Found(design, reason="no") for design in DESIGNS]
    for name, _ in rtl_validation.sections(found):
        assert f"<!-- begin: {name} -->" in PAGE.read_text(encoding="utf-8")
