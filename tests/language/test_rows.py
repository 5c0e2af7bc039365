"""Controllers and movers: their attributes, edges and memories, and which instructions they take."""

from __future__ import annotations

import pytest

import acadl
from acadl import AddressRange, Architecture, Instruction, RoutingError
from acadl.expressions import Const, Name
from acadl.model import Controller, EdgeKind, ExecuteStage, MemoryAccessUnit, Mover, PipelineStage
from acadl.routing import find_unit, movers_of, rejection, route, stages_to
from tests.language.descriptions import codes, machine

FRAME = """
architecture machine {{
    clock 1 GHz
    operations {{
        load(dst: out address, src: in address)
        count(total: inout reg, src: in address, m: int)
    }}
    sram imem {{ data_width: 32 bits, addresses: 0 ..< 64 }}
    sram near {{ data_width: 128 bits, addresses: 0x1000 ..< 0x2000 }}
    {far} far {{ data_width: 64 bits, addresses: 0x8000 ..< 0x9000{memory} }}
    registers rf {{ data_width: 32 bits, names: r[0 ..< 2] }}
    fetch ifs {{ from: imem }}
    execute ex {{
        {stage}
        controller dma {{ operations: load{controller} }}
        controller sum {{ operations: count }}
    }}
    mover request {{ {request} }}
    mover fill {{ capacity: 2 }}
    mover look {{ }}
    ifs -> ex
    {edges}
}}
"""
EDGES = (
    "ex.dma -> request -> fill, far => request, near <=> fill, ex.sum -> look, near => look, rf <=> ex.sum"
)


def text(
    far: str = "sram",
    memory: str = "",
    stage: str = "",
    controller: str = "",
    request: str = "",
    edges: str = EDGES,
) -> str:
    memory, controller = (f", {part}" if part else "" for part in (memory, controller))
    return FRAME.format(
        far=far, memory=memory, stage=stage, controller=controller, request=request, edges=edges
    )


def engine(**parts: str) -> Architecture:
    return acadl.loads(text(**parts))


def load(arch: Architecture, dst: int, src: int, rows: int = 1) -> Instruction:
    ranges = {"dst": AddressRange(dst, 16, rows, 16), "src": AddressRange(src, 16, rows, 16)}
    return arch.operations["load"].instruction(**ranges)


def test_attributes_of_a_controller() -> None:
    arch = machine(
        """
        mover port { }
        dmem <=> port
        execute queue {
            capacity: 4, release_latency: 2, issue_latency: 3
            controller c {
                operations: gemm load
                latency: 2 + src.rows, initiation_interval: 2, parts: max(1, ceil_div(src.bytes, 16))
                part_interval: 3, turnaround: 4, in_progress: 2, completion: sent, completion_latency: 5
                release_latency: 6, prepares: load
            }
        }
        ifs -> queue
        queue.c -> port
        queue.c => rf
        """
    )
    item = arch.objects["queue.c"]
    assert isinstance(item, Controller)
    assert item.to_process == {"gemm", "load"}
    assert item.prepares == {"load"}
    assert item.latency.evaluate({"src.rows": 7}) == 9
    assert item.parts is not None
    assert item.parts.evaluate({"src.bytes": 33}) == 3
    assert item.initiation_interval == Const(2)
    assert item.capacity == 4  # of its stage, as it has an interval
    assert (item.part_interval, item.turnaround, item.in_progress) == (3, 4, 2)
    assert (item.completion, item.completion_latency, item.release_latency) == ("sent", 5, 6)
    stage = arch.objects["queue"]
    assert isinstance(stage, ExecuteStage)
    assert (stage.release_latency, stage.issue_latency) == (2, 3)


def test_attributes_of_a_mover() -> None:
    arch = engine(
        request=(
            "latency: 1, transfer_latency: 2, tail_latency: 3, initiation_interval: 4, capacity: 5, "
            "release_latency: 6, retry_interval: 7, max_request_bytes: 32 bytes, priority: 8"
        )
    )
    item = arch.objects["request"]
    expected = Mover(
        name="request",
        latency=1,
        transfer_latency=2,
        tail_latency=3,
        initiation_interval=4,
        capacity=5,
        release_latency=6,
        retry_interval=7,
        max_request_bytes=32,
        priority=8,
        span=item.span,
    )
    assert item == expected


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("arbitration: priority", "arbitration", "priority"),
        ("arbitration: round_robin", "arbitration", "round_robin"),
        ("answers: in_order", "answers", "in_order"),
        ("read_ports: 2", "read_ports", 2),
        ("write_ports: 3", "write_ports", 3),
    ],
)
def test_attributes_of_storages(text: str, field: str, value: object) -> None:
    body = f"sram s {{ data_width: 8 bits, addresses: 0x2000 ..< 0x3000, {text} }}\ns <=> ex.lsu"
    arch = machine(body)
    assert getattr(arch.objects["s"], field) == value
    assert arch.in_order_of_time
    assert not machine(body.replace(f", {text}", "")).in_order_of_time


def test_attributes_of_stages_and_memory_units() -> None:
    arch = machine(
        "stage s { release_latency: 2 }\n"
        "execute e { issue_latency: 3, memory_unit u { operations: gemm, priority: 4 } }\n"
        "ifs -> s -> e, dmem => e.u"
    )
    stage, execute, unit = arch.objects["s"], arch.objects["e"], arch.objects["e.u"]
    assert isinstance(stage, PipelineStage)
    assert isinstance(execute, ExecuteStage)
    assert isinstance(unit, MemoryAccessUnit)
    assert (stage.release_latency, execute.issue_latency, unit.priority) == (2, 3, 4)


def test_defaults_leave_rows_and_intervals_open() -> None:
    item = engine().objects["ex.dma"]
    assert isinstance(item, Controller)
    assert item.latency == Const(0)
    assert (item.parts, item.initiation_interval, item.capacity, item.in_progress) == (None, None, 1, None)
    named = engine(controller="parts: src.rows").objects["ex.dma"]
    assert isinstance(named, Controller)
    assert named.parts == Name("src.rows")


def test_movers_follow_each_other() -> None:
    arch = engine()
    assert codes(text()) == []
    assert [mover.name for mover in movers_of(arch, "ex.dma")] == ["request", "fill"]
    assert [mover.name for mover in movers_of(arch, "ex.sum")] == ["look"]
    assert arch.predecessors("fill", EdgeKind.FORWARD) == ("request",)


def test_movers_of_arrays_and_templates() -> None:
    template = """
        template engine {
            execute queue { controller dma { operations: gemm } }
            for n in 0 ..< 2 { mover port[n] { capacity: n + 1 } }
            queue.dma -> port[0] -> port[1]
            open issue: -> queue
            open memory: port[1] <=>
        }
    """
    arch = machine(template + "e: engine[2]\nifs -> e[*].issue\nfor n in 0 ..< 2 { dmem <=> e[n].memory }")
    assert [(m.name, m.capacity) for m in movers_of(arch, "e[1].queue.dma")] == [
        ("e[1].port[0]", 1),
        ("e[1].port[1]", 2),
    ]
    assert arch.successors("e[0].port[1]", EdgeKind.WRITE_DATA) == ("dmem",)


# --- which instructions a controller takes ---


def test_addresses_are_reached_by_any_mover_on_the_way() -> None:
    arch = engine()
    instruction = load(arch, dst=0x1000, src=0x8000, rows=8)
    assert find_unit(arch, instruction).name == "ex.dma"
    assert route(arch, instruction).stages == stages_to(arch, arch.objects["ex.dma"])  # type: ignore[arg-type]
    # the second mover reads, too
    assert find_unit(arch, load(arch, dst=0x1000, src=0x1800)).name == "ex.dma"


@pytest.mark.parametrize(
    ("dst", "src", "reason"),
    [
        (0x8000, 0x8000, "has no mover that writes addresses 0x8000 to 0x8010"),
        (0x1000, 0x5000, "has no mover that reads addresses 0x5000 to 0x5010"),
        (0x1FF1, 0x8000, "has no mover that writes addresses 0x1ff1 to 0x2001"),
    ],
)
def test_why_a_controller_does_not_take_an_instruction(dst: int, src: int, reason: str) -> None:
    arch = engine()
    instruction = load(arch, dst, src)
    dma = arch.objects["ex.dma"]
    assert isinstance(dma, Controller)
    assert rejection(arch, dma, instruction) == reason
    with pytest.raises(RoutingError, match=f"ex.dma {reason}"):
        find_unit(arch, instruction)


def test_registers_are_reached_by_the_controller_itself() -> None:
    def reason(edges: str) -> str | None:
        arch = engine(edges=edges)
        operation = arch.operations["count"]
        instruction = operation.instruction(total="r1", src=AddressRange(0x1000, 16), m=3)
        unit = arch.objects["ex.sum"]
        assert isinstance(unit, Controller)
        return rejection(arch, unit, instruction)

    assert reason(EDGES) is None
    assert reason(EDGES.replace("rf <=>", "rf =>")) == "cannot write register 'r1' of 'rf'"
    assert reason(EDGES.replace("rf <=> ex.sum", "")) == "cannot read register 'r1' of 'rf'"


def test_movers_of_other_controllers_do_not_count() -> None:
    arch = engine()
    instruction = arch.operations["count"].instruction(total="r1", src=AddressRange(0x8000, 16), m=3)
    with pytest.raises(RoutingError, match="has no mover that reads addresses 0x8000"):
        find_unit(arch, instruction)


# --- rules ---


@pytest.mark.parametrize(
    ("edges", "expected"),
    [
        (EDGES.replace("ex.sum -> look, ", ""), ["E0611"]),
        (EDGES + ", ex.sum -> request", ["E0612"]),  # a fork; that two ways meet is said at the same place
        (EDGES + ", request -> look", ["E0612"]),
        (EDGES + ", look -> fill", ["E0612"]),  # two ways meet
        (EDGES + ", fill -> request", ["E0613"]),
        (EDGES + ", look -> look", ["E0613"]),
        (EDGES.replace("request -> fill", "request"), ["W0906", "W0903"]),
        (EDGES.replace("near => look", "near => request"), ["W0906"]),
        (EDGES.replace("ex.dma -> request -> fill", "ex.dma -> fill"), ["W0903"]),
        (EDGES.replace("far => request, near <=> fill", "{near, far} <=> request"), ["W0903"]),
    ],
)
def test_ways_of_parts(edges: str, expected: list[str]) -> None:
    assert codes(text(edges=edges)) == expected


@pytest.mark.parametrize(
    ("size", "expected"), [("4 bytes", ["E0616"]), ("8 bytes", []), ("1 KiB", []), ("24 bytes", ["E0302"])]
)
def test_largest_requests_hold_a_port_width(size: str, expected: list[str]) -> None:
    assert codes(text(request=f"max_request_bytes: {size}")) == expected


def test_other_movers_may_reach_ports_of_any_width() -> None:
    odd = text(request="max_request_bytes: 64 bytes").replace(
        "near { data_width: 128", "near { data_width: 24"
    )
    assert codes(odd) == []
    assert codes(odd.replace("far => request", "far => request, near => request")) == ["E0616"]


def test_ports_that_a_mover_only_writes_may_be_wider() -> None:
    """Only what is read is cut into requests; each of them writes its share."""
    small = text(
        request="max_request_bytes: 8 bytes", edges=EDGES.replace("far => request", "far => request => near")
    )
    assert codes(small) == []
    turned = EDGES.replace("far => request", "near => request => far")
    assert codes(text(request="max_request_bytes: 8 bytes", edges=turned)) == ["E0616"]


@pytest.mark.parametrize("attribute", ["read_latency", "write_latency"])
def test_storages_answer_in_the_next_cycle_at_the_earliest(attribute: str) -> None:
    assert codes(text(memory=f"{attribute}: 0")) == ["E0614"]
    assert codes(text(memory=f"{attribute}: 1")) == []
    plain = "sram s { data_width: 8 bits, addresses: 0x2000 ..< 0x3000, LATENCY: 0 }\ns <=> ex.lsu"
    assert not machine(plain.replace("LATENCY", attribute)).in_order_of_time  # no such limit there


@pytest.mark.parametrize("attribute", ["t_RCD", "t_RP", "t_RAS"])
def test_open_rows_are_not_behind_movers(attribute: str) -> None:
    assert codes(text(far="dram", memory=f"{attribute}: 3")) == ["E0615"]
    assert codes(text(far="dram", memory=f"{attribute}: 0")) == []


def test_what_controllers_need_of_all_their_operations() -> None:
    assert codes(text(controller="parts: src.rows + dst.rows")) == []
    assert codes(text(controller="parts: m")) == ["E0201"]  # no operation of this one has it
    both = text(controller="parts: m").replace("operations: load,", "operations: load count,")
    assert codes(both) == ["E0205"]
    assert codes(text(controller="part_interval: src.rows")) == ["E0201"]


def test_prepares_takes_names_in_parentheses_too() -> None:
    both = text(controller="prepares: (load), capacity: 2", stage="capacity: 2").replace(
        "operations: load,", "operations: (load count),"
    )
    item = acadl.loads(both).objects["ex.dma"]
    assert isinstance(item, Controller)
    assert item.prepares == {"load"}


@pytest.mark.parametrize(
    ("stage", "controller", "expected"),
    [(2, 2, []), (1, 2, ["E0617"]), (2, 1, ["E0617"]), (9, 2, [])],
)
def test_what_prepares_an_instruction_has_room_beside_it(
    stage: int, controller: int, expected: list[str]
) -> None:
    parts = f"prepares: count, capacity: {controller}"
    both = text(
        stage=f"capacity: {stage}", controller=parts, edges=f"{EDGES}, rf <=> ex.dma, near => request"
    )
    assert codes(both.replace("operations: load,", "operations: load count,")) == expected
