"""Programs out of ELF files: 32-bit, little endian, RISC-V, linked to fixed addresses."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Final, NamedTuple

from mappings.riscv.image import Image
from mappings.riscv.instructions import RiscvError

# A file is data from somebody else; microcontrollers have less memory than this.
LARGEST_FILE_BYTES: Final = 64 << 20
_HEADER: Final = struct.Struct("<16sHHIIIIIHHHHHH")
_SEGMENT: Final = struct.Struct("<IIIIIIII")
_SECTION: Final = struct.Struct("<IIIIIIIIII")
_EXECUTABLE_FILE, _RISCV, _LOAD, _NO_BITS, _EXECUTABLE_SECTION = 2, 243, 1, 8, 4
_COMPRESSED = 1  # flag


class _Header(NamedTuple):
    ident: bytes
    type: int
    machine: int
    version: int
    entry: int
    segments_at: int
    sections_at: int
    flags: int
    size: int
    segment_bytes: int
    segments: int
    section_bytes: int
    sections: int
    names: int


def read_elf(path: str | os.PathLike[str]) -> Image:
    """The program in an ELF file.

    Raises:
        RiscvError: The file cannot be read, is cut off, or is no 32-bit little-endian RISC-V program without
            compressed instructions.
    """
    file = os.fspath(path)
    try:
        if Path(file).stat().st_size > LARGEST_FILE_BYTES:
            raise RiscvError(f"{file} is larger than {LARGEST_FILE_BYTES >> 20} MiB")
        data = Path(file).read_bytes()
    except OSError as error:
        raise RiscvError(f"cannot read '{file}': {error.strerror or error}") from error
    header = _header(file, data)
    pieces: list[tuple[int, bytes]] = []
    for number in range(header.segments):
        at = header.segments_at + number * header.segment_bytes
        kind, offset, address, _, stored, size, _, _ = _unpack(file, data, _SEGMENT, at, "program header")
        if kind != _LOAD:
            continue
        if stored > size or address + size > 1 << 32:
            raise RiscvError(f"{file}: segment {number} has impossible sizes ({stored} of {size} bytes)")
        pieces.append((address, _slice(file, data, offset, stored, f"segment {number}")))
    if not pieces:
        raise RiscvError(f"{file} has no segment to load")
    return Image(file, header.entry, tuple(pieces), _code(file, data, header))


def _header(file: str, data: bytes) -> _Header:
    if data[:4] != b"\x7fELF":
        raise RiscvError(f"{file} is no ELF file: it does not begin with 7f 45 4c 46")
    header = _Header(*_unpack(file, data, _HEADER, 0, "header"))  # type: ignore[arg-type]  # bytes, then integers
    checks: list[tuple[bool, str]] = [
        (header.ident[4] == 1, "is not of class ELF32; compile with -march=rv32im -mabi=ilp32"),
        (header.ident[5] == 1, "is not little endian"),
        (header.machine == _RISCV, f"is for machine {header.machine}, not for RISC-V ({_RISCV})"),
        (header.type == _EXECUTABLE_FILE, f"is of type {header.type}; expected a linked program (2)"),
        (not header.flags & _COMPRESSED, "has compressed instructions; compile with -march=rv32im"),
        (
            header.segment_bytes >= _SEGMENT.size or not header.segments,
            "has program headers that are too short",
        ),
    ]
    for is_right, wrong in checks:
        if not is_right:
            raise RiscvError(f"{file} {wrong}")
    return header


def _code(file: str, data: bytes, header: _Header) -> tuple[tuple[int, int], ...]:
    """Address ranges of sections with instructions, where the file has sections."""
    if not header.sections_at or header.section_bytes < _SECTION.size:
        return ()
    found = []
    for number in range(header.sections):
        at = header.sections_at + number * header.section_bytes
        _, kind, flags, address, _, size, *_ = _unpack(file, data, _SECTION, at, "section header")
        if flags & _EXECUTABLE_SECTION and kind != _NO_BITS and size:
            found.append((address, address + size))
    return tuple(found)


def _unpack(file: str, data: bytes, form: struct.Struct, at: int, what: str) -> tuple[int, ...]:
    return form.unpack(_slice(file, data, at, form.size, what))


def _slice(file: str, data: bytes, at: int, size: int, what: str) -> bytes:
    if at + size > len(data):
        raise RiscvError(
            f"{file} is cut off: its {what} ends at byte {at + size:,}, the file at {len(data):,}"
        )
    return data[at : at + size]
