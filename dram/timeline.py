"""A time line of DRAM commands as Chrome trace JSON, for https://ui.perfetto.dev or chrome://tracing.

Each rank (or pseudo channel) is a process with lanes: one for the command bus, one for the data bus, one for
what concerns the whole rank (refreshes, power-down), one per bank. In a bank's lane a slice is an open row,
from its activation to its precharge; the commands lie in it. One microsecond in the viewer is one tick of the
device.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from dram.command_arrays import Commands
from dram.commands import COMMAND_NAMES
from dram.device import Device
from dram.traces.writing import write_lines

COMMAND_LANE, DATA_LANE, RANK_LANE, FIRST_BANK_LANE = range(4)
READS, WRITES = ("RD", "RDA"), ("WR", "WRA")
ASLEEP = {"PDNA": "active power-down", "PDNP": "precharge power-down", "SREF": "self-refresh"}
# Names of Chrome's palette.
COLOURS = {
    "RD": "thread_state_running", "RDA": "thread_state_running", "WR": "thread_state_iowait",
    "WRA": "thread_state_iowait", "REF": "terrible", "REFPB": "terrible", "REFSB": "terrible",
}  # fmt: skip


@dataclass(slots=True)
class _Rank:
    """What is open in a rank: per bank the tick and the row of its activation; begin and name of a sleep."""

    process: int
    open_rows: dict[int, tuple[int, int]] = field(default_factory=dict)
    asleep: tuple[int, str] | None = None


def write_timeline(
    path: str | os.PathLike[str], channels: Iterable[Iterable[Commands] | Commands], device: Device
) -> None:
    """Write the commands of all channels as one time line; gzip if the name ends with ``.gz``.

    Raises:
        TraceError: The file cannot be written.
    """
    write_lines(path, _text(channels, device))


def _text(channels: Iterable[Iterable[Commands] | Commands], device: Device) -> Iterator[str]:
    note = {"device": device.name, "tick_seconds": device.tick_seconds, "ts": "ticks of the device"}
    yield f'{{"displayTimeUnit": "ns", "otherData": {json.dumps(note)}, "traceEvents": [\n'
    separator = ""
    for event in events(channels, device):
        yield separator + json.dumps(event)
        separator = ",\n"
    yield "\n]}\n"


def events(channels: Iterable[Iterable[Commands] | Commands], device: Device) -> Iterator[dict[str, object]]:
    """The events of the time line, channel after channel."""
    for channel, commands in enumerate(channels):
        ranks = [
            _Rank(channel * device.organisation.ranks + rank) for rank in range(device.organisation.ranks)
        ]
        yield from _names(channel, ranks, device)
        end = 0
        for part in (commands,) if isinstance(commands, Commands) else commands:
            for command in _rows(part):
                rank = ranks[command.rank] if 0 <= command.rank < len(ranks) else ranks[0]
                yield from _command_events(command, rank, device)
                end = command.cycle + device.commands[command.name].ticks
        for rank in ranks:
            yield from _closed(rank, list(rank.open_rows), end, device)
            yield from _woken(rank, end)


@dataclass(frozen=True, slots=True)
class _Command:
    cycle: int
    name: str
    rank: int
    bankgroup: int
    bank: int
    row: int
    column: int


def _rows(part: Commands) -> Iterator[_Command]:
    columns = (part.rank, part.bankgroup, part.bank, part.row, part.column)
    for cycle, number, *place in zip(
        part.cycle.tolist(), part.command.tolist(), *(column.tolist() for column in columns), strict=True
    ):
        yield _Command(cycle, COMMAND_NAMES[number], *place)


def _names(channel: int, ranks: list[_Rank], device: Device) -> Iterator[dict[str, object]]:
    """Names and order of the lanes."""
    shape = device.organisation
    kind = "pseudo channel" if device.standard.startswith("HBM") else "rank"
    for number, rank in enumerate(ranks):
        name = f"channel {channel}, {kind} {number}"
        yield _meta("process_name", rank.process, 0, {"name": name})
        lanes = ["commands", "data", kind]
        for group in range(shape.bank_groups):
            prefix = f"group {group} " if shape.bank_groups > 1 else ""
            lanes += [f"{prefix}bank {bank}" for bank in range(shape.banks)]
        for lane, text in enumerate(lanes):
            yield _meta("thread_name", rank.process, lane, {"name": text})
            yield _meta("thread_sort_index", rank.process, lane, {"sort_index": lane})


def _meta(name: str, process: int, lane: int, arguments: dict[str, object]) -> dict[str, object]:
    return {"ph": "M", "name": name, "pid": process, "tid": lane, "args": arguments}


def _slice(
    name: str, start: int, end: int, process: int, lane: int, colour: str | None = None, **arguments: int
) -> dict[str, object]:
    event: dict[str, object] = {
        "ph": "X", "name": name, "ts": start, "dur": max(end - start, 0), "pid": process, "tid": lane,
    }  # fmt: skip
    if colour:
        event["cname"] = colour
    if arguments:
        event["args"] = arguments
    return event


def _command_events(command: _Command, rank: _Rank, device: Device) -> Iterator[dict[str, object]]:
    name, now = command.name, command.cycle
    end = now + device.commands[name].ticks
    where = {
        key: getattr(command, key)
        for key in ("bankgroup", "bank", "row", "column")
        if getattr(command, key) >= 0
    }
    colour = COLOURS.get(name)
    yield _slice(name, now, end, rank.process, COMMAND_LANE, colour, **where)
    yield from _state_events(command, rank, device, end, where)
    data = device.read_data if name in READS else device.write_data if name in WRITES else None
    if data:
        yield _slice(name, now + data[0], now + data[1], rank.process, DATA_LANE, colour, **where)


def _state_events(
    command: _Command, rank: _Rank, device: Device, end: int, where: dict[str, int]
) -> Iterator[dict[str, object]]:
    """What the command does to banks and rank."""
    name, now = command.name, command.cycle
    bank = max(command.bankgroup, 0) * device.organisation.banks + max(command.bank, 0)
    if name == device.activate:
        yield from _closed(rank, [bank], now, device)  # of a trace that lacks the precharge
        rank.open_rows[bank] = (now, command.row)
    if name in ASLEEP:
        rank.asleep = (now, ASLEEP[name])
    elif name in ("PDXA", "PDXP", "SREFX"):
        yield from _woken(rank, end)
    elif name in ("REF", "REFPB", "REFSB"):
        yield from _refreshed(command, rank, device, where)
    elif name == "PRE":
        yield from _closed(rank, [bank], now, device)
    elif name == "PRESB":
        same = [one for one in rank.open_rows if one % device.organisation.banks == command.bank]
        yield from _closed(rank, same, now, device)
    elif name == "PREA":
        yield from _closed(rank, list(rank.open_rows), now, device)
    elif command.bank >= 0:
        yield _slice(name, now, end, rank.process, FIRST_BANK_LANE + bank, COLOURS.get(name), **where)
        if name in ("RDA", "WRA"):
            yield from _closed(rank, [bank], _auto_precharge(command, rank, device, bank), device)


def _auto_precharge(command: _Command, rank: _Rank, device: Device, bank: int) -> int:
    """When the device closes the row by itself."""
    timing = device.timing
    opened = rank.open_rows[bank][0] if bank in rank.open_rows else command.cycle
    wait = (timing.get("AL", 0) + timing["tRTP"]) * device.ticks_per_clock
    if command.name == "WRA":
        wait = device.write_data[1] + device.ticks("tWR")
    return max(command.cycle + wait, opened + device.ticks("tRAS"))


def _refreshed(
    command: _Command, rank: _Rank, device: Device, where: dict[str, int]
) -> Iterator[dict[str, object]]:
    names = {"REF": ("tRFC", "tRFCab"), "REFPB": ("tRFCpb",), "REFSB": ("tRFCsb",)}[command.name]
    cycles = next((device.timing[name] for name in names if name in device.timing), 1)
    # times count from last clock to last clock: an activation of several may begin earlier
    longer = device.commands[command.name].ticks - device.commands[device.activate].ticks
    end = command.cycle + cycles * device.ticks_per_clock + longer
    lane = RANK_LANE
    if command.name == "REFPB":
        bank = max(command.bankgroup, 0) * device.organisation.banks + max(command.bank, 0)
        lane = FIRST_BANK_LANE + bank
    yield _slice("refresh", command.cycle, end, rank.process, lane, COLOURS["REF"], **where)


def _closed(rank: _Rank, banks: list[int], now: int, device: Device) -> Iterator[dict[str, object]]:
    """The rows that end now."""
    for bank in banks:
        if bank in rank.open_rows:
            opened, row = rank.open_rows.pop(bank)
            yield _slice(f"row {row}", opened, now, rank.process, FIRST_BANK_LANE + bank, row=row)


def _woken(rank: _Rank, now: int) -> Iterator[dict[str, object]]:
    if rank.asleep is not None:
        start, name = rank.asleep
        rank.asleep = None
        yield _slice(name, start, now, rank.process, RANK_LANE)
