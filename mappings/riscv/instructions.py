"""One RISC-V instruction, decoded, and what can be said of it without running it."""

from __future__ import annotations

from typing import Final, NamedTuple

from acadl.errors import AcadlError

WORD_MASK: Final = 0xFFFF_FFFF

BRANCHES: Final = frozenset({"beq", "bne", "blt", "bge", "bltu", "bgeu"})
LOADS: Final = {"lb": 1, "lh": 2, "lw": 4, "lbu": 1, "lhu": 2}
"""Mnemonic to bytes read."""
STORES: Final = {"sb": 1, "sh": 2, "sw": 4}
"""Mnemonic to bytes written."""
SHIFTS_BY_IMMEDIATE: Final = frozenset({"slli", "srli", "srai"})
SHIFTS_BY_REGISTER: Final = frozenset({"sll", "srl", "sra"})
IMMEDIATES: Final = frozenset({"addi", "slti", "sltiu", "xori", "ori", "andi"}) | SHIFTS_BY_IMMEDIATE
ARITHMETIC: Final = frozenset({"add", "sub", "slt", "sltu", "xor", "or", "and"}) | SHIFTS_BY_REGISTER
MULTIPLICATIONS: Final = frozenset({"mul", "mulh", "mulhsu", "mulhu"})
DIVISIONS: Final = frozenset({"div", "divu", "rem", "remu"})
COUNTERS: Final = {0xC00: "rdcycle", 0xC01: "rdtime", 0xC02: "rdinstret"}
"""Number of a control and status register to the instruction that reads it; 0x80 more is its upper half."""
COUNTER_READS: Final = frozenset({*COUNTERS.values(), *(f"{name}h" for name in COUNTERS.values())})

INSTRUCTION_SETS: Final = ("rv32i", "rv32im")


class RiscvError(AcadlError):
    """A program that cannot be read or run; the message has the file, and the address where there is one."""


class Instruction(NamedTuple):
    """One instruction of RV32IM; pseudo instructions are what they stand for.

    Attributes:
        name: Mnemonic of the specification (``addi``, ``bne``, …); reads of counters are ``rdcycle`` and so
            on.
        rd, rs1, rs2: Numbers of registers, 0 where there is none.
        imm: The immediate, signed; of ``lui`` and ``auipc`` the upper 20 bits in place; of branches and
            ``jal`` the distance in bytes; of shifts by an immediate the amount.
    """

    name: str
    rd: int = 0
    rs1: int = 0
    rs2: int = 0
    imm: int = 0


def require_set(isa: str) -> None:
    """Refuse instruction sets that are not executed. Raises :class:`RiscvError`."""
    if isa not in INSTRUCTION_SETS:
        raise RiscvError(f"instruction set '{isa}' is not known; expected {' or '.join(INSTRUCTION_SETS)}")
