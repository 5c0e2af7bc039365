"""ELF files and listings: what is in them, and what is wrong with them."""

from __future__ import annotations

import struct
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.riscv import RiscvError, execute, read_elf, read_listing, run
from mappings.riscv.assembly import assemble
from mappings.riscv.decode import decode
from tests.riscv import assembler as asm

PROGRAMS = Path(__file__).parents[1] / "data" / "rtl" / "picorv32" / "programs"
LISTINGS = sorted(PROGRAMS.glob("*.lst"))


@pytest.mark.parametrize("listing", LISTINGS, ids=lambda path: path.stem)
def test_listings_say_the_same_as_the_programs(listing: Path) -> None:
    """Pseudo instructions, registers by name, addresses: 100 to 200 instructions each."""
    listed, image = read_listing(listing), read_elf(listing.with_suffix(".elf"))
    words = image.memory(1 << 20)
    assert listed.entry == image.entry == 0
    assert len(listed.listed) > 40
    for address, instruction in listed.listed.items():
        assert instruction == image.instruction(address, words), hex(address)
    assert listed.code[0][0] == image.code[0][0]
    assert run(listing) == run(listing.with_suffix(".elf"))  # with the data of the ELF file beside it


def test_a_listing_without_data_stops_where_they_are_needed(tmp_path: Path) -> None:
    listing = tmp_path / "crc32_4_rv32im.lst"
    listing.write_text((PROGRAMS / listing.name).read_text())
    with pytest.raises(
        RiscvError, match=r"address 0xe0 is read before it is written: a listing holds no data"
    ):
        run(listing)
    seed = {0xE0: (12345).to_bytes(4, "little")}
    assert run(listing, data=seed).result == run(PROGRAMS / "crc32_4_rv32im.elf").result


def test_listings_with_words(tmp_path: Path) -> None:
    listing = tmp_path / "x.lst"
    listing.write_text(
        "x.elf:     file format elf32-littleriscv\n\n00000000 <other>:\n   0:\t00100073          \tebreak\n\n"
        "00000004 <_start>:\n   4:\t00500513          \tli\ta0,5\n   8:\tff9ff06f          \tj\t0 <other>\n"
    )
    execution = run(listing)
    assert (execution.result, execution.ended_by, execution.instructions) == (5, "ebreak", 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nothing", "holds no instruction; expected a listing"),
        ("   0:\tadd\ta0,a0\n", r"line 1: 'add a0,a0' has 2 operands; expected 3"),
        ("   0:\tnop\n   4:\tad\ta0,a0,a1\n", "line 2: 'ad' is no instruction of RV32IM; did you mean 'a"),
        ("   0:\tadd\ta0,a9,a1\n", r"'a9' is no register"),
        ("   0:\taddi\ta0,a1,4096\n", "4096 is not between -2048 and 2047"),
        ("   0:\tlw\ta0,a1\n", r"'a1' is no address as in 8\(sp\)"),
        ("   0:\tbeq\ta0,a1,4000\n", "0x4000 cannot be reached from 0x0"),
        ("   0:\tnop\n   0:\tnop\n", "line 2: there is already an instruction at 0x0"),
        ("   0:\t00000000\tunimp\n", "line 1: 0x00000000 is no instruction"),
        ("   0:\tlui\ta0,x\n", "'x' is no number"),
    ],
)
def test_wrong_listings(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "wrong.lst"
    file.write_text(text)
    with pytest.raises(RiscvError, match=message):
        read_listing(file)


# -- words ---


def test_every_form_is_decoded() -> None:
    for name in asm.REGISTER_FORMS:
        assert decode(asm.r(name, 1, 2, 3)) == (name, 1, 2, 3, 0)
    for name in (*asm.IMMEDIATE_FORMS, *asm.LOAD_FORMS, "jalr"):
        assert decode(asm.i(name, 31, 30, -2048)) == (name, 31, 30, 0, -2048)
    for name in asm.SHIFT_FORMS:
        assert decode(asm.i(name, 4, 5, 31)) == (name, 4, 5, 0, 31)
    for name in asm.STORE_FORMS:
        assert decode(asm.s(name, 7, 8, -3)) == (name, 0, 8, 7, -3)
    for name in asm.BRANCH_FORMS:
        assert decode(asm.b(name, 9, 10, -4096)) == (name, 0, 9, 10, -4096)
    assert decode(asm.j(1, -(1 << 20))) == ("jal", 1, 0, 0, -(1 << 20))
    assert decode(asm.u("auipc", 6, 0x80000)) == ("auipc", 6, 0, 0, -(1 << 31))
    assert decode(asm.csr(3, 0xC81)) == ("rdtimeh", 3, 0, 0, 0)


@given(st.integers(-(1 << 19), (1 << 19) - 1), st.integers(-(1 << 11), (1 << 11) - 1))
def test_distances(far: int, near: int) -> None:
    jump, branch = decode(asm.j(1, 2 * far)), decode(asm.b("bge", 1, 2, 2 * near))
    assert jump is not None and branch is not None
    assert (jump.imm, branch.imm) == (2 * far, 2 * near)


@given(st.integers(0, 0xFFFF_FFFF))
def test_any_word_is_an_instruction_or_none(word: int) -> None:
    found = decode(word)
    assert found is None or word & 3 == 3  # 16-bit instructions are none


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("jalr ra,8(a0)", ("jalr", 1, 10, 0, 8)),
        ("jalr a0", ("jalr", 1, 10, 0, 0)),
        ("jalr zero,a0,-4", ("jalr", 0, 10, 0, -4)),
        ("jr t0", ("jalr", 0, 5, 0, 0)),
        ("bgtu a0,a1,20", ("bltu", 0, 11, 10, 0x10)),
        ("blez s0,20", ("bge", 0, 0, 8, 0x10)),
        ("sltu a0,a1,5", ("sltiu", 10, 11, 0, 5)),
        ("fence iorw,iorw", ("fence", 0, 0, 0, 0)),
        ("rdinstreth a0", ("rdinstreth", 10, 0, 0, 0)),
        ("li x5,0x10", ("addi", 5, 0, 0, 16)),
        ("lui a0,0x80000", ("lui", 10, 0, 0, -(1 << 31))),
    ],
)
def test_assembly(text: str, found: tuple[object, ...]) -> None:
    name, _, operands = text.partition(" ")
    assert assemble(name, operands, 0x10) == found


# -- ELF ---


@given(st.data())
def test_cut_off_programs_are_refused(data: st.DataObject) -> None:
    whole = (PROGRAMS / "gemm_2x2x2_rv32im.elf").read_bytes()
    size = data.draw(st.integers(0, len(whole) - 1))
    file = Path(data.draw(st.just("cut.elf")))
    _refuses(file, whole[:size], "is cut off|is no ELF file")


def _refuses(file: Path, content: bytes, message: str) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / file
        path.write_bytes(content)
        with pytest.raises(RiscvError, match=message):
            execute(read_elf(path))


@pytest.mark.parametrize(
    ("at", "value", "message"),
    [
        (0, b"MZ", "is no ELF file"),
        (4, b"\x02", "is not of class ELF32"),
        (5, b"\x02", "is not little endian"),
        (16, struct.pack("<H", 1), "is of type 1; expected a linked program"),
        (18, struct.pack("<H", 62), r"is for machine 62, not for RISC-V \(243\)"),
        (36, struct.pack("<I", 1), "has compressed instructions"),
        (52 + 4, struct.pack("<I", 1 << 30), "is cut off: its segment 0 ends at byte"),
        (52 + 16, struct.pack("<I", 1 << 31), "has impossible sizes"),
        (52 + 8, struct.pack("<I", 1 << 24), "fills addresses up to 0x"),
        (52, struct.pack("<I", 0), "has no segment to load"),
        (24, struct.pack("<I", 2), "address 0x2: instructions lie at multiples of 4"),
    ],
)
def test_other_files_are_refused(at: int, value: bytes, message: str) -> None:
    content = bytearray(asm.elf([asm.ECALL]))
    content[at : at + len(value)] = value
    _refuses(Path("other.elf"), bytes(content), message)


def test_missing_files() -> None:
    for name in ("nowhere.elf", "nowhere.lst"):
        with pytest.raises(RiscvError, match=f"cannot read '{name}'"):
            run(name)


def test_code_is_not_written_to() -> None:
    content = bytearray((PROGRAMS / "gemm_2x2x2_rv32im.elf").read_bytes())
    assert content[0x1000:0x1004] == struct.pack("<I", asm.u("lui", 2, 0xF0))
    content[0x1000:0x1004] = struct.pack("<I", asm.s("sw", 0, 0, 0x20))
    _refuses(Path("self.elf"), bytes(content), "address 0x0: writes 4 bytes to 0x20, over its own code")


@given(st.data())
def test_damaged_files_run_or_are_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Nothing but an error of this package, and soon."""
    source = PROGRAMS / data.draw(st.sampled_from(["gemm_2x2x2_rv32im.elf", "qsort_10_rv32im.lst"]))
    content = bytearray(source.read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.one_of(st.integers(0, 83), st.integers(0, len(content) - 1)))
        content[at] = data.draw(st.integers(0, 255))
    file = tmp_path_factory.getbasetemp() / source.name
    file.write_bytes(content)
    with suppress(RiscvError):
        assert run(file, limit=10_000, memory_bytes=1 << 20).instructions <= 10_000 + 4096 * 100
