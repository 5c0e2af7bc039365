"""Estimates of programs that are evaluated in order of time."""

from __future__ import annotations

from acadl.model import Architecture, DataStorage
from acadl.routing import instruction_memory
from aidg.estimation import Estimate
from aidg.flow.engine import Engine
from aidg.flow.source import orders
from mappings.program import LoopProgram


def estimate_in_order_of_time(arch: Architecture, program: LoopProgram) -> Estimate:
    """Cycles of ``program``, all of it, from cycle to cycle.

    Raises:
        RoutingError, ProgramError: As for :func:`aidg.estimate`.
    """
    engine = Engine(arch, orders(arch, iter(program)))
    cycles = engine.run()
    return Estimate(
        cycles=cycles,
        method="full",
        instructions=engine.finished,
        evaluated_instructions=engine.finished,
        utilization=_utilization(arch, engine, cycles),
    )


def _utilization(arch: Architecture, engine: Engine, cycles: int) -> dict[str, float]:
    total = max(cycles, 1)
    shares = {name: taken / total for name, taken in engine.busy.items()}
    _, commands = instruction_memory(arch)
    for name, held in engine.storage_busy().items():
        if held and name != commands.name:
            shares[name] = held / (total * _ports(engine.storages[name]))
    return shares


def _ports(storage: DataStorage) -> int:
    own = [ports for ports in (storage.read_ports, storage.write_ports) if ports is not None]
    return sum(own) + storage.read_write_ports * (len(own) < 2)
