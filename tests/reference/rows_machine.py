"""Small machines with controllers and movers, as text, and their runs in numbers.

All instructions are in the issue buffer in cycle 1, and each execute stage takes one of them per cycle. So
instruction k for a stage, from 0 on, enters its controller in cycle 1 + k unless something holds it up.
"""

from __future__ import annotations

from collections.abc import Iterable

import acadl
from acadl.model import Architecture
from acadl.operations import AddressRange, Instruction
from acadl.simulation import ObjectTimes, SimulationRun

A, B = 0x1_0000, 0x2_0000  # first addresses of the memories `a` and `b`

OPERATIONS = """
    copy(dst: out address, src: in address, n: int)
    read(src: in address, n: int)
    write(dst: out address, n: int)
    nothing(n: int)
    use(src: in address, n: int)
    touch(dst: out address, n: int)
    preload(dst: out address, src: in address, n: int)
    update(dst: inout address, src: in address, n: int)
    join(dst: out address, src: in address, also: in address, n: int)
    both(dst: out address, also: out address, n: int)
"""


def machine(body: str, imem: str = "port_width: 64") -> Architecture:
    """A description with a fetch stage that holds nothing up."""
    return acadl.loads(
        f"""
architecture rows {{
    clock 1 GHz
    operations {{ {OPERATIONS} }}
    sram imem {{ data_width: 32 bits, {imem}, addresses: 0 ..< 4 KiB }}
    fetch ifs {{ issue_buffer_size: 64, latency: 0, from: imem }}
    {body}
}}"""
    )


def memory(name: str, attributes: str = "") -> str:
    """`a` or `b`: 16 bytes at once, read after 10 cycles, written after 3."""
    start, end = {"a": (A, B), "b": (B, B + 0x1_0000)}[name]
    given = {part.split(":")[0].strip() for part in attributes.split(",")}
    defaults = {
        "data_width": "128 bits",
        "read_latency": "10",
        "write_latency": "3",
        "initiation_interval": "1",
    }
    rest = ", ".join(f"{key}: {value}" for key, value in defaults.items() if key not in given)
    return f"sram {name} {{ {', '.join(filter(None, (rest, attributes)))}, addresses: {start} ..< {end} }}\n"


def engine(
    number: int, controller: str = "", mover: str = "", stage: str = "", operations: str = "copy"
) -> str:
    """Stage `x1`, controller `c1`, mover `m1`, from `a` to `b`."""
    x, c, m = f"x{number}", f"c{number}", f"m{number}"
    return f"""
    execute {x} {{
        {_given(stage, "capacity", "capacity: 8")}
        controller {c} {{ operations: {operations}, {_given(controller, "capacity", "capacity: 8")} }}
    }}
    mover {m} {{ {_given(mover, "capacity", "capacity: 16")} }}
    ifs -> {x}
    {x}.{c} -> {m}
    """


def _given(attributes: str, key: str, default: str) -> str:
    names = [part.split(":")[0].strip() for part in attributes.split(",")]
    return attributes if key in names else ", ".join(filter(None, (default, attributes)))


def rows(start: int, count: int = 1, size: int = 16, pitch: int = 0) -> AddressRange:
    return AddressRange(start, size, count, pitch or (size if count > 1 else 0))


def instruction(arch: Architecture, name: str, n: int = 0, **operands: object) -> Instruction:
    return arch.operations[name].instruction(n=n, **operands)


def copy(
    arch: Architecture, count: int, size: int = 16, n: int = 0, at: int = 0, name: str = "copy"
) -> Instruction:
    """``count`` rows from `a` to `b`."""
    return instruction(arch, name, n, dst=rows(B + at, count, size), src=rows(A + at, count, size))


class Run:
    """Times of a run that a test asks for."""

    def __init__(self, arch: Architecture, program: Iterable[Instruction], **options: object) -> None:
        self.run: SimulationRun = acadl.simulate(arch, list(program), trace=True, **options)  # type: ignore[arg-type]
        self.cycles = self.run.cycles

    def at(self, number: int, name: str) -> ObjectTimes:
        """An instruction at an object of its route; units go by their last name."""
        return next(times for times in self.run.trace[number].objects if times.name.split(".")[-1] == name)

    def enter(self, number: int, mover: str) -> list[int]:
        """When the parts of an instruction entered a mover, in order of the parts."""
        return [times.enter for times in self.run.trace[number].parts if times.name == mover]

    def leave(self, number: int, mover: str) -> list[int]:
        return [times.leave for times in self.run.trace[number].parts if times.name == mover]

    def grants(self, number: int, storage: str) -> list[int]:
        """When an instruction's requests at a storage were granted, in order of time."""
        return sorted(times.start for times in self.run.trace[number].transactions if times.name == storage)

    def answers(self, number: int, storage: str) -> list[int]:
        times = [times for times in self.run.trace[number].transactions if times.name == storage]
        return [item.done for item in sorted(times, key=lambda item: item.start)]
