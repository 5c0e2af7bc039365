"""Energy of the dies from supply currents, per command and per state.

The model is that of DRAMPower: K. Chandrasekar, B. Akesson, K. Goossens, "Improved Power Modeling of DDR
SDRAMs", DSD 2011, and its published implementation (github.com/tukl-msd/DRAMPower, version 4). Per supply
with voltage V, and t the times of the device:

=====================  ==========================================================================
an activation          V (IDD0 − IDD3N) tRAS
a precharge            V (IDD0 − IDD2N) (tRC − tRAS); of banks that are open, also by auto-precharge
a read, a write        V (IDD4R − IDD3N) tBL; V (IDD4W − IDD3N) tBL
a refresh              V (IDD5 − IDD3N) tRFC
standby                V IDD3N while a bank is active, V IDD2N while all are precharged
power-down             V IDD3P with an active bank, V IDD2P without
self-refresh           V IDD6
=====================  ==========================================================================

A bank counts as active from its activation to its precharge, a rank during tRFC − tRP of a refresh. A refresh
of one bank needs its share of a refresh of all banks: the rows are the same. All dies of a rank work alike;
all ranks are counted. Energy of the interface (termination, data lines) is not part of the model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from dram import energy_kernel as kernel
from dram.command_arrays import Commands
from dram.commands import COMMAND_NAMES
from dram.currents import Currents, Rail, currents_for, differences
from dram.device import Device
from dram.energy_kernel import COUNTS, Batch, State, Times
from dram.requests import Int64

MEANINGS = {
    "ACT": kernel.ACTIVATE, "ACT1": kernel.ACTIVATE, "PRE": kernel.PRECHARGE, "PRESB": kernel.PRECHARGE_SAME,
    "PREA": kernel.PRECHARGE_ALL, "RD": kernel.READ, "RDA": kernel.READ_CLOSE, "WR": kernel.WRITE,
    "WRA": kernel.WRITE_CLOSE, "REFPB": kernel.REFRESH, "REFSB": kernel.REFRESH_SAME,
    "REF": kernel.REFRESH_ALL,
    "PDNA": kernel.POWER_DOWN, "PDNP": kernel.POWER_DOWN, "PDXA": kernel.POWER_UP, "PDXP": kernel.POWER_UP,
    "SREF": kernel.SELF_REFRESH, "SREFX": kernel.POWER_UP,
}  # fmt: skip
PARTS = (
    "activate", "precharge", "read", "write", "refresh", "standby_active", "standby_precharged",
    "power_down_active", "power_down_precharged", "self_refresh",
)  # fmt: skip
NEVER = (1 << 62) - 1  # after all ticks
COMPILE_FROM = 50_000  # commands from which on loading compiled code pays


@dataclass(frozen=True, slots=True)
class Energy:
    """Energy of all dies of a channel.

    Attributes:
        parts_pj: Picojoules by :data:`PARTS`.
        cycles: Ticks that were counted.
        seconds: The same as time.
        currents: Name of the set of currents.
        source: Where the currents come from.
        differences: What distinguishes the currents' die from the device's.
    """

    parts_pj: Mapping[str, float]
    cycles: int
    seconds: float
    currents: str
    source: str
    differences: tuple[str, ...]

    @property
    def total_pj(self) -> float:
        """Picojoules in total."""
        return sum(self.parts_pj.values())

    @property
    def average_watts(self) -> float:
        """Power over the time that was counted."""
        return self.total_pj * 1e-12 / self.seconds if self.seconds else 0.0

    def to_dict(self) -> dict[str, object]:
        """Plain data."""
        return {
            "total_pj": self.total_pj,
            "average_watts": self.average_watts,
            "parts_pj": dict(self.parts_pj),
            "cycles": self.cycles,
            "currents": self.currents,
            "source": self.source,
            "differences": list(self.differences),
        }


def energy(
    commands: Commands | Iterable[Commands],
    device: Device,
    end: int,
    currents: Currents | None = None,
    compiled: bool | None = None,
) -> Energy:
    """The energy of a command trace of one channel.

    Args:
        commands: The trace, or its parts one after the other.
        device: The memory.
        end: Tick up to which the states count; later commands do not.
        currents: Of one die; ``None``: the shipped set nearest to the device.
        compiled: Whether numba compiles the counting; ``None``: for long traces, where numba is installed.

    Raises:
        DramError: No currents are known for the standard.
    """
    meter = Meter(device, currents, compiled)
    for part in (commands,) if isinstance(commands, Commands) else commands:
        meter.add(part, end)
    return meter.energy(end)


class Meter:
    """Counts what needs energy in a command trace of one channel that comes in parts.

    Raises:
        DramError: No currents are known for the standard.
    """

    def __init__(
        self, device: Device, currents: Currents | None = None, compiled: bool | None = None
    ) -> None:
        """Arguments as of :func:`energy`."""
        self._device = device
        self._currents = currents or currents_for(device)
        self._counter = Counter(device, compiled)

    def add(self, commands: Commands, end: int = NEVER) -> None:
        """The next commands; those after ``end`` do not count."""
        self._counter.add(commands, end)

    def energy(self, end: int) -> Energy:
        """The energy up to a tick that is not before the last command."""
        device, chosen = self._device, self._currents
        dies = device.organisation.channel_width // device.organisation.device_width
        parts = dict.fromkeys(PARTS, 0.0)
        counts = self._counter.counts(end).reshape(-1, COUNTS).tolist()
        for rail in chosen.rails:
            for rank in counts:
                for name, value in zip(PARTS, _parts(rail, device, rank), strict=True):
                    parts[name] += dies * value
        return Energy(
            parts, end, end * device.tick_seconds, chosen.name, chosen.source, differences(chosen, device)
        )


def _parts(rail: Rail, device: Device, counts: list[int]) -> tuple[float, ...]:
    """Picojoules of one supply of one die of one rank, in the order of :data:`PARTS`."""
    tick_ns = device.tick_seconds * 1e9
    clock_ns = device.clock_ps * 1e-3
    timing = device.timing
    burst_ns = (device.read_data[1] - device.read_data[0]) * tick_ns
    banks = device.organisation.bank_groups * device.organisation.banks
    refreshes = counts[kernel.REFRESHES] + counts[kernel.BANK_REFRESHES] / banks
    milliwatts_ns = (
        counts[kernel.ACTIVATIONS] * (rail.IDD0 - rail.IDD3N) * timing["tRAS"] * clock_ns,
        counts[kernel.PRECHARGES]
        * (rail.IDD0 - rail.IDD2N)
        * (_row_cycle(device) - timing["tRAS"])
        * clock_ns,
        counts[kernel.READS] * (rail.IDD4R - rail.IDD3N) * burst_ns,
        counts[kernel.WRITES] * (rail.IDD4W - rail.IDD3N) * burst_ns,
        refreshes * (rail.IDD5 - rail.IDD3N) * _first(device, "tRFC", "tRFCab") * clock_ns,
        counts[kernel.ACTIVE] * rail.IDD3N * tick_ns,
        counts[kernel.PRECHARGED] * rail.IDD2N * tick_ns,
        counts[kernel.DOWN_ACTIVE] * rail.IDD3P * tick_ns,
        counts[kernel.DOWN_PRECHARGED] * rail.IDD2P * tick_ns,
        counts[kernel.SELF_REFRESHED] * rail.IDD6 * tick_ns,
    )
    return tuple(rail.volts * value for value in milliwatts_ns)


class Counter:
    """Numbers of commands and ticks in states, of a trace that comes in parts."""

    def __init__(self, device: Device, compiled: bool | None = None) -> None:
        """Arguments as of :func:`energy`."""
        self._device, self._compiled = device, compiled
        self._times, self._state = _times(device), _state(device)

    def add(self, commands: Commands, end: int = NEVER) -> None:
        """The next commands; those after ``end`` do not count."""
        from dram.compiled import compiled as compiled_copy
        from dram.compiled import is_available

        batch = _batch(commands, self._device, end)
        wanted = self._compiled
        if wanted is None:
            wanted = len(commands) >= COMPILE_FROM and is_available()
        if wanted:
            self._state = State(*(np.asarray(values, np.int64) for values in self._state))
            compiled_copy(kernel.__name__).count(self._times, self._state, batch, len(batch.cycle))
        else:
            self._state = State(*([int(value) for value in values] for values in self._state))
            lists = Batch(*(np.asarray(column).tolist() for column in batch))
            kernel.count(self._times, self._state, lists, len(batch.cycle))

    def counts(self, end: int) -> Int64:
        """:data:`dram.energy_kernel.COUNTS` per rank, up to a tick that is not before the last command."""
        state = State(*([int(value) for value in values] for values in self._state))
        for rank in range(self._device.organisation.ranks):
            kernel.finish(state, rank, end)
        return np.array(state.counts, np.int64)


def _batch(commands: Commands, device: Device, end: int) -> Batch:
    stop = int(np.searchsorted(commands.cycle, end, side="right"))
    group = np.maximum(commands.bankgroup[:stop], 0)
    bank = group * device.organisation.banks + np.maximum(commands.bank[:stop], 0)
    return Batch(commands.cycle[:stop], commands.command[:stop].astype(np.int64), commands.rank[:stop], bank)


def _times(device: Device) -> Times:
    shape, ticks = device.organisation, device.ticks_per_clock
    timing = device.timing
    precharge = _first(device, "tRP", "tRPpb")
    data_end = device.write_data[1]
    refresh = _first(device, "tRFC", "tRFCab")
    return Times(
        groups=shape.bank_groups,
        banks=shape.banks,
        row_open=timing["tRAS"] * ticks,
        read_close=(timing.get("AL", 0) + timing["tRTP"]) * ticks,
        write_close=data_end + timing["tWR"] * ticks,
        refresh=(refresh - precharge) * ticks,
        bank_refresh=(timing.get("tRFCpb", timing.get("tRFCsb", refresh)) - precharge) * ticks,
    )


def _state(device: Device) -> State:
    ranks = device.organisation.ranks
    return State(
        meaning=[MEANINGS.get(name, kernel.NOTHING) for name in COMMAND_NAMES],
        counts=[0] * (COUNTS * ranks),
        clock=[0] * ranks,
        open_banks=[0] * ranks,
        active_until=[0] * ranks,
        asleep=[kernel.AWAKE] * ranks,
        opened=[kernel.CLOSED] * device.organisation.total_banks,
    )


def _row_cycle(device: Device) -> int:
    """tRC in cycles."""
    return device.timing.get("tRC", device.timing["tRAS"] + _first(device, "tRP", "tRPpb"))


def _first(device: Device, *names: str) -> int:
    """The first of some times that the device has, in cycles."""
    return next(device.timing[name] for name in names if name in device.timing)
