"""The order in which Gemmini's hardware loops make commands, against the RTL and cycle by cycle."""

from __future__ import annotations

import csv
from collections import defaultdict
from itertools import pairwise
from itertools import product as combinations
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acadl.operations import Instruction
from tests.validation.gemmini_text import DATA, LOOP
from tests.validation.gemmini_unroller import QUEUE, Command, Unroller
from tests.validation.test_gemmini_programs import product, text_commands

LIMITS = {"load": 8, "execute": 16, "store": 4}
Sizes = tuple[int, int, int]
# Traces: file, M, N, K, blocks of a macro tile.
TRACES = (
    ("trace_loop_32x32x32_lat10", (32, 32, 32), (2, 2, 2)),
    ("commands_loop_96x64x64_cache", (96, 64, 64), (4, 4, 4)),
)


def trace(name: str) -> list[tuple[int, str, str]]:
    """Cycle, event and queue of a trace's events inside, those of the five first commands left out."""
    found, skip = [], {"cmd": 5, "alloc": 5, "complete": 1, "load": 3, "execute": 1, "store": 1}
    with (DATA / f"{name}.csv").open() as file:
        for row in csv.DictReader(file):
            slot = row.get("slot") or row.get("detail", "").partition("rob=")[2]
            queue = "" if not slot else ("load", "execute", "store")[int(slot) // 16]
            kind = row["unit"] if row["event"] == "issue" else row["event"]
            if row["event"] in ("cmd", "alloc", "issue", "complete"):
                if skip[kind]:
                    skip[kind] -= 1
                else:
                    found.append((int(row["cycle"]), row["event"], queue))
    return found


def macro_tiles(sizes: Sizes, tiles: Sizes, dim: int) -> list[tuple[Sizes, bool]]:
    """Blocks of the hardware loops, and whether they store."""
    parts = []
    for size, tile in zip(sizes, tiles, strict=True):
        blocks = -(-size // dim)
        parts.append([min(tile, blocks - first) for first in range(0, blocks, tile)])
    ends = len(parts[2]) - 1
    return [
        ((m, n, k), at == ends) for m, n, (at, k) in combinations(parts[0], parts[1], enumerate(parts[2]))
    ]


def unrolled(
    events: list[tuple[int, str, str]], loops: list[tuple[Sizes, bool]]
) -> list[tuple[int, Command]]:
    """What enters the reservation station in which cycle, with the measured times of completion."""
    complete: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for cycle, event, queue in events:
        if event == "complete":
            complete[cycle][queue] += 1
    # The last command of a loop comes to the unroller three cycles after the host offered it, and is kept
    # there until a loop is free; those of the next loop are behind it.
    offered = [cycle + 3 for cycle, event, _ in events if event == "cmd"][5::6]
    unroller = Unroller(loops, LIMITS, 4)
    found, ready = [], 0
    for cycle in range(max(cycle for cycle, *_ in events) + 1):
        loop = len(unroller.configured)
        offer = loop < len(loops) and cycle >= max(offered[loop], ready)
        command, taken = unroller.cycle(offer, complete.get(cycle, {}))
        ready = cycle + 6 if taken else ready
        if command:
            found.append((cycle, command))
    return found


@pytest.mark.parametrize(("name", "sizes", "tiles"), TRACES)
def test_every_command_enters_in_the_measured_cycle(name: str, sizes: Sizes, tiles: Sizes) -> None:
    events = trace(name)
    measured = [cycle for cycle, event, _ in events if event == "alloc"]
    found = unrolled(events, macro_tiles(sizes, tiles, 16))
    assert [cycle for cycle, _ in found] == measured
    for queue in LIMITS:  # and what entered is of the kind that was issued
        issued = sum(event == "issue" and kind == queue for _, event, kind in events)
        assert sum(QUEUE[command.part] == queue for _, command in found) == issued


def mapped(sizes: Sizes, tiles: Sizes, dim: int) -> list[Instruction]:
    """The unrolled commands of the mapping, in its order."""
    made = text_commands("loop", sizes, tiles, dim)
    return [command for command in made if not command.operation.startswith(("config", *LOOP))]


def kind(command: Instruction) -> str:
    return {"mvin": "load", "mvin2": "load", "mvout": "store"}.get(command.operation, "execute")


@pytest.mark.parametrize(("name", "sizes", "tiles"), TRACES)
def test_the_order_of_the_mapping_makes_no_command_late(name: str, sizes: Sizes, tiles: Sizes) -> None:
    """Entering one after the other, as soon as there are places, with the measured times of completion.

    Loads and stores are there when they were issued; so are preloads and computes, but for the cycle or two
    after a load that was waited for, in which the hardware has them all waiting.
    """
    events = trace(name)
    issued, complete = defaultdict(list), defaultdict(list)
    for cycle, event, queue in events:
        {"issue": issued, "complete": complete}.get(event, defaultdict(list))[queue].append(cycle)
    entered: dict[str, int] = dict.fromkeys(LIMITS, 0)
    cycle = next(at for at, event, _ in events if event == "alloc") - 1
    late: dict[str, int] = dict.fromkeys(LIMITS, -1000)
    for command in mapped(sizes, tiles, 16):
        queue, number = kind(command), entered[kind(command)]
        cycle += 1
        if number >= LIMITS[queue]:
            cycle = max(cycle, complete[queue][number - LIMITS[queue]] + 2)
        late[queue] = max(late[queue], cycle + 1 - issued[queue][number])
        entered[queue] += 1
    assert entered == {queue: len(cycles) for queue, cycles in issued.items()}
    assert late["load"] <= 0
    assert late["store"] <= 0
    assert late["execute"] <= 2


@settings(max_examples=30, deadline=None)
@given(
    st.tuples(st.integers(1, 60), st.integers(1, 60), st.integers(1, 100)),
    st.tuples(*[st.integers(1, 5)] * 3),
    st.tuples(*[st.integers(1, 30)] * 3),
)
def test_each_queue_has_the_commands_of_the_hardware_in_its_order(
    sizes: Sizes, tiles: Sizes, service: Sizes
) -> None:
    """However long commands take, a queue's commands have one order."""
    dim = 8
    loops = macro_tiles(sizes, tiles, dim)
    unroller = Unroller(loops, LIMITS, 64 // dim)
    waiting: dict[str, list[int]] = {queue: [] for queue in LIMITS}
    found: dict[str, list[Command]] = {queue: [] for queue in LIMITS}
    cycle, idle = 0, 0
    while idle < 100:
        complete = {queue: sum(end == cycle for end in ends) for queue, ends in waiting.items()}
        command, _ = unroller.cycle(len(unroller.configured) < len(loops), complete)
        cycle, idle = cycle + 1, idle + 1
        if command:
            queue = QUEUE[command.part]
            time = service[list(LIMITS).index(queue)]
            waiting[queue] = [*waiting[queue][-20:], max([cycle, *waiting[queue][-1:]]) + time]
            found[queue].append(command)
            idle = 0
    work = product(sizes, dim)
    order = {queue: places(sizes, tiles, found[queue], dim) for queue in LIMITS}
    made: dict[str, list[tuple[str, int, int]]] = {queue: [] for queue in LIMITS}
    for command in mapped(sizes, tiles, dim):
        at = command.immediates
        name = {"mvin": "a", "mvin2": "b", "mvout": "c"}.get(command.operation)
        if name:
            matrix = getattr(work, name)
            row, col = divmod(at["address"] - matrix.address, matrix.stride)
            made[kind(command)].append((name, row // dim, col // dim))
    assert made["load"] == order["load"]
    assert made["store"] == order["store"]
    assert sum(kind(command) == "execute" for command in mapped(sizes, tiles, dim)) == len(found["execute"])
    assert all(first < second for first, second in pairwise((c.loop, c.at) for c in found["execute"]))


def places(sizes: Sizes, tiles: Sizes, commands: list[Command], dim: int) -> list[tuple[str, int, int]]:
    """Matrices and blocks, counted in the whole product, of loads and stores."""
    counts = [ceil(size / (tile * dim)) for size, tile in zip(sizes, tiles, strict=True)]
    found = []
    for part, loop, at in commands:
        m, rest = divmod(loop, counts[1] * counts[2])
        n, k = divmod(rest, counts[2])
        first = {"m": m * tiles[0], "n": n * tiles[1], "k": k * tiles[2]}
        if part == "A":
            found.append(("a", first["m"] + at[1], first["k"] + at[0]))
        elif part == "B":
            found.append(("b", first["k"] + at[0], first["n"] + at[1]))
        elif part == "S":
            found.append(("c", first["m"] + at[1], first["n"] + at[0]))
    return found
