"""Energy: against DRAMPower's numbers, against sums by hand, and the choice of currents."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dram.catalog import device, device_names
from dram.command_arrays import Commands
from dram.commands import COMMAND_NAMES, COMMAND_NUMBERS
from dram.compiled import is_available
from dram.currents import Currents, currents_for, differences, read_currents, shipped_currents
from dram.device import Device
from dram.energy import PARTS, Counter, Energy, energy
from dram.errors import DramError
from dram.requests import Int64
from dram.traces.commands_csv import read_commands

DATA = Path(__file__).parents[1] / "data" / "dram"
DDR4 = device("DDR4_2400", timing={"tRFC": 421})
CLOCK_NS = 0.833
DIES = 8


def currents(name: str) -> Currents:
    return next(found for found in shipped_currents() if found.name == name)


SIMPLE = currents("DDR4-2400 8Gb x8")  # one supply of 1.2 V


def counted(parts: list[Commands], of: Device, end: int, compiled: bool = False) -> Int64:
    """Numbers of commands and ticks in states, over the parts of a trace."""
    counter = Counter(of, compiled)
    for part in parts:
        counter.add(part)
    return counter.counts(end)


def trace(*rows: tuple[int, str] | tuple[int, str, int]) -> Commands:
    """Cycle, name, number of the bank in its group of a command of the first group."""
    full = []
    for cycle, name, *bank in rows:
        wide = name in ("PREA", "REF", "PDNA", "PDNP", "PDXA", "PDXP", "SREF", "SREFX")
        place = -1 if wide else 0
        full.append((cycle, COMMAND_NUMBERS[name], 0, place, place if wide else (*bank, 0)[0], place, place))
    return Commands.of(full)


def parts(end: int, *rows: tuple[int, str] | tuple[int, str, int], of: Device = DDR4) -> dict[str, float]:
    """Picojoules of one die, without the parts that are zero."""
    found = energy(trace(*rows), of, end, SIMPLE).parts_pj
    return {name: value / DIES for name, value in found.items() if value}


RECORDED = [
    ("ddr4_2400_1r", DDR4, "DDR4-2400 4Gb x8", 2),
    ("ddr4_3200_bgi", device("DDR4_3200", timing={"tRFC": 560}), "DDR4-2400 4Gb x8", 2),
]


@pytest.mark.parametrize("pattern", ["micro", "refresh_cross", "wr_rd_turn", "idle_gaps"])
@pytest.mark.parametrize(
    ("config", "of", "name", "after_last_data"), RECORDED, ids=lambda value: str(value)[:14]
)
def test_the_same_as_drampower(
    config: str, of: Device, name: str, after_last_data: int, pattern: str
) -> None:
    """Runs that end with a read: DRAMPower counts until tDQSCK after its data."""
    commands = DATA / "results" / "dramsys" / "commands" / config / f"{pattern}_dev.csv.gz"
    if not commands.exists():
        pytest.skip("not recorded")
    with (DATA / "results" / "dramsys" / "energy_dev.csv").open() as file:
        row = next(row for row in csv.DictReader(file) if (row["config"], row["trace"]) == (config, pattern))
    end = int(row["total_time_ps"]) // of.clock_ps + after_last_data
    found = energy(read_commands(commands), of, end, currents(name))
    assert found.total_pj == pytest.approx(float(row["total_energy_pJ"]), abs=0.01)


def test_standby_of_an_idle_rank() -> None:
    assert parts(1000) == {"standby_precharged": pytest.approx(1.2 * 34 * 1000 * CLOCK_NS)}
    assert energy(trace(), DDR4, 0, SIMPLE).average_watts == 0.0


def test_a_row_is_opened_read_written_and_closed() -> None:
    assert parts(1000, (100, "ACT"), (200, "RD"), (300, "WR"), (400, "PRE"), (500, "PRE")) == {
        "activate": pytest.approx(1.2 * (48 - 43) * 39 * CLOCK_NS),
        "precharge": pytest.approx(1.2 * (48 - 34) * 16 * CLOCK_NS),
        "read": pytest.approx(1.2 * (135 - 43) * 4 * CLOCK_NS),
        "write": pytest.approx(1.2 * (123 - 43) * 4 * CLOCK_NS),
        "standby_active": pytest.approx(1.2 * 43 * 300 * CLOCK_NS),
        "standby_precharged": pytest.approx(1.2 * 34 * 700 * CLOCK_NS),
    }


def test_a_rank_is_active_while_any_bank_is() -> None:
    found = parts(1000, (100, "ACT", 0), (200, "ACT", 1), (300, "PRE", 0), (600, "PREA"))
    assert found["standby_active"] == pytest.approx(1.2 * 43 * 500 * CLOCK_NS)
    assert found["precharge"] == pytest.approx(2 * 1.2 * (48 - 34) * 16 * CLOCK_NS)


def test_a_refresh() -> None:
    found = parts(1000, (100, "REF"))
    assert found["refresh"] == pytest.approx(1.2 * (250 - 43) * 421 * CLOCK_NS)
    assert found["standby_active"] == pytest.approx(1.2 * 43 * (421 - 16) * CLOCK_NS)


def test_auto_precharge_is_a_precharge_at_its_time() -> None:
    read = 9  # tRTP
    late = parts(1000, (100, "ACT"), (200, "RDA"))
    assert late == pytest.approx(parts(1000, (100, "ACT"), (200, "RD"), (200 + read, "PRE")))
    early = parts(1000, (100, "ACT"), (116, "RDA"))
    assert early == pytest.approx(parts(1000, (100, "ACT"), (116, "RD"), (139, "PRE")))
    write = 12 + 4 + 18  # WL + tBL + tWR
    closed = parts(1000, (100, "ACT"), (200, "WRA"))
    assert closed == pytest.approx(parts(1000, (100, "ACT"), (200, "WR"), (200 + write, "PRE")))


def test_power_down_and_self_refresh() -> None:
    assert parts(1000, (100, "PDNP"), (300, "PDXP"), (400, "SREF"), (900, "SREFX")) == {
        "standby_precharged": pytest.approx(1.2 * 34 * 300 * CLOCK_NS),
        "power_down_precharged": pytest.approx(1.2 * 25 * 200 * CLOCK_NS),
        "self_refresh": pytest.approx(1.2 * 30 * 500 * CLOCK_NS),
    }
    found = parts(1000, (100, "ACT"), (200, "PDNA"), (300, "PDXA"))
    assert found["power_down_active"] == pytest.approx(1.2 * 37 * 100 * CLOCK_NS)
    assert found["standby_active"] == pytest.approx(1.2 * 43 * 800 * CLOCK_NS)


def test_each_rank_counts() -> None:
    two = device("DDR4_2400", ranks=2, timing={"tRFC": 421})
    one, both = (energy(trace((100, "ACT")), of, 1000, SIMPLE) for of in (DDR4, two))
    idle = 1.2 * 34 * 1000 * CLOCK_NS * DIES
    assert both.total_pj - one.total_pj == pytest.approx(idle)


def test_commands_after_the_end_do_not_count() -> None:
    assert parts(1000, (100, "ACT"), (1001, "RD")) == parts(1000, (100, "ACT"))


steps = st.lists(
    st.tuples(
        st.integers(0, 300), st.integers(0, len(COMMAND_NAMES) - 1), st.integers(0, 1), st.integers(0, 3),
        st.integers(0, 3),
    ),
    max_size=50,
)  # fmt: skip


def random_trace(moves: list[tuple[int, int, int, int, int]]) -> tuple[Commands, int]:
    now, rows = 0, []
    for step, number, rank, group, bank in moves:
        now += step
        rows.append((now, number, rank, group, bank, 0, 0))
    return Commands.of(rows), now


@given(steps, st.integers(0, 500))
def test_every_tick_of_every_rank_is_in_one_state(
    moves: list[tuple[int, int, int, int, int]], rest: int
) -> None:
    commands, last = random_trace(moves)
    two = device("DDR4_2400", ranks=2)
    counts = counted([commands], two, last + rest).reshape(2, -1)
    assert counts[:, 6:].sum(axis=1).tolist() == [last + rest] * 2
    assert counts[:, 1].sum() <= counts[:, 0].sum()  # no more precharges than activations


@pytest.mark.skipif(not is_available(), reason="numba is not installed (extra fast)")
@given(steps)
def test_compiled_and_interpreted_count_the_same(moves: list[tuple[int, int, int, int, int]]) -> None:
    commands, last = random_trace(moves)
    two = device("DDR4_2400", ranks=2)
    first, second = (counted([commands], two, last + 9, compiled) for compiled in (False, True))
    assert first.tolist() == second.tolist()


@given(steps, st.integers(1, 10))
def test_parts_of_a_trace_count_the_same(moves: list[tuple[int, int, int, int, int]], size: int) -> None:
    commands, last = random_trace(moves)
    cut = [random_trace(moves)[0]]
    names = ("cycle", "command", "rank", "bankgroup", "bank", "row", "column")
    pieces = [
        Commands(*(getattr(cut[0], name)[start : start + size] for name in names))
        for start in range(0, len(commands), size)
    ]
    two = device("DDR4_2400", ranks=2)
    assert counted(pieces, two, last).tolist() == counted([commands], two, last).tolist()


def test_data_of_the_result() -> None:
    found = energy(trace((100, "ACT")), DDR4, 1000)
    assert isinstance(found, Energy) and set(found.parts_pj) == set(PARTS)
    data = found.to_dict()
    assert data["currents"] == "DDR4-2400 8Gb x8" and str(data["source"]).startswith("umd-memsys/DRAMsim3")
    assert data["differences"] == [] and data["total_pj"] == pytest.approx(sum(found.parts_pj.values()))
    assert found.average_watts == pytest.approx(found.total_pj * 1e-12 / (1000 * CLOCK_NS * 1e-9))


def test_the_nearest_currents_are_chosen_and_their_differences_named() -> None:
    of = device("DDR4_2400", "16Gb_x8")
    assert currents_for(of).name == "DDR4-2400 8Gb x8"
    assert differences(currents_for(of), of) == ("density 8Gb, the device has 16Gb",)
    wide = device("DDR4_2400", "8Gb_x16")
    assert differences(SIMPLE, wide) == ("width x8, the device has x16",)
    assert differences(SIMPLE, device("DDR4_2666")) == ("2400 MT/s, the device has 2666",)


def test_standards_without_currents_say_so() -> None:
    unknown = replace(DDR4, standard="DDR9")
    with pytest.raises(
        DramError, match=r"no currents ship for DDR9, so its energy is not known \(there are some for DDR3"
    ):
        energy(trace(), unknown, 10)


@pytest.mark.parametrize("name", device_names())
def test_every_device_has_an_energy_or_says_why_not(name: str) -> None:
    of = device(name)
    rows = [(100, of.activate), (400, "RDA"), (900, "REF")]
    if of.standard in {known.standard for known in shipped_currents()}:
        found = energy(trace(*rows), of, 5000)
        assert found.total_pj > 0 and all(value >= 0 for value in found.parts_pj.values())
    else:
        with pytest.raises(DramError, match=f"no currents ship for {of.standard}"):
            energy(trace(*rows), of, 5000)


def test_every_shipped_set_has_a_source() -> None:
    assert all(found.source and found.rails for found in shipped_currents())
    assert len({(found.name, found.source) for found in shipped_currents()}) == len(shipped_currents())


def test_currents_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "currents.json"
    path.write_text(SIMPLE.model_dump_json())
    assert read_currents(str(path)) == SIMPLE
    wrong = json.loads(SIMPLE.model_dump_json())
    wrong["rails"][0]["IDD0"] = -1
    path.write_text(json.dumps(wrong))
    with pytest.raises(DramError, match=r"currents\.json: rails\.0\.IDD0: Input should be greater than"):
        read_currents(str(path))
    path.write_text("{")
    with pytest.raises(DramError, match="Invalid JSON"):
        read_currents(str(path))
    with pytest.raises(DramError, match="cannot be read"):
        read_currents(str(tmp_path / "none.json"))


@pytest.mark.parametrize("name", device_names())
def test_currents_of_a_data_sheet_serve_every_device(name: str) -> None:
    of = device(name)
    rows = [(100, of.activate), (400, "RDA"), (900, "REF")]
    found = energy(trace(*rows), of, 5000, SIMPLE)
    assert found.total_pj > 0 and found.parts_pj["refresh"] > 0
