"""Traces, mapping files and ``acadl compare``."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

import acadl
import mappings
import platforms
from platforms.command_group import cli
from platforms.validation.alignment import align
from platforms.validation.comparison import compare
from platforms.validation.event_map import read_event_map
from platforms.validation.events import Event, TraceError, read_events, write_events
from platforms.validation.run_events import run_events
from platforms.validation.vcd import WaveError
from platforms.validation.wave_events import wave_events

DATA = Path(__file__).parents[1] / "data" / "rtl" / "axis_sa"
WAVES = DATA / "sa4x4_8x8x8_gap8.vcd.gz"
MAP = Path(platforms.__path__[0]) / "validation" / "maps" / "axis_sa.toml"
CASE = ["--case", "M=8", "--case", "N=8", "--case", "K=8", "--set", "tile_gap=8"]


def run(*args: object) -> Result:
    return CliRunner().invoke(cli, ["compare", *map(str, args)])


def predicted(m: int, n: int, k: int, **settings: int) -> list[Event]:
    arch = platforms.load("axis_sa", **settings)
    layer = mappings.Layer(name="g", op="gemm", gemm_M=m, gemm_N=n, gemm_K=k)
    trace = acadl.simulate(arch, mappings.map_layer(layer, arch), trace=True).trace
    return run_events(trace, read_event_map(MAP))


def key(events: Iterable[Event]) -> list[tuple[int, str, str, int]]:
    return sorted((event.cycle, event.unit, event.event, event.id) for event in events)


def test_the_shipped_waveform_agrees() -> None:
    seen = list(wave_events(WAVES, read_event_map(MAP)))
    assert len(seen) == 16
    assert key(seen) == key(predicted(8, 8, 8, tile_gap=8))
    result = run("axis_sa", WAVES, *CASE, "--max-error", 0, "--json")
    assert result.exit_code == 0, result.stderr
    data = json.loads(result.stdout)
    assert (data["events"], data["matched"], data["mape"], data["exact"]) == (16, 16, 0, True)
    assert data["first_divergence"] is None


def test_a_wrong_setting_is_found_at_the_first_event_that_it_moves() -> None:
    result = run("axis_sa", WAVES, *CASE[:-2], "--set", "tile_gap=9", "--max-error", 0)
    assert result.exit_code == 1
    assert (
        "first divergence: input/first_in 1, measured in cycle 16, is predicted for cycle 17" in result.stdout
    )


# --- planted errors ---------------------------------------------------------------------------------------


@given(st.data())
def test_planted_errors_are_found_at_the_right_event(data: st.DataObject) -> None:
    run_of = predicted(16, 16, 16)
    trace = list(read_events(DATA / "trace_4x4_16x16x16.csv"))
    assert compare(run_of, trace).is_exact
    number = data.draw(st.integers(0, len(trace) - 1))
    victim = trace[number]
    what = data.draw(st.sampled_from(["shift", "drop", "swap"]))
    if what == "shift":
        by = data.draw(st.sampled_from([-3, -1, 1, 2, 40]))
        trace[number] = replace(victim, cycle=victim.cycle + by)
        found = compare(run_of, trace).first_divergence
        assert found is not None and found.error == -by and found.measured == trace[number]
    elif what == "drop":
        del trace[number]
        found = compare(run_of, trace).first_divergence
        assert found is not None and found.measured is None and found.predicted is not None
        assert key([found.predicted]) == key([victim])
    else:
        kind = [
            n for n, e in enumerate(trace) if (e.unit, e.event) == (victim.unit, victim.event) and n != number
        ]
        other = data.draw(st.sampled_from(kind))
        trace[number], trace[other] = (
            replace(victim, id=trace[other].id),
            replace(trace[other], id=victim.id),
        )
        wrong = {pair.measured for pair in compare(run_of, trace).pairs if pair.error != 0}
        assert wrong == {trace[number], trace[other]}


def test_drift_is_the_slope_of_the_error() -> None:
    measured = [Event(cycle, "u", "e", number) for number, cycle in enumerate(range(0, 10_000, 100))]
    found = compare([replace(event, cycle=event.cycle + event.cycle // 100) for event in measured], measured)
    assert found.errors.drift == pytest.approx(10)
    assert (found.errors.max_abs, found.errors.p95_abs, found.errors.p50_abs) == (99, 94, 49)
    assert found.errors.mean == pytest.approx(49.5)


def test_without_numbers_events_are_matched_by_order_and_kinds_may_be_missing() -> None:
    measured = [Event(1, "u", "a"), Event(2, "u", "b"), Event(5, "u", "a"), Event(9, "u", "a")]
    found = compare([Event(1, "u", "a"), Event(6, "u", "a"), Event(7, "v", "c")], measured)
    assert [(kind.method, kind.matched, kind.missing, kind.extra) for kind in found.kinds] == [
        ("order", 2, 1, 0)
    ]
    assert (found.only_measured, found.only_predicted) == ((("u", "b"),), (("v", "c"),))
    assert "a, measured in cycle 5, is predicted for cycle 6, 1 too late" in found.divergence_line
    assert align([], measured).kinds == ()
    with pytest.raises(TraceError, match="no kind of event in common"):
        compare([Event(1, "u", "x")], measured)


# --- lists of events --------------------------------------------------------------------------------------


def test_lists_of_events_are_read_as_they_are_written(tmp_path: Path) -> None:
    events = [Event(3, "u", "e", 1, "80", "x,y"), Event(4, "v", "f")]
    write_events(events, tmp_path / "e.csv")
    assert key(read_events(tmp_path / "e.csv")) == key(events)
    assert [event.detail for event in read_events(tmp_path / "e.csv")] == ["x,y", ""]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: there is no column 'cycle', 'event', 'unit'"),
        ("cycle,event,unit\n1,e\n", "line 2: 2 cells"),
        ("cycle,event,unit\n1,e,u\nx,e,u\n", "line 3: cycle is 'x'"),
        ("cycle,event,unit\n5,e,u\n4,e,u\n", "line 3: cycle 4 comes after cycle 5"),
        ("cycle,event,unit\n5,,u\n", "line 2: an event has"),
        ("cycle,event,unit,id\n5,e,u,1.5\n", "line 2: id is '1.5'"),
        ("cycle,event,unit,id\n5,e,u,1_000\n", "line 2: id is '1_000'"),
        ("cycle,event,unit\n٣,e,u\n", "line 2: cycle is '٣'"),
        (f"cycle,event,unit\n{'9' * 5000},e,u\n", "line 2: cycle is '9999"),
        ("cycle,event,unit\nNaN,e,u\n", "line 2: cycle is 'NaN'"),
        ("cycle,event,unit,cycle\n1,e,u,2\n", "line 1: there are two columns 'cycle'"),
        ('cycle,event,unit,detail\n1,e,u,"a\nb"\n0,e,u,\n', "line 4: cycle 0 comes after cycle 1"),
        ("cycle,event,unit\n", "there is no event in the list"),
        ("cycle,event,unit\n1,e,u\n2,e\x00,u", "line 3: 'u/e\\x00' is no name"),
        ("time,event,unit\n1,e,u\n", "there is no column 'cycle'"),
    ],
)
def test_unusable_lists_are_refused_with_the_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text)
    result = run(path, path)
    assert result.exit_code == 1 and message in result.stderr


def test_compressed_lists_are_read_and_damage_is_noticed(tmp_path: Path) -> None:
    packed = tmp_path / "t.csv.gz"
    text = (DATA / "trace_4x4_16x16x16.csv").read_bytes()
    packed.write_bytes(gzip.compress(text))
    case = ["--case", "M=16", "--case", "N=16", "--case", "K=16", "--max-error", 0]
    assert run("axis_sa", packed, *case).exit_code == 0
    packed.write_bytes(gzip.compress(text)[:-100])
    cut = run("axis_sa", packed, *case)
    assert cut.exit_code == 1 and "cannot read" in cut.stderr


def test_the_trace_of_another_run_is_no_match() -> None:
    case = ["--case", "M=16", "--case", "N=16", "--case", "K=16"]
    other = run("axis_sa", DATA / "trace_8x8_16x16x32_in2_out1.csv", *case, "--json")
    data = json.loads(other.stdout)
    assert other.exit_code == 1 and not data["exact"]
    assert (data["events"], data["matched"]) == (16, 16) and data["mape"] > 10
    assert sum(kind["extra"] for kind in data["kinds"]) == 48


def test_a_run_that_is_much_longer_than_the_trace_is_not_run_to_its_end() -> None:
    case = ["--case", "M=1000000000", "--case", "N=16", "--case", "K=16"]
    found = run("axis_sa", DATA / "trace_4x4_16x16x16.csv", *case, "--json")
    data = json.loads(found.stdout)
    assert found.exit_code == 1 and data["matched"] == data["events"] == 64
    assert any("that part has not been looked at" in note for note in data["notes"])
    assert run("axis_sa", DATA / "trace_4x4_16x16x16.csv", *case, "--until", 255).exit_code == 0


# --- waveforms --------------------------------------------------------------------------------------------


def damaged(tmp_path: Path, old: str, new: str) -> Path:
    """The shipped waveform with a piece of its text replaced once."""
    text = gzip.decompress(WAVES.read_bytes()).decode()
    assert old in text
    path = tmp_path / "damaged.vcd"
    path.write_text(text.replace(old, new, 1))
    return path


def test_a_shifted_edge_in_the_waveform_is_found(tmp_path: Path) -> None:
    """``m_valid`` (code ``V!``) rises a cycle later than in the design."""
    path = damaged(tmp_path, "\n1V!\n", "\n")
    path.write_text(path.read_text().replace("\n#161\n", "\n#161\n1V!\n", 1))
    result = run("axis_sa", path, *CASE, "--max-error", 0)
    assert result.exit_code == 1
    assert (
        "first divergence: output/first_out 0, measured in cycle 17, is predicted for cycle 16"
        in result.stdout
    )


def test_a_cut_waveform_lacks_events(tmp_path: Path) -> None:
    text = gzip.decompress(WAVES.read_bytes()).decode()
    path = tmp_path / "cut.vcd"
    path.write_text(text[: text.index("#400\n")])
    result = run("axis_sa", path, *CASE)
    assert result.exit_code == 1
    assert (
        "is not in the trace" in result.stdout
        and "input/first_in 3" not in result.stdout.split("first div")[0]
    )


def test_a_swapped_signal_is_no_match(tmp_path: Path) -> None:
    path = damaged(tmp_path, "$var wire  1 S! s_last $end", "$var wire  1 S! s_lost $end")
    seen = run("axis_sa", path, *CASE)
    assert seen.exit_code in (0, 1)  # the inner s_last is the same signal
    with pytest.raises(WaveError, match="no signal 's_valit'; did you mean"):
        list(wave_events(WAVES, changed_map(tmp_path, "s_valid &&", "s_valit &&")))


def changed_map(tmp_path: Path, old: str, new: str) -> object:
    path = tmp_path / "map.toml"
    path.write_text(MAP.read_text().replace(old, new))
    return read_event_map(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('when = "s_valid && s_ready"', 'when = "s_valid &&"', "event 1: when: expected a name"),
        ('unit = "input"', "", "event 1: unit: expected a text, found nothing"),
        ("once = true", "once = 1", "event 1: once: expected true or false"),
        ("once = true", "ones = true", "did you mean 'once'"),
        ('signal = "clk"', "signal = 3", "clock.signal: expected a text, found 3"),
        ('time = "start"', 'time = "begin"', "run 1: time: expected enter or start or done or leave"),
        ("offset = -1", 'offset = "x"', "run 2: offset: expected a whole number"),
        ("[clock]", "[[clock]]", "expected a table"),
        ("id = { count", "id = true #", "event 1: id: expected a text, found True"),
        ("[clock]", "[clock", "map.toml: "),
        ("count =", "counts =", "did you mean 'count'"),
    ],
)
def test_mistakes_in_mapping_files_are_explained(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(TraceError) as caught:
        changed_map(tmp_path, old, new)
    assert message in str(caught.value)


def test_an_unknown_object_is_named(tmp_path: Path) -> None:
    path = tmp_path / "map.toml"
    path.write_text(MAP.read_text().replace('object = "output.drain"', 'object = "output.drains"'))
    result = run("axis_sa", WAVES, *CASE, "--events", path)
    assert result.exit_code == 1 and "did you mean 'output.drain'?" in result.stderr


def test_saved_runs_are_compared(tmp_path: Path) -> None:
    arch = platforms.load("axis_sa", tile_gap=8)
    layer = mappings.Layer(name="g", op="gemm", gemm_M=8, gemm_N=8, gemm_K=8)
    path = tmp_path / "run.json"
    path.write_text(acadl.simulate(arch, mappings.map_layer(layer, arch), trace=True).to_json())
    assert run(path, WAVES, "--events", MAP, "--max-error", 0).exit_code == 0
    path.write_text('{"trace": [{"id": 0}]}')
    wrong = run(path, WAVES, "--events", MAP)
    assert wrong.exit_code == 1 and "is no run" in wrong.stderr


def test_wrong_usage(tmp_path: Path) -> None:
    assert run("axis_sa", WAVES).exit_code == 2  # no case
    assert run("oma", WAVES, "--case", "M=8").exit_code == 2  # no mapping file
    other = tmp_path / "w.txt"
    other.touch()
    assert run("axis_sa", other, *CASE).exit_code == 2


def test_fst_has_the_events_of_the_vcd() -> None:
    pytest.importorskip("pywellen", reason="FST files need the extra 'waves'")
    mapping = read_event_map(MAP)
    assert list(wave_events(WAVES.with_suffix("").with_suffix(".fst"), mapping)) == list(
        wave_events(WAVES, mapping)
    )


def test_damaged_or_unreadable_fst_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "w.fst"
    path.write_bytes(b"no waveform")
    result = run("axis_sa", path, *CASE)
    assert result.exit_code == 1 and ("cannot read" in result.stderr or "acadl[waves]" in result.stderr)


def test_the_waveform_of_picorv32_has_the_events_of_its_trace() -> None:
    """Every request, reply and retirement, to the cycle; both begin with the kernel."""
    folder, name = DATA.parent / "picorv32", "gemm_4x4x4_rv32im_fast_lat1"
    mapping = read_event_map(MAP.with_name("picorv32.toml"))

    def fields(event: Event, start: int) -> tuple[int, str, str, int]:
        return event.cycle + start, event.unit, event.event, int(event.address, 16)

    trace = list(read_events(folder / f"trace_{name}.csv"))
    start = trace[0].cycle
    seen = sorted(fields(event, start) for event in wave_events(folder / f"{name}.vcd.gz", mapping))
    last = seen[-1][0]
    assert len(seen) == 844
    assert seen == sorted(fields(event, 0) for event in trace if event.cycle <= last)


def test_the_waveform_of_gemmini_has_the_events_of_its_counters() -> None:
    """Commands, bus beats: those of the measured row. The start is that of a longer product's trace."""
    folder = DATA.parent / "gemmini"
    seen = list(
        wave_events(folder / "tile_16x16x32_lat10.vcd.gz", read_event_map(MAP.with_name("gemmini.toml")))
    )
    counts = Counter((event.unit, event.event) for event in seen)
    assert counts == {
        ("host", "cmd"): 13,
        ("rs", "alloc"): 13,
        ("load", "issue"): 6,
        ("execute", "issue"): 5,
        ("store", "issue"): 2,
        ("rs", "complete"): 10,  # configurations of load and store have none
        ("bus", "get"): 64,
        ("bus", "put"): 16,
    }
    early = [event for event in read_events(folder / "trace_tile_32x32x32_lat10.csv") if event.cycle <= 11]

    def names(events: list[Event]) -> list[tuple[int, str, str]]:
        return sorted((event.cycle, event.unit, event.event) for event in events)

    assert names([event for event in seen if event.cycle <= 11]) == names(early)


def test_the_time_line_has_both_sides_and_the_error(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    assert run("axis_sa", WAVES, *CASE[:-2], "--set", "tile_gap=9", "--timeline", path).exit_code == 0
    records = json.loads(path.read_text())["traceEvents"]
    slices = Counter(record["pid"] for record in records if record["ph"] == "X")
    assert slices == {1: 16, 2: 16}
    errors = [record["args"]["cycles"] for record in records if record["ph"] == "C"]
    assert sorted(errors) == sorted(4 * [0, 1, 2, 3])
    times = [record["ts"] for record in records if "ts" in record]
    assert times == sorted(times)


def test_no_output_replaces_a_file_that_is_read(tmp_path: Path) -> None:
    trace, picture = tmp_path / "trace.csv", tmp_path / "out.svg"
    write_events(predicted(8, 8, 8, tile_gap=8), trace)
    content = trace.read_text()
    (tmp_path / "link.html").symlink_to(trace)
    for options, message in (
        (["--timeline", trace], "the time line would replace the trace"),
        (["--html", tmp_path / "link.html"], "the report would replace the trace"),
        (["--plot", picture, "--html", picture], "the report would replace the plot"),
    ):
        result = run("axis_sa", trace, *CASE, *options)
        assert result.exit_code == 1
        assert message in result.stderr
    assert trace.read_text() == content
    assert not picture.exists()
