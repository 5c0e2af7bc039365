"""DRAM commands: names, numbers, and what each of them reaches."""

from __future__ import annotations

from typing import NamedTuple

# The order is the number of a command in arrays.
COMMAND_NAMES = (
    "ACT", "PRE", "PREA", "PRESB", "RD", "RDA", "WR", "WRA", "REF", "REFPB", "REFSB",
    "PDNA", "PDXA", "PDNP", "PDXP", "SREF", "SREFX", "ACT1", "ACT2", "CAS_RD", "CAS_WR",
)  # fmt: skip
COMMAND_NUMBERS = {name: number for number, name in enumerate(COMMAND_NAMES)}

(
    ACT, PRE, PREA, PRESB, RD, RDA, WR, WRA, REF, REFPB, REFSB,
    PDNA, PDXA, PDNP, PDXP, SREF, SREFX, ACT1, ACT2, CAS_RD, CAS_WR,
) = range(len(COMMAND_NAMES))  # fmt: skip

# What a command acts on, beyond its own bank.
WHOLE_RANK = frozenset({PREA, REF, PDNA, PDXA, PDNP, PDXP, SREF, SREFX})
SAME_BANK_OF_ALL_GROUPS = frozenset({PRESB, REFSB})

READS = frozenset({RD, RDA})
WRITES = frozenset({WR, WRA})
COLUMN_COMMANDS = frozenset({RD, RDA, WR, WRA, CAS_RD, CAS_WR})


class Command(NamedTuple):
    """One command on the bus.

    Attributes:
        cycle: First cycle of the command.
        name: One of ``COMMAND_NAMES``.
        rank: Rank, or pseudo channel where the standard has them.
        bankgroup, bank, row, column: -1 where the command has none. ``bank`` counts within its group,
            ``column`` counts bursts.
    """

    cycle: int
    name: str
    rank: int
    bankgroup: int = -1
    bank: int = -1
    row: int = -1
    column: int = -1
