"""Programs execute as the specification says: against other formulas, on signed integers."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.riscv import Execution, RiscvError, execute, read_elf
from tests.riscv import assembler as asm
from tests.riscv.assembler import BRANCH_FORMS, IMMEDIATE_FORMS, REGISTER_FORMS, SHIFT_FORMS

EDGES = [0, 1, 2, 31, 32, 33, 0x7FFF_FFFF, 0x8000_0000, 0x8000_0001, 0xFFFF_FFFF, 0xFFFF_FFFE]
values = st.one_of(st.sampled_from(EDGES), st.integers(0, 0xFFFF_FFFF))
immediates = st.one_of(st.sampled_from([0, 1, -1, 2047, -2048]), st.integers(-2048, 2047))
DATA = 0x4000


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("programs")


def run(folder: Path, words: Sequence[int], **options: object) -> Execution:
    file = folder / "program.elf"
    file.write_bytes(asm.elf(words))
    return execute(read_elf(file), **{"memory_bytes": 1 << 16, **options})  # type: ignore[arg-type]


def signed(value: int) -> int:
    return int.from_bytes(value.to_bytes(4, "little"), "little", signed=True)


def expected(name: str, a: int, b: int) -> int:
    """What an instruction of the register form computes, from the words of the specification."""
    x, y = signed(a), signed(b)
    if name in ("div", "rem", "divu", "remu"):
        n, d = (a, b) if name.endswith("u") else (x, y)
        quotient = -1 if d == 0 else int(Fraction(n, d))  # towards zero
        return (quotient if name.startswith("div") else n if d == 0 else n - d * quotient) % 2**32
    formulas = {
        "add": x + y,
        "sub": x - y,
        "sll": x * 2 ** (b % 32),
        "slt": 1 if x < y else 0,
        "sltu": 1 if a < b else 0,
        "xor": (a | b) - (a & b),
        "srl": a // 2 ** (b % 32),
        "sra": x // 2 ** (b % 32),
        "or": a + b - (a & b),
        "and": (a + b - (a ^ b)) // 2,
        "mul": x * y,
        "mulh": x * y // 2**32,
        "mulhsu": x * b // 2**32,
        "mulhu": a * b // 2**32,
    }
    return formulas[name] % 2**32


def is_taken(name: str, a: int, b: int) -> bool:
    x, y = (a, b) if name.endswith("u") else (signed(a), signed(b))
    kind = name.removeprefix("b").removesuffix("u")
    return {"eq": x == y, "ne": x != y, "lt": x < y, "ge": x >= y}[kind]


@pytest.mark.parametrize("name", REGISTER_FORMS)
@given(a=values, b=values)
def test_register_forms(folder: Path, name: str, a: int, b: int) -> None:
    code = [*asm.li(5, a), *asm.li(6, b), asm.r(name, 7, 5, 6), *asm.leave(7)]
    assert run(folder, code).result == expected(name, a, b)


@pytest.mark.parametrize("name", IMMEDIATE_FORMS)
@given(a=values, imm=immediates)
def test_immediate_forms(folder: Path, name: str, a: int, imm: int) -> None:
    real = "sltu" if name == "sltiu" else name[:-1]
    code = [*asm.li(5, a), asm.i(name, 7, 5, imm), *asm.leave(7)]
    assert run(folder, code).result == expected(real, a, imm % 2**32)


@pytest.mark.parametrize("name", SHIFT_FORMS)
@given(a=values, amount=st.integers(0, 31))
def test_shifts_by_an_immediate(folder: Path, name: str, a: int, amount: int) -> None:
    code = [*asm.li(5, a), asm.i(name, 7, 5, amount), *asm.leave(7)]
    execution = run(folder, code)
    assert execution.result == expected(name[:-1], a, amount)
    assert [e.amount for p in execution.pieces for e in p if e.instruction.name == name] == [amount]


@given(upper=st.integers(0, 0xFFFFF))
def test_upper_immediates(folder: Path, upper: int) -> None:
    assert run(folder, [asm.u("lui", 7, upper), *asm.leave(7)]).result == upper << 12
    code = [asm.FENCE, asm.u("auipc", 7, upper), *asm.leave(7)]
    assert run(folder, code).result == ((upper << 12) + 4) % 2**32


@pytest.mark.parametrize("name", BRANCH_FORMS)
@given(a=values, b=values)
def test_branches(folder: Path, name: str, a: int, b: int) -> None:
    code = [
        *asm.li(5, a),
        *asm.li(6, b),
        asm.i("addi", 7, 0, 1),
        asm.b(name, 5, 6, 8),
        asm.i("addi", 7, 7, 2),
    ]
    execution = run(folder, [*code, *asm.leave(7)])
    taken = is_taken(name, a, b)
    assert execution.result == (1 if taken else 3)
    assert execution.instructions == len(code) + 3 - taken
    assert [e.taken for p in execution.pieces for e in p if e.instruction.name == name] == [taken]


@given(word=values, at=st.integers(0, 3), new=values)
def test_loads_and_stores(folder: Path, word: int, at: int, new: int) -> None:
    stored = bytearray(word.to_bytes(4, "little"))
    base = [*asm.li(5, DATA), *asm.li(6, word), asm.s("sw", 6, 5, 0), *asm.li(7, new)]
    for size, store, loads in ((1, "sb", ("lb", "lbu")), (2, "sh", ("lh", "lhu")), (4, "sw", ("lw",))):
        place = at // size * size
        memory = bytearray(stored)
        memory[place : place + size] = new.to_bytes(4, "little")[:size]
        code = [*base, asm.s(store, 7, 5, place)]
        assert run(folder, [*code, asm.i("lw", 8, 5, 0), *asm.leave(8)]).result == int.from_bytes(
            memory, "little"
        )
        for load in loads:
            value = int.from_bytes(memory[place : place + size], "little", signed=not load.endswith("u"))
            assert run(folder, [*code, asm.i(load, 8, 5, place), *asm.leave(8)]).result == value % 2**32


@given(st.data())
def test_random_straight_code(folder: Path, data: st.DataObject) -> None:
    """Registers as sources and targets at the same time, x0 among them."""
    registers = {number: data.draw(values) if number else 0 for number in range(8)}
    code = [word for number in range(1, 8) for word in asm.li(number, registers[number])]
    for _ in range(data.draw(st.integers(1, 25))):
        name = data.draw(st.sampled_from(REGISTER_FORMS))
        rd, rs1, rs2 = (data.draw(st.integers(0, 7)) for _ in range(3))
        code.append(asm.r(name, rd, rs1, rs2))
        if rd:
            registers[rd] = expected(name, registers[rs1], registers[rs2])
    for number in range(1, 8):  # a sum over all of them
        code += [asm.i("slli", 10, 9, 5), asm.r("sub", 9, 10, 9), asm.r("add", 9, 9, number)]
    total = 0
    for number in range(1, 8):
        total = (31 * total + registers[number]) % 2**32
    execution = run(folder, [*code, *asm.leave(9)])
    assert execution.result == total
    assert execution.instructions == len(code) + 3
    assert sum(len(execution.pieces[number]) for number in execution.path) == execution.instructions


def test_jumps_link_and_return(folder: Path) -> None:
    code = [
        asm.j(1, 12),  # 0: call 12
        asm.i("addi", 10, 10, 1),  # 4
        asm.j(0, 12),  # 8: to 20
        asm.i("addi", 10, 1, 5),  # 12: ra + 5
        asm.i("jalr", 2, 1, 1),  # 16: to 4; the lowest bit does not count
        asm.r("add", 10, 10, 2),  # 20
        asm.EBREAK,
    ]
    execution = run(folder, code)
    assert (execution.result, execution.ended_by, execution.instructions) == (4 + 5 + 1 + 20, "ebreak", 6)
    assert [e.pc for number in execution.path for e in execution.pieces[number]] == [0, 12, 16, 4, 8, 20]
    assert [e.next_pc for e in execution.pieces[execution.path[1]]] == [16, 4]


def test_a_branch_to_the_next_instruction_is_taken(folder: Path) -> None:
    execution = run(folder, [asm.b("beq", 0, 0, 4), asm.ECALL])
    (branch,) = execution.pieces[0]
    assert branch.taken and branch.next_pc == 4 and execution.ended_by == "ecall"


def test_marks_and_cuts(folder: Path) -> None:
    store = [*asm.li(5, asm.MARKER), asm.i("addi", 6, 0, 7), asm.s("sw", 6, 5, 0)]
    loop = [asm.i("addi", 7, 0, 3), asm.i("addi", 7, 7, -1), asm.b("bne", 7, 0, -4)]
    execution = run(folder, [*store, *loop, *store, *asm.leave(7)])
    assert [(mark.value, mark.instructions) for mark in execution.marks] == [(7, 4), (7, 15)]
    everything = [e for number in execution.path for e in execution.pieces[number]]
    for first in range(execution.instructions + 1):
        for stop in range(first, execution.instructions + 1):
            pieces, order = execution.cut(first, stop)
            assert [e for number in order for e in pieces[number]] == everything[first:stop]
            assert set(order) == set(range(len(pieces)))


def test_addresses_are_recorded_and_cut(folder: Path) -> None:
    body = [asm.i("lw", 8, 5, 0), asm.i("addi", 5, 5, 4), asm.s("sb", 8, 5, 99), asm.i("addi", 7, 7, -1)]
    code = [*asm.li(5, DATA), asm.i("addi", 7, 0, 3), *body, asm.b("bne", 7, 0, -16), *asm.leave(7)]
    execution = run(folder, code, record_addresses=True)
    everything = [e for number in execution.path for e in execution.pieces[number]]
    expected = [place for n in range(3) for place in (DATA + 4 * n, DATA + 4 * n + 103)] + [asm.EXIT]
    assert list(execution.addresses) == expected
    assert [e.accesses for e in everything if e.accesses] == [4, 1] * 3 + [4]
    for first in range(execution.instructions + 1):
        for stop in range(execution.instructions + 1):
            skipped = sum(e.accesses > 0 for e in everything[:first])
            count = sum(e.accesses > 0 for e in everything[first:stop])
            assert list(execution.data(first, stop)) == expected[skipped : skipped + count]
    assert not run(folder, code).addresses


def test_retired_instructions_can_be_counted_and_cycles_cannot(folder: Path) -> None:
    code = [asm.FENCE, asm.csr(5, 0xC02), asm.csr(6, 0xC82), asm.r("add", 7, 5, 6), *asm.leave(7)]
    assert run(folder, code).result == 1
    with pytest.raises(RiscvError, match=r"address 0x4: 'rdcycle' asks for the time"):
        run(folder, [asm.FENCE, asm.csr(5, 0xC00)])


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ([0], "address 0x0: 0x00000000 is no instruction of RV32IM"),
        ([asm.FENCE, asm.csr(1, 0x300)], "address 0x4: 0x300020f3 is no instruction"),
        ([asm.i("lw", 1, 0, 2)], "address 0x0: accesses 0x2, which is not aligned"),
        ([asm.s("sh", 1, 0, 0x41)], "accesses 0x41, which is not aligned"),
        ([asm.i("lw", 1, 0, -4)], "loads from 0xfffffffc, outside of its memory"),
        ([asm.i("addi", 1, 0, -8), asm.s("sw", 0, 1, 0)], r"stores to 0xfffffff8, .*marker is at 0x20000000"),
        ([asm.i("jalr", 0, 0, 6)], "jumps to 0x6, which is no multiple of 4"),
        ([*asm.li(1, 1 << 20), asm.i("jalr", 0, 1, 0)], "address 0x100000: the program has left its memory"),
        ([asm.i("addi", 1, 1, 1), asm.j(0, -4)], "has not ended after 10,000 instructions"),
    ],
)
def test_what_cannot_run_is_said_with_its_address(folder: Path, code: list[int], message: str) -> None:
    with pytest.raises(RiscvError, match=message):
        run(folder, code, limit=10_000)


def test_a_jump_to_itself_ends_the_program(folder: Path) -> None:
    execution = run(folder, [asm.i("addi", 10, 0, 3), asm.j(0, 0)])
    assert (execution.result, execution.ended_by, execution.instructions) == (3, "loop", 1)


def test_multiplications_are_refused_without_the_extension(folder: Path) -> None:
    with pytest.raises(RiscvError, match="'mul' is no instruction of rv32i"):
        run(folder, [asm.r("mul", 1, 1, 1)], isa="rv32i")
    with pytest.raises(RiscvError, match="instruction set 'rv64i' is not known"):
        run(folder, [asm.ECALL], isa="rv64i")
    with pytest.raises(RiscvError, match="a memory of 6 bytes is not possible"):
        run(folder, [asm.ECALL], memory_bytes=6)
