"""Rules for whole architectures, at both sides of their boundaries."""

from __future__ import annotations

import pytest

import acadl
from tests.language.descriptions import body_codes, codes

FETCH = """
architecture a {{
    clock 1 GHz
    operations {{ add(acc: inout reg) }}
    sram imem {{ data_width: 32 bits, port_width: {width}, addresses: 0 ..< 64 }}
    registers rf {{ data_width: 8 bits, names: r }}
    fetch ifs {{ issue_buffer_size: {buffer}, from: imem }}
    execute ex {{ unit u {{ operations: add }} }}
    ifs -> ex
    rf <=> ex.u
}}
"""


@pytest.mark.parametrize(
    ("width", "buffer", "expected"),
    [(1, 1, []), (4, 4, []), (4, 3, ["E0604"]), (4, 9, []), (2, 1, ["E0604"])],
)
def test_the_issue_buffer_holds_one_read(width: int, buffer: int, expected: list[str]) -> None:
    assert codes(FETCH.format(width=width, buffer=buffer)) == expected


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("0x2000 ..< 0x3000", "0x3000 ..< 0x4000", []),
        ("0x2000 ..< 0x3001", "0x3000 ..< 0x4000", ["E0607"]),
        ("0x2000 ..< 0x3000", "0x2fff ..< 0x4000", ["E0607"]),
        ("0x2000 ..< 0x9000", "0x3000 ..< 0x4000", ["E0607"]),
        ("(0x2000 ..< 0x3000, 0x5000 ..< 0x6000)", "0x3000 ..< 0x5000", []),
        ("(0x2000 ..< 0x3000, 0x5000 ..< 0x6000)", "0x3000 ..< 0x5001", ["E0607"]),
        ("(0x2000 ..< 0x3000, 0x2800 ..< 0x6000)", "0x7000 ..< 0x8000", ["E0607"]),
        ("0x0fff ..< 0x1100", "0x7000 ..< 0x8000", ["E0607"]),  # the instruction memory ends at 0x1000
    ],
)
def test_addresses_belong_to_one_memory(first: str, second: str, expected: list[str]) -> None:
    body = (
        f"sram s {{ data_width: 8 bits, addresses: {first} }}\n"
        f"dram d {{ data_width: 8 bits, addresses: {second} }}\n{{s, d}} => ex.lsu"
    )
    assert body_codes(body) == expected


def test_exactly_one_fetch_stage() -> None:
    assert "E0602" in codes("architecture a { clock 1 GHz }")
    assert body_codes("fetch second { from: imem }") == ["E0602"]


def test_exactly_one_instruction_memory() -> None:
    second = "sram other { data_width: 8 bits, addresses: 0x2000 ..< 0x3000 }\n"
    assert body_codes(second + "other => ifs.imau") == ["E0603"]
    assert body_codes(second + "other => ex.lsu") == []
    without = FETCH.format(width=1, buffer=1).replace(", from: imem", "")
    assert codes(without) == ["E0603"]
    by_edge = without.replace("ifs {", "ifs { instruction_memory_unit i { },").replace(
        "ifs -> ex", "ifs -> ex\nimem => ifs.i"
    )
    assert codes(by_edge) == []
    two_units = by_edge.replace(
        "instruction_memory_unit i { }", "instruction_memory_unit i { }, instruction_memory_unit j { }"
    )
    assert "E0603" in codes(two_units)


def test_an_instruction_cache_is_no_instruction_memory() -> None:
    text = (
        FETCH.format(width=1, buffer=1)
        .replace("from: imem", "from: c")
        .replace("ifs -> ex", "cache c { data_width: 32 bits, sets: 1, ways: 1 }\nimem => c\nifs -> ex")
    )
    assert codes(text) == ["E0603"]


def test_units_are_reached_on_one_path() -> None:
    unit = "execute far { unit u { operations: add } }\nstage a { }\nstage b { }\n"
    assert body_codes(unit + "ifs -> a") == ["E0605"]
    assert body_codes(unit + "ifs -> a -> far\na -> b") == ["W0903"]
    assert body_codes(unit + "ifs -> {a, b} -> far") == ["E0608"]
    assert body_codes(unit + "ifs -> a -> b -> far\na -> far") == ["E0608"]
    assert "E0608" not in body_codes(unit + "ifs -> a -> {b, far}")


def test_forward_paths_have_no_cycle() -> None:
    stages = "stage a { }\nstage b { }\nstage c { }\nifs -> a -> b -> c\n"
    assert body_codes(stages + "c -> a") == ["E0606"]
    assert body_codes(stages + "b -> b") == ["E0606"]
    assert body_codes(stages + "c -> ex", given="") == ["E0608"]  # a second way, but no cycle
    unreached = "stage x { }\nstage y { }\nx -> y -> x"
    assert body_codes(unreached) == ["E0606"]


def test_latencies_of_stages_are_known_for_all_that_passes() -> None:
    stage = """
    stage s {{ latency: {latency} }}
    execute e {{ memory_unit u {{ operations: {operations} }} }}
    ifs -> s -> e
    """
    assert "E0205" not in body_codes(stage.format(latency="m", operations="gemm"))
    assert "E0205" in body_codes(stage.format(latency="m", operations="gemm load"))
    assert "E0205" not in body_codes(stage.format(latency="src.bytes", operations="gemm load"))
    assert "E0201" in body_codes(stage.format(latency="q", operations="gemm load"))


def test_an_execute_stage_knows_its_own_units_in_another_way() -> None:
    """Its latency is for what passes through; units of its own do not count."""
    own = "execute e { latency: m, unit u { operations: add } }\nifs -> e"
    assert "E0205" not in body_codes(own)
    behind = "\nexecute g { unit u { operations: add } }\ne -> g"
    assert "E0205" in body_codes(own + behind)


def test_the_latency_of_an_instruction_read_is_no_expression_over_one() -> None:
    text = FETCH.format(width=1, buffer=1).replace("add(acc: inout reg)", "add(acc: inout reg, m: int)")
    unit = "ifs { instruction_memory_unit i { latency: LATENCY },"
    assert codes(text.replace("ifs {", unit.replace("LATENCY", "m"))) == ["E0205"]
    assert codes(text.replace("ifs {", unit.replace("LATENCY", "2"))) == []


CACHE = (
    "sram s { data_width: 8 bits, addresses: 0x2000 ..< 0x3000 }\n"
    "cache c1 { data_width: 8 bits, sets: 1, ways: 1 }\ncache c2 { data_width: 8 bits, sets: 1, ways: 1 }\n"
)


@pytest.mark.parametrize(
    ("edges", "expected"),
    [
        ("ex.lsu <=> c1 <=> c2 <=> s", []),
        ("s => {c1, c2} => ex.lsu", []),  # read only
        ("s => c1 => ex.lsu", ["E0609"]),
        ("ex.lsu <=> c1 <=> c2", ["E0609"]),
        ("s => {c1, c2}\nex.lsu <=> c1", ["E0609"]),
        ("c1 <=> c2 <=> c1", ["E0610"]),
    ],
)
def test_caches_lead_to_a_memory(edges: str, expected: list[str]) -> None:
    assert body_codes(CACHE + edges) == expected


@pytest.mark.parametrize(
    ("stage", "unit", "warned"),
    [
        ("", "latency: 3, initiation_interval: 1", True),
        ("capacity: 3", "latency: 3, initiation_interval: 1", False),
        ("capacity: 3", "latency: 3, initiation_interval: 1, capacity: 1", True),
        ("capacity: 3", "latency: 3, initiation_interval: 1, capacity: 2", False),
        ("", "latency: 3, initiation_interval: 3", False),
        ("", "latency: 3, initiation_interval: 2", True),
        ("", "latency: 3", False),
        ("", "latency: steps, initiation_interval: 1", True),
    ],
)
def test_pipelined_units_need_room(stage: str, unit: str, warned: bool) -> None:
    memory = "sram s { data_width: 8 bits, addresses: 0x2000 ..< 0x3000 }\n"
    held = f"execute e {{ {stage}\n memory_unit u {{ operations: gemm, {unit} }} }}"
    assert body_codes(f"{memory}{held}\nifs -> e\ns => e.u") == (["W0905"] if warned else [])


def test_warnings_do_not_stop_loading() -> None:
    text = FETCH.format(width=1, buffer=1).replace("reg) }", "reg), nop() }")
    assert codes(text) == ["W0901"]
    assert acadl.loads(text).name == "a"


def test_operands_are_within_reach_of_some_unit() -> None:
    unit = """
    operations {{ both({operands}) }}
    execute e {{ memory_unit u {{ operations: both }} }}
    ifs -> e
    {edges}"""

    def found(operands: str, edges: str) -> list[str]:
        return body_codes(unit.format(operands=operands, edges=edges))

    assert found("a: in reg, b: out address", "rf => e.u => dmem") == []
    assert found("a: in reg, b: out address", "dmem => e.u => rf") == ["W0906"]
    assert found("a: inout reg", "dmem => e.u => rf") == ["W0906"]
    assert found("a: inout reg", "dmem <=> e.u <=> rf") == []
    assert found("n: int", "dmem => e.u") == []
    elsewhere = "\nexecute g { memory_unit u { operations: both } }\nifs -> g\nrf => g.u => dmem"
    assert found("a: in reg, b: out address", "dmem => e.u" + elsewhere) == []


def test_unused_parts_are_named() -> None:
    sound = FETCH.format(width=1, buffer=1)
    assert codes(sound.replace("architecture a {", "architecture a(n: int = 1) {")) == ["W0902"]
    assert codes(sound.replace("clock 1 GHz", "clock 1 GHz\ntemplate t { }")) == ["W0902"]
    assert codes(sound.replace("clock 1 GHz", "clock 1 GHz\ntemplate t { }\nx: t")) == []
    assert codes(sound.replace("clock 1 GHz", "clock 1 GHz\nstage lost { }")) == ["W0903"]
    template = "clock 1 GHz\ntemplate t(a: int = 1, b: int = 2) { if b > 1 { const k = a } }\n"
    assert codes(sound.replace("clock 1 GHz", template + "x: t(b: 1)")) == []  # also in a branch not taken
    assert codes(sound.replace("clock 1 GHz", template.replace("k = a", "k = b") + "x: t")) == ["W0902"]


def test_large_machines_are_checked_in_time() -> None:
    """Layers of stages with exponentially many paths."""
    layers = "".join(f"stage a{i} {{ }}\nstage b{i} {{ }}\n" for i in range(200))
    joins = "".join(f"{{a{i}, b{i}}} -> {{a{i + 1}, b{i + 1}}}\n" for i in range(199))
    assert body_codes(
        f"{layers}{joins}ifs -> {{a0, b0}}\nexecute e {{ unit u {{ operations: add }} }}\na199 -> e"
    ) == ["E0608"]
