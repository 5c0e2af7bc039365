"""``platform`` declarations: what they give, and what is said about mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

import acadl
from acadl.formatting import format_text
from acadl.loading import check_text
from acadl.platform_model import PlatformDescription

PAIR = """/// Two arrays.
platform pair(cores: int = 2, lines: int = 64) {
    clock 1 GHz
    const more = 2 * lines
    array: gemmini(dim: 8, bus: 16 bytes, operators: "conv gemm")[cores]
    simd: simd(spare: true, clock: 750 MHz)
    for i in 0 ..< cores {
        cache l1[i] { sets: lines, ways: 4, hit_latency: 2 }
        array[i].memory <=> l1[i] <=> l2
    }
    cache l2  { sets: more, ways: 8, cache_line_size: 256 bytes, replacement_policy: fifo }
    dram main { config: "DDR4_2400", request_size: 64 bytes }
    simd.memory <=> l2 <=> main
}
"""


def platform(text: str, **parameters: int | bool | str) -> PlatformDescription:
    checked = check_text(text, "f.acadl", None, parameters)
    assert checked.platform is not None and checked.is_sound and not checked.diagnostics
    return checked.platform


def test_cores_caches_and_memory() -> None:
    pair = platform(PAIR)
    assert (pair.name, pair.doc, pair.clock_hz) == ("pair", "Two arrays.", 10**9)
    assert pair.parameters == {"cores": 2, "lines": 64}
    assert [(core.name, core.architecture, core.below) for core in pair.cores] == [
        ("array0", "gemmini", "l10"),
        ("array1", "gemmini", "l11"),
        ("simd", "simd", "l2"),
    ]
    array, simd = pair.cores[0], pair.cores[2]
    assert array.settings == {"dim": 8, "bus": "128 bits"} and array.operators == {"conv", "gemm"}
    assert not array.spare and simd.spare and simd.clock_hz == 750 * 10**6 and not simd.settings
    assert [(cache.name, cache.below) for cache in pair.caches] == [
        ("l2", "main"),
        ("l10", "l2"),
        ("l11", "l2"),
    ]
    assert pair.caches[0].attributes == {
        "sets": 128,
        "ways": 8,
        "cache_line_size": 256,
        "replacement_policy": "fifo",
    }
    assert (pair.memory.config, pair.memory.request_bytes) == ("DDR4_2400", 64)


def test_parameters_are_given_by_callers() -> None:
    pair = platform(PAIR, cores=3, lines=32)
    assert [core.name for core in pair.cores] == ["array0", "array1", "array2", "simd"]
    assert pair.caches[0].attributes["sets"] == 64
    found = check_text(PAIR, "f.acadl", None, {"core": 3}).diagnostics
    assert [d.message for d in found] == ["platform 'pair' has no parameter 'core'"]


def test_files_are_read_and_architectures_are_none(tmp_path: Path) -> None:
    (tmp_path / "own.acadl").write_text("architecture own(n: int = 1) { clock 1 GHz }\n")
    text = 'import own from "own.acadl"\n' + PAIR.replace("simd: simd(", "simd: own(n: 2, ")
    (tmp_path / "pair.acadl").write_text(text)
    read = acadl.load_platform(tmp_path / "pair.acadl", cores=1)
    assert read.cores[-1].file == str(tmp_path / "own.acadl") and len(read.cores) == 2
    with pytest.raises(acadl.AcadlError, match="is a platform of several cores and no architecture"):
        acadl.load(tmp_path / "pair.acadl")
    with pytest.raises(acadl.AcadlError, match="describes no platform"):
        acadl.load_platform(tmp_path / "own.acadl")


def test_the_style_keeps_it() -> None:
    assert format_text(PAIR) == PAIR
    assert platform(format_text(PAIR.replace("    ", "  ").replace(": ", " :"))) is not None


MISTAKES = [
    ("sets: lines", "stes: lines", "E0402", "did you mean 'sets'?"),
    ("sets: lines", "sets: 3 * lines", "E0302", "for example"),
    ("sets: lines, ", "", "E0403", "for example `sets: 512`"),
    ("ways: 4", "ways: 4, ways: 4", "E0203", None),
    ("fifo }", "fofo }", "E0302", "did you mean 'fifo'?"),
    ("[cores]", "[0]", "E0302", "the least number is 1, the largest one 64"),
    ("[cores]", "[1 << 40]", "E0302", "the least number is 1, the largest one 64"),
    ("[cores]", "[2][2]", "E0303", None),
    ("dim: 8", "8", "E0303", "for example `gemmini(dim: 8)`"),
    ("dim: 8", "dim: 8, dim: 9", "E0203", None),
    ("spare: true", "spare: 1", "E0301", None),
    ("clock: 750 MHz", "clock: 750", "E0301", "give it a unit, as in `500 MHz`"),
    ('"conv gemm"', "7", "E0301", 'for example `operators: "conv gemm"`'),
    ("clock 1 GHz", "clock 1", "E0301", "give it a unit, as in `500 MHz`"),
    ("clock 1 GHz", "clock 1 GHz, clock 2 GHz", "E0203", None),
    ("<=> l2 <=> main", "<=> l22 <=> main", "E0201", "did you mean 'l2'?"),
    ("<=> l2 <=> main", "-> l2 <=> main", "E0503", "requests go down and answers come up: write `<=>`"),
    ("<=> l2 <=> main", "<=> main <=> l2", "E0503", "for example `cache <=> memory`"),
    ("simd.memory", "simd", "E0501", "write `simd.memory`"),
    ("simd.memory", "simd.mem", "E0501", "write `simd.memory`"),
    ("array[i].memory", "array.memory", "E0501", "say which element, as in `array[0]`"),
    ("array[i].memory", "array[i + 9].memory", "E0206", "it has elements 0 to 1"),
    ("simd.memory <=>", "{simd.memory, array[0].memory} <=>", "E0504", "each lies on one cache"),
    ("simd.memory <=> l2 <=> main", "l2 <=> main", "E0403", "for example `simd.memory <=> main`"),
    ("simd.memory <=> l2 <=> main", "simd.memory <=> main", "E0609", "for example `l2 <=> main`"),
    ("simd.memory <=> l2 <=> main", "simd.memory <=> l2 <=> l1[0]", "E0610", "leave one of the edges out"),
    ("    dram main", "    dram other { config: \"x\" }\n    dram main", "E0203", None),
    ("dram main { config: \"DDR4_2400\", ", "dram main { ", "E0403", 'for example `config: "DDR4_2400"`'),
    ("    clock", "    stage s { }\n    clock", "E0401", None),
    ("/// Two", "template t { }\n/// Two", "E0401", None),
    ("array: gemmini", "array: 3 + gemmini", "E0401", "for example `core: gemmini`"),
    ("simd: simd(", "l2: simd(", "E0203", "elements of an array `a` are called a0, a1 and so on"),
    ("const more = 2 * lines", "const more = 2 * line", "E0201", "did you mean 'lines'?"),
]  # fmt: skip


@pytest.mark.parametrize(("right", "wrong", "code", "hint"), MISTAKES)
def test_mistakes_have_a_place_and_a_hint(right: str, wrong: str, code: str, hint: str | None) -> None:
    assert right in PAIR
    text = PAIR.replace(right, wrong, 1)
    checked = check_text(text, "f.acadl", None, {})
    errors = [d for d in checked.diagnostics if d.is_error]
    assert checked.platform is None and not checked.is_sound and errors
    first = next(d for d in errors if d.code == code)
    assert first.span is not None and (hint is None or hint in (first.hint or ""))


def test_mistakes_are_reported_together() -> None:
    text = (
        PAIR.replace("fifo", "fofo")
        .replace("[cores]", "[0]")
        .replace("750 MHz", "750")
        .replace("lines {", "lnes {")
    )
    codes = [d.code for d in check_text(text, "f.acadl", None, {}).diagnostics]
    assert codes == ["E0302", "E0301", "E0302"]
    broken = PAIR.replace("ways: 8,", "ways 8,").replace("[cores]", "[0]")
    assert [d.code for d in check_text(broken, "f.acadl", None, {}).diagnostics] == ["E0302", "E0101"]


@pytest.mark.parametrize(
    "text",
    [
        PAIR + "architecture a { clock 1 GHz }\n",
        PAIR + PAIR.replace("pair", "other"),
        "platform p { }\n",
        "platform p { clock 1 GHz, for i in 0 ..< 1000 { core[i]: gemmini } }\n",
        "platform p { for i in 0 ..< 1000 { cache c[i] { sets: 1, ways: 1 } } }\n",
        "platform p { x: x, x.memory <=> x }\n",
        "architecture a { clock 1 GHz, platform p { } }\n",
    ],
)
def test_what_is_no_platform_is_refused(text: str) -> None:
    checked = check_text(text, "f.acadl", None, {})
    assert checked.platform is None and not checked.is_sound
