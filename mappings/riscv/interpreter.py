"""Runs RV32IM programs as their specification says, without any notion of time."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Container, Iterator
from typing import Final, NamedTuple, NoReturn, TypeAlias

from mappings.riscv.bindings import Action, Binder, Decision
from mappings.riscv.execution import Executed, Execution, Mark, ends_of
from mappings.riscv.image import Image
from mappings.riscv.instructions import (
    BRANCHES,
    COUNTER_READS,
    DIVISIONS,
    LOADS,
    MULTIPLICATIONS,
    SHIFTS_BY_IMMEDIATE,
    SHIFTS_BY_REGISTER,
    STORES,
    WORD_MASK,
    Instruction,
    RiscvError,
    require_set,
)

MEMORY_BYTES: Final = 1 << 20
MARKER: Final = 0x2000_0000
EXIT: Final = 0x2000_0004
INSTRUCTION_LIMIT: Final = 200_000_000
LARGEST_MEMORY_BYTES: Final = 64 << 20
BLOCKS_AT_A_TIME: Final = 4096  # between two looks at the limit


class _Block(NamedTuple):
    """Code from one address on, up to where the run decides something.

    Attributes:
        decide: What the last instruction does, and what the run decides there: whether a branch is taken,
            where a jump goes, by how much is shifted.
        exits: Decision to what follows: number of the piece, and the block behind it, taken apart for speed.
        actions: What the instructions before the last one do.
    """

    start: int
    instructions: tuple[Instruction, ...]
    decide: Decision
    exits: _Exits
    actions: list[Action]

    @property
    def last_pc(self) -> int:
        """Address of the last instruction."""
        return self.start + 4 * (len(self.instructions) - 1)


_Exits: TypeAlias = "dict[int, tuple[int, list[Action], Decision, _Exits, _Block]]"


class _Ended(Exception):
    """The program has ended; not an error."""

    def __init__(self, by: str, pc: int, value: int | None = None) -> None:
        super().__init__(by)
        self.by, self.pc, self.value = by, pc, value


def execute(
    image: Image,
    *,
    isa: str = "rv32im",
    memory_bytes: int = MEMORY_BYTES,
    marker: int = MARKER,
    exit_address: int = EXIT,
    limit: int = INSTRUCTION_LIMIT,
    record_addresses: bool = False,
) -> Execution:
    """Run a program until it ends.

    Args:
        isa: ``rv32i`` or ``rv32im``: what the machine understands.
        memory_bytes: Size of the memory, from address 0 on.
        marker: Stores to it are noted, and have no other effect.
        exit_address: A store to it ends the program.
        limit: Instructions after which the program is given up.
        record_addresses: Write down the address of each load and store.

    Raises:
        RiscvError: The program does something that the machine cannot do, reads a counter of cycles, writes
            over its code, or does not end.
    """
    require_set(isa)
    if not 4 <= memory_bytes <= LARGEST_MEMORY_BYTES or memory_bytes % 4:
        raise RiscvError(
            f"a memory of {memory_bytes} bytes is not possible; give a multiple of 4, "
            f"up to {LARGEST_MEMORY_BYTES}"
        )
    addresses = array("q") if record_addresses else None
    return _Run(image, isa, memory_bytes, (marker, exit_address), addresses).run(limit)


class _Run:
    """One run: registers, memory, blocks found so far, and the path."""

    def __init__(
        self,
        image: Image,
        isa: str,
        memory_bytes: int,
        devices: tuple[int, int],
        addresses: array[int] | None,
    ) -> None:
        self._image = image
        self._isa = isa
        self._devices = devices
        self.x = [0] * 32
        words = image.memory(memory_bytes)
        code = (
            (min(low for low, _ in image.code), max(high for _, high in image.code)) if image.code else (0, 0)
        )
        self._binder = Binder(self.x, words, code, self, addresses)
        self._words = words
        self._blocks: dict[int, _Block] = {}
        self._pieces: list[tuple[Executed, ...]] = []
        self._path: array[int] = array("i")
        self._marks: list[tuple[int, int, int]] = []  # value, pieces before, address
        self._counted = (0, 0)  # pieces, and instructions in them

    def run(self, limit: int) -> Execution:
        try:
            self._go(limit)
        except _Ended as end:
            return self._finish(end)
        raise AssertionError("a run ends by an exception")

    def _go(self, limit: int) -> NoReturn:
        append, count = self._path.append, 0
        block = self._block(self._image.entry)
        actions, decide, exits = block.actions, block.decide, block.exits
        while True:
            for _ in range(BLOCKS_AT_A_TIME):
                for action in actions:
                    action()
                decided = decide()
                if decided not in exits:
                    exits[decided] = self._leave(block, decided)
                number, actions, decide, exits, block = exits[decided]
                append(number)
            count += ends_of(self._pieces, self._path[-BLOCKS_AT_A_TIME:])[-1]
            if count > limit:
                raise RiscvError(
                    f"{self._image.file} has not ended after {limit:,} instructions, at address "
                    f"0x{block.start:x}; it ends by a store to 0x{self._devices[1]:x}, ecall or ebreak"
                )

    # -- pieces of code ------------------------------------------------------------------------------------

    def _block(self, start: int) -> _Block:
        """The block from an address on, read when it is first run."""
        if start in self._blocks:
            return self._blocks[start]
        pc, instructions, actions = start, [], []
        decide: Decision | None = None
        while decide is None:
            try:
                instruction = self._instruction(pc)
            except RiscvError as error:  # perhaps the program ends before it gets there
                instruction, decide = Instruction("illegal"), _raising(error)
            instructions.append(instruction)
            if _decides(instruction):
                decide = self._decision(pc, instruction, len(instructions))
            elif decide is None:
                action = self._binder.action(pc, instruction)
                if action is not None:
                    actions.append(action)
                pc += 4
        block = _Block(start, tuple(instructions), decide, {}, actions)
        self._blocks[start] = block
        return block

    def _instruction(self, pc: int) -> Instruction:
        instruction = self._image.instruction(pc, self._words)
        if self._isa == "rv32i" and instruction.name in MULTIPLICATIONS | DIVISIONS:
            self._fail(pc, f"'{instruction.name}' is no instruction of rv32i")
        return instruction

    def _decision(self, pc: int, last: Instruction, length: int) -> Decision:
        """What the last instruction of a block does; its value tells one piece from another."""
        x, rd = self.x, last.rd
        if last.name in BRANCHES:
            return self._binder.decision(last)
        if last.name in SHIFTS_BY_REGISTER:
            action, amount = self._binder.action(pc, last), last.rs2

            def shift() -> int:
                by = x[amount] & 31  # before the action: it may write this register
                if action is not None:
                    action()
                return by

            return shift
        if last.name == "jal":
            return self._jump(rd, pc + 4)
        if last.name == "jalr":
            base, imm = last.rs1, last.imm

            def jump() -> int:
                target = (x[base] + imm) & (WORD_MASK - 1)
                if rd:
                    x[rd] = pc + 4
                return target

            return jump
        return self._system(pc, last, length)

    def _jump(self, rd: int, back: int) -> Decision:
        x = self.x

        def jump() -> int:
            if rd:
                x[rd] = back
            return 0

        return jump

    def _system(self, pc: int, last: Instruction, length: int) -> Decision:
        """Ends of programs, and counters."""
        x, rd, name = self.x, last.rd, last.name

        def ended() -> int:
            raise _Ended(name, pc)

        def counted() -> int:
            if not name.startswith("rdinstret"):
                self._fail(
                    pc, f"'{name}' asks for the time, which depends on the machine; only rdinstret is known"
                )
            retired = self._retired() + length - 1
            if rd:
                x[rd] = retired >> 32 if name.endswith("h") else retired & WORD_MASK
            return 0

        return counted if name in COUNTER_READS else ended

    def _retired(self) -> int:
        """Instructions of the path; those since this was last asked for are added."""
        position, count = self._counted
        more = ends_of(self._pieces, self._path[position:])
        self._counted = len(self._path), count + (more[-1] if more else 0)
        return self._counted[1]

    def _leave(self, block: _Block, decided: int) -> tuple[int, list[Action], Decision, _Exits, _Block]:
        """A way out of a block that has not been taken before: a piece, and the block behind it."""
        last, pc = block.instructions[-1], block.last_pc
        target, amount = pc + 4, 0
        taken = last.name in BRANCHES and bool(decided)
        if last.name == "jal" or taken:
            target = (pc + last.imm) & WORD_MASK
        elif last.name == "jalr":
            target = decided
        elif last.name in SHIFTS_BY_REGISTER:
            amount = decided
        if target == pc and last.name in ("jal", "jalr"):
            raise _Ended("loop", pc)
        if target % 4:
            self._fail(pc, f"jumps to 0x{target:x}, which is no multiple of 4")
        self._pieces.append((*_straight(block, pc), Executed(pc, last, target, amount, taken)))
        following = self._block(target)
        return len(self._pieces) - 1, following.actions, following.decide, following.exits, following

    # -- what is not memory --------------------------------------------------------------------------------

    def _fail(self, pc: int, what: str) -> NoReturn:
        raise RiscvError(f"{self._image.file}, address 0x{pc:x}: {what}")

    def misaligned(self, pc: int, address: int) -> NoReturn:
        """An access across its natural boundary traps."""
        self._fail(pc, f"accesses 0x{address:x}, which is not aligned")

    def outside(self, pc: int, address: int, value: int | None, size: int) -> None:
        """Devices; all else is a mistake of the program."""
        if value is None:
            self._fail(
                pc, f"loads from 0x{address:x}, outside of its memory (0x{4 * len(self._words):x} bytes)"
            )
        if address == self._devices[0]:
            self._marks.append((value, len(self._path), pc))
        elif address == self._devices[1]:
            raise _Ended("exit", pc, value)
        elif address < 4 * len(self._words):
            if any(start <= address < end for start, end in self._image.code):
                self._fail(pc, f"writes {size} bytes to 0x{address:x}, over its own code")
            self._write(address, value, size)
        else:
            marker, leave = self._devices
            self._fail(
                pc,
                f"stores to 0x{address:x}, outside of its memory (0x{4 * len(self._words):x} bytes; "
                f"the marker is at 0x{marker:x}, the exit at 0x{leave:x})",
            )

    def _write(self, address: int, value: int, size: int) -> None:
        """Data between pieces of code."""
        shift, mask = 8 * (address & 3), (1 << 8 * size) - 1
        self._words[address >> 2] = self._words[address >> 2] & ~(mask << shift) | value << shift

    # -- the end -------------------------------------------------------------------------------------------

    def _finish(self, end: _Ended) -> Execution:
        """The piece that the program ended in is cut off behind its last instruction."""
        begin = self._begin(len(self._path))
        rest = end.pc + 4 if end.by == "exit" else end.pc
        tail = tuple(_straight(self._blocks[begin], rest))
        if tail:
            self._pieces.append(tail)
            self._path.append(len(self._pieces) - 1)
        ends = ends_of(self._pieces, self._path)
        marks = [
            Mark(value, (ends[before - 1] if before else 0) + (pc - self._begin(before)) // 4 + 1)
            for value, before, pc in self._marks
        ]
        uses = Counter(self._path)
        return Execution(
            result=self.x[10] if end.value is None else end.value,
            ended_by=end.by,
            instructions=ends[-1] if ends else 0,
            loads=sum(uses[n] * _count(piece, LOADS) for n, piece in enumerate(self._pieces)),
            stores=sum(uses[n] * _count(piece, STORES) for n, piece in enumerate(self._pieces)),
            marks=tuple(marks),
            pieces=tuple(self._pieces),
            path=self._path,
            addresses=array("q") if self._binder.recorded is None else self._binder.recorded,
        )

    def _begin(self, position: int) -> int:
        """Address at which the piece at a position of the path begins."""
        if position == 0:
            return self._image.entry
        return self._pieces[self._path[position - 1]][-1].next_pc


def _raising(error: RiscvError) -> Decision:
    def illegal() -> NoReturn:
        raise error

    return illegal


def _straight(block: _Block, stop: int) -> Iterator[Executed]:
    """Instructions of a block up to an address, none of which decides anything."""
    for pc, instruction in zip(range(block.start, stop, 4), block.instructions, strict=False):
        amount = instruction.imm if instruction.name in SHIFTS_BY_IMMEDIATE else 0
        yield Executed(pc, instruction, pc + 4, amount)


def _count(piece: tuple[Executed, ...], names: Container[str]) -> int:
    return sum(executed.instruction.name in names for executed in piece)


def _decides(instruction: Instruction) -> bool:
    """Whether the run decides something at an instruction, so that a piece ends there."""
    name = instruction.name
    return (
        name in BRANCHES
        or name in ("jal", "jalr", "ecall", "ebreak")
        or name in SHIFTS_BY_REGISTER
        or name in COUNTER_READS
    )
