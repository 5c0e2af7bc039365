"""Timing diagrams of the reference page: a fragment of a description, a program, what the simulation says."""

from __future__ import annotations

from collections.abc import Iterator

import acadl
from acadl.model import Architecture
from acadl.operations import AddressRange, Instruction

FRONT = """
    sram imem  { data_width: 32 bits, port_width: 4, addresses: 0 ..< 4 KiB }
    fetch ifs  { issue_buffer_size: 8, latency: 0, from: imem }
"""
FRAME = """
architecture example {{
    clock 1 GHz
    operations {{
        add(acc: inout reg, a: in reg) = acc + a
        mul(acc: inout reg, a: in reg) = acc * a
        load(dst: out reg, src: in address) = src
        store(dst: out address, src: in reg) = src
        move(dst: out address, src: in address)
    }}
    {front}
    {fragment}
}}
"""
BYTES = 4  # of one access


def machine(fragment: str) -> Architecture:
    """The architecture around a fragment, which may have its own fetch stage."""
    front = "" if "fetch " in fragment else FRONT
    return acadl.loads(FRAME.format(front=front, fragment=fragment))


def program(arch: Architecture, text: str) -> list[Instruction]:
    """Instructions such as ``add r0 r1; load r2 0x1000; move 0x2000 0x1000 rows=4``."""
    made = []
    for line in text.split(";"):
        name, *words = line.split()
        rows = next((int(word.partition("=")[2]) for word in words if "=" in word), 1)
        operands = [word for word in words if "=" not in word]
        operation = arch.operations[name]
        values = {
            operand.name: word
            if operand.kind == "reg"
            else AddressRange(int(word, 0), BYTES, rows, BYTES * 4)
            for operand, word in zip(operation.operands, operands, strict=True)
        }
        made.append(operation.instruction(**values))
    return made


def diagram(fragment: str, text: str) -> str:
    """Rows of objects over cycles: the instruction that is served; ``~``: one that has its place there."""
    arch = machine(fragment)
    run = acadl.simulate(arch, program(arch, text), trace=True)
    stays: dict[str, list[tuple[int, int, int, int, str]]] = {}
    for record in run.trace:
        for times in record.objects:
            stays.setdefault(times.name, []).append(
                (times.enter, times.start, times.done, times.leave, str(record.id))
            )
        for part in record.parts:
            stays.setdefault(part.name, []).append(
                (part.enter, part.start, part.leave, part.leave, str(record.id))
            )
        for times in record.transactions:
            stays.setdefault(times.name, []).append(
                (times.start, times.start, times.done, times.done, str(record.id))
            )
    own = {"imem", "ifs", "ifs.imau"} if "fetch " not in fragment else set()
    order = [name for name in arch.objects if name in stays and name not in own]
    width = max(map(len, order))
    length = max(stay[3] for each in stays.values() for stay in each)
    rows = [f"{'cycle':{width}}  {ruler(length)}"]
    for name in order:
        for number, lane in enumerate(lanes(sorted(stays[name]), length)):
            rows.append(f"{name if not number else '':{width}}  {lane}".rstrip())
    return "\n".join(rows)


def ruler(length: int) -> str:
    """A number every five cycles."""
    return "".join(f"{cycle:<5}" for cycle in range(0, length + 1, 5)).rstrip()


def lanes(stays: list[tuple[int, int, int, int, str]], length: int) -> Iterator[str]:
    """Stays in as few lines as they need, each as text."""
    open_lanes: list[list[str]] = []
    for enter, start, done, leave, sign in stays:
        if leave == enter:
            continue
        lane = next((each for each in open_lanes if set(each[enter:leave]) == {" "}), None)
        if lane is None:
            lane = [" "] * length
            open_lanes.append(lane)
        lane[enter:leave] = [sign if start <= cycle < done else "~" for cycle in range(enter, leave)]
    return ("".join(lane).rstrip() for lane in open_lanes)
