"""Programs out of disassembly listings, as ``objdump -d`` writes them.

Lines of instructions are ``ADDRESS: [WORD] MNEMONIC OPERANDS``; all others say nothing about the program.
Where the words are there, they count; else the text is read, pseudo instructions included
(:mod:`mappings.riscv.assembly`). A listing holds no data: memory is zero, or given by the caller.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from acadl.reading import ReadError, read_text
from mappings.riscv.assembly import assemble
from mappings.riscv.decode import decode
from mappings.riscv.image import Image
from mappings.riscv.instructions import Instruction, RiscvError

_LINE: Final = re.compile(r"\s*([0-9a-fA-F]{1,8}):\s+(?:([0-9a-fA-F]{8})\s+)?([a-z][a-z0-9._]*)\b[ \t]*(.*)")
_LABEL: Final = re.compile(r"[0-9a-fA-F]+ <([^>]+)>:\s*")


def read_listing(path: str | os.PathLike[str], data: Mapping[int, bytes] | None = None) -> Image:
    """The program in a listing; it begins at ``_start``, or at its lowest address.

    Args:
        data: Bytes by address that memory holds besides the code.

    Raises:
        RiscvError: The file cannot be read, holds no instructions, or one that is not known; with its line.
    """
    file = os.fspath(path)
    try:
        text = read_text(Path(file))
    except ReadError as error:
        raise RiscvError(f"cannot read '{file}': {error}") from error
    found: dict[int, Instruction] = {}
    start: int | None = None
    for number, line in enumerate(text.splitlines(), 1):
        where = f"{file}, line {number}"
        label = _LABEL.match(line)
        if label is not None and label[1] == "_start":
            start = int(line.split(None, 1)[0], 16)
        match = _LINE.fullmatch(line)
        if match is None:
            continue
        address = int(match[1], 16)
        if address in found:
            raise RiscvError(f"{where}: there is already an instruction at 0x{address:x}")
        found[address] = _instruction(where, address, match[2], match[3], match[4])
    if not found:
        raise RiscvError(f"{file} holds no instruction; expected a listing as objdump -d writes it")
    entry = min(found) if start is None else start
    return Image(file, entry, tuple((data or {}).items()), _ranges(sorted(found)), found)


def _instruction(where: str, address: int, word: str | None, name: str, operands: str) -> Instruction:
    if word is not None:
        found = decode(int(word, 16))
        if found is None:
            raise RiscvError(f"{where}: 0x{word} is no instruction of RV32IM")
        return found
    try:
        return assemble(name, operands, address)
    except RiscvError as error:
        raise RiscvError(f"{where}: {error}") from None


def _ranges(addresses: list[int]) -> tuple[tuple[int, int], ...]:
    """Stretches of neighbouring words."""
    ranges: list[tuple[int, int]] = []
    for address in addresses:
        if ranges and ranges[-1][1] == address:
            ranges[-1] = (ranges[-1][0], address + 4)
        else:
            ranges.append((address, address + 4))
    return tuple(ranges)
