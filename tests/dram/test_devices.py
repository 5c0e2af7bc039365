"""Devices, formulas, address mappings, configurations: values, round trips, and what is refused."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dram
from dram.address import FIELDS, AddressMapping, Place, field_widths, of_bits, ordered
from dram.catalog import device, device_names
from dram.commands import COMMAND_NAMES
from dram.configurations import configuration, configuration_names
from dram.errors import DramError
from dram.formula import cycles, evaluate
from dram.kernel import layout
from dram.requests import Requests
from dram.standards import standard, standard_names

ROOT = Path(__file__).parents[2]


def test_the_kernel_numbers_commands_as_everyone_does() -> None:
    assert [getattr(layout, name) for name in COMMAND_NAMES] == list(range(layout.COMMANDS))


def test_positions_are_unique() -> None:
    assert len(fields(layout.Kernel)) == 25
    assert layout.SLACK == layout.SETTINGS - 1
    assert layout.LAST_READ_DONE == layout.REGS - 1
    assert layout.HELD_WAKE == layout.BANK - 1
    assert layout.KEY == layout.SLOT - 1
    assert layout.CLOCK_END == layout.RANK - 1


def test_every_standard_has_its_file_and_every_bin_makes_a_device() -> None:
    assert standard_names() == ("DDR3", "DDR4", "DDR5", "GDDR6", "HBM2", "HBM3", "LPDDR4", "LPDDR5")
    for name in device_names():
        made = device(name)
        assert made.name == name
        assert made.ticks("tREFI") > 0
        assert made.read_data[0] < made.read_data[1]
        for organisation in standard(made.standard).organisations:
            assert device(name, organisation).organisation.capacity_bytes > 0


def test_values_of_a_bin() -> None:
    made = device("DDR4_2400")
    assert made.name == "DDR4_2400R"
    found = {name: made.timing[name] for name in ("CL", "CWL", "tRCD", "tRC", "tFAW", "tRFC", "tREFI", "tXP")}
    assert found == {
        "CL": 16, "CWL": 12, "tRCD": 16, "tRC": 55, "tFAW": 26, "tRFC": 421, "tREFI": 9363, "tXP": 8
    }  # fmt: skip
    assert made.organisation.capacity_bytes == 8 << 30
    assert made.peak_bytes_per_second == pytest.approx(64 / (4 * 833e-12))
    rows = {row.name: row for row in made.constraints}
    assert rows["read_to_write"].between("RD", "WRA") == 16 + 4 + 2 - 12
    assert rows["tRAS"].reach("ACT", "PREA") == "rank"


def test_distances_count_from_last_clock_to_last_clock() -> None:
    made = device("LPDDR4_3200")
    rows = {row.name: row for row in made.constraints}
    assert rows["tRCD"].between("ACT", "RD") == made.timing["tRCD"]  # both take four clocks
    assert rows["tRPpb"].between("PRE", "ACT") == made.timing["tRPpb"] - 2
    assert rows["tRAS"].between("ACT", "PRE") == made.timing["tRAS"] + 2
    assert made.read_data[0] == 3 + 28 + made.timing["tDQSCK"]


def test_overrides_and_units() -> None:
    made = device("DDR4_2400", timing={"tRCD": "20ns", "CL": 20}, rules={"tRP": "tRP + 1"}, ranks=2)
    assert made.timing["tRCD"] == 24  # 24.01 cycles
    assert made.timing["RL"] == 20
    assert next(row for row in made.constraints if row.name == "tRP").between("PRE", "ACT") == 17
    assert made.organisation.ranks == 2


@pytest.mark.parametrize(
    ("time", "expected"),
    [(7, 7), ("10ns", 12), ("9.996ns", 12), ("10.02ns", 13), ("0.0078us", 10), ("833ps", 1)],
)
def test_times_are_rounded_as_the_standard_does(time: int | str, expected: int) -> None:
    assert cycles(time, 833) == expected


@given(st.integers(-9, 9), st.integers(-9, 9), st.integers(1, 9))
def test_formulas(a: int, b: int, c: int) -> None:
    values = {"a": a, "b": b, "c": c}
    assert evaluate("max(a, b + 2) - 3 * c", values) == max(a, b + 2) - 3 * c
    assert evaluate("-(a - b) // c", values) == -(a - b) // c


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "a.b",
        "a ** 2",
        "__import__('os')",
        "a if a else a",
        "max()",
        "1.5",
        "a //",
        "(" * 300,
        "a // 0",
        "True",
    ],
)
def test_what_is_no_formula_is_refused(text: str) -> None:
    with pytest.raises(DramError):
        evaluate(text, {"a": 1})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("DDR9_1",), "no standard is called 'DDR9'; did you mean"),
        (("DDR4",), "names no device"),
        (("DDR4_2401",), "DDR4 has no speed bin '2401'; did you mean '2400"),
        (("DDR4_2400", "8Gb_x9"), "no organisation '8Gb_x9'; did you mean '8Gb_x8'"),
    ],
)
def test_unknown_names(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(DramError, match=message.replace("(", "\\(")):
        device(*arguments)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"timing": {"tRDC": 3}}, "no time 'tRDC'; did you mean 'tRC'"),
        ({"timing": {"tRCD": "3 apples"}}, "is no time"),
        ({"timing": {"tRCD": -1}}, "tRCD is -1 cycles"),
        ({"timing": {"tCK_ps": 0}}, "tCK_ps is 0"),
        ({"rules": {"tRDC": "3"}}, "no constraint 'tRDC'; did you mean"),
        ({"sizes": {"banks": 3}}, "banks is 3, but sizes are powers of two"),
        ({"sizes": {"bank": 4}}, "no 'bank'; did you mean 'banks'"),
        ({"ticks": {"ACT": 0}}, "ACT takes 0 ticks"),
    ],
)
def test_impossible_overrides(options: dict[str, Any], message: str) -> None:
    with pytest.raises(DramError, match=message):
        device("DDR4_2400", **options)


SHAPE = device("DDR4_2400", ranks=2).organisation


@st.composite
def mappings(draw: st.DrawFn) -> AddressMapping:
    """Any order of all bits, with exclusive ors of row bits."""
    widths = field_widths(SHAPE, 2)
    bits = draw(st.permutations(range(6, 6 + sum(widths.values()))))
    taken = iter(bits)
    fields: dict[str, list[int | list[int]]] = {
        field: [next(taken) for _ in range(widths[field])] for field in FIELDS
    }
    hashed = draw(st.lists(st.sampled_from(fields["row"]), max_size=widths["bank"]))
    fields["bank"] = [
        [bit, hashed[number]] if number < len(hashed) else bit  # type: ignore[list-item]
        for number, bit in enumerate(fields["bank"])
    ]
    return of_bits(SHAPE, fields, 2)


@given(mappings(), st.lists(st.integers(0, (1 << 35) - 1), min_size=1, max_size=20))
def test_encoding_undoes_decoding(mapping: AddressMapping, numbers: list[int]) -> None:
    addresses = np.array(numbers, np.int64) & ((1 << mapping.address_bits) - 64)
    assert (mapping.encode(mapping.decode(addresses)) == addresses).all()


def test_an_order_of_fields() -> None:
    mapping = ordered(SHAPE, ["co", "ra", "bg", "ba", "ro"])
    address = 0x26759600
    place = mapping.decode(np.array([address], np.int64))
    expected = [0, address >> 13 & 1, address >> 14 & 3, address >> 16 & 3, address >> 18, address >> 6 & 127]
    assert [int(field[0]) for field in place] == expected
    assert mapping.encode(Place(*(np.array([value]) for value in (0, 1, 0, 0, 0, 0))))[0] == 1 << 13


@pytest.mark.parametrize(
    ("bits", "message"),
    [
        ({"column": range(6, 13)}, "rank needs 1 address bits, but 0"),
        ({"colum": [1]}, "no field 'colum'; did you mean 'column'"),
        (
            {
                "column": range(6, 13),
                "ra": [13],
                "bg": [14, 15],
                "ba": [[16, 17], [17, 16]],
                "ro": range(18, 34),
            },
            "sends two addresses to one place",
        ),
        (
            {"column": range(6, 13), "ra": [13], "bg": [14, 15], "ba": [16, 40], "ro": range(18, 34)},
            "have to be those from 6 to 33",
        ),
        (
            {"column": range(5, 12), "ra": [13], "bg": [14, 15], "ba": [16, 17], "ro": range(18, 34)},
            "within a burst of 64 bytes",
        ),
    ],
)
def test_mappings_that_are_none(bits: dict[str, Any], message: str) -> None:
    with pytest.raises(DramError, match=message):
        of_bits(SHAPE, bits)


def test_every_shipped_configuration_can_be_made() -> None:
    names = configuration_names()
    assert "ramulator2/ddr4_2400_1r" in names and "dramsys__fifostrict/ddr4_2400_1r" in names
    for name in names:
        chosen = configuration(name)
        run = dram.simulate(Requests.of([0], [False], [0]), chosen, fast=False)
        assert run.done[0] > 0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, r"device: is missing \(a configuration names a device or a base\)"),
        (
            {"base": "DDR4_2400", "device": {"rank": 2}},
            r"device\.rank: .*'ranks'\? \(there are name, organisation",
        ),
        ({"base": "ramulator2/ddr4"}, "no configuration is called 'ramulator2/ddr4'"),
        ({"base": "other.json"}, 'base is "other.json", but it names a shipped configuration or a device'),
        ({"device": 4}, "device: is 4, but settings are a dictionary"),
        ({"device": {"name": "DDR4_2400"}, "controler": {}}, "controler: .*did you mean 'controller'"),
        ({"device": {"name": "DDR4_2400"}, "controller": {"page": "ajar"}}, "controller.page"),
        ({"device": {"name": "DDR4_2400"}, "controller": {"read_queue": 0}}, "controller.read_queue"),
        ({"device": {"name": "DDR4_2400"}, "controller": {"drain": {"high": 2, "low": 5}}}, "drain.low is 5"),
        (
            {"device": {"name": "DDR4_2400"}, "controller": {"refresh": "per_bank"}},
            "DDR4 has no command REFPB",
        ),
        (
            {"device": {"name": "HBM2_2000"}, "controller": {"power_down": "staggered"}},
            "HBM2 has no command PDNA",
        ),
        ({"device": {"name": "DDR4_2400", "ranks": 3}}, "ranks is 3"),
    ],
)
def test_configurations_that_are_none(values: dict[str, Any], message: str) -> None:
    with pytest.raises(DramError, match=message):
        dram.simulate(Requests.of([0], [False], [0]), values)


def test_configurations_from_files(tmp_path: Path) -> None:
    file = tmp_path / "memory.json"
    file.write_text(json.dumps({"device": {"name": "DDR3_1600"}}))
    assert configuration(str(file)).device.name == "DDR3_1600"
    file.write_text('{"device":\n {"name": }}')
    with pytest.raises(DramError, match=r"memory\.json:2: is no JSON"):
        configuration(str(file))
    with pytest.raises(DramError, match="cannot be read"):
        configuration(str(tmp_path / "none.json"))
    with pytest.raises(DramError, match="did you mean 'ramulator2/ddr4_2400_1r'"):
        configuration("ramulator/ddr4_2400_1r")


@pytest.mark.parametrize(
    ("requests", "message"),
    [
        (Requests.of([5, 3], [False, False], [0, 0]), "request 1 arrives at 3, before the one ahead of it"),
        (Requests.of([-1], [False], [0]), "before cycle 0"),
        (Requests.of([0], [False], [1 << 33]), "address 0x200000000 is beyond the memory"),
        (Requests.of([0], [False], [-64]), "is beyond the memory"),
    ],
)
def test_requests_that_cannot_be_served(requests: Requests, message: str) -> None:
    with pytest.raises(DramError, match=message):
        dram.simulate(requests, "DDR4_2400")
    with pytest.raises(DramError, match=message):
        list(dram.stream([requests], "DDR4_2400"))


def test_no_requests() -> None:
    run = dram.simulate(Requests.of([], [], []), "DDR4_2400")
    assert run.cycles == 0 and run.read_latency["max"] == 0 and run.bandwidth_bytes_per_s == 0


def test_the_documentation_names_what_presets_replace() -> None:
    presets = json.loads((Path(dram.__file__).parent / "presets.json").read_text())
    rows = [line for line in (ROOT / "docs" / "dram.md").read_text().splitlines() if line.startswith("| `")]
    for simulator, entry in presets["simulators"].items():
        for config, change in entry["device"].items():
            named = "".join(row for row in rows if f"`{simulator}/{config}`" in row)
            for rule in (*change.get("rules", {}), *change.get("timing", {})):
                assert f"`{rule}`" in named, (simulator, config, rule)
            for command in change.get("ticks", {}):
                assert command in named, (simulator, config, command)


def test_each_variant_goes_with_each_memory_of_its_simulator() -> None:
    assert configuration("dramsys__closed/ddr3_1600_1r") == configuration("dramsys__closed_ddr3/ddr3_1600_1r")
    assert configuration("ramulator2__norefresh/hbm3_6400_ch").controller.refresh == "none"
    for wrong in ("ramulator2__closed/ddr4_2400_1r", "dramsys/ddr5_4800_1r", "dramsys__/ddr4_2400_1r"):
        with pytest.raises(DramError, match="no configuration is called"):
            configuration(wrong)
