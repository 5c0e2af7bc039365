"""Loop programs: operands that depend on loop indices, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acadl.errors import ProgramError
from acadl.operations import Operand, Operation
from mappings.program import (
    Affine,
    LoopProgram,
    Node,
    OperandValue,
    Register,
    index,
    loop,
    memory,
    sequence,
    step,
)

WAIT = Operation("wait", (Operand("n", "int"),))
MOVE = Operation("move", (Operand("d", "reg", "out"), Operand("s", "address")))
OPERATIONS = {"wait": WAIT, "move": MOVE}
OUTER, INNER = index("i"), index("j")


def immediates(node: Node) -> list[int]:
    """The immediate of every dynamic instruction."""
    return [instruction.immediates["n"] for instruction in LoopProgram(node, OPERATIONS)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (7, [7, 7, 7, 7, 7]),
        (4 * OUTER + 1, [1, 5, 9, 13, 17]),
        (2 + OUTER % 3, [2, 3, 4, 2, 3]),
        (10 - 3 * OUTER, [10, 7, 4, 1, -2]),
        (OUTER - 2 * ((OUTER + 1) % 2), [-2, 1, 0, 3, 2]),
    ],
)
def test_immediates_follow_the_index(value: Affine | int, expected: list[int]) -> None:
    """Growing, rotating, falling, and both at once."""
    assert immediates(loop(OUTER, 5, step("wait", n=value))) == expected


def test_immediates_in_a_nest() -> None:
    """Each instance sees the indices around it; the code behind the inner loop sees the outer one alone."""
    nest = loop(OUTER, 2, loop(INNER, 3, step("wait", n=10 * OUTER + INNER)), step("wait", n=100 + OUTER))
    assert immediates(nest) == [0, 1, 2, 100, 10, 11, 12, 101]


def test_an_expression_without_indices_is_an_integer() -> None:
    """What is constant is kept as a constant."""
    assert step("wait", n=OUTER - OUTER + 3).operands["n"] == 3
    assert step("wait", n=5 * (OUTER % 1)).operands["n"] == 0
    assert step("wait", n=OUTER % 2).operands["n"] == OUTER % 2


def test_an_immediate_with_the_index_of_no_enclosing_loop() -> None:
    """Beside the loop the index has no value."""
    with pytest.raises(
        ProgramError, match=r"operand 'n' of 'wait' uses the index of no enclosing loop: \['i'\]"
    ):
        LoopProgram(sequence(loop(OUTER, 2, step("wait", n=OUTER)), step("wait", n=OUTER)), OPERATIONS)


@pytest.mark.parametrize(
    ("operands", "message"),
    [
        ({"n": memory(0, 4)}, "expected int: an integer, or an affine expression of loop indices"),
        ({"n": "r0"}, "expected int"),
        ({"d": OUTER, "s": memory(0, 4)}, "operand 'd' of 'move' is .*; expected reg: a register"),
        ({"d": "r0", "s": 4 * OUTER}, "operand 's' of 'move' is .*; expected address: a memory operand"),
        ({"d": Register("r", OUTER), "s": 4}, "expected address"),
    ],
)
def test_operands_of_another_kind(operands: dict[str, OperandValue | str], message: str) -> None:
    """An affine expression is an immediate, neither a register nor an address."""
    with pytest.raises(ProgramError, match=message):
        LoopProgram(loop(OUTER, 2, step("wait" if "n" in operands else "move", **operands)), OPERATIONS)


COEFFICIENTS = st.integers(-9, 9)


@given(COEFFICIENTS, COEFFICIENTS, COEFFICIENTS, COEFFICIENTS, COEFFICIENTS, st.integers(1, 7))
def test_values_lie_within_their_bounds(
    const: int, a: int, b: int, scale: int, turn: int, modulus: int
) -> None:
    """The hull of an expression holds every value that an iteration sees."""
    value = const + a * OUTER + b * INNER + scale * ((turn * OUTER + INNER) % modulus)
    low, high = value.bounds({"i": 4, "j": 3})
    assert all(low <= n <= high for n in immediates(loop(OUTER, 4, loop(INNER, 3, step("wait", n=value)))))


def test_rows_without_a_gap_are_one_row_unless_they_are_kept() -> None:
    assert memory(64, 16, rows=4, pitch=16) == memory(64, 64)
    kept = memory(64, 16, rows=4, pitch=16, keep_rows=True)
    assert (kept.bytes, kept.rows, kept.pitch) == (16, 4, 16)
    assert memory(64, 16, rows=4, pitch=32, keep_rows=True) == memory(64, 16, rows=4, pitch=32)
    assert memory(64, 16, keep_rows=True) == memory(64, 16)
