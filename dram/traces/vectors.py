"""What trace readers need to know of a memory, from its device and its address mapping."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dram.address import AddressMapping, Place
from dram.device import Device
from dram.traces.memory import Memory


def memory_of(device: Device, mapping: AddressMapping) -> Memory:
    """Size, burst and address vectors of a memory.

    Vectors name channel, rank, bank group, bank, row and column; the bank group is left out where the device
    has none. Columns count bursts.
    """
    shape = device.organisation
    sizes = {
        "channel": mapping.channels, "rank": shape.ranks, "bank group": shape.bank_groups,
        "bank": shape.banks, "row": shape.rows, "column": shape.bursts,
    }  # fmt: skip
    levels = [name for name in sizes if name != "bank group" or shape.bank_groups > 1]

    def encode(vector: Sequence[int]) -> int:
        if len(vector) != len(levels):
            raise ValueError(f"it has {len(vector)} entries, the memory {len(levels)}: {', '.join(levels)}")
        for name, value in zip(levels, vector, strict=True):
            if value >= sizes[name]:
                raise ValueError(f"{name} {value} does not exist, there are {sizes[name]}")
        place = dict.fromkeys(sizes, 0) | dict(zip(levels, vector, strict=True))
        return int(mapping.encode(Place(*(np.array([value], np.int64) for value in place.values())))[0])

    return Memory(shape.capacity_bytes * mapping.channels, shape.burst_bytes, encode)
