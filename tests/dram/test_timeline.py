"""The time line: what lies in which lane, nested as viewers need it; and bandwidth and latency over time."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dram
from dram import plots
from dram.catalog import device
from dram.command_arrays import Commands
from dram.commands import COMMAND_NAMES, COMMAND_NUMBERS
from dram.errors import DramError
from dram.plots import series, write_plot
from dram.requests import Requests
from dram.timeline import events, write_timeline
from dram.traces import read_requests

DATA = Path(__file__).parents[1] / "data" / "dram"
DDR4 = device("DDR4_2400", ranks=2)
COMMANDS, BUS, RANK, BANKS = range(4)


def of(*rows: tuple[int, str, int, int, int, int, int]) -> Commands:
    return Commands.of([(cycle, COMMAND_NUMBERS[name], *place) for cycle, name, *place in rows])


def slices(commands: Commands, lane: int, process: int = 0) -> list[tuple[str, int, int]]:
    """Name, begin and end of what lies in a lane."""
    found = [event for event in events([commands], DDR4) if event["ph"] == "X"]
    mine = [event for event in found if (event["pid"], event["tid"]) == (process, lane)]
    return [(e["name"], e["ts"], e["ts"] + e["dur"]) for e in mine]  # type: ignore[operator,misc]


def test_lanes_of_a_row() -> None:
    rows = of((10, "ACT", 1, 2, 3, 77, 5), (26, "RD", 1, 2, 3, 77, 5), (49, "PRE", 1, 2, 3, -1, -1))
    assert slices(rows, COMMANDS, 1) == [("ACT", 10, 11), ("RD", 26, 27), ("PRE", 49, 50)]
    assert slices(rows, BUS, 1) == [("RD", 42, 46)]
    assert slices(rows, BANKS + 2 * 4 + 3, 1) == [("ACT", 10, 11), ("RD", 26, 27), ("row 77", 10, 49)]
    assert slices(rows, COMMANDS, 0) == []


def test_rows_end_with_their_precharge() -> None:
    rows = of((10, "ACT", 0, 0, 0, 7, 0), (30, "WRA", 0, 0, 0, 7, 0))
    assert ("row 7", 10, 30 + 12 + 4 + 18) in slices(rows, BANKS)
    rows = of((10, "ACT", 0, 0, 0, 7, 0), (26, "RDA", 0, 0, 0, 7, 0))
    assert ("row 7", 10, 49) in slices(rows, BANKS)
    rows = of((10, "ACT", 0, 0, 0, 7, 0), (11, "ACT", 0, 1, 0, 8, 0), (99, "PREA", 0, -1, -1, -1, -1))
    assert ("row 7", 10, 99) in slices(rows, BANKS) and ("row 8", 11, 99) in slices(rows, BANKS + 4)
    assert ("row 7", 10, 12) in slices(of((10, "ACT", 0, 0, 0, 7, 0), (11, "ACT", 0, 1, 0, 8, 0)), BANKS)


def test_what_concerns_a_rank() -> None:
    none = (-1, -1, -1, -1)
    rows = of((5, "REF", 0, *none), (900, "PDNP", 0, *none), (950, "PDXP", 0, *none), (999, "SREF", 0, *none))
    refresh = DDR4.timing["tRFC"]
    assert slices(rows, RANK) == [
        ("refresh", 5, 5 + refresh),
        ("precharge power-down", 900, 951),
        ("self-refresh", 999, 1000),
    ]


def test_lanes_have_names() -> None:
    found = [event for event in events([of(), of()], DDR4) if event["ph"] == "M"]
    names = {(e["pid"], e["tid"]): e["args"]["name"] for e in found if e["name"] == "thread_name"}  # type: ignore[index]
    assert names[0, COMMANDS] == "commands" and names[3, BANKS + 15] == "group 3 bank 3"
    processes = [e["args"]["name"] for e in found if e["name"] == "process_name"]  # type: ignore[index]
    assert processes == ["channel 0, rank 0", "channel 0, rank 1", "channel 1, rank 0", "channel 1, rank 1"]


def check_nesting(found: list[dict[str, object]]) -> None:
    """Slices of a lane lie in each other or apart, as viewers demand."""
    lanes = defaultdict(list)
    for event in found:
        if event["ph"] == "X":
            assert event["dur"] >= 0  # type: ignore[operator]
            lanes[event["pid"], event["tid"]].append((event["ts"], -event["dur"]))  # type: ignore[operator]
    for lane in lanes.values():
        open_until: list[int] = []
        for start, negative in sorted(lane):
            while open_until and open_until[-1] <= start:
                open_until.pop()
            assert not open_until or start - negative <= open_until[-1]
            open_until.append(start - negative)


@pytest.mark.parametrize(
    "config",
    [
        "ramulator2/ddr4_2400_2r",
        "dramsys__closed/ddr4_2400_1r",
        "dramsys__powerdown/ddr4_2400_1r",
        "dramsys__perbankref/hbm2_2000_pc",
        "ramulator2/lpddr5_6400_1r",
        "ramulator2/hbm3_6400_ch",
    ],
)
def test_slices_of_a_run_are_nested(config: str) -> None:
    trace = DATA / "traces" / config.partition("/")[2] / "micro_dev.csv.gz"
    run = dram.simulate(read_requests(trace), config, record=True)
    found = list(events(run.channels, run.device))
    check_nesting(found)
    lanes = defaultdict(int)
    for event in found:
        if event["ph"] == "X":
            lanes[event["tid"]] += 1  # type: ignore[index]
    assert lanes[COMMANDS] == len(run.commands)
    assert lanes[BUS] == sum(run.counts.get(name, 0) for name in ("RD", "WR", "RDA", "WRA"))


@given(
    st.lists(
        st.tuples(
            st.integers(1, 99), st.integers(0, len(COMMAND_NAMES) - 1), st.integers(0, 1), st.integers(0, 3),
            st.integers(0, 3), st.integers(0, 9), st.integers(0, 9),
        ),
        max_size=40,
    )
)  # fmt: skip
def test_any_trace_of_known_commands_has_a_time_line(steps: list[tuple[int, ...]]) -> None:
    now, rows = 0, []
    for step, number, *place in steps:
        if COMMAND_NAMES[number] in DDR4.commands:
            now += step
            rows.append((now, number, *place))
    for event in events([Commands.of(rows)], DDR4):
        json.dumps(event)


def test_the_file_is_json(tmp_path: Path) -> None:
    rows = of((10, "ACT", 0, 0, 0, 7, 0), (26, "RD", 0, 0, 0, 7, 0))
    write_timeline(tmp_path / "t.json", [rows], DDR4)
    data = json.loads((tmp_path / "t.json").read_text())
    assert data["otherData"]["device"] == "DDR4_2400R"
    assert data["traceEvents"] == list(events([rows], DDR4))
    write_timeline(tmp_path / "t.json.gz", [[rows]], DDR4)
    assert json.loads(gzip.decompress((tmp_path / "t.json.gz").read_bytes())) == data


def run_of(arrival: list[int], done: list[int], is_write: list[bool]) -> object:
    """A run with given times."""
    requests = Requests.of(arrival, is_write, [0] * len(arrival))
    times = np.array(done, np.int64)
    totals = SimpleNamespace(channels=1)
    return SimpleNamespace(
        requests=requests, done=times, device=DDR4, cycles=max(done, default=0), totals=totals
    )


def test_series_by_hand() -> None:
    run = run_of([100, 100, 150, 199], [120, 130, 160, 299], [False, True, False, False])
    found = series(run, 4)  # type: ignore[arg-type]
    # 50 cycles, rounded up to whole bursts of 4
    assert found.window_cycles == 52 and found.start_cycles.tolist() == [100, 152, 204, 256]
    assert found.read_bytes.tolist() == [64, 64, 0, 64] and found.write_bytes.tolist() == [64, 0, 0, 0]
    for values in (found.mean_latency, found.p99_latency, found.max_latency):
        np.testing.assert_array_equal(values, [20, 10, np.nan, 100])


times = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 500), st.booleans()), min_size=1, max_size=200)


@given(times, st.integers(1, 50))
def test_series_against_plain_sums(requests: list[tuple[int, int, bool]], windows: int) -> None:
    arrival = np.cumsum([step for step, _, _ in requests]).tolist()
    done = [first + latency for first, (_, latency, _) in zip(arrival, requests, strict=True)]
    writes = [write for _, _, write in requests]
    found = series(run_of(arrival, done, writes), windows)  # type: ignore[arg-type]
    assert len(found.start_cycles) <= windows
    for i, start in enumerate(found.start_cycles.tolist()):
        inside = [j for j, time in enumerate(done) if start <= time < start + found.window_cycles]
        latencies = sorted(done[j] - arrival[j] for j in inside if not writes[j])
        assert found.read_bytes[i] == 64 * len(latencies)
        assert found.write_bytes[i] == 64 * (len(inside) - len(latencies))
        if latencies:
            assert found.mean_latency[i] == pytest.approx(sum(latencies) / len(latencies))
            assert found.max_latency[i] == latencies[-1]
            assert found.p99_latency[i] == latencies[-(-99 * len(latencies) // 100) - 1]
    assert found.read_bytes.sum() + found.write_bytes.sum() == 64 * len(done)


def test_plots_need_an_ending_of_a_picture(tmp_path: Path) -> None:
    with pytest.raises(DramError, match=r"no ending of a picture \(one of \.svg, \.png, \.pdf\)"):
        write_plot(run_of([0], [9], [False]), tmp_path / "plot.txt")  # type: ignore[arg-type]


def test_pictures(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed (extra plot)")
    run = run_of([100, 100, 150, 199], [120, 130, 160, 299], [False, True, False, False])
    write_plot(run, tmp_path / "plot.svg")  # type: ignore[arg-type]
    text = (tmp_path / "plot.svg").read_text()
    for words in ("bandwidth [GB/s]", "read latency [ns]", "writes", "DDR4_2400R: 4 requests in 299 cycles"):
        assert words in text
    write_plot(run, tmp_path / "again.svg")  # type: ignore[arg-type]
    assert (tmp_path / "again.svg").read_text() == text
    with pytest.raises(DramError, match="cannot be written"):
        write_plot(run, tmp_path / "none" / "plot.svg")  # type: ignore[arg-type]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.svg", "plot.svg"]


def test_an_interrupted_picture_leaves_no_file(tmp_path: Path) -> None:
    class Interrupted:
        def savefig(self, *args: object, **options: object) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        plots._save(Interrupted(), str(tmp_path / "plot.svg"), ".svg")
    assert not list(tmp_path.iterdir())
