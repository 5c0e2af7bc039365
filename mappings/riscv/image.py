"""A program before it runs: what lies where in memory, and where it begins."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mappings.riscv.decode import decode
from mappings.riscv.instructions import Instruction, RiscvError


class PartlyKnown(list[int]):
    """Words of a memory of which only some are known; the others are negative until they are written."""

    def __getitem__(self, index: Any) -> Any:
        """A known word. Raises :class:`RiscvError` where nobody knows what is there."""
        value = super().__getitem__(index)
        if value < 0:
            raise RiscvError(
                f"address 0x{4 * index:x} is read before it is written: a listing holds no data, give them "
                "with the ELF file of the same name beside it, or with data={address: bytes}"
            )
        return value

    def peek(self, index: int) -> int:
        """A word of which only a part counts."""
        return max(super().__getitem__(index), 0)


@dataclass(frozen=True)
class Image:
    """A program as it is loaded.

    Attributes:
        file: Where it comes from.
        entry: Address of the first instruction.
        pieces: (address, bytes) to load; all else is zero, or unknown where the source holds no data.
        code: Address ranges that hold instructions, where they are known; they are not written to.
        listed: Instructions by address, where the source has instructions instead of their words.
    """

    file: str
    entry: int
    pieces: tuple[tuple[int, bytes], ...]
    code: tuple[tuple[int, int], ...] = ()
    listed: Mapping[int, Instruction] = field(default_factory=dict)

    def memory(self, size_bytes: int) -> list[int]:
        """Words of a memory of ``size_bytes`` bytes with the program in it.

        Raises:
            RiscvError: The program does not fit.
        """
        data = bytearray(size_bytes)
        for address, piece in self.pieces:
            if address + len(piece) > size_bytes:
                raise RiscvError(
                    f"{self.file} fills addresses up to 0x{address + len(piece):x}; "
                    f"the memory ends at 0x{size_bytes:x}"
                )
            data[address : address + len(piece)] = piece
        words = list(struct.unpack(f"<{size_bytes // 4}I", data))
        if not self.listed:
            return words
        known = {at // 4 for address, piece in self.pieces for at in range(address, address + len(piece))}
        return PartlyKnown(word if number in known else -1 for number, word in enumerate(words))

    def instruction(self, address: int, words: list[int]) -> Instruction:
        """The instruction at an address. Raises :class:`RiscvError` where there is none."""
        where = f"{self.file}, address 0x{address:x}"
        if address % 4:
            raise RiscvError(f"{where}: instructions lie at multiples of 4")
        if self.listed:
            if address not in self.listed:
                raise RiscvError(f"{where}: the listing has no instruction there")
            return self.listed[address]
        if not 0 <= address < 4 * len(words):
            raise RiscvError(f"{where}: the program has left its memory (0x{4 * len(words):x} bytes)")
        word = words[address // 4]
        found = decode(word)
        if found is None:
            raise RiscvError(f"{where}: 0x{word:08x} is no instruction of RV32IM")
        return found
