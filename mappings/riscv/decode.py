"""Words to instructions: RV32I and M, as in the unprivileged specification 20191213."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from mappings.riscv.instructions import COUNTERS, Instruction

_LOADS: Final = ("lb", "lh", "lw", None, "lbu", "lhu", None, None)
_STORES: Final = ("sb", "sh", "sw", None, None, None, None, None)
_BRANCHES: Final = ("beq", "bne", None, None, "blt", "bge", "bltu", "bgeu")
_IMMEDIATES: Final = ("addi", None, "slti", "sltiu", "xori", None, "ori", "andi")
_ARITHMETIC: Final = ("add", "sll", "slt", "sltu", "xor", "srl", "or", "and")
_M: Final = ("mul", "mulh", "mulhsu", "mulhu", "div", "divu", "rem", "remu")


def decode(word: int) -> Instruction | None:
    """The instruction that a 32-bit word is, or ``None`` where RV32IM has none.

    Of the control and status registers there are the counters, which can be read.
    """
    form = _FORMS.get(word & 0x7F)
    return None if form is None else form(word)


def signed(value: int, bits: int) -> int:
    """The lower ``bits`` of ``value`` as a signed number."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def _fields(word: int) -> tuple[int, int, int, int]:
    """rd, funct3, rs1, rs2."""
    return word >> 7 & 31, word >> 12 & 7, word >> 15 & 31, word >> 20 & 31


def _upper(name: str) -> Callable[[int], Instruction | None]:
    return lambda word: Instruction(name, word >> 7 & 31, imm=signed(word & 0xFFFF_F000, 32))


def _jal(word: int) -> Instruction | None:
    distance = (word >> 31 & 1) << 20 | (word >> 12 & 0xFF) << 12 | (word >> 20 & 1) << 11
    distance |= (word >> 21 & 0x3FF) << 1
    return Instruction("jal", word >> 7 & 31, imm=signed(distance, 21))


def _jalr(word: int) -> Instruction | None:
    rd, funct3, rs1, _ = _fields(word)
    return Instruction("jalr", rd, rs1, imm=signed(word >> 20, 12)) if funct3 == 0 else None


def _branch(word: int) -> Instruction | None:
    _, funct3, rs1, rs2 = _fields(word)
    distance = (word >> 31 & 1) << 12 | (word >> 7 & 1) << 11 | (word >> 25 & 63) << 5 | (word >> 8 & 15) << 1
    name = _BRANCHES[funct3]
    return Instruction(name, 0, rs1, rs2, signed(distance, 13)) if name else None


def _load(word: int) -> Instruction | None:
    rd, funct3, rs1, _ = _fields(word)
    name = _LOADS[funct3]
    return Instruction(name, rd, rs1, imm=signed(word >> 20, 12)) if name else None


def _store(word: int) -> Instruction | None:
    low, funct3, rs1, rs2 = _fields(word)
    name = _STORES[funct3]
    return Instruction(name, 0, rs1, rs2, signed(word >> 25 << 5 | low, 12)) if name else None


def _immediate(word: int) -> Instruction | None:
    rd, funct3, rs1, amount = _fields(word)
    name = _IMMEDIATES[funct3]
    if name:
        return Instruction(name, rd, rs1, imm=signed(word >> 20, 12))
    shifts = {(1, 0): "slli", (5, 0): "srli", (5, 32): "srai"}
    shift = shifts.get((funct3, word >> 25))
    return Instruction(shift, rd, rs1, imm=amount) if shift else None


def _arithmetic(word: int) -> Instruction | None:
    rd, funct3, rs1, rs2 = _fields(word)
    funct7 = word >> 25
    if funct7 == 0:
        return Instruction(_ARITHMETIC[funct3], rd, rs1, rs2)
    if funct7 == 1:
        return Instruction(_M[funct3], rd, rs1, rs2)
    name = {0: "sub", 5: "sra"}.get(funct3) if funct7 == 32 else None
    return Instruction(name, rd, rs1, rs2) if name else None


def _fence(word: int) -> Instruction | None:
    return Instruction("fence") if word >> 12 & 7 == 0 else None


def _system(word: int) -> Instruction | None:
    if word >> 7 in (0, 0x2000):
        return Instruction("ebreak" if word >> 20 else "ecall")
    rd, funct3, rs1, _ = _fields(word)
    register = word >> 20
    name = COUNTERS.get(register & ~0x80)
    if funct3 != 2 or rs1 != 0 or name is None:  # csrrs rd, counter, x0
        return None
    return Instruction(name + "h" if register & 0x80 else name, rd)


_FORMS: Final[Mapping[int, Callable[[int], Instruction | None]]] = {
    0x37: _upper("lui"),
    0x17: _upper("auipc"),
    0x6F: _jal,
    0x67: _jalr,
    0x63: _branch,
    0x03: _load,
    0x23: _store,
    0x13: _immediate,
    0x33: _arithmetic,
    0x0F: _fence,
    0x73: _system,
}
