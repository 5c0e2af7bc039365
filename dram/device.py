"""A DRAM device: organisation, timing, and every timing constraint as one row.

Times are ticks, integers: a tick is the unit of all command times, one clock cycle or, where commands can
start on both edges (HBM3), half of one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dram.commands import (
    COMMAND_NUMBERS,
    SAME_BANK_OF_ALL_GROUPS,
    WHOLE_RANK,
)

# Which pairs of commands a constraint concerns; `rank` stands for pseudo channel where there are some.
SCOPES = ("bank", "same_bank", "bank_group", "rank", "other_rank", "channel")


@dataclass(frozen=True, slots=True)
class Organisation:
    """Sizes of one channel.

    Attributes:
        channel_width: Data pins of the channel (of a pseudo channel, where there are some).
        device_width: Data pins of one die; their ratio is the number of dies that answer together.
        ranks: Ranks or pseudo channels.
        bank_groups: Bank groups of a rank; 1 where the standard has none.
        banks: Banks of a bank group.
        rows: Rows of a bank.
        columns: Columns of a row, ``device_width`` bits each.
        burst_length: Columns of one access.
    """

    channel_width: int
    device_width: int
    ranks: int
    bank_groups: int
    banks: int
    rows: int
    columns: int
    burst_length: int

    @property
    def bursts(self) -> int:
        """Accesses that fit in one row."""
        return self.columns // self.burst_length

    @property
    def burst_bytes(self) -> int:
        """Bytes of one access."""
        return self.channel_width * self.burst_length // 8

    @property
    def total_banks(self) -> int:
        """Banks of the channel."""
        return self.ranks * self.bank_groups * self.banks

    @property
    def capacity_bytes(self) -> int:
        """Bytes of the channel."""
        return self.total_banks * self.rows * self.bursts * self.burst_bytes


@dataclass(frozen=True, slots=True)
class CommandInfo:
    """How a device takes a command: ticks on the bus, and the number of the bus."""

    ticks: int
    bus: int


@dataclass(frozen=True, slots=True)
class Constraint:
    """One row: how long after one of the commands ``before`` one of ``after`` may start.

    Attributes:
        name: JEDEC's name of the time, or what the row is about.
        scope: One of ``SCOPES``: where the two commands must be for the row to apply.
        before: Names of the earlier commands.
        after: Names of the later commands.
        formula: The distance as the standard states it, from last clock to last clock, in clock cycles.
        window: The row counts from the ``window``-th last earlier command; 1 but for activation windows.
        distances: Ticks from start to start, by pair of names; commands may differ in length.
    """

    name: str
    scope: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    formula: str
    window: int
    distances: Mapping[tuple[str, str], int]

    def between(self, before: str, after: str) -> int:
        """Ticks from the start of ``before`` to the earliest start of ``after``."""
        return self.distances[before, after]

    def reach(self, before: str, after: str) -> str:
        """The scope, widened to what the two commands act on."""
        if self.scope in ("other_rank", "channel"):
            return self.scope
        numbers = (COMMAND_NUMBERS[before], COMMAND_NUMBERS[after])
        if any(number in WHOLE_RANK for number in numbers):
            return "rank"
        if any(number in SAME_BANK_OF_ALL_GROUPS for number in numbers):
            return {"bank": "same_bank", "bank_group": "rank"}.get(self.scope, self.scope)
        return self.scope


@dataclass(frozen=True, slots=True)
class Device:
    """Everything a controller or a checker needs to know about a memory.

    Attributes:
        name: Standard and speed bin, such as ``DDR4_2400R``.
        standard: ``DDR4``.
        organisation: Sizes.
        clock_ps: Picoseconds of a clock cycle.
        ticks_per_clock: Ticks of a clock cycle.
        timing: Timing parameters by JEDEC's names, in clock cycles, with the derived ones.
        commands: What the device understands.
        constraints: The rows.
        read_data: Ticks from the start of a read command to the start and the end of its data.
        write_data: The same of a write command.
    """

    name: str
    standard: str
    organisation: Organisation
    clock_ps: int
    ticks_per_clock: int
    timing: Mapping[str, int] = field(repr=False)
    commands: Mapping[str, CommandInfo] = field(repr=False)
    constraints: tuple[Constraint, ...] = field(repr=False)
    read_data: tuple[int, int]
    write_data: tuple[int, int]

    def ticks(self, parameter: str) -> int:
        """A timing parameter in ticks."""
        return self.timing[parameter] * self.ticks_per_clock

    @property
    def tick_seconds(self) -> float:
        """Seconds of a tick."""
        return self.clock_ps * 1e-12 / self.ticks_per_clock

    @property
    def activate(self) -> str:
        """The command that starts the opening of a row."""
        return "ACT" if "ACT" in self.commands else "ACT1"

    @property
    def peak_bytes_per_second(self) -> float:
        """Bandwidth while the data bus never rests."""
        start, end = self.read_data
        return self.organisation.burst_bytes / ((end - start) * self.tick_seconds)
