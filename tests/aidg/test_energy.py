"""Energy: counts times what the description says, nothing assumed, the same as instruction by instruction."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings

import acadl
import aidg
import platforms
from acadl.area import area
from acadl.errors import ProgramError
from acadl.model import Architecture, DataStorage, FunctionalUnit, RegisterFile
from acadl.routing import route
from aidg.energy import says_energy, summed
from mappings.layers import Layer
from mappings.network import Network
from mappings.program import LoopProgram, index, loop, memory, sequence, step
from mappings.registry import map_layer
from tests.mappings.cases import layers

DESCRIPTION = """
architecture spends(mul: energy = 2 pJ, by_rows: bool = false) {
    clock 1 MHz
    operations { work(n: int), move(dst: out reg, src: in address), both(acc: inout reg, a: in reg) }
    sram imem { data_width: 32 bits, port_width: 2, addresses: 0 ..< 0x100, read_energy: 7 pJ }
    sram data {
        data_width: 8 bits, port_width: 4, addresses: 0x1000 ..< 0x1100
        read_energy: 5 pJ, area: 0.5 mm2
    }
    sram other { data_width: 8 bits, addresses: 0x2000 ..< 0x2100 }
    registers rf { data_width: 32 bits, names: r[0 ..< 4], read_energy: 100 fJ, write_energy: 300 fJ }
    fetch ifs { issue_buffer_size: 2, from: imem, area: 200 um2 }
    execute ex {
        issue_latency: if by_rows then 1 else 0
        unit worker { operations: work, latency: n, energy: n * mul + 1 fJ, area: 0.25 mm2 }
        unit adder { operations: both }
        memory_unit mover { operations: move, latency: 1, energy: src.bytes * 10 fJ + src.rows * 1 aJ }
    }
    ifs -> ex
    { data, other } => ex.mover => rf
    rf <=> ex.adder
}
"""
SPENDS = acadl.loads(DESCRIPTION)


def shares(energy: aidg.Energy) -> dict[tuple[str, str], tuple[int, int]]:
    return {(share.object, share.what): (share.count, share.energy_aj) for share in energy.shares}


def test_counts_times_energies() -> None:
    """Units over their operands, storages by transaction, registers by access, fetches by group."""
    i = index("i")
    body = sequence(
        loop(i, 10, step("work", n=1 + i)),
        loop(i, 6, step("move", dst="r1", src=memory(0x1000 + 9 * i, 9))),
        step("both", acc="r0", a="r1"),
        step("move", dst="r1", src=memory(0x2000, 2, 3, 8)),
    )
    energy = aidg.energy(SPENDS, LoopProgram(body, SPENDS.operations))
    assert shares(energy) == {
        ("ex.worker", "work"): (10, 55 * 2_000_000 + 10 * 1_000),
        ("ex.mover", "move"): (7, (6 * 9 + 6) * 10_000 + 6 * 1 + 3),
        ("data", "read"): (18, 18 * 5_000_000),
        ("imem", "read"): (9, 9 * 7_000_000),
        ("rf", "read"): (2, 200_000),
        ("rf", "write"): (8, 2_400_000),
    }
    assert set(energy.missing) == {"ex.adder", "other"}
    assert energy.total_aj == sum(aj for _, aj in shares(energy).values())
    assert energy.to_dict()["total_pj"] == energy.total_aj / 1e6
    assert next(iter(energy.by_object())) == "ex.worker"


def one_by_one(arch: Architecture, program: LoopProgram) -> int:
    """Attojoules, instruction by instruction and transaction by transaction."""
    total = 0
    for instruction in program:
        unit = route(arch, instruction).unit
        assert isinstance(unit, FunctionalUnit)
        if unit.energy is not None:
            total += unit.energy.evaluate(arch.operations[instruction.operation].latency_names(instruction))
        for names, what in ((instruction.read_registers, "read"), (instruction.write_registers, "write")):
            for name in names:
                file: RegisterFile = arch.register_file_of[name]
                total += getattr(file, f"{what}_energy") or 0
        for pieces, what in ((instruction.read_addresses, "read"), (instruction.write_addresses, "write")):
            for piece in pieces:
                storage = next(
                    m for m in arch.of_type(acadl.model.MemoryInterface) if m.holds(piece.start, piece.end)
                )
                assert isinstance(storage, DataStorage)
                each = getattr(storage, f"{what}_energy") or 0
                total += piece.rows * -(-piece.bytes // storage.port_bytes) * each
    return total


SMALL = platforms.load(
    "systolic_array", rows=4, cols=3, stream=9, sections=3, a_tiles=3, b_tiles=2, lanes=2, vector_bytes=24
)


@settings(max_examples=30)
@given(layer=layers())
def test_the_sum_is_that_of_all_instructions(layer: Layer) -> None:
    """Generated layers on a small array whose description says energies."""
    program = map_layer(layer, SMALL)
    assert aidg.energy(SMALL, program).total_aj == one_by_one(SMALL, program)


def test_skipped_iterations_count() -> None:
    """4 · 10¹² instructions that nobody could run one by one."""
    body = loop("i", 2_000_000, loop("j", 2_000_000, step("work", n=3)))
    energy = aidg.energy(SPENDS, LoopProgram(body, SPENDS.operations))
    assert shares(energy)["ex.worker", "work"] == (4 * 10**12, 4 * 10**12 * 6_001_000)


def test_nothing_is_reported_where_nothing_is_said() -> None:
    """Gemmini's description has no source for its energies."""
    assert not says_energy(platforms.load("gemmini"))
    report = platforms.estimate("gemmini", "tcresnet8", layers=["fc"])
    assert report.energy is None and report.layers[0].energy_pj is None
    assert report.to_dict()["energy"] is None and report.to_dict()["area"] is None
    assert "Energy" not in report._repr_html_()


def test_the_report_sums_layers_with_their_counts() -> None:
    """Twice the layer, twice the energy; the table, the line and the JSON say it."""
    layer = Layer(name="one", op="fc", gemm_M=1, gemm_N=20, gemm_K=50)
    once = platforms.estimate("systolic_array", Network("n", (layer,)))
    twice = platforms.estimate("systolic_array", Network("n", (replace(layer, count=2),)))
    assert once.energy is not None and twice.energy is not None
    assert twice.energy.total_aj == 2 * once.energy.total_aj
    assert twice.layers[0].energy_pj == pytest.approx(2 * (once.layers[0].energy_pj or 0))
    assert "Energy" in once._repr_html_() and "memory" in once._repr_html_()
    assert {"object", "what", "count", "energy_pj"} == set(once.to_dict()["energy"]["shares"][0])  # type: ignore[index]


def test_energies_of_the_array_are_those_of_their_source() -> None:
    """A tile of 4 × 4 × 4: 64 multiply-accumulates of 0.3 pJ; A, B and sums at 1.25 pJ a byte."""
    arch = platforms.load("systolic_array", rows=4, cols=4)
    layer = Layer(name="l", op="gemm", gemm_M=4, gemm_N=4, gemm_K=4)
    found = shares(aidg.energy(arch, map_layer(layer, arch)))
    expected = 64 * 300_000 + (16 + 16 + 8 * 16) * 1_250_000
    assert found["array_stage.array", "gemm"] == (1, expected)
    assert found["memory", "read"] == (2, 2 * 16 * 162_500_000)
    halved = platforms.load("systolic_array", rows=4, cols=4, mac_energy="0.15 pJ", dram_energy=0)
    less = shares(aidg.energy(halved, map_layer(layer, halved)))
    assert less["array_stage.array", "gemm"][1] == expected - 64 * 150_000
    assert less["memory", "read"] == (2, 0)


def test_what_is_not_known_without_running_is_named() -> None:
    """Behind a cache, and where rows move by themselves."""
    cache = "    cache l1 { data_width: 8 bits, port_width: 4, sets: 4, ways: 1, read_energy: 1 pJ }\n"
    text = DESCRIPTION.replace("{ data, other } =>", "data => l1, { l1, other } =>")
    arch = acadl.loads(text.replace("    registers rf", f"{cache}    registers rf"))
    body = step("move", dst="r1", src=memory(0x1000, 8))
    energy = aidg.energy(arch, LoopProgram(body, arch.operations))
    assert shares(energy)["l1", "read"] == (2, 2_000_000)
    assert energy.notes == ("what caches pass on to 'data' is not counted",)
    rows = acadl.loads(DESCRIPTION, by_rows=True)
    moved = aidg.energy(rows, LoopProgram(body, rows.operations))
    assert ("data", "read") not in shares(moved) and ("ex.mover", "move") in shares(moved)
    assert "in order of time" in moved.notes[0]


def test_a_negative_energy_is_an_error() -> None:
    """Like a negative latency."""
    arch = acadl.loads(DESCRIPTION.replace("n * mul + 1 fJ", "2 fJ - n * 1 fJ"))
    body = step("work", n=3)
    with pytest.raises(ProgramError, match=r"energy of 'ex\.worker' is -1000"):
        aidg.energy(arch, LoopProgram(body, arch.operations))


def test_sums_keep_what_is_missing() -> None:
    """Of every part."""
    one = aidg.Energy((aidg.EnergyShare("u", "x", 1, 5),), ("a",), ("note",))
    two = aidg.Energy((aidg.EnergyShare("u", "x", 2, 7), aidg.EnergyShare("v", "y", 1, 40)), ("a", "b"))
    found = summed([(one, 3), (two, 1)])
    assert found.shares == (aidg.EnergyShare("v", "y", 1, 40), aidg.EnergyShare("u", "x", 5, 22))
    assert found.missing == ("a", "b") and found.notes == ("note",)


def test_areas_are_summed() -> None:
    """Of the objects that say theirs; the others are named."""
    found = area(SPENDS)
    assert found is not None
    assert found.by_object == {"data": 500_000_000_000, "ex.worker": 250_000_000_000, "ifs": 200_000_000}
    assert found.total_mm2 == pytest.approx(0.7502)
    assert "other" in found.missing and area(platforms.load("oma")) is None
    assert list(found.to_dict()) == ["total_mm2", "by_object", "missing"]


@pytest.mark.parametrize(
    ("old", "new", "code", "message"),
    [
        ("read_energy: 5 pJ", "read_energy: 5", "E0301", "'read_energy' is an energy, found a number"),
        ("read_energy: 5 pJ", "read_energy: 5 um2", "E0301", "'read_energy' is an energy, found an area"),
        ("read_energy: 5 pJ", "read_energy: 0.5 aJ", "E0302", "'0.5 aJ' is no whole number of aJ"),
        ("area: 0.25 mm2", "area: 3 pJ", "E0301", "'area' is an area, found an energy"),
        ("energy: n * mul + 1 fJ", "energy: n", "E0301", "'energy' is an energy, found a number"),
        ("energy: n * mul + 1 fJ", "energy: m * mul", "E0201", "unknown name 'm'"),
        ("energy: n * mul + 1 fJ", "energy: mul + 1", "E0301", "'+' cannot join an energy and a number"),
        ("energy: n * mul + 1 fJ", "energy: mul * mul", "E0301", "'*' cannot join an energy and an energy"),
        ("latency: n,", "latency: 3 pJ,", "E0301", "'latency' is cycles, found an energy"),
    ],
)
def test_units_are_checked(old: str, new: str, code: str, message: str) -> None:
    """Energies and areas do not mix with anything else."""
    assert old in DESCRIPTION
    found = [d for d in acadl.check(DESCRIPTION.replace(old, new)) if d.code == code]
    assert [d.message for d in found] == [message]
