"""The constraint checker: both sides of every row of every device, rules about states, its two kernels."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dram.catalog import device, device_names
from dram.checker import SPECIAL_RULES, Checker, CheckReport, check
from dram.command_arrays import Commands
from dram.commands import COMMAND_NAMES, COMMAND_NUMBERS, SAME_BANK_OF_ALL_GROUPS, WHOLE_RANK
from dram.compiled import is_available
from dram.device import Constraint, Device
from dram.standard import CHOSEN

Row = tuple[int, int, int, int, int, int, int]
FAR = 1 << 24  # ticks after which nothing is remembered
DDR4 = device("DDR4_2400", timing={"tRFC": 421, "tREFI": 9360})
DDR4_RANKS = device("DDR4_2400", ranks=2)


def command(
    cycle: int, name: str, rank: int = 0, group: int = 0, bank: int = 0, row: int = 0, column: int = 0
) -> Row:
    """A row of a command trace; places that the command does not have are -1."""
    number = COMMAND_NUMBERS[name]
    if number in WHOLE_RANK:
        return cycle, number, rank, -1, -1, -1, -1
    if number in SAME_BANK_OF_ALL_GROUPS:
        return cycle, number, rank, -1, bank, -1, -1
    return cycle, number, rank, group, bank, row, column


def found(rows: list[Row], of: Device = DDR4, **options: object) -> list[str]:
    """Rules that a trace breaks, without those about time unless asked for."""
    return [violation.rule for violation in checked(rows, of, **options).violations]


def checked(rows: list[Row], of: Device, **options: object) -> CheckReport:
    return check(Commands.of(rows), of, **{"refresh": False, **options})  # type: ignore[arg-type]


def places(row: Constraint, of: Device) -> Iterator[tuple[tuple[int, int, int], tuple[int, int, int]]]:
    """Pairs of rank, group, bank where the row applies, as far apart as it allows."""
    shape = of.organisation
    last = (shape.ranks - 1, shape.bank_groups - 1, shape.banks - 1)
    first = (last[0], 0, 0)
    yield {
        "bank": (last, last),
        "same_bank": ((last[0], 0, last[2]), last),
        "bank_group": ((last[0], last[1], 0), last),
        "rank": (first, last),
        "other_rank": ((0, 0, 0), last),
        "channel": ((0, 0, 0), last),
    }[row.scope]


def pair_traces(of: Device, early: int) -> Iterator[tuple[Constraint, int, list[Row]]]:
    """For each pair of each row: the later command ``early`` ticks too early, and its index in the trace."""
    for row in of.constraints:
        if row.scope == "other_rank" and of.organisation.ranks == 1:
            continue
        for (before, after), ticks in row.distances.items():
            if ticks - early < 0 or ticks <= 0:
                continue
            for one, other in places(row, of):
                earlier = [command(0, before, *one)]
                # the row counts from the first of them
                earlier += [command(0, before, *one)] * (row.window - 1)
                yield row, row.window, [*earlier, command(ticks - early, after, *other)]


def joined(traces: list[list[Row]]) -> tuple[list[Row], list[int]]:
    """One trace of many that do not touch each other, and where each begins."""
    rows: list[Row] = []
    starts = []
    for number, trace in enumerate(traces):
        starts.append(len(rows))
        rows += [(cycle + (number + 1) * FAR, *rest) for cycle, *rest in trace]  # type: ignore[misc]
    return rows, starts


@pytest.mark.parametrize("name", device_names())
def test_both_sides_of_each_row(name: str) -> None:
    of = device(name, ranks=2)
    for early in (0, 1):
        pairs = list(pair_traces(of, early))
        rows, starts = joined([trace for _, _, trace in pairs])
        report = checked(rows, of)
        broken = {(violation.rule, violation.later.index) for violation in report.violations}
        for (row, place, _), start in zip(pairs, starts, strict=True):
            assert ((row.name, start + place) in broken) == bool(early), (row, early)


@pytest.mark.parametrize("name", sorted({name.partition("_")[0]: name for name in device_names()}.values()))
def test_each_changed_parameter_is_found(name: str) -> None:
    """A trace at the edge of every row, checked for a device with one time a cycle longer."""
    of = device(name, ranks=2)
    pairs = list(pair_traces(of, 0))
    rows, starts = joined([trace for _, _, trace in pairs])
    found_by: dict[str, bool] = {}
    for parameter in of.timing.keys() - CHOSEN.keys():
        value = of.timing[parameter]
        changed = device(name, ranks=2, timing={parameter: value + 1})
        larger = {
            (new.name, pair): ticks
            for new, old in zip(changed.constraints, of.constraints, strict=True)
            for pair, ticks in new.distances.items()
            if ticks > old.distances[pair] and old.distances[pair] > 0
        }
        if not larger or changed.organisation != of.organisation:
            continue
        broken = {(v.rule, v.later.index) for v in checked(rows, changed).violations}
        concerned_pairs = {
            (row.name, start + place)
            for (row, place, trace), start in zip(pairs, starts, strict=True)
            if (row.name, (COMMAND_NAMES[trace[0][1]], COMMAND_NAMES[trace[-1][1]])) in larger
        }
        assert concerned_pairs and concerned_pairs <= broken, parameter
        found_by[parameter] = True
    assert len(found_by) >= 15


@pytest.mark.parametrize("name", device_names())
def test_rows_do_not_reach_beyond_their_scope(name: str) -> None:
    of = device(name, ranks=4)
    shape = of.organisation
    here, elsewhere = {}, {}
    here["bank"] = here["same_bank"] = here["bank_group"] = here["rank"] = (0, 0, 0)
    elsewhere["bank"] = (0, 0, 1)
    elsewhere["same_bank"] = (0, 0, 1)
    elsewhere["bank_group"] = (0, 1, 0) if shape.bank_groups > 1 else (1, 0, 0)
    elsewhere["rank"] = (1, 0, 0)
    here["other_rank"] = elsewhere["other_rank"] = (0, 0, 0)
    pairs = []
    for row in of.constraints:
        for before, after in row.distances:
            scope = widened(row.scope, before, after)
            if scope != "channel":
                pairs.append(
                    (
                        row,
                        [command(0, before, *here[scope])] * row.window
                        + [command(0, after, *elsewhere[scope])],
                    )
                )
    rows, starts = joined([trace for _, trace in pairs])
    broken = {(v.rule, v.later.index): v for v in checked(rows, of).violations}
    for (row, _), start in zip(pairs, starts, strict=True):
        assert (row.name, start + row.window) not in broken, broken[row.name, start + row.window]


def widened(scope: str, before: str, after: str) -> str:
    """The scope, as wide as what the two commands concern."""
    numbers = {COMMAND_NUMBERS[before], COMMAND_NUMBERS[after]}
    if scope in ("other_rank", "channel"):
        return scope
    if numbers & WHOLE_RANK or (numbers & SAME_BANK_OF_ALL_GROUPS and scope == "bank_group"):
        return "rank"
    return "same_bank" if numbers & SAME_BANK_OF_ALL_GROUPS and scope == "bank" else scope


def test_a_legal_sequence() -> None:
    rows = [
        command(0, "ACT", row=5), command(16, "RD", row=5), command(20, "RD", group=1), command(39, "PRE"),
        command(55, "ACT", row=6),
    ]  # fmt: skip
    assert found(rows) == ["bank_is_closed"]
    rows[2] = command(22, "RD", row=5, column=1)
    assert found(rows) == []


@pytest.mark.parametrize(
    ("rule", "rows"),
    [
        ("bank_is_open", [command(0, "ACT"), command(99, "ACT")]),
        ("bank_is_closed", [command(0, "RD")]),
        ("bank_is_closed", [command(0, "ACT"), command(50, "WRA"), command(999, "RD")]),
        ("bank_is_closed", [command(0, "ACT"), command(50, "PREA"), command(999, "WR")]),
        ("other_row", [command(0, "ACT", row=7), command(99, "RD", row=8)]),
        ("open_banks", [command(0, "ACT", bank=3), command(99, "REF")]),
        ("open_banks", [command(0, "ACT", bank=3), command(99, "SREF")]),
        ("open_banks", [command(0, "ACT", bank=3), command(99, "PDNP")]),
        ("no_open_bank", [command(0, "PDNA")]),
        ("asleep", [command(0, "PDNP"), command(99, "ACT")]),
        ("asleep", [command(0, "PDNP"), command(99, "SREFX")]),
        ("asleep", [command(0, "SREF"), command(99, "PDXP")]),
        ("awake", [command(0, "PDXP")]),
        ("awake", [command(0, "SREFX")]),
        ("no_such_command", [command(0, "REFPB")]),
        ("no_such_place", [command(0, "ACT", rank=1)]),
        ("no_such_place", [command(0, "ACT", group=4)]),
        ("no_such_place", [command(0, "ACT", bank=4)]),
        ("no_such_place", [command(0, "ACT", row=1 << 16)]),
        ("no_such_place", [command(0, "ACT", column=128)]),
        ("no_such_place", [command(0, "REF", rank=2)]),
        ("no_such_place", [(0, COMMAND_NUMBERS["PRE"], 0, -1, -1, -1, -1)]),
        ("command_bus", [command(5, "ACT"), command(5, "ACT", group=1)]),
        ("data_bus", [command(0, "ACT"), command(99, "RD"), command(101, "WR")]),
    ],
)
def test_rules_about_states_and_buses(rule: str, rows: list[Row]) -> None:
    assert rule in found(rows)


@pytest.mark.skipif(not any("LPDDR5" in name for name in device_names()), reason="no device with two steps")
def test_activation_in_two_steps_and_the_data_clock() -> None:
    of = device("LPDDR5_6400")
    opened = [command(0, "ACT1"), command(8, "ACT2")]
    rows = [*opened, command(30, "CAS_RD"), command(31, "RD"), command(51, "RD"), command(72, "CAS_WR")]
    assert found([*rows, command(99, "WR"), command(111, "WR")], of) == []
    assert found([command(0, "ACT1"), command(9, "ACT2")], of) == ["tAAD"]
    assert found([command(0, "ACT2")], of) == ["not_begun"]
    assert found([*opened, command(40, "RD")], of) == ["data_clock_off"]
    assert found([*rows[:4], command(52, "RD")], of) == ["data_clock_off"]
    assert found([*rows, command(99, "WR"), command(112, "WR")], of) == ["data_clock_off"]


def test_commands_start_on_one_edge_of_the_clock() -> None:
    half = next((name for name in device_names() if device(name).ticks_per_clock == 2), None)
    if half is None:
        pytest.skip("no device with two edges")
    rows = [command(101, "ACT"), command(300, "PRE"), command(401, "ACT"), command(600, "PREA")]
    assert found(rows, device(half)) == []
    assert found([*rows, command(1000, "ACT")], device(half)) == ["clock_edge"]
    assert (
        found([command(100, "ACT"), command(301, "RD"), command(501, "RD")], device(half))
        == ["clock_edge"] * 2
    )


def test_states_that_are_allowed() -> None:
    rows = [
        command(0, "PRE"), command(20, "PREA"), command(60, "REF"), command(600, "PDNP"),
        command(700, "PDXP"), command(800, "ACT"), command(900, "PDNA"), command(1000, "PDXA"),
        command(1100, "RDA"), command(1200, "SREF"), command(2000, "SREFX"), command(4000, "ACT"),
    ]  # fmt: skip
    assert found(rows) == []


def test_a_rank_that_must_have_been_woken_is_reported_once() -> None:
    rows = [command(0, "PDNP"), command(100, "ACT"), command(200, "RD"), command(300, "RD")]
    assert found(rows) == ["asleep"]


def test_refreshes_in_time() -> None:
    late = 9 * 9360
    assert found([command(late, "REF"), command(2 * late, "REF")], refresh=True) == []
    report = checked([command(late + 1, "REF"), command(2 * late + 2, "REF")], DDR4, refresh=True)
    assert [str(violation) for violation in report.violations] == [
        "refresh_late: REF at 84241 (rank 0): 84241 > 84240",
        "refresh_late: REF at 168482 (rank 0): 84241 > 84240",
    ]
    assert found([command(9361, "REF")], refresh=True, postponed=0) == ["refresh_late"]
    assert found([command(late + 1, "ACT")], refresh=True) == ["refresh_late"]
    asleep = [command(9000, "SREF"), command(9 * late, "SREFX"), command(10 * late, "REF")]
    assert found(asleep, refresh=True) == []
    assert found([asleep[0], command(99 * late, "REF", rank=7)], refresh=True) == ["no_such_place"]


def test_any_number_of_refreshes_may_be_postponed() -> None:
    late = [command(1 << 50, "REF")]
    for compiled in (False, True) if is_available() else (False,):
        report = check(Commands.of(late), DDR4, postponed=10**30, compiled=compiled)
        assert not report.total


def test_one_rank_refreshed_does_not_refresh_the_other() -> None:
    rows = [command(9 * 9000 * n, "REF", rank=0) for n in range(1, 4)]
    names = [(v.rule, v.later.rank) for v in check(Commands.of(rows), DDR4_RANKS).violations]
    assert names == [("refresh_late", 1)]


def test_each_bank_of_a_rank_counts() -> None:
    rows = [command(0, "ACT"), command(30, "ACT", group=1), command(60, "PREA")]
    assert found(rows) == ["tRAS"]
    rows = [command(0, "ACT"), command(10, "ACT", group=1), command(30, "PREA")]
    report = checked(rows, DDR4)
    assert [(v.rule, v.earlier and v.earlier.bankgroup, v.distance) for v in report.violations] == [
        ("tRAS", 0, 30),
        ("tRAS", 1, 20),
    ]


def test_text_and_data_of_a_violation() -> None:
    report = checked([command(100, "ACT"), command(140, "PRE"), command(150, "ACT", row=2)], DDR4)
    assert [str(violation) for violation in report.violations] == [
        "tRC: ACT at 150 (rank 0 group 0 bank 0) after ACT at 100 (rank 0 group 0 bank 0): 50 < 55",
        "tRP: ACT at 150 (rank 0 group 0 bank 0) after PRE at 140 (rank 0 group 0 bank 0): 10 < 16",
    ]
    data = report.to_dict()
    assert data["counts"] == {"tRC": 1, "tRP": 1} and data["violations_total"] == 2 and data["commands"] == 3
    assert data["violations"][1] == {  # type: ignore[index]
        "rule": "tRP", "distance": 10, "required": 16,
        "earlier": {"index": 1, "cycle": 140, "name": "PRE", "rank": 0, "bankgroup": 0, "bank": 0},
        "later": {"index": 2, "cycle": 150, "name": "ACT", "rank": 0, "bankgroup": 0, "bank": 0},
    }  # fmt: skip


def test_all_are_counted_some_are_listed() -> None:
    report = checked([command(30 * n, "ACT") for n in range(1000)], DDR4, limit=5)
    assert report.counts == {"tRC": 999, "bank_is_open": 999} and len(report.violations) == 5


def test_more_violations_than_fit_at_once() -> None:
    rows = [command(n, "ACT", group=n % 4, bank=n // 4 % 4) for n in range(3000)]
    counts = checked(rows, DDR4).counts
    assert counts["tRRD_S"] == 2999 and counts["tFAW"] == 2996


random_commands = st.lists(
    st.tuples(
        st.integers(0, 60), st.integers(0, len(COMMAND_NAMES) - 1), st.integers(-1, 2), st.integers(-1, 4),
        st.integers(-1, 4), st.integers(-1, 2), st.integers(-1, 2),
    ),
    max_size=60,
)  # fmt: skip


def in_time(steps: list[Row]) -> list[Row]:
    now, rows = 0, []
    for step, *rest in steps:
        now += step
        rows.append((now, *rest))
    return rows  # type: ignore[return-value]


@given(random_commands, st.integers(1, 20))
def test_pieces_of_any_size_say_the_same(steps: list[Row], size: int) -> None:
    rows = in_time(steps)
    whole = [str(violation) for violation in check(Commands.of(rows), DDR4_RANKS).violations]
    parts = [Commands.of(rows[start : start + size]) for start in range(0, len(rows), size)]
    checker = Checker(DDR4_RANKS)
    pieces = [violation for part in parts for violation in checker.feed(part)] + list(checker.finish())
    # an earlier command of another piece is known by the names of its row
    assert [text.split(" after ")[0] for text in whole] == [str(v).split(" after ")[0] for v in pieces]
    assert checker.count == len(rows)


@pytest.mark.skipif(not is_available(), reason="numba is not installed (extra fast)")
@given(random_commands)
def test_compiled_and_interpreted_say_the_same(steps: list[Row]) -> None:
    rows = in_time(steps)
    reports = [
        check(Commands.of(rows), DDR4_RANKS, compiled=compiled).to_dict() for compiled in (False, True)
    ]
    assert reports[0] == reports[1]


# One device per standard, with two ranks or pseudo channels.
STANDARDS = [
    device(name, ranks=2)
    for name in {name.partition("_")[0]: name for name in reversed(device_names())}.values()
]


@pytest.mark.parametrize("of", STANDARDS, ids=lambda of: of.standard)
@settings(max_examples=40)
@given(random_commands)
def test_against_a_plain_oracle(of: Device, steps: list[Row]) -> None:
    """Every pair of commands compared with every row, straight from their definitions."""
    rows = in_time(steps)
    violations = check(Commands.of(rows), of, refresh=False).violations
    special = {*SPECIAL_RULES, "no_such_command", "no_such_place", "clock_edge"}
    got = {(v.rule, v.later.index) for v in violations if v.rule not in special}
    assert got == oracle(rows, of, {v.later.index for v in violations if v.rule.startswith("no_such")})


def oracle(rows: list[Row], of: Device, refused: set[int]) -> set[tuple[str, int]]:
    broken = set()
    for row in of.constraints:
        for later, after in enumerate(rows):
            if later in refused:
                continue
            near = [
                (before, row.distances[COMMAND_NAMES[before[1]], COMMAND_NAMES[after[1]]])
                for i, before in enumerate(rows[:later])
                if i not in refused
                and (COMMAND_NAMES[before[1]], COMMAND_NAMES[after[1]]) in row.distances
                and concerned(row, before, after)
            ]
            if len(near) >= row.window:
                before, required = (
                    near[-row.window] if row.window > 1 else max(near, key=lambda pair: pair[0][0] + pair[1])
                )
                if after[0] - before[0] < required:
                    broken.add((row.name, later))
    return broken


def concerned(row: Constraint, before: Row, after: Row) -> bool:
    """Whether the two commands are where the row applies; a command without a bank concerns all banks."""
    same_rank, same_bank = before[2] == after[2], before[4] == after[4]
    same_group = before[3] == after[3]
    return {
        "channel": True,
        "other_rank": not same_rank,
        "rank": same_rank,
        "same_bank": same_rank and same_bank,
        "bank_group": same_rank and same_group,
        "bank": same_rank and same_group and same_bank,
    }[widened(row.scope, COMMAND_NAMES[before[1]], COMMAND_NAMES[after[1]])]
