"""What a program has done: its result, and the path that it took.

What was executed is a *path*: numbers of straight pieces of code in the order in which they ran. A piece is
known by its instructions and by all that the run decided in it: whether its branch was taken, where its
jump went, by how much a register shifted. So what a machine's time depends on, addresses of data aside, is
in the piece, and a path of millions of instructions is a short list of pieces and a long list of numbers.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import NamedTuple

from mappings.riscv.instructions import Instruction


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
    """

    result: int
    ended_by: str
    instructions: int
    loads: int
    stores: int
    marks: tuple[Mark, ...]
    pieces: tuple[tuple[Executed, ...], ...] = field(repr=False)
    path: array[int] = field(repr=False)

    def cut(self, first: int, stop: int) -> tuple[tuple[tuple[Executed, ...], ...], array[int]]:
        """Pieces and path of the instructions from number ``first`` up to ``stop``.

        A piece in which the stretch begins or ends is cut there.
        """
        lengths = [len(piece) for piece in self.pieces]
        pieces, order, begin = list(self.pieces), array("l"), 0
        for number in self.path:
            end = begin + lengths[number]
            if first <= begin and end <= stop:
                order.append(number)
            elif begin < stop and first < end:
                pieces.append(self.pieces[number][max(first - begin, 0) : stop - begin])
                order.append(len(pieces) - 1)
            begin = end
        used = sorted(set(order))
        place = {number: at for at, number in enumerate(used)}
        return tuple(pieces[number] for number in used), array("l", map(place.__getitem__, order))
