"""Loop programs: what a mapping makes and the evaluators read without unrolling.

A program is a tree of :class:`Loop`, :class:`Sequence` and :class:`Step` (one instruction with operands that
are affine in the loop indices; rotating buffers and immediates included), or of what a recorded run executed
(:class:`Replay`). Iterating over a :class:`LoopProgram` yields the dynamic instructions one by one, which is
what the simulation consumes.

    >>> i = index("i")
    >>> body = loop(i, 8, step("load", dst="r0", src=memory(4 * i, 4)), step("wait", cycles=2 + i % 3))
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from acadl.errors import ProgramError, nearest
from acadl.operations import AddressRange, Instruction, Operation
from mappings.affine import Affine as Affine
from mappings.affine import Rotation as Rotation
from mappings.affine import as_affine as as_affine
from mappings.affine import index as index

# Loops around one another.
DEEPEST_NEST = 100


@dataclass(frozen=True, slots=True)
class Register:
    """A register operand: ``name``, or ``name`` followed by the value of ``index`` (``acc3``)."""

    name: str
    index: Affine | None = None

    def at(self, indices: Mapping[str, int]) -> str:
        """Register name for given loop indices."""
        return self.name if self.index is None else f"{self.name}{self.index.at(indices)}"


@dataclass(frozen=True, slots=True)
class Memory:
    """A memory operand: ``rows`` pieces of ``bytes`` bytes, ``pitch`` bytes apart, from ``address`` on."""

    address: Affine
    bytes: int
    rows: int = 1
    pitch: int = 0

    def at(self, indices: Mapping[str, int]) -> AddressRange:
        """Address range for given loop indices."""
        return AddressRange(self.address.at(indices), self.bytes, self.rows, self.pitch)


# An integer operand may depend on loop indices: a different immediate in each iteration.
OperandValue: TypeAlias = Register | Memory | Affine | int


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction of a loop body, operands by their declared names."""

    operation: str
    operands: Mapping[str, OperandValue]


@dataclass(frozen=True, slots=True)
class Sequence:
    """Nodes one after the other."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Loop:
    """``body`` repeated ``count`` times with the index ``index`` counting from 0."""

    index: str
    count: int
    body: Node


@dataclass(frozen=True, slots=True)
class Replay:
    """What a recorded run executed: straight pieces of code in the order of their numbers in ``order``.

    For programs whose way depends on data, which no loops can say. Pieces have no loop indices, and stand in
    no loop. Of a run of millions of instructions there are few pieces and many numbers.
    """

    pieces: tuple[tuple[Step, ...], ...]
    order: array[int] | tuple[int, ...]

    def steps(self) -> Iterator[Step]:
        """Dynamic instructions."""
        for number in self.order:
            yield from self.pieces[number]

    @property
    def instruction_count(self) -> int:
        """Dynamic instructions."""
        return sum(count * len(self.pieces[number]) for number, count in Counter(self.order).items())


Node: TypeAlias = Loop | Sequence | Step | Replay


def step(operation: str, **operands: OperandValue | str) -> Step:
    """One instruction; a string operand is a register name.

    Integers may depend on loop indices: ``step("mac", n=8 - index("i") % 3)``.
    """
    return Step(operation, {name: _operand(value) for name, value in operands.items()})


def _operand(value: OperandValue | str) -> OperandValue:
    if isinstance(value, str):
        return Register(value)
    return value.const if isinstance(value, Affine) and not value.index_names() else value


def memory(
    address: Affine | int, bytes: int, rows: int = 1, pitch: int = 0, keep_rows: bool = False
) -> Memory:
    """A memory operand. Rows may overlap (windows that slide by less than their width).

    Args:
        keep_rows: Rows that follow one another without a gap stay rows. Otherwise they are one row of all
            bytes, which takes fewer transactions; but then a controller has one part to send.

    Raises:
        ProgramError: The range is empty, or its rows do not advance.
    """
    if bytes < 1 or rows < 1:
        raise ProgramError(f"a memory operand of {rows} × {bytes} bytes is empty")
    if rows > 1 and pitch < 1:
        raise ProgramError(f"{rows} rows at a pitch of {pitch} bytes do not advance")
    if rows > 1 and pitch == bytes and not keep_rows:
        return Memory(as_affine(address), bytes * rows)
    return Memory(as_affine(address), bytes, rows, pitch if rows > 1 else 0)


def sequence(*nodes: Node) -> Sequence:
    """Nodes one after the other."""
    return Sequence(tuple(nodes))


def loop(counter: Affine | str, count: int, *body: Node) -> Loop:
    """A loop over ``counter`` (an :func:`index` or its name)."""
    name = counter if isinstance(counter, str) else counter.terms[0][0]
    return Loop(name, count, body[0] if len(body) == 1 else Sequence(tuple(body)))


def steps(node: Node) -> Iterator[Step]:
    """All static instructions below ``node``, in order."""
    match node:
        case Step():
            yield node
        case Sequence(nodes):
            for child in nodes:
                yield from steps(child)
        case Loop(body=body):
            yield from steps(body)
        case Replay(pieces=pieces):
            for piece in pieces:
                yield from piece


def count_instructions(node: Node) -> int:
    """Dynamic instructions of ``node``."""
    match node:
        case Step():
            return 1
        case Sequence(nodes):
            return sum(count_instructions(child) for child in nodes)
        case Loop(count=count, body=body):
            return count * count_instructions(body)
        case Replay():
            return node.instruction_count


# A function on data: reads operands from the state and writes results to it.
DataFunction: TypeAlias = "Callable[[object, Instruction], None]"


@dataclass(frozen=True)
class LoopProgram:
    """A loop nest of instructions for one architecture.

    Attributes:
        body: The tree.
        operations: Declarations of the operations that the tree uses.
        name: What the program computes, for reports.
        functions: Functions on data that the description cannot express, by mnemonic.
    """

    body: Node
    operations: Mapping[str, Operation]
    name: str = ""
    functions: Mapping[str, DataFunction] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _validate(self.body, self.operations, ())

    def __repr__(self) -> str:
        static = sum(1 for _ in steps(self.body))
        return f"<LoopProgram {self.name}: {self.instruction_count:,} instructions from {static} steps>"

    @property
    def instruction_count(self) -> int:
        """Dynamic instructions."""
        return count_instructions(self.body)

    def __iter__(self) -> Iterator[Instruction]:
        """The dynamic instructions in program order, with their ``id`` set."""
        for number, (node, indices) in enumerate(_unrolled(self.body, {})):
            yield concrete(node, self.operations[node.operation], indices, number)


def concrete(node: Step, operation: Operation, indices: Mapping[str, int], number: int) -> Instruction:
    """The instruction that ``node`` is at given loop indices."""
    values: dict[str, str | AddressRange | int] = {
        name: value if isinstance(value, int) else value.at(indices) for name, value in node.operands.items()
    }
    made = operation.instruction(**values)
    return Instruction(
        made.operation,
        made.read_registers,
        made.write_registers,
        made.read_addresses,
        made.write_addresses,
        made.immediates,
        number,
    )


def _unrolled(node: Node, indices: dict[str, int]) -> Iterator[tuple[Step, dict[str, int]]]:
    match node:
        case Step():
            yield node, indices
        case Sequence(nodes):
            for child in nodes:
                yield from _unrolled(child, indices)
        case Loop(name, count, body):
            for value in range(count):
                indices[name] = value
                yield from _unrolled(body, indices)
            indices.pop(name, None)
        case Replay():
            for executed in node.steps():
                yield executed, indices


def _validate(node: Node, operations: Mapping[str, Operation], scope: tuple[str, ...]) -> None:
    match node:
        case Sequence(nodes):
            for child in nodes:
                _validate(child, operations, scope)
        case Loop(name, count, body):
            if name in scope:
                raise ProgramError(f"loop index '{name}' is already used by an enclosing loop")
            if len(scope) >= DEEPEST_NEST:
                raise ProgramError(f"loops are nested more than {DEEPEST_NEST} deep")
            if count < 0:
                raise ProgramError(f"loop '{name}' has a negative count ({count})")
            _validate(body, operations, (*scope, name))
        case Replay(pieces, order):
            if scope:
                raise ProgramError(f"a replay cannot stand in a loop ('{scope[-1]}')")
            if order and not 0 <= min(order) <= max(order) < len(pieces):
                raise ProgramError(
                    f"a replay of {len(pieces)} pieces has numbers from {min(order)} to {max(order)}"
                )
            if not all(pieces):
                raise ProgramError(f"piece {pieces.index(())} of a replay has no instructions")
            for piece in pieces:
                for child in piece:
                    _validate(child, operations, scope)
        case Step(mnemonic, operands):
            operation = operations.get(mnemonic)
            if operation is None:
                raise ProgramError(f"operation '{mnemonic}' is not declared{nearest(mnemonic, operations)}")
            names = {operand.name for operand in operation.operands}
            if names != operands.keys():
                raise ProgramError(f"operation '{mnemonic}' takes {_listed(names)}, got {_listed(operands)}")
            for operand in operation.operands:
                _validate_operand(mnemonic, operand.name, operand.kind, operands[operand.name], scope)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in sorted(names)) or "no operands"


_KINDS: Mapping[str, tuple[type | tuple[type, ...], str]] = {
    "reg": (Register, "reg: a register"),
    "address": (Memory, "address: a memory operand"),
    "int": ((int, Affine), "int: an integer, or an affine expression of loop indices"),
}


def _affine(value: OperandValue) -> Affine | None:
    """What of an operand depends on loop indices."""
    if isinstance(value, Memory):
        return value.address
    if isinstance(value, Register):
        return value.index
    return value if isinstance(value, Affine) else None


def _validate_operand(
    mnemonic: str, name: str, kind: str, value: OperandValue, scope: tuple[str, ...]
) -> None:
    types, wanted = _KINDS[kind]
    if not isinstance(value, types):
        raise ProgramError(f"operand '{name}' of '{mnemonic}' is {value!r}; expected {wanted}")
    affine = _affine(value)
    if affine is None or (not affine.rotations and all(name in scope for name, _ in affine.terms)):
        return  # the usual case
    unknown = affine.index_names() - set(scope)
    if unknown:
        raise ProgramError(
            f"operand '{name}' of '{mnemonic}' uses the index of no enclosing loop: {sorted(unknown)}"
        )
