"""Instructions bound to registers and memory: small functions without arguments, run one after the other.

A function for each instruction, made once, runs a few million instructions per second; the common ones
are written out, the rest goes through :mod:`mappings.riscv.arithmetic`.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Protocol, TypeAlias

from mappings.riscv.arithmetic import BINARY, TAKEN
from mappings.riscv.instructions import LOADS, STORES, Instruction
from mappings.riscv.instructions import WORD_MASK as MASK

Action: TypeAlias = Callable[[], None]
Decision: TypeAlias = Callable[[], int]


class Surroundings(Protocol):
    """What an instruction needs besides registers and words of memory."""

    def misaligned(self, pc: int, address: int) -> None:
        """An access that lies across its natural boundary. Raises."""

    def outside(self, pc: int, address: int, value: int | None, size: int) -> None:
        """A load (``value`` is None) or store that memory does not take: a device's address, or code."""


class Binder:
    """Binds instructions to the state of one run.

    Attributes:
        x: The registers, unsigned.
        words: Memory, unsigned words.
        guarded: First and last + 1 byte that stores are not let through to: the code.
        recorded: Where addresses of loads and stores are written down, if anywhere.
    """

    def __init__(
        self,
        x: list[int],
        words: list[int],
        guarded: tuple[int, int],
        around: Surroundings,
        recorded: array[int] | None = None,
    ) -> None:
        self.x, self.words, self.guarded, self.recorded = x, words, guarded, recorded
        self._around = around

    def action(self, pc: int, instruction: Instruction) -> Action | None:
        """What an instruction that goes on to the next one does; ``None``: nothing."""
        name = instruction.name
        if name in LOADS:
            return self._noting(instruction, self._load(pc, instruction))
        if name in STORES:
            return self._noting(instruction, self._store(pc, instruction))
        if instruction.rd == 0 or name == "fence":
            return None
        if name == "lui":
            return self._constant(instruction.rd, instruction.imm & MASK)
        if name == "auipc":
            return self._constant(instruction.rd, (pc + instruction.imm) & MASK)
        if name in BINARY:
            return self._binary(instruction)
        return self._with_immediate(instruction)

    def decision(self, instruction: Instruction) -> Decision:
        """Whether a branch is taken."""
        x, a, b = self.x, instruction.rs1, instruction.rs2
        if instruction.name == "beq":
            return lambda: x[a] == x[b]
        if instruction.name == "bne":
            return lambda: x[a] != x[b]
        if instruction.name == "bltu":
            return lambda: x[a] < x[b]
        if instruction.name == "bgeu":
            return lambda: x[a] >= x[b]
        taken = TAKEN[instruction.name]
        return lambda: taken(x[a], x[b])

    def _constant(self, rd: int, value: int) -> Action:
        x = self.x

        def run() -> None:
            x[rd] = value

        return run

    def _binary(self, instruction: Instruction) -> Action:
        x, rd, a, b = self.x, instruction.rd, instruction.rs1, instruction.rs2
        if instruction.name == "add":

            def add() -> None:
                x[rd] = (x[a] + x[b]) & MASK

            return add
        function = BINARY[instruction.name]

        def run() -> None:
            x[rd] = function(x[a], x[b])

        return run

    def _with_immediate(self, instruction: Instruction) -> Action:
        x, rd, a, imm = self.x, instruction.rd, instruction.rs1, instruction.imm
        if instruction.name == "addi":
            if a == 0:
                return self._constant(rd, imm & MASK)

            def addi() -> None:
                x[rd] = (x[a] + imm) & MASK

            return addi
        if instruction.name == "slli":

            def slli() -> None:
                x[rd] = x[a] << imm & MASK

            return slli
        if instruction.name == "srli":

            def srli() -> None:
                x[rd] = x[a] >> imm

            return srli
        function = BINARY["sltu" if instruction.name == "sltiu" else instruction.name[:-1]]
        operand = imm & MASK

        def run() -> None:
            x[rd] = function(x[a], operand)

        return run

    def _noting(self, instruction: Instruction, access: Action) -> Action:
        """The access, its address written down before."""
        x, base, imm, recorded = self.x, instruction.rs1, instruction.imm, self.recorded
        if recorded is None:
            return access

        def run() -> None:
            recorded.append((x[base] + imm) & MASK)
            access()

        return run

    def _load(self, pc: int, instruction: Instruction) -> Action:
        x, words, around = self.x, self.words, self._around
        rd, base, imm = instruction.rd, instruction.rs1, instruction.imm
        size, limit = LOADS[instruction.name], 4 * len(words)
        is_signed = not instruction.name.endswith("u")
        mask, sign = (1 << 8 * size) - 1, 1 << (8 * size - 1)

        def word() -> None:
            address = (x[base] + imm) & MASK
            if address & 3 or address >= limit:
                refused(address)
            if rd:
                x[rd] = words[address >> 2]

        def part() -> None:
            address = (x[base] + imm) & MASK
            if address & (size - 1) or address >= limit:
                refused(address)
            value = words[address >> 2] >> 8 * (address & 3) & mask
            if rd:
                x[rd] = (value - (mask + 1)) & MASK if is_signed and value & sign else value

        def refused(address: int) -> None:
            if address & (size - 1):
                around.misaligned(pc, address)
            around.outside(pc, address, None, size)

        return word if size == 4 else part

    def _store(self, pc: int, instruction: Instruction) -> Action:
        x, words, around = self.x, self.words, self._around
        base, source, imm = instruction.rs1, instruction.rs2, instruction.imm
        size, limit, (low, high) = STORES[instruction.name], 4 * len(words), self.guarded
        mask = (1 << 8 * size) - 1
        peek = getattr(words, "peek", words.__getitem__)

        def word() -> None:
            address = (x[base] + imm) & MASK
            if address & 3 or address >= limit or low <= address < high:
                special(address)
            else:
                words[address >> 2] = x[source]

        def part() -> None:
            address = (x[base] + imm) & MASK
            if address & (size - 1) or address >= limit or low <= address < high:
                special(address)
            else:
                shift = 8 * (address & 3)
                kept = peek(address >> 2) & ~(mask << shift)
                words[address >> 2] = kept | (x[source] & mask) << shift

        def special(address: int) -> None:
            if address & (size - 1):
                around.misaligned(pc, address)
            around.outside(pc, address, x[source] & mask, size)

        return word if size == 4 else part
