"""What a loop program bound to an architecture consists of.

Nothing here depends on trip counts: a program of 10¹² instructions is as large as its loop bodies.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from acadl.errors import ProgramError
from acadl.expressions import Expr, ExpressionError
from aidg.hazards import Access, Group
from aidg.machine import Machine, Place
from aidg.propagation import QUEUED


class AddressPlan(NamedTuple):
    """An affine address with loop indices by number: what is evaluated per dynamic instruction."""

    const: int
    terms: tuple[tuple[int, int], ...]
    rotations: tuple[tuple[int, int, tuple[tuple[int, int], ...], int], ...]  # scale, const, terms, modulus

    def at(self, indices: list[int]) -> int:
        """Value at the current loop indices."""
        value = self.const
        for number, coefficient in self.terms:
            value += coefficient * indices[number]
        for scale, const, terms, modulus in self.rotations:
            for number, coefficient in terms:
                const += coefficient * indices[number]
            value += scale * (const % modulus)
        return value


@dataclass(frozen=True, slots=True)
class QueuedLatency:
    """A latency or interval that differs between the dynamic instances of a row.

    Attributes:
        what: For messages, such as ``latency of 'alu'``.
        names: Names of the expression that do not vary.
        varying: Names that depend on the loop indices.
    """

    what: str
    expression: Expr
    names: Mapping[str, int]
    varying: tuple[tuple[str, AddressPlan], ...]

    def at(self, indices: list[int]) -> int:
        """Cycles at the current loop indices. Raises :class:`ProgramError`."""
        names = {**self.names, **{name: plan.at(indices) for name, plan in self.varying}}
        return evaluate(self.what, self.expression, names)


class StorageAccess(NamedTuple):
    """Transactions of one operand at one storage.

    ``latency`` is ``QUEUED`` where the storage's state decides; with ``chained``, an earlier access of the
    same direction uses the same storage.
    """

    access: int
    storage: int
    transactions: int
    latency: int
    write: bool
    chained: bool
    address: AddressPlan
    shape: tuple[int, int, int]  # bytes, rows, pitch


class TrackedOperand(NamedTuple):
    """An operand whose conflicts are tracked.

    Attributes:
        access: Number of the static operand.
        kind: ``FIXED``, ``TURNING``, ``CELLS`` or ``RANGES`` of :mod:`aidg.propagation`.
        position: First of its, or of the group's, times in the list of times; -1 where they are not there.
        group: Group in which it can conflict.
    """

    access: int
    kind: int
    position: int
    group: int
    write: bool
    shape: tuple[int, int, int]


class Hop(NamedTuple):
    """A stage on the way; see :data:`aidg.propagation.HOP`."""

    stage: str
    place: Place
    service: int
    latency: int
    interval: int
    is_fifo: bool
    target: int


class Row(NamedTuple):
    """Everything the kernel needs to propagate one static instruction; positions are in the list of times.

    ``queued`` lists what the hops and the unit take from the queue of latencies, in this order.
    """

    number: int
    objects: tuple[str, ...]  # stages on the way, unit
    issue: int
    first_place: int
    hops: tuple[Hop, ...]
    execute: Place
    unit: int
    own: Place
    service: int
    latency: int
    interval: int
    duration: int
    queued: tuple[QueuedLatency, ...]
    accesses: tuple[StorageAccess, ...]  # reads, then writes
    operands: tuple[TrackedOperand, ...]

    @property
    def has_queue(self) -> bool:
        """Whether some latency differs between instances."""
        return bool(self.queued) or any(access.latency == QUEUED for access in self.accesses)


@dataclass(frozen=True, slots=True)
class Block:
    """Rows one after the other, and where they are on the tape."""

    rows: tuple[Row, ...]
    first: int
    stop: int
    has_queue: bool


@dataclass(slots=True)
class PreparedLoop:
    """A loop with its body.

    Attributes:
        level: Number of its index.
        rows: Numbers of the static instructions inside.
        instructions: Per iteration.
        first, stop: Where it is on the tape: its beginning, and the entry after its end.
    """

    name: str
    level: int
    count: int
    body: Prepared
    rows: range
    instructions: int
    first: int
    stop: int


@dataclass(frozen=True, slots=True)
class PreparedReplay:
    """Blocks in a recorded order; ``order`` has their numbers. It stands in no loop."""

    blocks: tuple[Block, ...]
    order: array[int] | tuple[int, ...]
    instructions: int

    def run(self) -> Iterator[Block]:
        """The blocks as they follow each other."""
        return map(self.blocks.__getitem__, self.order)


Prepared: TypeAlias = "PreparedLoop | tuple[Prepared, ...] | Block | PreparedReplay"


@dataclass(frozen=True, slots=True)
class PreparedProgram:
    """What the kernel runs.

    Attributes:
        body: Loop tree with blocks of rows as leaves.
        tape: The same as a list of entries (kind, a, b, c) of :mod:`aidg.propagation`; rows by number.
        accesses: Static operands, in order of the rows.
        access_rows: Row of each access.
        access_plans: Address of each access.
        groups: Operands that can conflict.
        group_positions: First place of each flat group in the list of times; -1 for the others.
        level_names: Loop indices by number.
    """

    machine: Machine
    body: Prepared
    tape: tuple[tuple[int, int, int, int], ...]
    rows: tuple[Row, ...]
    instruction_count: int
    accesses: tuple[Access, ...]
    access_rows: tuple[int, ...]
    access_plans: tuple[AddressPlan, ...]
    groups: tuple[Group, ...]
    group_positions: tuple[int, ...]
    level_names: tuple[str, ...]


def instructions(tree: Prepared) -> int:
    """Dynamic instructions of a prepared tree."""
    if isinstance(tree, Block):
        return len(tree.rows)
    if isinstance(tree, tuple):
        return sum(map(instructions, tree))
    if isinstance(tree, PreparedReplay):
        return tree.instructions
    return tree.count * tree.instructions


def evaluate(what: str, expression: Expr, names: Mapping[str, int]) -> int:
    """Cycles that a latency or interval is. Raises :class:`ProgramError`."""
    try:
        value = expression.evaluate(names)
    except ExpressionError as error:
        raise ProgramError(f"{what}: {error}") from error
    if value < 0:
        raise ProgramError(f"{what} is {value}; it cannot be negative")
    return value
