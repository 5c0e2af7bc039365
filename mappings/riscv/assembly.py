"""One line of assembly, as disassemblers write it, to the instruction that it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from acadl.errors import nearest
from mappings.riscv.instructions import (
    ARITHMETIC,
    BRANCHES,
    COUNTER_READS,
    DIVISIONS,
    IMMEDIATES,
    LOADS,
    MULTIPLICATIONS,
    SHIFTS_BY_IMMEDIATE,
    STORES,
    Instruction,
    RiscvError,
)

_SAVED: Final = tuple(f"s{number}" for number in range(12))
_ARGUMENTS: Final = tuple(f"a{number}" for number in range(8))
_ABI: Final = (
    *("zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2"),
    *_SAVED[:2],
    *_ARGUMENTS,
    *_SAVED[2:],
    *("t3", "t4", "t5", "t6"),
)
REGISTERS: Final[Mapping[str, int]] = {
    **{name: number for number, name in enumerate(_ABI)},
    **{f"x{number}": number for number in range(32)},
    "fp": 8,
}
_OFFSET: Final = re.compile(r"(-?\w+)?\((\w+)\)")
_RA = 1


class _Operands:
    """The operands of one line, taken one by one as what they have to be."""

    def __init__(self, line: str, texts: list[str], address: int) -> None:
        self.line = line
        self.texts = texts
        self._address = address

    def count(self, *accepted: int) -> int:
        if len(self.texts) not in accepted:
            expected = " or ".join(map(str, accepted))
            raise RiscvError(f"'{self.line}' has {len(self.texts)} operands; expected {expected}")
        return len(self.texts)

    def reg(self, number: int) -> int:
        return self._register(self.texts[number])

    def _register(self, name: str) -> int:
        if name not in REGISTERS:
            raise RiscvError(f"'{self.line}': '{name}' is no register{nearest(name, REGISTERS)}")
        return REGISTERS[name]

    def integer(self, number: int, low: int, high: int) -> int:
        return self._integer(self.texts[number], low, high)

    def _integer(self, text: str, low: int, high: int) -> int:
        try:
            value = int(text, 0)
        except ValueError:
            raise RiscvError(f"'{self.line}': '{text}' is no number") from None
        if not low <= value <= high:
            raise RiscvError(f"'{self.line}': {text} is not between {low} and {high}")
        return value

    def distance(self, number: int, reach: int) -> int:
        """From here to an address, which is hexadecimal without a prefix, as disassemblers write it."""
        text = self.texts[number].partition(" ")[0]
        try:
            distance = int(text, 16) - self._address
        except ValueError:
            raise RiscvError(f"'{self.line}': '{text}' is no address") from None
        if not -reach <= distance < reach or distance % 2:
            raise RiscvError(f"'{self.line}': 0x{int(text, 16):x} cannot be reached from 0x{self._address:x}")
        return distance

    def place(self, number: int) -> tuple[int, int]:
        """Register and offset of ``8(sp)``."""
        match = _OFFSET.fullmatch(self.texts[number])
        if match is None:
            raise RiscvError(f"'{self.line}': '{self.texts[number]}' is no address as in 8(sp)")
        return self._register(match[2]), self._integer(match[1] or "0", -2048, 2047)


_Form: TypeAlias = Callable[[str, _Operands], Instruction]


def assemble(name: str, operands: str, address: int) -> Instruction:
    """The instruction that a mnemonic with its operands is at ``address``; comments and names are skipped.

    Raises:
        RiscvError: It is none of RV32IM.
    """
    plain = re.sub(r"<[^>]*>", "", operands.split("#")[0].split("//")[0]).strip()
    texts = [text.strip() for text in plain.split(",")] if plain else []
    form = _FORMS.get(name)
    if form is None:
        raise RiscvError(f"'{name}' is no instruction of RV32IM{nearest(name, _FORMS)}")
    return form(name, _Operands(f"{name} {plain}".strip(), texts, address))


def _arithmetic(name: str, o: _Operands) -> Instruction:
    """Three registers; with a number at the end it is short for the immediate form."""
    o.count(3)
    if o.texts[2] not in REGISTERS and f"{name}i" in IMMEDIATES:
        return _immediate(f"{name}i", o)
    if o.texts[2] not in REGISTERS and name == "sltu":
        return _immediate("sltiu", o)
    return Instruction(name, o.reg(0), o.reg(1), o.reg(2))


def _immediate(name: str, o: _Operands) -> Instruction:
    o.count(3)
    low, high = (0, 31) if name in SHIFTS_BY_IMMEDIATE else (-2048, 2047)
    return Instruction(name, o.reg(0), o.reg(1), imm=o.integer(2, low, high))


def _branch(name: str, o: _Operands) -> Instruction:
    o.count(3)
    return Instruction(name, 0, o.reg(0), o.reg(1), o.distance(2, 1 << 12))


def _swapped(name: str, o: _Operands) -> Instruction:
    """``bgt``, ``ble`` and their like: the other one's operands the other way round."""
    found = _branch(name, o)
    real = {"bgt": "blt", "ble": "bge", "bgtu": "bltu", "bleu": "bgeu"}[name]
    return found._replace(name=real, rs1=found.rs2, rs2=found.rs1)


def _with_zero(real: str, zero_first: bool) -> _Form:
    def form(name: str, o: _Operands) -> Instruction:
        o.count(2)
        register, distance = o.reg(0), o.distance(1, 1 << 12)
        return Instruction(real, 0, *((0, register) if zero_first else (register, 0)), distance)

    return form


def _load(name: str, o: _Operands) -> Instruction:
    o.count(2)
    base, offset = o.place(1)
    return Instruction(name, o.reg(0), base, imm=offset)


def _store(name: str, o: _Operands) -> Instruction:
    o.count(2)
    base, offset = o.place(1)
    return Instruction(name, 0, base, o.reg(0), offset)


def _upper(name: str, o: _Operands) -> Instruction:
    o.count(2)
    pages = o.integer(1, -(1 << 19), (1 << 20) - 1)
    value = pages << 12 & 0xFFFF_FFFF
    return Instruction(name, o.reg(0), imm=value - (1 << 32) if value >> 31 else value)


def _jal(name: str, o: _Operands) -> Instruction:
    if name == "j":
        o.count(1)
        return Instruction("jal", 0, imm=o.distance(0, 1 << 20))
    if o.count(1, 2) == 1:
        return Instruction("jal", _RA, imm=o.distance(0, 1 << 20))
    return Instruction("jal", o.reg(0), imm=o.distance(1, 1 << 20))


def _jalr(name: str, o: _Operands) -> Instruction:
    """``jalr rd, 4(rs1)``, ``jalr 4(rs1)``, ``jalr rd, rs1, 4``, ``jalr rs1``, ``jr``, ``ret``."""
    if name == "ret":
        o.count(0)
        return Instruction("jalr", 0, _RA)
    texts, rd = list(o.texts), 0 if name == "jr" else _RA
    if name == "jalr" and o.count(1, 2, 3) > 1:
        rd = o.reg(0)
        del texts[0]
    rest = _Operands(o.line, texts, 0)
    if "(" in texts[0] if texts else False:
        base, offset = rest.place(0)
        return Instruction("jalr", rd, base, imm=offset)
    offset = rest.integer(1, -2048, 2047) if rest.count(1, 2) == 2 else 0
    return Instruction("jalr", rd, rest.reg(0), imm=offset)


def _li(name: str, o: _Operands) -> Instruction:
    o.count(2)
    return Instruction("addi", o.reg(0), 0, imm=o.integer(1, -2048, 2047))


def _one_source(make: Callable[[int, int], Instruction]) -> _Form:
    def form(name: str, o: _Operands) -> Instruction:
        o.count(2)
        return make(o.reg(0), o.reg(1))

    return form


def _bare(name: str, o: _Operands) -> Instruction:
    o.count(0)
    return Instruction("addi") if name == "nop" else Instruction(name)


def _fence(name: str, o: _Operands) -> Instruction:
    o.count(0, 2)
    return Instruction("fence")


def _counter(name: str, o: _Operands) -> Instruction:
    o.count(1)
    return Instruction(name, o.reg(0))


_FORMS: Final[Mapping[str, _Form]] = {
    **dict.fromkeys(ARITHMETIC | MULTIPLICATIONS | DIVISIONS, _arithmetic),
    **dict.fromkeys(IMMEDIATES, _immediate),
    **dict.fromkeys(BRANCHES, _branch),
    **dict.fromkeys(("bgt", "ble", "bgtu", "bleu"), _swapped),
    **dict.fromkeys(LOADS, _load),
    **dict.fromkeys(STORES, _store),
    **dict.fromkeys(("lui", "auipc"), _upper),
    **dict.fromkeys(("jal", "j"), _jal),
    **dict.fromkeys(("jalr", "jr", "ret"), _jalr),
    **dict.fromkeys(("nop", "ecall", "ebreak"), _bare),
    **dict.fromkeys(COUNTER_READS, _counter),
    "fence": _fence,
    "li": _li,
    "beqz": _with_zero("beq", False),
    "bnez": _with_zero("bne", False),
    "bltz": _with_zero("blt", False),
    "bgez": _with_zero("bge", False),
    "bgtz": _with_zero("blt", True),
    "blez": _with_zero("bge", True),
    "mv": _one_source(lambda rd, rs: Instruction("addi", rd, rs)),
    "not": _one_source(lambda rd, rs: Instruction("xori", rd, rs, imm=-1)),
    "neg": _one_source(lambda rd, rs: Instruction("sub", rd, 0, rs)),
    "seqz": _one_source(lambda rd, rs: Instruction("sltiu", rd, rs, imm=1)),
    "snez": _one_source(lambda rd, rs: Instruction("sltu", rd, 0, rs)),
    "sltz": _one_source(lambda rd, rs: Instruction("slt", rd, rs, 0)),
    "sgtz": _one_source(lambda rd, rs: Instruction("slt", rd, 0, rs)),
    "zext.b": _one_source(lambda rd, rs: Instruction("andi", rd, rs, imm=255)),
}
