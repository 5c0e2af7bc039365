"""Mapping for ``picorv32``: programs of RV32I or RV32IM, executed first, as the core's own instructions.

Cases for ``acadl validate`` have the columns ``program``, ``p0`` to ``p3`` and ``isa``, which name a file
under ``programs/`` beside the table: ``gemm``, 2, 2, 2 and ``rv32im`` are ``gemm_2x2x2_rv32im.elf``, or
``.lst``. A ``program`` that ends in ``.elf`` or ``.lst`` is the path of a file. What is predicted are the
cycles of the kernel, between two stores to the marker address; of programs without marks, and where the
measured column is ``total_cycles``, those from the reset to the end. A column ``checksum`` must agree with
what the program returns.

The time of this machine does not depend on the addresses of data, so its loads and stores all have the same
one. Where the description has been given a cache or a memory with open rows, they have their own.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice, repeat
from pathlib import Path
from typing import Final

from acadl.model import DRAM, Architecture, CacheInterface
from mappings.cases import Case, case_mapper
from mappings.layers import Layer
from mappings.program import LoopProgram, Memory, Replay, Step, memory, sequence
from mappings.registry import MappingError, mapper
from mappings.riscv import Executed, Execution, run
from mappings.riscv.instructions import (
    BRANCHES,
    COUNTER_READS,
    DIVISIONS,
    LOADS,
    MULTIPLICATIONS,
    SHIFTS_BY_IMMEDIATE,
    SHIFTS_BY_REGISTER,
    STORES,
)

WORD_BYTES: Final = 4
DATA: Final = 1 << 20
"""Stands for the addresses of all loads and stores."""
MOST_ADDRESSED: Final = 1_000_000
_SHIFTS: Final = SHIFTS_BY_IMMEDIATE | SHIFTS_BY_REGISTER
_PARAMETERS: Final = ("core_config", "mem_latency")
_SUFFIXES: Final = (".elf", ".lst")


@mapper("picorv32")
def map_layer(layer: Layer, arch: Architecture) -> LoopProgram:
    """Refuses: who writes the program that runs a layer on a processor is its compiler."""
    raise MappingError(
        f"'{arch.name}' runs compiled programs, not layers such as '{layer.name}' ({layer.op}): compile it, "
        f"and name the program: acadl run {arch.name} --case program=FILE.elf"
    )


@case_mapper("picorv32")
def map_case(case: Case, arch: Architecture) -> LoopProgram:
    """The instructions of the program that a row names.

    Raises:
        MappingError: There is no such program, or the row contradicts the architecture or the program's
            result.
        RiscvError: The program cannot be read or run.
    """
    _check_parameters(case, arch)
    isa = case.text("isa") if case.cells.get("isa") else _instruction_set(arch)
    if arch.parameters.get("core_config") == "base" and isa != "rv32i":
        raise MappingError(f"core_config=base runs rv32i only; the case has isa={isa}")
    file = _file(case, isa)
    execution = executed_program(str(file), file.stat().st_mtime_ns, isa, _depends_on_addresses(arch))
    _check_result(case, execution)
    marks = [mark.instructions for mark in execution.marks]
    if len(marks) < 2 or case.measured == "total_cycles":
        return whole_program(execution, arch, file.stem)
    return LoopProgram(_replay(execution, marks[0], marks[1]), arch.operations, f"{file.stem}, kernel")


def whole_program(execution: Execution, arch: Architecture, name: str = "") -> LoopProgram:
    """All that a program executed, from the reset on."""
    first = execution.pieces[execution.path[0]][0].pc if execution.path else 0
    reset = Step("reset", {"next": memory(first, WORD_BYTES)})
    body = sequence(reset, _replay(execution, 0, execution.instructions))
    return LoopProgram(body, arch.operations, name)


def _depends_on_addresses(arch: Architecture) -> bool:
    return any(True for kind in (CacheInterface, DRAM) for _ in arch.of_type(kind))


def _instruction_set(arch: Architecture) -> str:
    return "rv32i" if arch.parameters.get("core_config") == "base" else "rv32im"


def _check_parameters(case: Case, arch: Architecture) -> None:
    """Columns that set parameters have set them."""
    for name in _PARAMETERS:
        value = arch.parameters.get(name)
        if case.cells.get(name) and value is not None and case.text(name) != str(value):
            raise MappingError(
                f"the case has {name}={case.text(name)}, the architecture {name}={value}; "
                f"set it with --set {name}={case.text(name)}"
            )


def _check_result(case: Case, execution: Execution) -> None:
    if case.cells.get("checksum") and case.integer("checksum") != execution.result:
        raise MappingError(
            f"the program returns {execution.result}, column 'checksum' says {case.text('checksum')}"
        )


def _file(case: Case, isa: str) -> Path:
    """The program's file. Raises :class:`MappingError` where there is none."""
    program = case.text("program")
    sizes = [case.text(name) for name in ("p0", "p1", "p2", "p3") if case.cells.get(name)]
    if program.endswith(_SUFFIXES):
        paths = [Path(program), case.folder / program]
    else:
        stem = f"{program}_{'x'.join(sizes)}_{isa}" if sizes else f"{program}_{isa}"
        paths = [case.folder / "programs" / f"{stem}{suffix}" for suffix in _SUFFIXES]
    for path in paths:
        if path.is_file():
            return path
    raise MappingError(f"there is no program {' or '.join(map(str, paths))}")


@lru_cache(maxsize=2)  # neighbouring rows differ in the machine only
def executed_program(file: str, changed_ns: int, isa: str, record_addresses: bool = False) -> Execution:
    """What the program in a file does; ``changed_ns`` is when the file was last changed."""
    return run(file, isa=isa, record_addresses=record_addresses)


# -- instructions ------------------------------------------------------------------------------------------


def _replay(execution: Execution, first: int, stop: int) -> Replay:
    """What was executed from instruction ``first`` up to ``stop``; pieces are cut where these lie within."""
    pieces, order = execution.cut(first, stop)
    known: dict[tuple[object, ...], Step] = {}
    if not execution.addresses:
        return Replay(tuple(tuple(_steps(piece, repeat(DATA), known)) for piece in pieces), order)
    if stop - first > MOST_ADDRESSED:
        raise MappingError(
            f"the program runs {stop - first:,} instructions; on a machine whose time depends on addresses, "
            f"at most {MOST_ADDRESSED:,} can be evaluated"
        )
    return _addressed(pieces, order, iter(execution.data(first, stop)), known)


def _addressed(
    pieces: Sequence[tuple[Executed, ...]],
    order: Iterable[int],
    addresses: Iterator[int],
    known: dict[tuple[object, ...], Step],
) -> Replay:
    """With the addresses of its loads and stores; pieces that differ in these only are several."""
    accesses = [sum(executed.accesses > 0 for executed in piece) for piece in pieces]
    numbers: dict[tuple[int, ...], int] = {}
    renumbered = array("i")
    for number in order:
        key = (number, *islice(addresses, accesses[number]))
        renumbered.append(numbers.setdefault(key, len(numbers)))
    made = (tuple(_steps(pieces[number], data, known)) for number, *data in numbers)
    return Replay(tuple(made), renumbered)


def _steps(
    piece: Iterable[Executed], data: Iterable[int], known: dict[tuple[object, ...], Step]
) -> Iterator[Step]:
    """The instructions of a piece; ``data`` is what its loads and stores access, one after the other."""
    accessed = iter(data)
    for executed in piece:
        name = _operation(executed)
        at = next(accessed) if executed.accesses else DATA
        key = (name, executed.pc, executed.next_pc, executed.amount, at)
        if key not in known:
            known[key] = Step(name, _operands(name, executed, at))
        yield known[key]


def _operation(executed: Executed) -> str:
    """The core's operation that an instruction is."""
    name = executed.instruction.name
    if name in LOADS:
        return "load"
    if name in STORES:
        return "store"
    if name in BRANCHES and executed.taken:
        return "branch"
    if name in _SHIFTS:
        return "shift"
    if name in MULTIPLICATIONS:
        return "multiply" if name == "mul" else "multiply_high"
    if name in DIVISIONS:
        return "divide"
    if name in COUNTER_READS:
        return "count"
    return "jump" if name == "jalr" else "compute"


def _operands(operation: str, executed: Executed, data: int) -> Mapping[str, Memory | int]:
    behind, there = memory(executed.pc + WORD_BYTES, WORD_BYTES), memory(executed.next_pc, WORD_BYTES)
    if operation == "jump":
        return {"target": there}
    if operation == "branch":
        return {"next": behind, "target": there}
    if operation in ("load", "store"):
        return {"next": behind, "data": memory(data, executed.accesses)}
    if operation == "shift":
        return {"next": behind, "amount": executed.amount}
    return {"next": there}
