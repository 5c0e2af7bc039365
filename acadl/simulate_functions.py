"""Executes the functions of instructions on the architectural state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from acadl.errors import AcadlError, SimulationError
from acadl.expressions import Expr
from acadl.model import Architecture
from acadl.operations import AddressRange, Instruction, Operation
from acadl.state import ArchitecturalState, PendingState, wrap

SCALAR_BYTES = (1, 2, 4, 8)


def executor(
    arch: Architecture, state: ArchitecturalState, functions: Mapping[str, Callable[..., Any]]
) -> Callable[[Instruction], Callable[[], None]]:
    """A function to call when an instruction starts; it returns the one to call when it is done."""

    def start(instruction: Instruction) -> Callable[[], None]:
        pending = PendingState(state)
        try:
            execute(arch.operations[instruction.operation], instruction, pending, functions)
        except Exception as error:
            error.add_note(f"while executing '{instruction}'")
            raise
        return pending.commit

    return start


def execute(
    operation: Operation,
    instruction: Instruction,
    state: ArchitecturalState,
    functions: Mapping[str, Callable[..., Any]],
) -> None:
    """Execute one instruction on ``state``.

    An operation without a written operand and without a function has no effect on data.

    Raises:
        SimulationError: The operation writes something and has no function, or a value does not fit.
    """
    function = functions.get(operation.name)
    if function is not None:
        function(state, instruction)
    elif operation.function is not None:
        _evaluate(operation, operation.function, instruction, state)
    elif any(operand.direction != "in" for operand in operation.operands):
        raise SimulationError(
            f"operation '{operation.name}' has no function on data; give it one in the description, or pass "
            f"functions={{'{operation.name}': f}} with f(state, instruction)"
        )


def _evaluate(
    operation: Operation, function: Expr, instruction: Instruction, state: ArchitecturalState
) -> None:
    """Value of the expression over the operands, to the first operand that is written."""
    bound = operation.bind(instruction)
    names: dict[str, Any] = dict(operation.latency_names(instruction))
    target, wanted = None, function.names()
    for operand in operation.operands:
        value = bound[operand.name]
        if operand.direction != "in" and target is None:
            target = value
        if operand.direction != "out" and operand.name in wanted:
            names[operand.name] = _value(value, state, instruction)
    if target is None:
        raise SimulationError(f"operation '{operation.name}' has a function but no operand to write")
    try:
        result = _by_lane(function, names)
    except AcadlError as error:
        raise SimulationError(f"'{instruction}' has no result: {error}") from error
    if isinstance(target, AddressRange):
        _store(target, result, state, instruction)
    else:
        state.write_register(str(target), result)


def _value(operand: str | AddressRange | int, state: ArchitecturalState, instruction: Instruction) -> Any:
    if isinstance(operand, str):
        return state.read_register(operand)
    if isinstance(operand, AddressRange):
        _check_scalar(operand, instruction)
        return int.from_bytes(state.read_memory(operand).tobytes(), "little", signed=True)
    return operand


def _store(target: AddressRange, result: Any, state: ArchitecturalState, instruction: Instruction) -> None:
    _check_scalar(target, instruction)
    size = target.total_bytes
    data = wrap(int(result), 8 * size).to_bytes(size, "little", signed=True)
    state.write_memory(target, np.frombuffer(data, np.uint8))


def _check_scalar(piece: AddressRange, instruction: Instruction) -> None:
    if piece.total_bytes not in SCALAR_BYTES:
        raise SimulationError(
            f"'{instruction}' has an operand of {piece.total_bytes} bytes, and an expression takes numbers "
            f"of {', '.join(map(str, SCALAR_BYTES))}; pass a Python function for '{instruction.operation}'"
        )


def _by_lane(function: Expr, names: Mapping[str, Any]) -> Any:
    """The value; element by element where operands have several lanes."""
    lanes = {len(value) for value in names.values() if isinstance(value, np.ndarray)}
    if not lanes:
        return function.evaluate(names)
    if len(lanes) > 1:
        raise SimulationError(f"operands have different numbers of lanes: {sorted(lanes)}")
    return np.array(
        [
            function.evaluate(
                {name: int(v[lane]) if isinstance(v, np.ndarray) else v for name, v in names.items()}
            )
            for lane in range(lanes.pop())
        ]
    )
