"""Latencies that differ between the instances of an instruction: what the queue of a block is filled with.

They depend on the order of the program alone, not on times: storage models advance in program order, loop
indices are known. So they are looked up before a block is propagated.
"""

from __future__ import annotations

from aidg.machine import Machine
from aidg.prepared import Block, StorageAccess
from aidg.propagation import QUEUED


def fill_queue(machine: Machine, block: Block, indices: list[int], position: int, queue: list[int]) -> None:
    """Append the latencies that propagating ``block`` takes from the queue, in the order of their use.

    ``position`` is the number of instructions of the current fetch group that have been issued.

    Raises:
        ProgramError: A latency is negative or has no value.
    """
    fetched = machine.instruction_storage
    model = machine.storages[fetched].model if fetched >= 0 else None
    for row in block.rows:
        if position == 0 and model is not None and not model.is_fixed:
            queue.append(model.latency(machine.instruction_address, False))
        position = (position + 1) % machine.fetch_width
        queue += (latency.at(indices) for latency in row.queued)
        for access in row.accesses:
            if access.latency == QUEUED:
                _transactions(machine, access, access.address.at(indices), queue)


def _transactions(machine: Machine, access: StorageAccess, first: int, queue: list[int]) -> None:
    spec = machine.storages[access.storage]
    size, rows, pitch = access.shape
    for row in range(rows):
        for offset in range(0, size, spec.port_bytes):
            queue.append(spec.model.latency(first + row * pitch + offset, access.write))
