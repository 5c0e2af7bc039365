"""Functions on data: expressions, Python functions, and the state that they work on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import acadl
from acadl.errors import SimulationError
from acadl.expressions import Binary, Call, Const, Expr, Name
from acadl.model import SRAM, RegisterFile
from acadl.operations import AddressRange, Instruction
from acadl.state import ArchitecturalState, PendingState, wrap
from mappings.program import LoopProgram, step
from tests.reference.machine_builder import Machine, op

GIB = 1 << 30


def plus(left: str, right: str) -> Expr:
    return Binary("+", Name(left), Name(right))


ADD = op("add", ("d", "reg", "out"), ("a", "reg", "in"), ("b", "reg", "in"), function=plus("a", "b"))
ADDI = op("addi", ("d", "reg", "inout"), ("n", "int", "in"), function=plus("d", "n"))
LOAD = op("load", ("d", "reg", "out"), ("s", "address", "in"), function=Name("s"))
STORE = op("store", ("d", "address", "out"), ("s", "reg", "in"), function=Name("s"))
SIZE = op("size", ("d", "reg", "out"), ("s", "address", "in"), function=Name("s.bytes"))
GEMM = op(
    "gemm", ("c", "address", "inout"), ("a", "address", "in"), ("b", "address", "in"), ("k", "int", "in")
)
NOP = op("nop", ("n", "int", "in"))


def machine() -> Machine:
    made = Machine()
    made.add(
        SRAM(name="mem", address_ranges=((0, 8192), (4 * GIB, 8 * GIB)), read_latency=3, write_latency=2)
    )
    made.add(RegisterFile(name="bytes_file", data_width=8, registers={"b0": 127, "b1": 200}))
    made.add(RegisterFile(name="vectors", data_width=32, lanes=4, registers={"v0": 1, "v1": 0}))
    made.unit("alu", ADD, ADDI, NOP, latency=2)
    made.unit("mau", LOAD, STORE, GEMM, SIZE, latency=1, storages=["mem"])
    for file in ("bytes_file", "vectors"):
        made.connect(file, "alu", acadl.EdgeKind.READ_DATA)
        made.connect("alu", file, acadl.EdgeKind.WRITE_DATA)
    return made


ARCH = machine().build()


def run(*program: Instruction, data: Any = None, **options: Any) -> ArchitecturalState:
    state = acadl.simulate(ARCH, program, data={} if data is None else data, **options).state
    assert state is not None
    return state


def load(d: str, start: int, size: int = 4) -> Instruction:
    return LOAD.instruction(d=d, s=AddressRange(start, size))


def store(start: int, s: str, size: int = 4) -> Instruction:
    return STORE.instruction(d=AddressRange(start, size), s=s)


# -- expressions ---


def test_load_add_store() -> None:
    state = run(
        load("r1", 0),
        load("r2", 4),
        ADD.instruction(d="r3", a="r1", b="r2"),
        store(8, "r3"),
        data={0: np.array([5, -9], np.int32)},
    )
    assert state.read_register("r3") == -4
    assert state.read_array(0, 3, np.int32).tolist() == [5, -9, -4]


@pytest.mark.parametrize(("size", "value"), [(1, -2), (2, -2), (4, -2), (8, -2)])
def test_scalars_of_every_size_are_signed_and_little_endian(size: int, value: int) -> None:
    data = {0: np.array([value], f"<i{size}"), 16: np.full(8, 0xAA, np.uint8)}
    state = run(load("r1", 0, size), store(16, "r1", size), data=data)
    assert state.read_register("r1") == value
    assert state.read_memory(AddressRange(16, 8)).tolist() == [
        [0xFE] + [0xFF] * (size - 1) + [0xAA] * (8 - size)
    ]


def test_operand_of_another_size_needs_a_python_function() -> None:
    with pytest.raises(
        SimulationError, match="operand of 3 bytes, and an expression takes numbers of 1, 2, 4, 8"
    ):
        run(load("r1", 0, 3))


def test_immediates_and_operands_that_are_read_and_written() -> None:
    state = run(ADDI.instruction(d="r1", n=40), ADDI.instruction(d="r1", n=2))
    assert state.read_register("r1") == 42


def test_sizes_are_names_too() -> None:
    assert run(SIZE.instruction(d="r1", s=AddressRange(0, 4, 3, 16))).read_register("r1") == 12


def test_registers_wrap_at_their_width() -> None:
    state = run(ADDI.instruction(d="b0", n=1), ADDI.instruction(d="r1", n=2**31))
    assert state.read_register("b0") == -128
    assert state.read_register("b1") == -56  # 200 as eight bits
    assert state.read_register("r1") == -(2**31)


def test_lane_by_lane() -> None:
    data = ArchitecturalState(ARCH)
    data.write_register("v1", np.array([10, 20, 30, 40]))
    state = run(
        ADD.instruction(d="v0", a="v0", b="v1"),
        ADDI.instruction(d="v0", n=5),
        data=data,
    )
    assert state.read_register("v0").tolist() == [16, 26, 36, 46]


def test_value_that_does_not_exist() -> None:
    made = Machine()
    made.unit(
        "u", op("div", ("d", "reg", "out"), ("s", "reg", "in"), function=Binary("/", Const(1), Name("s")))
    )
    program = [made.operations["div"].instruction(d="r1", s="r2")]
    with pytest.raises(SimulationError, match="'div r2 => r1' has no result: division by zero"):
        acadl.simulate(made.build(), program, data={})


# -- Python functions ---


def gemm(state: ArchitecturalState, instruction: Instruction) -> None:
    """c += a · b, with a of k columns."""
    k = instruction.immediates["k"]
    accumulated, a, b = (state.read_memory(piece) for piece in instruction.read_addresses)
    product = a.view(np.int8).astype(np.int32) @ b.view(np.int8).astype(np.int32)
    assert a.shape[1] == b.shape[0] == k
    state.write_memory(instruction.write_addresses[0], accumulated.view("<i4") + product)


def test_function_on_tiles() -> None:
    rng = np.random.default_rng(1)
    a = rng.integers(-128, 128, (6, 10)).astype(np.int8)
    b = rng.integers(-128, 128, (10, 8)).astype(np.int8)
    tile = GEMM.instruction(  # rows 2 to 4 of a by columns 3 to 7 of b, three columns of a at a time
        c=AddressRange(4096, 16, rows=3, pitch=64),
        a=AddressRange(20, 5, rows=3, pitch=10),
        b=AddressRange(1003, 4, rows=5, pitch=8),
        k=5,
    )
    state = run(tile, tile, data={0: a, 1000: b}, functions={"gemm": gemm})
    expected = 2 * (a[2:5, :5].astype(int) @ b[:5, 3:7].astype(int))
    assert state.read_memory(AddressRange(4096, 16, 3, 64)).view("<i4").tolist() == expected.tolist()
    assert state.read_array(4096 + 16, 12, np.int32).tolist() == [0] * 12  # between the rows


def test_functions_of_the_program_and_of_the_call() -> None:
    steps = step("add", d="r1", a="r2", b="r3")
    program = LoopProgram(steps, {"add": ADD}, functions={"add": lambda s, i: s.write_register("r1", 77)})
    state = acadl.simulate(ARCH, program, data={}).state
    assert state is not None
    assert state.read_register("r1") == 77
    override = {"add": lambda s, i: s.write_register("r1", 78)}
    state = acadl.simulate(ARCH, program, data={}, functions=override).state
    assert state is not None
    assert state.read_register("r1") == 78


def test_registers_hold_anything_for_python_functions() -> None:
    array = np.arange(3.0)
    state = run(
        ADDI.instruction(d="r1", n=0),
        functions={"addi": lambda s, i: s.write_register("r1", array)},
    )
    assert state.read_register("r1") is array


def test_missing_function() -> None:
    instruction = GEMM.instruction(c=AddressRange(0, 4), a=AddressRange(4, 4), b=AddressRange(8, 4), k=1)
    with pytest.raises(
        SimulationError, match=r"operation 'gemm' has no function on data.*functions=\{'gemm': f\}"
    ):
        run(instruction)
    assert acadl.simulate(ARCH, [instruction]).state is None  # without data none is needed


def test_what_writes_nothing_needs_no_function() -> None:
    assert run(NOP.instruction(n=1)).read_register("r1") == 0


def test_function_for_an_unknown_operation() -> None:
    with pytest.raises(SimulationError, match=r"'machine' has no operation 'gem'; did you mean 'gemm'\?"):
        run(functions={"gem": gemm})


# -- when operands are read and results appear ---


def test_results_appear_when_the_instruction_is_done() -> None:
    seen: list[tuple[str, int]] = []

    def watch(state: ArchitecturalState, instruction: Instruction) -> None:
        seen.append((instruction.operation, state.read_register("r1")))
        state.write_register("r1", state.read_register("r1") + 1)
        seen.append((instruction.operation, state.read_register("r1")))

    made = Machine()
    made.unit("u", ADDI, NOP, latency=5, interval=1, capacity=4, holder_capacity=4)
    hidden = [NOP.instruction(n=1)] * 2  # do not say that they read and write r1
    state = acadl.simulate(made.build(), hidden, data={}, functions={"nop": watch}).state
    assert state is not None
    # the second starts before the first is done: the bug shows in the value
    assert seen == [("nop", 0), ("nop", 1), ("nop", 0), ("nop", 1)]
    assert state.read_register("r1") == 1
    declared = ADDI.instruction(d="r1", n=1)
    state = acadl.simulate(made.build(), [declared, declared], data={}).state
    assert state is not None
    assert state.read_register("r1") == 2


def test_pending_writes_are_seen_by_their_function_only() -> None:
    state = ArchitecturalState(ARCH)
    state.write_array(0, np.arange(16, dtype=np.uint8))
    pending = PendingState(state)
    pending.write_array(4, np.full(4, 99, np.uint8))
    pending.write_array(6, np.full(4, 7, np.uint8))
    pending.write_register("r1", 5)
    expected = [3, 99, 99, 7, 7, 7, 7, 10]
    assert pending.read_array(3, 8, np.uint8).tolist() == expected
    assert pending.copy().read_array(3, 8, np.uint8).tolist() == expected
    assert state.read_array(3, 8, np.uint8).tolist() == [3, 4, 5, 6, 7, 8, 9, 10]
    assert (pending.read_register("r1"), state.read_register("r1")) == (5, 0)
    vector = pending.read_register("v0")
    vector[:] = 8
    assert state.read_register("v0").tolist() == [1, 1, 1, 1]
    pending.commit()
    assert state.read_array(3, 8, np.uint8).tolist() == expected
    assert state.read_register("r1") == 5


# -- state ---


def test_given_state_stays_as_it_is() -> None:
    data = ArchitecturalState(ARCH)
    data.write_register("r1", 3)
    state = run(ADDI.instruction(d="r1", n=1), store(0, "r1"), data=data)
    assert (data.read_register("r1"), state.read_register("r1")) == (3, 4)
    assert (data.read_array(0, 1, "<i4")[0], state.read_array(0, 1, "<i4")[0]) == (0, 4)


def test_memory_of_gibibytes_is_sparse() -> None:
    state = ArchitecturalState(ARCH)
    state.write_array(8 * GIB - 4, np.array([1, 2], np.int16))
    state.write_array(4 * GIB + 4094, np.array([[1, 2], [3, 4]], ">i2"))  # over the end of a page
    assert state.read_array(4 * GIB + 4094, (2, 2), np.int16).tolist() == [[1, 2], [3, 4]]
    assert state.read_array(8 * GIB - 4, 2, np.int16).tolist() == [1, 2]
    assert state.read_array(5 * GIB, (0, 3), np.int16).shape == (0, 3)
    assert len(state._pages) == 3


def test_rows_of_a_range() -> None:
    state = ArchitecturalState(ARCH)
    piece = AddressRange(100, 2, rows=3, pitch=10)
    state.write_memory(piece, np.array([1, 2, 3], np.int16))
    assert state.read_memory(piece).tolist() == [[1, 0], [2, 0], [3, 0]]
    assert state.read_array(100, 22, np.uint8).nonzero()[0].tolist() == [0, 10, 20]


def test_messages_of_the_state() -> None:
    state = ArchitecturalState(ARCH)
    with pytest.raises(SimulationError, match=r"there is no register 'r111'; did you mean 'r11'\?"):
        state.write_register("r111", 0)
    with pytest.raises(
        SimulationError, match=r"no memory holds addresses 0x1ffd to 0x2001; there are: .*'mem' 0x0"
    ):
        state.read_array(8189, 4, np.uint8)
    with pytest.raises(SimulationError, match="5 bytes cannot be written to a range of 2 × 2 bytes"):
        state.write_memory(AddressRange(0, 2, 2, 8), np.zeros(5, np.uint8))
    with pytest.raises(SimulationError, match="is no array of numbers"):
        state.write_array(0, ["a", None])


@pytest.mark.parametrize(
    ("value", "bits", "expected"),
    [(127, 8, 127), (128, 8, -128), (255, 8, -1), (256, 8, 0), (-129, 8, 127), (1, 1, -1), (-1, 64, -1)],
)
def test_wrap(value: int, bits: int, expected: int) -> None:
    assert wrap(value, bits) == expected


def test_expression_of_functions() -> None:
    made = Machine()
    relu = op("relu", ("d", "reg", "out"), ("s", "reg", "in"), function=Call("max", (Name("s"), Const(0))))
    made.unit("u", relu)
    state = ArchitecturalState(made.build())
    state.write_register("r1", -5)
    state.write_register("r2", 5)
    program = [relu.instruction(d="r3", s="r1"), relu.instruction(d="r4", s="r2")]
    after = acadl.simulate(state.architecture, program, data=state).state
    assert after is not None
    assert [after.read_register(name) for name in ("r3", "r4")] == [0, 5]
