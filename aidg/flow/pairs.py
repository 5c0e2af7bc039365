"""Checks of a program before it runs: pairs (rule 12), and what one part has to do at most."""

from __future__ import annotations

from collections.abc import Iterator

from acadl.errors import ProgramError
from aidg.flow import kernel as n
from mappings.program import Step


def check_pairs(tape: list[int], steps: list[int], static: list[Step], lines: list[str]) -> None:
    """See to it that what prepares always stands in front of something that it can prepare.

    Raises :class:`ProgramError`.
    """
    for entry in range(0, len(tape), 4):
        if tape[entry] != n.ROW or not steps[tape[entry + 1] * n.STEP + n.T_PREPARES]:
            continue
        before = tape[entry + 1]
        line = steps[before * n.STEP + n.T_LINE]
        for after in _followers(tape, entry // 4 + 1):
            record = after * n.STEP
            if after < 0 or steps[record + n.T_LINE] != line or steps[record + n.T_PREPARES]:
                what = "the program ends with it" if after < 0 else f"'{static[after].operation}' follows it"
                raise ProgramError(
                    f"'{static[before].operation}' prepares the next instruction, but {what}; put one behind it "
                    f"that '{lines[line]}' takes and that prepares nothing itself"
                )


def _followers(tape: list[int], position: int) -> Iterator[int]:
    """The static steps that can come next, from a position of the tape on; -1: the end."""
    kind, value, count, target = tape[4 * position : 4 * position + 4]
    if kind == n.ROW:
        yield value
    elif kind == n.STOP:
        yield -1
    else:
        if kind == n.END and count > 1:
            yield from _followers(tape, target)
        yield from _followers(tape, position + 1)


def check_shares(steps: list[int], operands: list[int], lines: list[str]) -> None:
    """See to it that a part's record has room for all its shares. Raises :class:`ProgramError`."""
    own, read, left = ([0] * len(lines) for _ in range(3))
    for step in range(0, len(steps), n.STEP):
        line = steps[step + n.T_LINE]
        if line < 0:
            continue
        found = [0, 0]  # shares of operands that are only read, of others
        for number in range(steps[step + n.T_OPERANDS]):
            operand = (steps[step + n.T_OPERAND] + number) * n.OPERAND
            if operands[operand + n.A_RANGES] >= 0:
                write = operands[operand + n.A_WRITE]
                found[write] += operands[operand + n.A_READ] + write
        if steps[step + n.T_PREPARES]:
            read[line], left[line] = max(read[line], found[0]), max(left[line], found[1])
        else:
            own[line] = max(own[line], sum(found))
    for line, name in enumerate(lines):
        most = own[line] + read[line] + left[line]
        if most > n.MOST_SHARES:
            raise ProgramError(
                f"the parts of '{name}' read and write {most} operands; at most {n.MOST_SHARES} can be evaluated"
            )
