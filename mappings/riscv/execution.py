"""What a program has done: its result, and the path that it took.

What was executed is a *path*: numbers of straight pieces of code in the order in which they ran. A piece is
known by its instructions and by all that the run decided in it: whether its branch was taken, where its
jump went, by how much a register shifted. So what a machine's time depends on, addresses of data aside, is
in the piece, and a path of millions of instructions is a short list of pieces and a long list of numbers.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

from mappings.riscv.instructions import LOADS, STORES, Instruction


class Executed(NamedTuple):
    """An instruction of a piece, with what the run decided.

    Attributes:
        pc: Its address.
        next_pc: Address of the one that ran after it.
        amount: By how many bits it shifts; 0 where it does not.
        taken: Whether it is a branch that was taken.
    """

    pc: int
    instruction: Instruction
    next_pc: int
    amount: int = 0
    taken: bool = False

    @property
    def accesses(self) -> int:
        """Bytes that it loads or stores, or 0."""
        name = self.instruction.name
        return LOADS.get(name, 0) or STORES.get(name, 0)


class Mark(NamedTuple):
    """A store to the marker address: its value, and how many instructions had run, the store included."""

    value: int
    instructions: int


@dataclass(frozen=True)
class Execution:
    """What a program did.

    Attributes:
        result: Value of the store that ended the program; else register ``a0`` at the end.
        ended_by: ``exit``: the store to the exit address; ``ecall``, ``ebreak``; ``loop``: a jump to itself.
        instructions: Instructions run. A jump to itself, ``ecall`` and ``ebreak`` at the end do not count.
        loads, stores: How many of them were loads and stores.
        marks: Stores to the marker address.
        pieces: Straight pieces of code.
        path: Numbers of pieces in the order in which they ran.
        addresses: Of loads and stores, in their order, if they were recorded.
    """

    result: int
    ended_by: str
    instructions: int
    loads: int
    stores: int
    marks: tuple[Mark, ...]
    pieces: tuple[tuple[Executed, ...], ...] = field(repr=False)
    path: array[int] = field(repr=False)
    addresses: array[int] = field(default_factory=lambda: array("q"), repr=False)

    def data(self, first: int, stop: int) -> array[int]:
        """Addresses of the loads and stores among the instructions from number ``first`` up to ``stop``.

        Empty where they were not recorded.
        """
        ends = ends_of(self.pieces, self.path)
        accesses = [[executed.accesses > 0 for executed in piece] for piece in self.pieces]
        totals = [sum(flags) for flags in accesses]
        reached = list(accumulate(map(totals.__getitem__, self.path), initial=0))

        def before(number: int) -> int:
            at = bisect_left(ends, number)
            start = ends[at] - len(self.pieces[self.path[at]])
            return reached[at] + sum(accesses[self.path[at]][: number - start])

        return self.addresses[before(first) : before(stop)] if ends and first < stop else array("q")

    def cut(self, first: int, stop: int) -> tuple[tuple[tuple[Executed, ...], ...], array[int]]:
        """Pieces and path of the instructions from number ``first`` up to ``stop``.

        A piece in which the stretch begins or ends is cut there.
        """
        ends = ends_of(self.pieces, self.path)
        begin, end = bisect_right(ends, first), bisect_left(ends, stop)
        if first >= stop:
            return (), array("i")
        pieces, order = list(self.pieces), self.path[begin : end + 1]
        for place in (-1, 0):  # the last one first: it may be the first one, too
            at = begin if place == 0 else end
            start = ends[at] - len(self.pieces[self.path[at]])
            low, high = max(first - start, 0), min(stop, ends[at]) - start
            if high - low < ends[at] - start:
                pieces.append(self.pieces[self.path[at]][low:high])
                order[place] = len(pieces) - 1
        used = sorted(set(order))
        renumbered = {number: at for at, number in enumerate(used)}
        return tuple(pieces[number] for number in used), array("i", map(renumbered.__getitem__, order))


def ends_of(pieces: Sequence[tuple[Executed, ...]], path: array[int]) -> array[int]:
    """Instructions up to the end of each piece of a path."""
    lengths = [len(piece) for piece in pieces]
    return array("q", accumulate(map(lengths.__getitem__, path)))
