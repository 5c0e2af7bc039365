"""`acadl.simulate`: results, laziness, messages."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

import acadl
from acadl.errors import AcadlError, ProgramError, RoutingError, SimulationError
from acadl.expressions import Binary, Const, Name
from acadl.model import SRAM
from acadl.operations import AddressRange, Instruction
from acadl.simulation import SimulationRun
from mappings.program import LoopProgram, index, loop, memory, step
from tests.reference.machine_builder import Machine, op

A = op("a")
N = op("n", ("n", "int", "in"))
LOAD = op("load", ("d", "reg", "out"), ("a", "address", "in"))
MOVE = op("move", ("d", "reg", "out"), ("s", "reg", "in"))


def small() -> Machine:
    machine = Machine(width=1, buffer=2, imem_latency=1)
    machine.add(SRAM(name="mem", read_latency=2, address_ranges=((0, 4096),)))
    machine.unit("u", A, latency=3)
    machine.unit("ld", LOAD, latency=1, storages=["mem"])
    return machine


def load(start: int) -> Instruction:
    return LOAD.instruction(d="r1", a=AddressRange(start, 4))


def test_run_without_trace() -> None:
    run = acadl.simulate(small().build(), [A.instruction(), load(0)])
    assert run == SimulationRun(cycles=5, instructions=2)
    assert run.to_dict() == {"cycles": 5, "instructions": 2, "trace": []}
    assert "5</b> cycles" in run._repr_html_()


def test_trace_as_json() -> None:
    run = acadl.simulate(small().build(), [load(64)], trace=True)
    assert json.loads(run.to_json())["trace"] == [
        {
            "id": 0,
            "text": "load [0x40 +4] => r1",
            "objects": [
                {"name": "imau", "enter": 0, "start": 0, "done": 1, "leave": 1},
                {"name": "fetch", "enter": 1, "start": 1, "done": 1, "leave": 1},
                {"name": "x_ld", "enter": 1, "start": 1, "done": 4, "leave": 4},
                {"name": "ld", "enter": 1, "start": 1, "done": 4, "leave": 4},
            ],
            "transactions": [
                {"name": "imem", "enter": 0, "start": 0, "done": 1, "leave": 1},
                {"name": "mem", "enter": 2, "start": 2, "done": 4, "leave": 4},
            ],
        }
    ]


def test_no_instructions() -> None:
    assert acadl.simulate(small().build(), []) == SimulationRun(cycles=0, instructions=0)


def test_the_number_is_the_position_whatever_the_instruction_says() -> None:
    program = [Instruction("a", id=7), Instruction("a", id=7)]
    run = acadl.simulate(small().build(), program, trace=True)
    assert [record.id for record in run.trace] == [0, 1]


def test_instructions_are_read_as_they_are_fetched() -> None:
    ahead: list[int] = []
    done: list[int] = []

    def program() -> Iterator[Instruction]:
        for number in range(50):
            ahead.append(number - len(done))
            yield A.instruction()

    acadl.simulate(
        small().build(),
        program(),
        data={},
        functions={"a": lambda state, instruction: done.append(1)},
    )
    assert max(ahead) == 2  # those in the issue buffer; the others have started


def test_a_loop_program_is_a_program() -> None:
    operations = {"load": LOAD}
    body = loop("i", 20, step("load", d="r1", a=memory(4 * index("i"), 4)))
    run = acadl.simulate(small().build(), LoopProgram(body, operations))
    assert run.instructions == 20
    assert run.cycles == 1 + 20 * 3


# -- several runs, where a transaction turns out not to have held a port ---


def interrupted() -> tuple[Machine, list[Instruction]]:
    """The store waits for the read, which then gives way to an older one: the port was free all the time."""
    machine = Machine()
    machine.add(SRAM(name="slow", read_latency=6, address_ranges=((0, 64),)))
    machine.add(SRAM(name="mem", read_latency=5, write_latency=3, address_ranges=((64, 4096),)))
    after = op("after", ("a", "address", "in"), ("s", "reg", "in"))
    store = op("store", ("a", "address", "out"))
    read = op("read", ("a", "address", "in"))
    machine.unit("c", MOVE, latency=4)
    machine.unit("u", after, latency=0, storages=["mem"])
    machine.unit("v", read, latency=0, storages=["mem"])
    machine.unit("w", store, latency=0, storages=["mem"])
    return machine, [
        MOVE.instruction(d="r1", s="r2"),
        after.instruction(a=AddressRange(64, 4), s="r1"),
        read.instruction(a=AddressRange(128, 4)),
        store.instruction(a=AddressRange(256, 4)),
    ]


@pytest.mark.parametrize("one_way", [False, True])
def test_a_second_run_corrects_what_could_not_be_known(one_way: bool) -> None:
    machine, instructions = interrupted()
    program = iter(instructions) if one_way else instructions
    seen: list[int] = []
    run = acadl.simulate(
        machine.build(),
        program,
        trace=True,
        data={64: b"\x05\x00\x00\x00"},
        functions={
            "move": lambda state, instruction: seen.append(instruction.id),
            "store": lambda state, instruction: state.write_memory(
                instruction.write_addresses[0],
                state.read_array(64, 1, "<i4") + state.read_array(256, 1, "<i4"),
            ),
        },
    )
    assert [record.transactions[-1].start for record in run.trace[1:]] == [4, 9, 0]
    assert len(seen) == 2  # it did take two runs
    assert run.state is not None
    assert run.state.read_array(256, 1, "<i4").tolist() == [5]  # and the first left nothing behind


# -- messages ---


def test_too_many_cycles() -> None:
    arch = small().build()
    assert acadl.simulate(arch, [A.instruction()], max_cycles=4).cycles == 4
    with pytest.raises(
        SimulationError, match=r"not done after 3 cycles \(0 instructions are\): #0 'a' is being"
    ):
        acadl.simulate(arch, [A.instruction()], max_cycles=3)


def test_the_message_says_who_waits_for_what() -> None:
    machine = small()
    machine.unit("m", MOVE, latency=50)
    program = [load(0), MOVE.instruction(d="r2", s="r1"), MOVE.instruction(d="r3", s="r2")]
    with pytest.raises(SimulationError) as error:
        acadl.simulate(machine.build(), program, max_cycles=40)
    assert "#1 'move r1 => r2' is being processed by 'm'" in str(error.value)
    assert "#2 'move r2 => r3' is in the issue buffer of 'fetch' and waits for 'x_m'" in str(error.value)


def test_negative_latency() -> None:
    machine = Machine()
    machine.unit("u", N, latency=Binary("-", Name("n"), Const(3)))
    arch = machine.build()
    assert acadl.simulate(arch, [N.instruction(n=3)]).cycles == 0
    with pytest.raises(SimulationError, match="latency of 'u' for 'n, I: 2' is -1; it must be 0 or more"):
        acadl.simulate(arch, [N.instruction(n=2)])


def test_latency_without_a_value() -> None:
    machine = Machine()
    machine.stage("s", latency=Name("n"))
    machine.unit("u", A, after="s")
    with pytest.raises(SimulationError, match="latency of 's' for 'a' has no value: unknown name 'n'"):
        acadl.simulate(machine.build(), [A.instruction()])


def test_unknown_operation() -> None:
    with pytest.raises(ProgramError, match=r"'laod' is not declared in 'machine'; did you mean 'load'\?"):
        acadl.simulate(small().build(), [Instruction("laod")])


def test_unreachable_address() -> None:
    with pytest.raises(RoutingError, match="cannot read addresses 0x1000 to 0x1004"):
        acadl.simulate(small().build(), [load(4096)])


def test_issue_buffer_below_the_fetch_width() -> None:
    machine = Machine(width=4, buffer=3)
    machine.unit("u", A)
    with pytest.raises(
        SimulationError, match="'fetch' holds 3 instructions, but a read of 'imem' delivers 4"
    ):
        acadl.simulate(machine.build(), [A.instruction()])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"capacity": 0}, "capacity of 'u' is 0"),
        ({"ports": 0}, "read_write_ports of 'mem' is 0"),
        ({"places": 0}, "max_concurrent_requests of 'mem' is 0"),
    ],
)
def test_what_nothing_can_enter_is_refused(change: dict[str, int], message: str) -> None:
    machine = Machine()
    machine.add(
        SRAM(
            name="mem",
            address_ranges=((0, 64),),
            read_write_ports=change.get("ports", 1),
            max_concurrent_requests=change.get("places"),
        )
    )
    machine.unit("u", LOAD, storages=["mem"], capacity=change.get("capacity", 1))
    with pytest.raises(AcadlError, match=message):
        acadl.simulate(machine.build(), [load(0)])


def test_architecture_without_fetch_stage() -> None:
    from acadl.model import Architecture

    with pytest.raises(SimulationError, match="has no InstructionFetchStage"):
        acadl.simulate(Architecture("empty", {}, (), {}), [])


@pytest.mark.parametrize(
    ("instruction", "message"),
    [
        (Instruction("load"), "instruction 'load' has no operand 'd'"),
        (Instruction("load", write_registers=("r1",)), "'load => r1' has no operand 'a'"),
        (Instruction("a", read_registers=("r1",)), "'a' declares no operand for r1 of 'a r1'"),
        (Instruction("n"), "instruction 'n' has no operand 'n'"),
    ],
)
def test_operands_that_the_operation_does_not_declare(instruction: Instruction, message: str) -> None:
    machine = small()
    machine.unit("n", N)
    with pytest.raises(ProgramError, match=message):
        acadl.simulate(machine.build(), [instruction])


def test_what_a_function_raises_comes_out_as_it_is() -> None:
    class OddError(Exception):
        def __init__(self, number: int, text: str) -> None:
            super().__init__(text)
            self.number = number

    def function(state: object, instruction: Instruction) -> None:
        raise OddError(3, "odd")

    with pytest.raises(OddError, match="odd") as error:
        acadl.simulate(small().build(), [A.instruction()], data={}, functions={"a": function})
    assert error.value.number == 3
    assert error.value.__notes__ == ["while executing 'a'"]
