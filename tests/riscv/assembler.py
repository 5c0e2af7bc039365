"""Encodes instructions and links programs, by the formats of the specification, without the decoder."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

FUNCT3 = {
    **{"addi": 0, "slti": 2, "sltiu": 3, "xori": 4, "ori": 6, "andi": 7, "slli": 1, "srli": 5, "srai": 5},
    **{"add": 0, "sub": 0, "sll": 1, "slt": 2, "sltu": 3, "xor": 4, "srl": 5, "sra": 5, "or": 6, "and": 7},
    **{"mul": 0, "mulh": 1, "mulhsu": 2, "mulhu": 3, "div": 4, "divu": 5, "rem": 6, "remu": 7},
    **{"beq": 0, "bne": 1, "blt": 4, "bge": 5, "bltu": 6, "bgeu": 7},
    **{"lb": 0, "lh": 1, "lw": 2, "lbu": 4, "lhu": 5, "sb": 0, "sh": 1, "sw": 2},
}
M = ("mul", "mulh", "mulhsu", "mulhu", "div", "divu", "rem", "remu")
REGISTER_FORMS = ("add", "sub", "sll", "slt", "sltu", "xor", "srl", "sra", "or", "and", *M)
IMMEDIATE_FORMS = ("addi", "slti", "sltiu", "xori", "ori", "andi")
SHIFT_FORMS = ("slli", "srli", "srai")
BRANCH_FORMS = ("beq", "bne", "blt", "bge", "bltu", "bgeu")
LOAD_FORMS = ("lb", "lh", "lw", "lbu", "lhu")
STORE_FORMS = ("sb", "sh", "sw")
EXIT = 0x2000_0004
MARKER = 0x2000_0000


def r(name: str, rd: int, rs1: int, rs2: int) -> int:
    funct7 = 1 if name in M else 32 if name in ("sub", "sra") else 0
    return funct7 << 25 | rs2 << 20 | rs1 << 15 | FUNCT3[name] << 12 | rd << 7 | 0x33


def i(name: str, rd: int, rs1: int, imm: int) -> int:
    if name == "srai":
        imm |= 0x400
    code = 0x67 if name == "jalr" else 0x03 if name in LOAD_FORMS else 0x13
    return (imm & 0xFFF) << 20 | rs1 << 15 | FUNCT3.get(name, 0) << 12 | rd << 7 | code


def s(name: str, rs2: int, rs1: int, imm: int) -> int:
    return (imm >> 5 & 127) << 25 | rs2 << 20 | rs1 << 15 | FUNCT3[name] << 12 | (imm & 31) << 7 | 0x23


def b(name: str, rs1: int, rs2: int, distance: int) -> int:
    high = (distance >> 12 & 1) << 6 | distance >> 5 & 63
    low = (distance >> 1 & 15) << 1 | distance >> 11 & 1
    return high << 25 | rs2 << 20 | rs1 << 15 | FUNCT3[name] << 12 | low << 7 | 0x63


def u(name: str, rd: int, upper: int) -> int:
    return (upper & 0xFFFFF) << 12 | rd << 7 | (0x37 if name == "lui" else 0x17)


def j(rd: int, distance: int) -> int:
    bits = (distance >> 20 & 1) << 19 | (distance >> 1 & 0x3FF) << 9 | (distance >> 11 & 1) << 8
    return (bits | distance >> 12 & 0xFF) << 12 | rd << 7 | 0x6F


ECALL, EBREAK, FENCE = 0x73, 0x0010_0073, 0x0FF0_000F


def csr(rd: int, number: int) -> int:
    return number << 20 | 2 << 12 | rd << 7 | 0x73


def li(rd: int, value: int) -> list[int]:
    """Any 32-bit value."""
    low = (value & 0xFFF) - (0x1000 if value & 0x800 else 0)
    return [u("lui", rd, (value - low) >> 12), i("addi", rd, rd, low)]


def leave(register: int) -> list[int]:
    """The store that ends a program with a register's value; uses x31."""
    return [*li(31, EXIT), s("sw", register, 31, 0)]


def elf(words: Sequence[int], *, data: Iterable[tuple[int, bytes]] = (), entry: int = 0) -> bytes:
    """A linked program: one segment with the code from address 0 on, others with data; no sections."""
    pieces = [(0, struct.pack(f"<{len(words)}I", *words)), *data]
    ident = b"\x7fELF\x01\x01\x01" + bytes(9)
    at = 52 + 32 * len(pieces)
    head = struct.pack("<16sHHIIIIIHHHHHH", ident, 2, 243, 1, entry, 52, 0, 0, 52, 32, len(pieces), 40, 0, 0)
    headers, bodies = b"", b""
    for address, body in pieces:
        size = len(body)
        headers += struct.pack("<IIIIIIII", 1, at + len(bodies), address, address, size, size, 7, 4)
        bodies += body
    return head + headers + bodies
