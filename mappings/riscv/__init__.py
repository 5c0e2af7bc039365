"""Programs for RISC-V: ELF files and disassembly listings, read and executed without any notion of time.

>>> from mappings.riscv import run
>>> execution = run("gemm_2x2x2_rv32im.elf")                              # doctest: +SKIP
>>> execution.result, execution.instructions                              # doctest: +SKIP
(94731622, 186)
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from mappings.riscv.elf import read_elf
from mappings.riscv.execution import Executed, Execution, Mark
from mappings.riscv.image import Image
from mappings.riscv.instructions import Instruction, RiscvError
from mappings.riscv.interpreter import EXIT, INSTRUCTION_LIMIT, MARKER, MEMORY_BYTES, execute
from mappings.riscv.listing import read_listing

__all__ = [
    "Executed",
    "Execution",
    "Image",
    "Instruction",
    "Mark",
    "RiscvError",
    "execute",
    "read_elf",
    "read_listing",
    "run",
]


def _data_beside(listing: str | os.PathLike[str]) -> Mapping[int, bytes]:
    """What the ELF file of the same name holds."""
    elf = Path(listing).with_suffix(".elf")
    return dict(read_elf(elf).pieces) if elf.is_file() else {}


def run(
    path: str | os.PathLike[str],
    *,
    isa: str = "rv32im",
    memory_bytes: int = MEMORY_BYTES,
    marker: int = MARKER,
    exit_address: int = EXIT,
    limit: int = INSTRUCTION_LIMIT,
    record_addresses: bool = False,
    data: Mapping[int, bytes] | None = None,
) -> Execution:
    """Read a program and run it until it ends.

    Args:
        path: An ELF file, or a listing as ``objdump -d`` writes it (``.lst``).
        isa, memory_bytes, marker, exit_address, limit, record_addresses: As for :func:`execute`.
        data: For a listing, which holds no data: bytes by address. By default those of the ELF file of the
            same name beside it, if there is one.

    Raises:
        RiscvError: The program cannot be read or run.
    """
    if os.fspath(path).endswith(".lst"):
        image = read_listing(path, _data_beside(path) if data is None else data)
    elif data is not None:
        raise RiscvError(f"{os.fspath(path)}: an ELF file has its data; only listings (.lst) are given some")
    else:
        image = read_elf(path)
    return execute(
        image,
        isa=isa,
        memory_bytes=memory_bytes,
        marker=marker,
        exit_address=exit_address,
        limit=limit,
        record_addresses=record_addresses,
    )
