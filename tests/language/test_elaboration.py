"""Every construct, and the objects that it makes."""

from __future__ import annotations

from dataclasses import fields

import pytest

import acadl
from acadl.elaborate_schema import FIELDS, OBJECTS
from acadl.expressions import Const
from acadl.model import (
    DRAM,
    SRAM,
    EdgeKind,
    ExecuteStage,
    FunctionalUnit,
    InstructionFetchStage,
    InstructionMemoryAccessUnit,
    MemoryAccessUnit,
    PipelineStage,
    RegisterFile,
    SetAssociativeCache,
)
from acadl.operations import Operand
from acadl.routing import storage_path
from tests.language.descriptions import body_codes, codes, machine


def kinds(arch: acadl.Architecture, kind: EdgeKind) -> set[tuple[str, str]]:
    return {(edge.source, edge.target) for edge in arch.edges if edge.kind is kind}


def test_the_frame_is_sound() -> None:
    assert body_codes("") == []


def test_pipeline_stage() -> None:
    arch = machine("stage s { latency: 2, initiation_interval: 1, capacity: 4, order: fifo }\nifs -> s")
    assert arch.objects["s"] == PipelineStage(
        name="s", latency=Const(2), initiation_interval=Const(1), capacity=4, order="fifo"
    )
    assert machine("stage s { }\nifs -> s").objects["s"] == PipelineStage(name="s")


def test_execute_stage_contains_its_units() -> None:
    text = (
        "execute e2 {\n latency: 3, capacity: 2\n"
        " unit a { operations: add, latency: 5, initiation_interval: 2, capacity: 3 }\n"
        " memory_unit b { operations: gemm, latency: m + src.bytes }\n}\nifs -> e2"
    )
    made = machine(text)
    assert made.objects["e2"] == ExecuteStage(name="e2", latency=Const(3), capacity=2)
    assert made.objects["e2.a"] == FunctionalUnit(
        name="e2.a", to_process=frozenset({"add"}), latency=Const(5), initiation_interval=Const(2), capacity=3
    )
    unit = made.objects["e2.b"]
    assert isinstance(unit, MemoryAccessUnit)
    assert unit.latency.evaluate({"m": 3, "src.bytes": 4}) == 7
    assert made.successors("e2", EdgeKind.CONTAINS) == ("e2.a", "e2.b")


@pytest.mark.parametrize(
    ("attributes", "capacity"),
    [
        ("", 1),
        ("initiation_interval: 1", 6),
        ("initiation_interval: 1, capacity: 2", 2),
        ("capacity: 3", 3),
    ],
)
def test_a_pipelined_unit_holds_as_many_as_its_stage(attributes: str, capacity: int) -> None:
    arch = machine(
        f"execute e2 {{ capacity: 6, unit u {{ operations: add, latency: 4, {attributes} }} }}\nifs -> e2"
    )
    unit = arch.objects["e2.u"]
    assert isinstance(unit, FunctionalUnit)
    assert unit.capacity == capacity


def test_fetch_stage_implies_its_memory_access_unit() -> None:
    arch = machine()
    assert arch.fetch_stage == InstructionFetchStage(name="ifs")
    assert arch.objects["ifs.imau"] == InstructionMemoryAccessUnit(name="ifs.imau", latency=Const(0))
    assert ("ifs", "ifs.imau") in kinds(arch, EdgeKind.CONTAINS)
    assert ("imem", "ifs.imau") in kinds(arch, EdgeKind.READ_DATA)


def test_fetch_stage_with_its_unit_written_out() -> None:
    text = """
    architecture a {
        clock 1 MHz
        operations { jump(target: int) }
        sram imem { data_width: 32 bits, port_width: 2, addresses: 0 ..< 64 }
        registers pc { data_width: 32 bits, names: pc0 = 0x10 }
        execute ex { unit u { operations: jump } }
        fetch ifs {
            issue_buffer_size: 4, in_order_issue: true, latency: 2
            instruction_memory_unit reader { operations: jump, latency: 1, initiation_interval: 1 }
        }
        ifs -> ex
        imem => ifs.reader <=> pc
    }"""
    arch = acadl.loads(text)
    assert arch.fetch_stage.issue_buffer_size == 4
    assert arch.fetch_stage.in_order_issue is True
    assert arch.fetch_stage.latency == Const(2)
    reader = arch.objects["ifs.reader"]
    assert isinstance(reader, InstructionMemoryAccessUnit)
    assert (reader.latency, reader.initiation_interval) == (Const(1), Const(1))
    assert reader.to_process == {"jump"}
    assert ("ifs.reader", "pc") in kinds(arch, EdgeKind.WRITE_DATA)
    assert arch.register_file_of["pc0"].registers["pc0"] == 16
    both = text.replace("imem => ", "").replace("latency: 2\n", "latency: 2, from: imem\n")
    assert ("imem", "ifs.reader") in kinds(acadl.loads(both), EdgeKind.READ_DATA)


def test_registers() -> None:
    arch = machine(
        """
        const n = 2
        registers x { data_width: n * 4 bits, lanes: 3, names: (a[n ..< 2 * n]
            b c = -5 d = (n + 1)) }
        x => ex.alu
        """
    )
    file = arch.objects["x"]
    assert isinstance(file, RegisterFile)
    assert (file.data_width, file.lanes) == (8, 3)
    assert file.registers == {"a2": 0, "a3": 0, "b": 0, "c": -5, "d": 3}


def test_memories() -> None:
    arch = machine(
        """
        sram s {
            data_width: 64 bits, port_width: 2, read_write_ports: 3, max_concurrent_requests: 4
            initiation_interval: 1, read_latency: 5, write_latency: 6 cycles
            addresses: (4 KiB ..< 8 KiB, 0x8000 ..< 0x9000)
        }
        dram d {
            data_width: 8 bits, addresses: 1 MiB ..< 1 MiB + 4096, banks: 8, row_bytes: 1 KiB
            t_RCD: 1, t_RP: 2, t_RAS: 3, read_latency: 20, write_latency: 21
        }
        {s, d} <=> ex.lsu
        """
    )
    assert arch.objects["s"] == SRAM(
        name="s",
        data_width=64,
        port_width=2,
        read_write_ports=3,
        max_concurrent_requests=4,
        initiation_interval=1,
        read_latency=5,
        write_latency=6,
        address_ranges=((0x1000, 0x2000), (0x8000, 0x9000)),
    )
    assert arch.objects["d"] == DRAM(
        name="d",
        data_width=8,
        address_ranges=((1 << 20, (1 << 20) + 4096),),
        banks=8,
        row_bytes=1024,
        t_RCD=1,
        t_RP=2,
        t_RAS=3,
        read_latency=20,
        write_latency=21,
    )


def test_addresses_mix_numbers_and_sizes() -> None:
    for end in ("0x2000", "0x1000 + 4 KiB", "4 KiB + 0x1000", "8192 bytes", "0x3000 - 4 KiB"):
        arch = machine(f"sram s {{ data_width: 8 bits, addresses: 0x1000 ..< {end} }}\ns => ex.lsu")
        assert arch.objects["s"].address_ranges == ((0x1000, 0x2000),)  # type: ignore[attr-defined]


def test_caches() -> None:
    arch = machine(
        """
        cache l1 {
            data_width: 32 bits, sets: 4, ways: 2, cache_line_size: 32 bytes, hit_latency: 2, miss_latency: 7
            write_allocate: false, write_back: false, replacement_policy: fifo
        }
        cache l2 { data_width: 32 bits, sets: 64, ways: 4 }
        dram d { data_width: 32 bits, addresses: 0x1000 ..< 0x2000 }
        ex.lsu <=> l1 <=> l2 <=> d
        """
    )
    assert arch.objects["l1"] == SetAssociativeCache(
        name="l1",
        sets=4,
        ways=2,
        cache_line_size=32,
        hit_latency=2,
        miss_latency=7,
        write_allocate=False,
        write_back=False,
        replacement_policy="fifo",
    )
    assert {("ex.lsu", "l1"), ("l1", "l2"), ("l2", "d")} <= kinds(arch, EdgeKind.WRITE_DATA)
    assert {("l1", "ex.lsu"), ("l2", "l1"), ("d", "l2")} <= kinds(arch, EdgeKind.READ_DATA)
    assert storage_path(arch, "ex.lsu", 0x1000, 0x1004, EdgeKind.READ_DATA) == tuple(
        arch.objects[name] for name in ("l1", "l2", "d")
    )


def test_operations_with_functions() -> None:
    arch = machine(
        """
        operations { mac(acc: inout reg, a: in reg, n: int) = if n > 0 then acc + a * n else scale }
        execute e2 { unit u { operations: mac } }
        ifs -> e2
        rf <=> e2.u
        """,
        given="scale: int = 9",
    )
    operation = arch.operations["mac"]
    assert operation.operands == (Operand("acc", "reg", "inout"), Operand("a", "reg"), Operand("n", "int"))
    assert operation.function is not None
    assert operation.function.evaluate({"acc": 1, "a": 2, "n": 3}) == 7
    assert operation.function.evaluate({"acc": 1, "a": 2, "n": 0}) == 9
    assert arch.operations["gemm"].function is None


def test_clock_name_and_documentation() -> None:
    arch = machine()
    assert arch.clock_hz == 1_000_000_000
    assert arch.name == "machine"
    text = "/// Small.\narchitecture a {\n clock 2.5 MHz\n /// Box.\n stage s { }\n}"
    assert codes(text) == ["E0602"]


def test_documentation_reaches_the_model() -> None:
    arch = machine("/// Waits.\nstage s { }\nifs -> s\noperations {\n/// Nothing.\nnop()\n}")
    assert arch.objects["s"].doc == "Waits."
    assert arch.operations["nop"].doc == "Nothing."


# --- for, if, const, require ---


def test_for_and_if() -> None:
    arch = machine(
        """
        for i in 0 ..< n, j in i ..< n {
            const k = i * n + j
            if k % 2 == 0 { stage even[i][j] { latency: k } }
            else if k == 1 { stage one { } }
            else { stage odd[k] { } }
        }
        for i in 5 ..< 2 { stage none { } }
        """,
        n=3,
        given="n: int = 1",
    )
    stages = [item.name for item in arch.of_type(PipelineStage)][2:]
    assert stages == ["even[0][0]", "one", "even[0][2]", "even[1][1]", "odd[5]", "even[2][2]"]
    assert arch.objects["even[2][2]"].latency == Const(8)  # type: ignore[attr-defined]


def test_if_within_objects() -> None:
    text = """
    execute e2 {
        if fast { latency: 1 } else { latency: 9 }
        for i in 0 ..< 3 { unit u[i] { operations: add } }
    }
    ifs -> e2
    """
    arch = machine(text, given="fast: bool = true", fast=False)
    assert arch.objects["e2"].latency == Const(9)  # type: ignore[attr-defined]
    assert arch.successors("e2", EdgeKind.CONTAINS) == ("e2.u[0]", "e2.u[1]", "e2.u[2]")


def test_constants_are_local_to_their_block() -> None:
    assert body_codes("for i in 0 ..< 2 { const k = i }\nstage s { latency: k }") == ["E0201"]
    assert body_codes("const k = 1\nif true { const k = 2 }") == ["E0203"]
    assert body_codes("for i in 0 ..< 2 { for i in 0 ..< 2 { } }") == ["E0203"]


def test_requirements_hold_or_are_reported() -> None:
    text = 'require n >= 2 else "n is at least 2"'
    assert "E0305" not in body_codes(text, given="n: int = 1", n=2)
    assert body_codes(text, given="n: int = 1") == ["E0305"]


# --- templates ---

TEMPLATE = """
template pe(width: bits = 8 bits, stages: int = 1) {
    const twice = 2 * width
    registers rf { data_width: twice, names: a b }
    execute ex { unit mac { operations: add } }
    rf <=> ex.mac
    open issue: -> ex
    open optional east: ex.mac =>
    open optional west: => rf
}
"""


def test_template_instances_prefix_names() -> None:
    arch = machine(TEMPLATE + "one: pe\nifs -> one.issue")
    assert arch.objects["one.rf"] == RegisterFile(
        name="one.rf", data_width=16, registers={"one.a": 0, "one.b": 0}
    )
    assert ("one.ex", "one.ex.mac") in kinds(arch, EdgeKind.CONTAINS)
    assert ("one.rf", "one.ex.mac") in kinds(arch, EdgeKind.READ_DATA)
    assert ("ifs", "one.ex") in kinds(arch, EdgeKind.FORWARD)


def test_arrays_of_instances() -> None:
    arch = machine(
        TEMPLATE + "row: pe(width: 16 bits)[3]\ngrid: pe[2][2]\nifs -> {row[*].issue, grid[*][*].issue}"
    )
    assert arch.objects["row[2].rf"].data_width == 32  # type: ignore[attr-defined]
    assert [name for name in arch.objects if name.startswith("grid") and name.endswith("rf")] == [
        "grid[0][0].rf",
        "grid[0][1].rf",
        "grid[1][0].rf",
        "grid[1][1].rf",
    ]
    assert len(arch.successors("ifs", EdgeKind.FORWARD)) == 1 + 3 + 4


def test_instances_in_loops_take_arguments_from_them() -> None:
    arch = machine(TEMPLATE + "for i in 0 ..< 3 { p[i]: pe(width: (i + 1) * 8 bits) }\nifs -> p[*].issue")
    widths = [arch.objects[f"p[{i}].rf"].data_width for i in range(3)]  # type: ignore[attr-defined]
    assert widths == [16, 32, 48]


def test_templates_within_templates() -> None:
    arch = machine(
        """
        template outer(n: int) {
            template inner { stage s { latency: n }, open issue: -> s }
            parts: inner[2]
            open issue: -> parts[0].issue
            parts[0].s -> parts[1].issue
        }
        o: outer(n: 7)
        ifs -> o.issue
        """
    )
    assert arch.objects["o.parts[1].s"].latency == Const(7)  # type: ignore[attr-defined]
    assert {("ifs", "o.parts[0].s"), ("o.parts[0].s", "o.parts[1].s")} <= kinds(arch, EdgeKind.FORWARD)


def test_templates_may_instantiate_themselves_up_to_a_base() -> None:
    arch = machine(
        """
        template tree(depth: int) {
            stage s { latency: depth }
            open issue: -> s
            if depth > 0 {
                left: tree(depth: depth - 1)
                right: tree(depth: depth - 1)
                s -> {left.issue, right.issue}
            }
        }
        t: tree(depth: 3)
        ifs -> t.issue
        """
    )
    assert len([item for item in arch.objects if item.startswith("t.")]) == 15
    assert ("t.left.s", "t.left.right.s") in kinds(arch, EdgeKind.FORWARD)


def test_parameters_of_a_template_may_hide_those_around_it() -> None:
    arch = machine(
        """
        template t(n: int = 2) { stage s { latency: n }, open issue: -> s }
        x: t
        ifs -> x.issue
        stage s { latency: n }
        ifs -> s
        """,
        given="n: int = 5",
    )
    assert arch.objects["x.s"].latency == Const(2)  # type: ignore[attr-defined]
    assert arch.objects["s"].latency == Const(5)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("x: pe(9)", "E0303"),
        ("x: pe(width: 9)", "E0301"),
        ("x: pe(width: 8 bits, width: 8 bits)", "E0203"),
        ("x: pe(depth: 1)", "E0201"),
        ("x: nope", "E0201"),
        ("x: pe[0]", "E0302"),
        ("x: pe[true]", "E0301"),
        ("x: pe[2](width: 8 bits)", "E0303"),
        ("x: pe[0 ..< 2]", "E0303"),
        ("x.y: pe", "E0401"),
        ("x: pe\nx: pe", "E0203"),
        ("x: 3", "E0401"),
        ("x[0]: pe[2]\nx[0]: pe", "E0203"),
        ("x: pe[2]\nx[2]: pe", "E0203"),
        ("template pe { }", "E0203"),
        ("if true { template late { } }", "E0401"),
        ("template t { clock 1 GHz }\nx: t", "E0401"),
        ("template t { operations { nop() } }\nx: t", "E0401"),
    ],
)
def test_wrong_instances(body: str, expected: str) -> None:
    found = body_codes(TEMPLATE + body)
    assert [code for code in found if code != "E0505"] == [expected]  # open edges that nobody joins


def test_errors_in_a_template_are_reported_once() -> None:
    assert body_codes("template t { stage s { latencies: 1 } }\nx: t[8]") == ["E0402"]


# --- parameters ---


def test_parameters_have_types_and_defaults() -> None:
    given = """
        n: int = 4, big: bool = n > 2, wait: cycles = 2 * n, buffer: bytes = 4 KiB,
        width: bits = 12 bits, rate: Hz = 1 MHz, mode: string = "a"
    """
    arch = machine(given=given)
    assert arch.parameters == {
        "n": 4,
        "big": True,
        "wait": 8,
        "buffer": 4096,
        "width": 12,
        "rate": 1_000_000,
        "mode": "a",
    }
    set_by_caller = machine(given=given, n=1, wait=3, buffer=512, width=7, rate=5, mode="b", big=True)
    assert set_by_caller.parameters == {
        "n": 1,
        "big": True,
        "wait": 3,
        "buffer": 512,
        "width": 7,
        "rate": 5,
        "mode": "b",
    }
    as_text = machine(
        given=given, n="2 + 3", wait="3 cycles", buffer="2 KiB", width="1 bytes", rate="2 GHz", big="false"
    )
    assert as_text.parameters == {
        "n": 5,
        "big": False,
        "wait": 3,
        "buffer": 2048,
        "width": 8,
        "rate": 2_000_000_000,
        "mode": "a",
    }
    assert machine(given=given, buffer="64").parameters["buffer"] == 64


@pytest.mark.parametrize(
    ("given", "value", "expected"),
    [
        ("n: int = 1", True, "E0301"),
        ("n: int = 1", "true", "E0301"),
        ("n: int = 1", "4 KiB", "E0301"),
        ("n: int = 1", "4 +", "E0302"),
        ("n: int = 1", "", "E0302"),
        ("n: int = 1", "if {\n", "E0302"),
        ("n: int = 1", "1 / 0", "E0302"),
        ("n: bool = true", 1, "E0301"),
        ("n: string = \"a\"", 1, "E0301"),
        ("n: bytes = 1 bytes", "7 bits", "E0302"),
        ("n: int", None, "E0403"),
        ("n: float = 1", None, "E0202"),
        ("n: int = 1 bytes", None, "E0301"),
        ("n: cycles = 1 bytes", None, "E0301"),
        ("n: int = m, m: int = 1", None, "E0201"),
        ("n: int = 1, n: int = 2", None, "E0203"),
    ],
)  # fmt: skip
def test_wrong_parameters(given: str, value: object, expected: str) -> None:
    parameters = {} if value is None else {"n": value}
    assert body_codes("stage s { latency: n }\nifs -> s", given=given, **parameters) == [expected]  # type: ignore[arg-type]


def test_unknown_parameters_are_all_reported() -> None:
    found = acadl.check("architecture a(rows: int = 1) {\n clock 1 Hz\n}", row=1, cols=2)
    assert [d.code for d in found if "no parameter" in d.message] == ["E0201", "E0201"]


# --- attributes ---


def test_the_table_of_classes_names_fields_of_the_model() -> None:
    for form in OBJECTS.values():
        known = {item.name for item in fields(form.cls)}
        for attribute in form.attributes:
            if attribute != "from":
                assert FIELDS.get(attribute, attribute) in known, (form.cls, attribute)


def test_every_attribute_of_the_model_can_be_written() -> None:
    """Fields without an attribute are those that have no meaning there, by the timing semantics."""
    silent = {
        "fetch": {"initiation_interval", "capacity", "order", "release_latency", "issue_latency"},
        "instruction_memory_unit": {"capacity", "duration", "priority", "energy"},
    }
    for keyword, form in OBJECTS.items():
        known = {item.name for item in fields(form.cls)} - {"name", "doc", "span"}
        written = {FIELDS.get(attribute, attribute) for attribute in form.attributes} - {"from"}
        assert known - written == silent.get(keyword, set()), keyword


@pytest.mark.parametrize("keyword", sorted(OBJECTS))
def test_examples_of_attributes_are_accepted(keyword: str) -> None:
    """The example that messages give for an attribute has the right form."""
    form = OBJECTS[keyword]
    for name, attribute in form.attributes.items():
        example = attribute.example.replace("add mul", "add")
        needed = [form.attributes[other].example for other in form.required if other != name]
        inner = ", ".join([*needed, example]).replace("add mul", "add").replace("names: r[", "names: q[")
        inner = inner.replace(
            "operations: add, prepares: load_weights", "operations: add load, prepares: load"
        )
        fetches = keyword == "instruction_memory_unit"
        holder = "fetch" if fetches else "execute" if keyword in OBJECTS["execute"].contains else None
        text = f"{keyword} probe {{ {inner} }}"
        found = body_codes(f"{holder} around {{ {text} }}" if holder else text)
        assert not [code for code in found if code[:3] in ("E01", "E03", "E04") or code == "E0202"], text


@pytest.mark.parametrize(
    ("attribute", "least"),
    [("capacity", 1), ("latency", 0), ("initiation_interval", 0)],
)
def test_least_values(attribute: str, least: int) -> None:
    assert "E0302" not in body_codes(f"stage s {{ {attribute}: {least} }}\nifs -> s")
    assert body_codes(f"stage s {{ {attribute}: {least - 1} }}\nifs -> s") == ["E0302"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("stage s { latency: 1 bytes }", "E0301"),
        ("stage s { latency: true }", "E0301"),
        ("stage s { order: 3 }", "E0302"),
        ("stage s { x.y: 3 }", "E0402"),
        ("stage s { addresses: 0 ..< 4 }", "E0402"),
        ("stage s { latency: nothing }", "E0201"),
        ("sram s { data_width: 1 bytes, addresses: 4 ..< 4 }", "E0302"),
        ("sram s { data_width: 1 bytes, addresses: 0 - 4 ..< 4 }", "E0302"),
        ("sram s { data_width: 1 bytes, addresses: 0 ..< 4 MHz }", "E0301"),
        ("sram s { data_width: 1 bytes, addresses: 0 ..< 9 bits }", "E0302"),
        ("sram s { data_width: 1 bytes, addresses: 0x90000 ..< 0x90004, port_width: 2 bytes }", "E0301"),
        ("sram s { data_width: 1 bytes, addresses: 0x90000 ..< 0x90004, read_latency: m }", "E0201"),
        ("dram s { data_width: 1 bytes, addresses: 0x90000 ..< 0x90004, row_bytes: 9 bits }", "E0302"),
        ("registers x { data_width: 0 bits, names: a }", "E0302"),
        ("registers x { data_width: 8 bits, names: a[3 ..< 2] }", "E0302"),
        ("registers x { data_width: 8 bits, names: a[0 ..< 1000000] }", "E0302"),
        ("registers x { data_width: 8 bits, names: a a }", "E0203"),
        ("registers x { data_width: 8 bits, names: r0 }", "E0203"),
        ("execute e { unit u { operations: add add } }\nifs -> e", "E0203"),
        ("execute e { unit u { operations: add }\n unit u { operations: add } }", "E0203"),
        ("execute e { stage s { } }", "E0401"),
        ("execute e { instruction_memory_unit u { } }", "E0401"),
        ("execute e { fetch f { } }", "E0401"),
        ("execute e { unit u { operations: gemm, latency: src.rows + k } }\nifs -> e", "E0201"),
        ("execute e { unit u { operations: gemm load, latency: m } }\nifs -> e", "E0205"),
        ("execute e { unit u { operations: gemm, latency: m * 1 bytes } }\nifs -> e", "E0301"),
        ("operations { f(a: in reg, a: in reg) }", "E0203"),
        ("operations { f(a: out reg) = a }", "E0201"),
        ("operations { f(a: out reg, b: in reg) = a + b }", "E0201"),
        ("operations { f(a: out reg, b: in reg) = b > 1 }", "E0301"),
        ("operations { add(n: int) }", "E0203"),
        ("architecture b { clock 1 Hz }", "E0401"),
        ("clock 2 GHz", "E0203"),
        ("import x from \"y.acadl\"", "E0701"),
    ],
)  # fmt: skip
def test_wrong_statements_give_one_error(text: str, expected: str) -> None:
    assert body_codes(text) == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fetch f { capacity: 3 }", ["E0402", "E0602"]),
        ("execute e { unit u { operations: nothing } }\nifs -> e => e.u", ["E0202", "E0503"]),
        ("execute e { unit u { operations: nothing } }", ["E0202", "E0605"]),
        ("execute e { unit u { operations: nothing, latncy: 2 } }\nifs -> e", ["E0202", "E0402"]),
        ("execute e { unit u { operations: nothing neither add } }\nifs -> e", ["E0202", "E0202"]),
        ("sram s { data_width: 8, addresses: 0 ..< 4 }", ["E0301", "E0607"]),
        ("sram s { data_width: 8 bits, addresses: 0 ..< 4 MHz }", ["E0301"]),
        ("sram s { data_width: 8, addresses: 0x90000 ..< 0x90004 }\nstage t { }\nt => s", ["E0301", "E0503"]),
        ("stage s { latncy: 2 }\nstage t { }\nifs -> s -> t -> s", ["E0402", "E0606"]),
        ("stage s { latency: 2, latency: 3 }\nstage t { }\nifs -> s -> t -> s", ["E0203", "E0606"]),
    ],
)
def test_a_wrong_attribute_hides_no_other_mistake(text: str, expected: list[str]) -> None:
    assert sorted(body_codes(text)) == expected


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("10 ns", "times are whole cycles of the clock; write the number alone"),
        ("True", "write `true`"),
        ("10 MHzz", "did you mean 'MHz'?"),
    ],
)
def test_values_of_other_languages_have_a_hint(value: str, hint: str) -> None:
    found = acadl.check(f"architecture m {{\nclock 1 GHz\nstage s {{ latency: {value} }}\n}}")
    assert [finding.hint for finding in found] == [hint]


def test_a_name_without_an_index_in_a_loop_is_named_as_such() -> None:
    text = "architecture m {\nclock 1 GHz\nfor n in 0 ..< 3 {\nstage x { latency: n }\n}\n}"
    [found] = acadl.check(text)
    assert found.code == "E0203" and "next round of a loop" in found.message and not found.labels
    assert found.hint is not None and "`x[n]`" in found.hint


def test_semicolons_separate_statements_for_the_rest_of_the_check() -> None:
    text = "architecture m {\nclock 1 GHz;\nstage a { latency: 1; capacity: 2 };\nstage b { latncy: 1; }\n}"
    assert [found.code for found in acadl.check(text)] == [*["E0102"] * 3, "E0402", "E0102"]


def test_no_finding_follows_from_a_wrong_attribute() -> None:
    """The issue buffer is compared with a read only where both are known."""
    text = "sram im { data_width: 32 bits, port_width: PORT, addresses: 0 ..< 64 }\n"
    text += "fetch f { issue_buffer_size: 1, from: im }"
    machine = "architecture m {{\nclock 1 GHz\n{}\n}}"
    assert codes(machine.format(text.replace("PORT", "4"))) == ["E0604"]
    assert codes(machine.format(text.replace("PORT", "4 bits"))) == ["E0301"]
    assert codes(machine.format(text.replace("PORT", "none"))) == ["E0201"]


def test_sizes_of_instruction_operands_in_latencies() -> None:
    latency = "ceil_div(src.bytes, bus.bytes) + src.rows"
    text = f"execute e2 {{ memory_unit u {{ operations: gemm, latency: {latency} }} }}\nifs -> e2"
    arch = machine(text, given="bus: bytes = 16 bytes")
    unit = arch.objects["e2.u"]
    assert isinstance(unit, MemoryAccessUnit)
    assert unit.latency.evaluate({"src.bytes": 33, "src.rows": 2}) == 5


# --- templates that nobody instantiates ---


UNUSED = "template t(n: int = 2) {{ stage s {{ {} }}, open issue: -> s }}"


def test_templates_that_nobody_instantiates_are_checked_with_their_defaults() -> None:
    assert body_codes(UNUSED.format("latency: n")) == ["W0902"]
    assert body_codes(UNUSED.format("latencies: n")) == ["E0402"]
    assert body_codes(UNUSED.format("latency: n - 3")) == ["E0302"]
    assert body_codes(UNUSED.format("latency: n - 3").replace("= 2", "")) == ["W0902"]  # no default


def test_templates_of_a_file_without_an_architecture_are_checked() -> None:
    assert set(codes(UNUSED.format("latencies: n"))) == {"E0402", "E0601"}


def test_used_templates_are_not_checked_with_other_values() -> None:
    text = UNUSED.format("latency: 4 / n").replace("= 2", "= 0")
    assert body_codes(f"{text}\nx: t(n: 2)\nifs -> x.issue") == ["W0903"]
