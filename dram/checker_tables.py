"""The rows of a device as the flat tables of the constraint checker."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from dram import checker_kernel as kernel
from dram.checker_kernel import NEVER, Sizes, State, Tables
from dram.commands import COMMAND_NAMES, COMMAND_NUMBERS
from dram.device import Device
from dram.errors import DramError

COUNT = len(COMMAND_NAMES)

EFFECTS = {
    "ACT": kernel.OPEN, "ACT1": kernel.BEGIN_OPEN, "ACT2": kernel.OPEN,
    "PRE": kernel.CLOSE, "PRESB": kernel.CLOSE_SAME, "PREA": kernel.CLOSE_RANK,
    "RD": kernel.COLUMN, "WR": kernel.COLUMN, "RDA": kernel.COLUMN_CLOSE, "WRA": kernel.COLUMN_CLOSE,
    "REFPB": kernel.REFRESH, "REFSB": kernel.REFRESH_SAME, "REF": kernel.REFRESH_RANK,
    "PDNA": kernel.POWER_DOWN_ACTIVE, "PDNP": kernel.POWER_DOWN_PRECHARGED,
    "PDXA": kernel.POWER_UP, "PDXP": kernel.POWER_UP,
    "SREF": kernel.SELF_REFRESH, "SREFX": kernel.SELF_REFRESH_END,
    "CAS_RD": kernel.SYNCHRONISE, "CAS_WR": kernel.SYNCHRONISE,
}  # fmt: skip
READS, WRITES = ("RD", "RDA"), ("WR", "WRA")

# Commands that name a rank only, and those that name a bank number of every group.
RANK_ONLY = {"PREA", "REF", "PDNA", "PDNP", "PDXA", "PDXP", "SREF", "SREFX"}
NUMBER_ONLY = {"PRESB", "REFSB"}

_LEVELS = {
    "channel": kernel.CHANNEL, "rank": kernel.RANK, "bank_group": kernel.GROUP, "same_bank": kernel.SAME,
    "bank": kernel.BANK, "other_rank": kernel.OTHER,
}  # fmt: skip
NO_REFRESH_LIMIT = 0


@dataclass(frozen=True, slots=True)
class Units:
    """Where the units of each level begin in one long list of units."""

    base: tuple[int, ...]
    total: int

    @staticmethod
    def of(device: Device) -> Units:
        """Channel, ranks, groups, bank numbers, banks."""
        shape = device.organisation
        groups = shape.ranks * shape.bank_groups
        sizes = (1, shape.ranks, groups, shape.ranks * shape.banks, groups * shape.banks)
        base = tuple(sum(sizes[:level]) for level in range(len(sizes)))
        return Units(base, sum(sizes))


def level_of(scope: str, before: str, after: str) -> int:
    """Where the earlier command is looked up: at least as wide as what the two commands concern."""
    if scope in ("channel", "other_rank"):
        return _LEVELS[scope]
    wide = RANK_ONLY | NUMBER_ONLY
    if scope in ("bank", "same_bank") and after in wide and before not in wide:
        return kernel.EACH
    if before in RANK_ONLY or after in RANK_ONLY:
        return kernel.RANK
    if before in NUMBER_ONLY or after in NUMBER_ONLY:
        return {"bank": kernel.SAME, "same_bank": kernel.SAME}.get(scope, kernel.RANK)
    return _LEVELS[scope]


def tables_of(device: Device, refresh_limit: int) -> Tables:
    """All tables. ``refresh_limit``: ticks between two refreshes of a bank at most; 0: unlimited."""
    units = Units.of(device)
    known = device.commands
    return Tables(
        sizes=_sizes(device, units, refresh_limit),
        **_entries(device),
        **_windows(device, units),
        bus=_per_command(lambda name: known[name].bus if name in known else 0),
        bus_ticks=_per_command(lambda name: known[name].ticks if name in known else 1),
        effect=_per_command(lambda name: EFFECTS.get(name, kernel.NOTHING)),
        data=_per_command(lambda name: 1 if name in READS else 2 if name in WRITES else 0),
        data_start=_per_command(lambda name: _data(device, name)[0]),
        data_end=_per_command(lambda name: _data(device, name)[1]),
    )


def _entries(device: Device) -> dict[str, list[int]]:
    """Rows that count from the last earlier command."""
    entries: dict[str, list[tuple[int, int, int, int]]] = defaultdict(list)
    for number, row in enumerate(device.constraints):
        for (before, after), ticks in row.distances.items():
            if ticks > 0 and row.window == 1:
                level = level_of(row.scope, before, after)
                entries[after].append((COMMAND_NUMBERS[before], level, ticks, number))
    flat = [entry for name in COMMAND_NAMES for entry in entries[name]]
    return {
        "first": _starts(len(entries[name]) for name in COMMAND_NAMES),
        "before": [entry[0] for entry in flat],
        "level": [entry[1] for entry in flat],
        "ticks": [entry[2] for entry in flat],
        "rule": [entry[3] for entry in flat],
    }


def _windows(device: Device, units: Units) -> dict[str, list[int]]:
    """Rows that count from an earlier command than the last: each has a ring."""
    rings = _rings(device)
    rows = [device.constraints[number] for number, _ in rings]
    windows = {name: [ring for ring, row in enumerate(rows) if name in row.after] for name in COMMAND_NAMES}
    places = [_units_to(units, level) for _, level in rings]
    return {
        "window_first": _starts(len(windows[name]) for name in COMMAND_NAMES),
        "window": [ring for name in COMMAND_NAMES for ring in windows[name]],
        "window_ticks": [
            rows[ring].distances.get((before, name), 0)
            for name in COMMAND_NAMES
            for ring in windows[name]
            for before in COMMAND_NAMES
        ],
        "ring_level": [level for _, level in rings],
        "ring_size": [row.window for row in rows],
        "ring_base": _starts(places)[:-1],
        "ring_slot": _starts(count * row.window for count, row in zip(places, rows, strict=True))[:-1],
        "ring_rule": [number for number, _ in rings],
        "ring_member": [int(name in row.before) for row in rows for name in COMMAND_NAMES],
    }


def empty_state(device: Device, tables: Tables, capacity: int) -> State:
    """Before the first command: all banks closed, everything long ago, refreshed at tick 0.

    ``capacity``: violations that fit.
    """
    units = Units.of(device)
    shape = device.organisation
    remembered = units.total * COUNT
    ring_units = [_units_to(units, level) for level in tables.ring_level]
    slots = sum(count * size for count, size in zip(ring_units, tables.ring_size, strict=True))
    return State(
        last=[NEVER] * remembered,
        last_number=[-1] * remembered,
        last_place=[-1] * remembered,
        ring=[NEVER] * slots,
        ring_command=[0] * slots,
        ring_number=[-1] * slots,
        ring_place=[-1] * slots,
        head=[0] * sum(ring_units),
        bus_free=[NEVER] * 2,
        bus_start=[NEVER] * 2,
        bus_number=[-1] * 2,
        data_free=[NEVER, NEVER, -1, NEVER] * 2 * shape.ranks,
        row=[kernel.CLOSED] * shape.total_banks,
        began=[NEVER] * shape.total_banks,
        open_banks=[0] * shape.ranks,
        asleep=[0] * shape.ranks,
        refreshed=[0] * shape.total_banks,
        clocked=[NEVER] * shape.ranks,
        out=[0] * (capacity * kernel.FIELDS),
        out_later=[0] * capacity,
        out_count=[0],
    )


def _sizes(device: Device, units: Units, refresh_limit: int) -> Sizes:
    shape = device.organisation
    two_steps = (
        device.timing.get("tAAD", 1 << 40) * device.ticks_per_clock if "ACT1" in device.commands else 0
    )
    return Sizes(
        commands=COUNT,
        ranks=shape.ranks,
        groups=shape.bank_groups,
        banks=shape.banks,
        same_base=units.base[kernel.SAME],
        bank_base=units.base[kernel.BANK],
        rows=len(device.constraints),
        rings=len(_rings(device)),
        shared_data=int(any(row.scope == "other_rank" for row in device.constraints)),
        two_steps=two_steps,
        refresh_limit=refresh_limit,
        data_clock=device.ticks("tWCKPST") if "CAS_RD" in device.commands else -1,
    )


def _rings(device: Device) -> list[tuple[int, int]]:
    """Number and level of the rows with a window; a wider level would count commands of other places."""
    found = []
    for number, row in enumerate(device.constraints):
        if row.window > 1:
            levels = {level_of(row.scope, before, after) for before, after in row.distances}
            if len(levels) > 1 or levels & {kernel.OTHER, kernel.EACH}:
                raise DramError(f"constraint '{row.name}': a window needs commands that concern one place")
            found.append((number, levels.pop()))
    return found


def _units_to(units: Units, level: int) -> int:
    """Units up to those of the level: a ring has places for them all, counted from the channel on."""
    return units.base[level + 1] if level + 1 < len(units.base) else units.total


def _starts(lengths: Iterable[int]) -> list[int]:
    starts = [0]
    for length in lengths:
        starts.append(starts[-1] + length)
    return starts


def _per_command(value: Callable[[str], int]) -> list[int]:
    return [value(name) for name in COMMAND_NAMES]


def _data(device: Device, name: str) -> tuple[int, int]:
    return device.read_data if name in READS else device.write_data if name in WRITES else (0, 0)
