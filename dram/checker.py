"""Checks anyone's command trace against the rows of a device.

Independent of the controller: it shares the device's rows with it, but no code. One pass over the commands,
in memory that does not grow with their number.

A violation names a rule and the later of two commands. Rules are the device's rows, by their names, and:

================  ==========================================================================================
rule              meaning
================  ==========================================================================================
command_bus       A command begins while an earlier one is still on the same command bus.
data_bus          The data of two column commands overlap.
bank_is_open      An activation of a bank that has an open row.
bank_is_closed    A read or write in a bank without an open row.
other_row         A read or write in a row that is not the open one.
open_banks        A refresh, self-refresh or precharge power-down while a bank that it concerns is open.
no_open_bank      An active power-down while all banks are closed.
asleep            A command other than the exit while the rank is in power-down or self-refresh.
awake             An exit from power-down or self-refresh while the rank is in none.
refresh_late      More than ``1 + postponed`` refresh intervals between two refreshes of a bank.
not_begun         The second half of an activation without the first.
tAAD              The second half of an activation too long after the first.
data_clock_off    A read or write while WCK does not run: no CAS before it, and the last data have ended too
                  long ago.
clock_edge        A command other than a precharge starts on another clock edge than those before it, where
                  ticks are halves of a clock cycle.
no_such_command   A command that the device does not have.
no_such_place     A rank, bank group, bank, row or column that the device does not have.
================  ==========================================================================================

For each row and later command, the last earlier command is reported; the n-th last if the row has a window.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from dram import checker_kernel as kernel
from dram.checker_kernel import FIELDS, LEVELS, Batch, State, Tables
from dram.checker_tables import NUMBER_ONLY, RANK_ONLY, Units, empty_state, tables_of
from dram.command_arrays import Commands
from dram.commands import COMMAND_NAMES
from dram.device import Device
from dram.requests import Bool, Int64

SPECIAL_RULES = (
    "command_bus", "data_bus", "bank_is_open", "bank_is_closed", "other_row", "open_banks", "no_open_bank",
    "asleep", "awake", "refresh_late", "not_begun", "tAAD", "data_clock_off",
)  # fmt: skip
NO_SUCH_COMMAND, NO_SUCH_PLACE, CLOCK_EDGE = "no_such_command", "no_such_place", "clock_edge"
ANY_EDGE = {"PRE", "PREA"}  # of the commands of HBM3

# Refreshes that may be postponed: JESD79-3, JESD79-4, JESD209-4 and JESD235 allow eight, JESD79-5 four.
POSTPONED = {"DDR5": 4}
USUAL_POSTPONED = 8

PIECE = 1 << 16  # commands that are checked at once
ROOM = 1 << 12  # violations that fit beyond those that one command can make at most
COMPILE_FROM = 20_000  # commands from which on loading compiled code pays


@dataclass(frozen=True, slots=True)
class Place:
    """A command as violations show it; -1 where there is none or it is not known.

    Attributes:
        index: Place in the trace, from 0.
    """

    index: int
    cycle: int
    name: str
    rank: int = -1
    bankgroup: int = -1
    bank: int = -1

    def __str__(self) -> str:
        parts = (("rank", self.rank), ("group", self.bankgroup), ("bank", self.bank))
        where = " ".join(f"{name} {number}" for name, number in parts if number >= 0)
        return f"{self.name} at {self.cycle}" + (f" ({where})" if where else "")


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that two commands break, or one command.

    Attributes:
        rule: Name of the row, or one of those of this module.
        later: The command that came too early, or should not have come.
        earlier: The other one; ``None`` where only the state matters.
        distance: Ticks between their starts; -1 where time does not matter.
        required: Ticks that there must be at least (``refresh_late`` and ``tAAD``: at most); -1 as above.
    """

    rule: str
    later: Place
    earlier: Place | None = None
    distance: int = -1
    required: int = -1

    def __str__(self) -> str:
        text = f"{self.rule}: {self.later}"
        if self.earlier is not None:
            text += f" after {self.earlier}"
        if self.distance >= 0:
            most = self.rule in ("refresh_late", "tAAD")
            text += f": {self.distance} {'>' if most else '<'} {self.required}"
        return text

    def to_dict(self) -> dict[str, object]:
        """Plain data."""
        names = ("index", "cycle", "name", "rank", "bankgroup", "bank")
        commands = {
            key: None if place is None else {name: getattr(place, name) for name in names}
            for key, place in (("earlier", self.earlier), ("later", self.later))
        }
        return {"rule": self.rule, "distance": self.distance, "required": self.required, **commands}


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What was found.

    Attributes:
        device: Name of the device.
        commands: Number of commands.
        counts: Violations by rule.
        violations: The first of them, in the order of the trace.
    """

    device: str
    commands: int
    counts: Mapping[str, int]
    violations: tuple[Violation, ...] = field(repr=False)

    @property
    def total(self) -> int:
        """Number of violations."""
        return sum(self.counts.values())

    def to_dict(self) -> dict[str, object]:
        """Plain data: ``device, commands, violations_total, counts, violations``."""
        return {
            "device": self.device,
            "commands": self.commands,
            "violations_total": self.total,
            "counts": dict(self.counts),
            "violations": [violation.to_dict() for violation in self.violations],
        }


def check(
    commands: Commands | Iterable[Commands],
    device: Device,
    *,
    refresh: bool = True,
    postponed: int | None = None,
    limit: int | None = None,
    compiled: bool | None = None,
) -> CheckReport:
    """All violations of a command trace.

    Args:
        commands: The trace, or its parts one after the other, in the order of time.
        device: Whose rows count.
        refresh: Whether refreshes have to come in time.
        postponed: Refreshes that may be postponed; ``None``: as the standard says.
        limit: Violations that are listed; all are counted. ``None``: all are listed.
        compiled: Whether numba compiles the inner loop; ``None``: for long traces, where numba is installed.
    """
    checker = Checker(device, refresh=refresh, postponed=postponed, compiled=compiled)
    counts: Counter[str] = Counter()
    listed: list[Violation] = []
    for part in (commands,) if isinstance(commands, Commands) else commands:
        for violation in checker.feed(part):
            counts[violation.rule] += 1
            if limit is None or len(listed) < limit:
                listed.append(violation)
    for violation in checker.finish():
        counts[violation.rule] += 1
        if limit is None or len(listed) < limit:
            listed.append(violation)
    return CheckReport(device.name, checker.count, dict(counts.most_common()), tuple(listed))


class Checker:
    """Checks a trace piece by piece. Arguments as those of :func:`check`.

    Attributes:
        count: Commands so far.
    """

    def __init__(
        self,
        device: Device,
        *,
        refresh: bool = True,
        postponed: int | None = None,
        compiled: bool | None = None,
    ) -> None:
        if postponed is None:
            postponed = POSTPONED.get(device.standard, USUAL_POSTPONED)
        self.device = device
        self.count = 0
        self._units = Units.of(device)
        postponed = min(postponed, 1 << 40)  # more than in any trace, and the ticks stay in 64 bits
        self._refresh_limit = (1 + postponed) * device.ticks("tREFI") if refresh else 0
        self._tables: Tables = tables_of(device, self._refresh_limit)
        self._state: State = empty_state(device, self._tables, ROOM + _most_at_once(device))
        self._compiled = compiled
        self._scan = kernel.scan
        self._cycle = 0
        self._edge: int | None = None
        self._rules = tuple(row.name for row in device.constraints) + SPECIAL_RULES

    def feed(self, commands: Commands) -> Iterator[Violation]:
        """Violations by the next commands."""
        self._choose_kernel(len(commands))
        for start in range(0, len(commands), PIECE):
            yield from self._feed_piece(_slice(commands, start, start + PIECE))

    def finish(self) -> Iterator[Violation]:
        """Violations by what is missing at the end of the trace: refreshes."""
        limit, per_rank = (
            self._refresh_limit,
            self.device.organisation.total_banks // self.device.organisation.ranks,
        )
        for rank in range(self.device.organisation.ranks if limit else 0):
            if self._state.asleep[rank] == kernel.SELF_REFRESH:
                continue
            oldest = int(min(self._state.refreshed[rank * per_rank : (rank + 1) * per_rank]))
            if self._cycle - oldest > limit:
                end = Place(self.count, self._cycle, "end", rank)
                yield Violation("refresh_late", end, None, self._cycle - oldest, limit)

    def _choose_kernel(self, count: int) -> None:
        """Compiled code for long traces; what has been seen moves to arrays."""
        from dram.compiled import compiled, is_available

        wanted = self._compiled
        if wanted is None:
            wanted = self.count + count >= COMPILE_FROM and is_available()
        if wanted and self._scan is kernel.scan:
            self._tables = _as_arrays(self._tables)
            self._state = _as_arrays(self._state)
            self._scan = compiled(kernel.__name__).scan

    def _feed_piece(self, commands: Commands) -> Iterator[Violation]:
        fits, refused = self._fitting(commands)
        number = np.flatnonzero(fits)
        where = self._where(commands, number)
        batch = Batch(
            commands.cycle[number], commands.command[number].astype(np.int64), number + self.count, where,
            commands.row[number],
        )  # fmt: skip
        if self._scan is kernel.scan:
            batch = Batch(*(column.tolist() for column in batch))  # type: ignore[union-attr]
        found = refused + self._on_other_edges(commands, number)
        start = 0
        while start < len(number):
            start = self._scan(self._tables, self._state, batch, start, len(number), ROOM)
            found += self._drained(commands, number)
        self.count += len(commands)
        self._cycle = int(commands.cycle[-1]) if len(commands) else self._cycle
        yield from sorted(found, key=lambda violation: violation.later.index)

    def _fitting(self, commands: Commands) -> tuple[Bool, list[Violation]]:
        """Which commands the device has, at places that it has; violations by the others."""
        shape = self.device.organisation
        known = np.array([name in self.device.commands for name in COMMAND_NAMES])[commands.command]
        rank_only, number_only = _named(RANK_ONLY)[commands.command], _named(NUMBER_ONLY)[commands.command]
        place = (commands.rank >= 0) & (commands.rank < shape.ranks)
        place &= rank_only | ((commands.bank >= 0) & (commands.bank < shape.banks))
        # without bank groups, traces may leave them out
        lowest = 0 if shape.bank_groups > 1 else -1
        group = (commands.bankgroup >= lowest) & (commands.bankgroup < shape.bank_groups)
        place &= rank_only | number_only | group
        place &= rank_only | ((commands.row < shape.rows) & (commands.column < shape.bursts))
        refused = [
            Violation(NO_SUCH_PLACE if known[i] else NO_SUCH_COMMAND, self._later(commands, i))
            for i in np.flatnonzero(~(known & place)).tolist()
        ]
        return known & place, refused

    def _on_other_edges(self, commands: Commands, number: Int64) -> list[Violation]:
        """Violations by commands on another edge than the first; traces differ in which is the rising one."""
        clock = self.device.ticks_per_clock
        bound = number[~_named(ANY_EDGE)[commands.command[number]]]
        if clock == 1 or not len(bound):
            return []
        if self._edge is None:
            self._edge = int(commands.cycle[bound[0]]) % clock
        others = bound[commands.cycle[bound] % clock != self._edge]
        return [Violation(CLOCK_EDGE, self._later(commands, i)) for i in others.tolist()]

    def _where(self, commands: Commands, number: Int64) -> Int64:
        """Per command and level the unit, flat; -1 where a command has none."""
        shape, base = self.device.organisation, self._units.base
        command = commands.command[number]
        rank, bank = commands.rank[number], commands.bank[number]
        group = rank * shape.bank_groups + np.maximum(commands.bankgroup[number], 0)
        where = np.empty((len(number), LEVELS), np.int64)
        where[:, kernel.CHANNEL] = 0
        where[:, kernel.RANK] = base[kernel.RANK] + rank
        where[:, kernel.GROUP] = base[kernel.GROUP] + group
        where[:, kernel.SAME] = base[kernel.SAME] + rank * shape.banks + bank
        where[:, kernel.BANK] = base[kernel.BANK] + group * shape.banks + bank
        where[_named(RANK_ONLY)[command], kernel.GROUP :] = -1
        number_only = _named(NUMBER_ONLY)[command]
        where[number_only, kernel.GROUP] = -1
        where[number_only, kernel.BANK] = -1
        return where.reshape(-1)

    def _drained(self, commands: Commands, number: Int64) -> list[Violation]:
        """The violations that the inner loop has noted; afterwards there are none."""
        state = self._state
        found = []
        for i in range(int(state.out_count[0])):
            rule, earlier, place, distance, required = map(int, state.out[i * FIELDS : (i + 1) * FIELDS])
            later = self._later(commands, int(number[state.out_later[i]]))
            first = None if earlier < 0 else self._earlier(earlier, place, later, rule, distance, commands)
            found.append(Violation(self._rules[rule], later, first, distance, required))
        state.out_count[0] = 0
        return found

    def _later(self, commands: Commands, i: int) -> Place:
        return Place(
            self.count + i, int(commands.cycle[i]), commands.name(i), int(commands.rank[i]),
            int(commands.bankgroup[i]), int(commands.bank[i]),
        )  # fmt: skip

    def _earlier(
        self, index: int, place: int, later: Place, rule: int, distance: int, commands: Commands
    ) -> Place:
        """The earlier command: from the piece, or what is still known about it."""
        if index >= self.count:
            return self._later(commands, index - self.count)
        names = "" if rule >= len(self.device.constraints) else "/".join(self.device.constraints[rule].before)
        cycle = later.cycle - distance
        shape, base = self.device.organisation, self._units.base
        if place < base[kernel.RANK]:
            return Place(index, cycle, names or "a command")
        if place < base[kernel.GROUP]:
            return Place(index, cycle, names, place - base[kernel.RANK])
        group, bank = divmod(place - base[kernel.BANK], shape.banks)
        rank, bankgroup = divmod(group, shape.bank_groups)
        return Place(index, cycle, names, rank, bankgroup, bank)


def _most_at_once(device: Device) -> int:
    """Violations that one command can make: each of its pairs in each bank or rank, and some of the state."""
    pairs = sum(len(row.distances) for row in device.constraints)
    return pairs * device.organisation.total_banks + len(SPECIAL_RULES)


def _named(names: set[str]) -> Bool:
    """Per command number, whether it is one of the names."""
    return np.array([name in names for name in COMMAND_NAMES])


def _slice(commands: Commands, start: int, stop: int) -> Commands:
    names = ("cycle", "command", "rank", "bankgroup", "bank", "row", "column")
    return Commands(*(getattr(commands, name)[start:stop] for name in names))


Lists = TypeVar("Lists", Tables, State)


def _as_arrays(lists: Lists) -> Lists:
    """The same with NumPy arrays instead of lists."""
    return type(lists)(
        *(np.array(item, np.int64) if isinstance(item, list) else item for item in lists)  # type: ignore[arg-type]
    )
