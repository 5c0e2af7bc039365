"""The description of PicoRV32 and its front end against the RTL: every case, every event, to the cycle."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import acadl
import platforms
from aidg import build, estimate
from mappings.cases import Case, map_case
from mappings.registry import MappingError
from mappings.riscv import run as execute
from platforms.command_group import cli

DATA = Path(__file__).parents[1] / "data" / "rtl" / "picorv32"
CASES = DATA / "cycles_dev.csv"
TRACES = sorted(DATA.glob("trace_*.csv"))
NAME = re.compile(r"(?:trace_)?([a-z0-9]+)_([0-9x]+)_(rv32im?)_(\w+)_lat(\d+)\.")
# three longer programs, of 0.4 to 7 million instructions, take some seconds
SHORT = "kernel_instr < 200000"


def run(*args: object) -> Result:
    return CliRunner().invoke(cli, list(map(str, args)))


def case_of(file: Path) -> list[str]:
    found = NAME.match(file.name)
    assert found is not None
    program, sizes, isa, config, latency = found.groups()
    cells = {"program": program, "isa": isa}
    cells |= {f"p{place}": size for place, size in enumerate(sizes.split("x"))}
    case = [word for name, text in cells.items() for word in ("--case", f"{name}={text}")]
    return [*case, "--set", f"core_config={config}", "--set", f"mem_latency={latency}"]


@pytest.mark.parametrize(("measured", "rows"), [("kernel_cycles", 233), ("total_cycles", 233)])
def test_every_case_is_exact(measured: str, rows: int) -> None:
    report = platforms.validate("picorv32", CASES, where=SHORT, measured=measured)
    assert (report.exact, len(report.cases), report.failed) == (rows, rows, ())
    assert report.unused == ()


@pytest.mark.slow
def test_the_longest_programs_are_exact() -> None:
    report = platforms.validate("picorv32", CASES, where=f"not ({SHORT})")
    assert (report.exact, len(report.cases)) == (11, 11)


@pytest.mark.parametrize("trace", TRACES, ids=lambda path: path.stem)
def test_every_event_is_exact(trace: Path) -> None:
    """Retirements by number; requests and replies with the addresses of fetches, in vain or not."""
    result = run("compare", "picorv32", trace, *case_of(trace), "--max-error", 0, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["exact"] and found["only_measured"] == []
    rows = list(csv.DictReader(trace.open()))
    assert found["events"] == found["matched"] == len(rows)
    retired = sum(row["event"] == "retire" for row in rows)
    assert {kind["unit"]: kind["matched"] for kind in found["kinds"] if kind["event"] == "retire"} == {
        "core": retired
    }


def test_every_event_of_the_waveform_is_exact() -> None:
    """It ends within the kernel."""
    waves = DATA / "gemm_4x4x4_rv32im_fast_lat1.vcd.gz"
    result = run("compare", "picorv32", waves, *case_of(waves), "--until", 1196, "--max-error", 0, "--json")
    found = json.loads(result.stdout)
    assert (found["exact"], found["events"], found["only_measured"]) == (True, 843, [])


def test_a_wrong_latency_is_found_at_the_first_event_that_it_moves() -> None:
    trace = DATA / "trace_isort_8_rv32im_fast_lat0.csv"
    result = run("compare", "picorv32", trace, *case_of(trace)[:-1], "mem_latency=1", "--max-error", 0)
    assert result.exit_code == 1
    assert "first divergence: ifetch/ready" in result.stdout and "1 too late" in result.stdout


def counts(file: str) -> dict[str, int]:
    """Transactions and instructions of the kernel, by the explicit graph."""
    arch = platforms.load("picorv32")
    program = map_case(Case({"program": str(DATA / "programs" / file)}), arch)
    graph = build(arch, program)
    accesses = [name for _, name in graph.nodes if name.startswith("memory#")]
    operations = [instruction.operation for instruction in program]
    loads, stores = operations.count("load"), operations.count("store")
    return {
        "kernel_cycles": graph.graph["cycles"],
        "kernel_instr": len(operations),
        "kernel_ifetch": len(accesses) - loads - stores,
        "kernel_loads": loads,
        "kernel_stores": stores - 1,  # the mark
    }


@pytest.mark.parametrize("stem", ["gemm_2x2x2_rv32im", "isort_8_rv32im", "memcpy_64x4_rv32im"])
def test_fetches_loads_and_stores_are_counted_as_in_the_rtl(stem: str) -> None:
    program, sizes, isa = stem.split("_")
    wanted = {"program": program, "isa": isa, "core_config": "fast", "mem_latency": "1"}
    wanted |= {f"p{place}": size for place, size in enumerate(sizes.split("x"))}
    (row,) = [
        r for r in csv.DictReader(CASES.open()) if all(r[name] == text for name, text in wanted.items())
    ]
    found = counts(f"{stem}.elf")
    assert found == {name: int(row[name]) for name in found}


def test_simulation_graph_and_kernel_agree() -> None:
    for config, stem in [
        ("base", "gemm_2x2x2_rv32i"),
        ("mul", "requant_8_rv32im"),
        ("fast", "softmax_1x8_rv32im"),
    ]:
        arch = platforms.load("picorv32", core_config=config, mem_latency=2)
        program = map_case(Case({"program": str(DATA / "programs" / f"{stem}.elf")}), arch)
        full = estimate(arch, program, method="full")
        exact = estimate(arch, program)
        assert acadl.simulate(arch, program).cycles == full.cycles == exact.cycles
        assert exact.utilization == full.utilization
        assert exact.evaluated_instructions < exact.instructions


@pytest.mark.parametrize("stem", ["gemm_2x2x2_rv32i", "qsort_10_rv32im"])
def test_results_agree_with_the_data(stem: str) -> None:
    program, sizes, isa = stem.split("_")
    rows = [r for r in csv.DictReader(CASES.open()) if (r["program"], r["isa"]) == (program, isa)]
    row = next(r for r in rows if "x".join(r[f"p{n}"] for n in range(4) if r[f"p{n}"]) == sizes)
    for suffix in (".elf", ".lst"):
        execution = execute(DATA / "programs" / f"{stem}{suffix}", isa=isa)
        begin, end = (mark.instructions for mark in execution.marks)
        assert execution.result == int(row["checksum"])
        assert end - begin == int(row["kernel_instr"])
        assert execution.instructions == int(row["total_instr"]) + 1  # the last store does not retire


def test_a_machine_whose_time_depends_on_addresses_gets_them() -> None:
    """A memory with open rows; the addresses are those of the RTL."""
    text = (Path(platforms.__path__[0]) / "library" / "picorv32.acadl").read_text()
    rows = "dram memory {\n        t_RCD: 4, t_RP: 3, row_bytes: 64 bytes, banks: 2"
    arch = acadl.loads(text.replace("sram memory {", rows), mem_latency=0)
    program = map_case(Case({"program": str(DATA / "programs" / "isort_8_rv32im.elf")}), arch)
    accesses = [
        (instruction.operation, piece.start)
        for instruction in program
        if instruction.operation in ("load", "store")
        for piece in (*instruction.read_addresses[1:], *instruction.write_addresses)
    ]
    trace = list(csv.DictReader((DATA / "trace_isort_8_rv32im_fast_lat0.csv").open()))
    requests = [row for row in trace if row["event"] == "req" and row["unit"] != "ifetch"]
    assert [(name, place & ~3) for name, place in accesses] == [
        (row["unit"], int(row["addr"], 16)) for row in requests
    ]
    found = estimate(arch, program)
    assert found.cycles == acadl.simulate(arch, program).cycles > 689


def test_one_program_on_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(DATA)
    result = run(
        "run",
        "picorv32",
        *("--case", "program=gemm", "--case", "p0=2", "--case", "p1=2", "--case", "p2=2"),
    )
    assert result.exit_code == 0
    assert "gemm_2x2x2_rv32im, kernel on picorv32: 186 cycles, 32 instructions" in result.stdout
    program = ["--case", "program=programs/gemm_2x2x2_rv32im.elf"]
    result = run("run", "picorv32", *program, "--measured", "total_cycles", "--json")
    assert json.loads(result.stdout)["cycles"] == 923


@pytest.mark.parametrize(
    ("case", "settings", "message"),
    [
        ({"program": "nothing"}, {}, r"there is no program .*nothing_rv32im\.elf or .*nothing_rv32im\.lst"),
        ({}, {}, "the cases have no column 'program'"),
        ({"isa": "rv32im"}, {"core_config": "base"}, "core_config=base runs rv32i only"),
        (
            {"mem_latency": "3"},
            {},
            "the case has mem_latency=3, the architecture mem_latency=1; set it with --set",
        ),
        ({"checksum": "1"}, {}, "the program returns 94731622, column 'checksum' says 1"),
        ({"isa": "rv32i"}, {}, "'mul' is no instruction of rv32i"),
    ],
)
def test_what_cannot_be_run_is_said(case: dict[str, str], settings: dict[str, str], message: str) -> None:
    program = {"program": str(DATA / "programs" / "gemm_2x2x2_rv32im.elf")} if case else {}
    arch = platforms.load("picorv32", **settings)
    with pytest.raises(acadl.AcadlError, match=message):
        map_case(Case({**program, **case}), arch)


def test_layers_of_networks_are_refused_with_what_to_do() -> None:
    from mappings import Layer, map_layer

    layer = Layer(name="fc", op="fc", gemm_M=1, gemm_N=2, gemm_K=3)
    with pytest.raises(MappingError, match="runs compiled programs, not layers such as 'fc'"):
        map_layer(layer, platforms.load("picorv32"))
