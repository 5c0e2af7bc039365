"""Loop programs: what a mapping makes and the evaluators read without unrolling.

A program is a tree of :class:`Loop`, :class:`Sequence` and :class:`Step` (one instruction with operands that
are affine in the loop indices, rotating buffers included). Iterating over a :class:`LoopProgram` yields the
dynamic instructions one by one, which is what the reference simulation consumes.

    >>> i = index("i")
    >>> address = 0x100 + 4 * i + 64 * (i % 2)
    >>> address.at({"i": 3})
    332
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from acadl.errors import ProgramError
from acadl.operations import AddressRange, Instruction, Operation

# Loops around one another.
DEEPEST_NEST = 100


@dataclass(frozen=True, slots=True)
class Rotation:
    """``scale * (index mod modulus)``: the position in a rotating buffer."""

    scale: int
    index: Affine
    modulus: int


@dataclass(frozen=True, slots=True)
class Affine:
    """``const + Σ coefficient · index + Σ rotation`` over loop indices, by name.

    Built with ``+``, ``-``, ``*`` by integers and ``%`` by a positive integer.
    """

    const: int = 0
    terms: tuple[tuple[str, int], ...] = ()
    rotations: tuple[Rotation, ...] = ()

    def __add__(self, other: Affine | int) -> Affine:
        other = as_affine(other)
        terms = dict(self.terms)
        for name, coefficient in other.terms:
            terms[name] = terms.get(name, 0) + coefficient
        kept = tuple(sorted((name, c) for name, c in terms.items() if c))
        return Affine(self.const + other.const, kept, self.rotations + other.rotations)

    __radd__ = __add__

    def __mul__(self, factor: int) -> Affine:
        if factor == 0:
            return Affine()
        return Affine(
            self.const * factor,
            tuple((name, c * factor) for name, c in self.terms),
            tuple(Rotation(r.scale * factor, r.index, r.modulus) for r in self.rotations),
        )

    __rmul__ = __mul__

    def __neg__(self) -> Affine:
        return self * -1

    def __sub__(self, other: Affine | int) -> Affine:
        return self + -as_affine(other)

    def __rsub__(self, other: int) -> Affine:
        return -self + other

    def __mod__(self, modulus: int) -> Affine:
        if self.rotations:
            raise ProgramError("a rotation cannot be rotated again")
        if modulus < 1:
            raise ProgramError(f"modulus {modulus} is not positive")
        if not self.terms:
            return Affine(self.const % modulus)
        return Affine() if modulus == 1 else Affine(rotations=(Rotation(1, self, modulus),))

    def at(self, indices: Mapping[str, int]) -> int:
        """Value for given loop indices."""
        value = self.const
        for name, coefficient in self.terms:
            value += coefficient * indices[name]
        for rotation in self.rotations:
            value += rotation.scale * (rotation.index.at(indices) % rotation.modulus)
        return value

    def index_names(self) -> frozenset[str]:
        """Loop indices that the value depends on."""
        names = {name for name, _ in self.terms}
        for rotation in self.rotations:
            names |= rotation.index.index_names()
        return frozenset(names)

    def bounds(self, counts: Mapping[str, int]) -> tuple[int, int]:
        """Lowest and highest value over all iterations (a hull: rotations taken as independent)."""
        low = high = self.const
        for name, coefficient in self.terms:
            reach = coefficient * (counts[name] - 1)
            low, high = low + min(0, reach), high + max(0, reach)
        for rotation in self.rotations:
            reach = rotation.scale * (rotation.modulus - 1)
            low, high = low + min(0, reach), high + max(0, reach)
        return low, high


def index(name: str) -> Affine:
    """The index of the loop called ``name``."""
    return Affine(terms=((name, 1),))


def as_affine(value: Affine | int) -> Affine:
    """``value`` as an :class:`Affine`."""
    return value if isinstance(value, Affine) else Affine(value)


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


OperandValue: TypeAlias = Register | Memory | int


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


Node: TypeAlias = Loop | Sequence | Step


def step(operation: str, **operands: OperandValue | str) -> Step:
    """One instruction; a string operand is a register name."""
    return Step(operation, {k: Register(v) if isinstance(v, str) else v for k, v in operands.items()})


def memory(address: Affine | int, bytes: int, rows: int = 1, pitch: int = 0) -> Memory:
    """A memory operand. Rows may overlap (windows that slide by less than their width).

    Raises:
        ProgramError: The range is empty, or its rows do not advance.
    """
    if bytes < 1 or rows < 1:
        raise ProgramError(f"a memory operand of {rows} × {bytes} bytes is empty")
    if rows > 1 and pitch < 1:
        raise ProgramError(f"{rows} rows at a pitch of {pitch} bytes do not advance")
    if rows > 1 and pitch == bytes:
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


def count_instructions(node: Node) -> int:
    """Dynamic instructions of ``node``."""
    match node:
        case Step():
            return 1
        case Sequence(nodes):
            return sum(count_instructions(child) for child in nodes)
        case Loop(count=count, body=body):
            return count * count_instructions(body)


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
        case Step(mnemonic, operands):
            operation = operations.get(mnemonic)
            if operation is None:
                raise ProgramError(f"operation '{mnemonic}' is not declared")
            names = {operand.name for operand in operation.operands}
            if names != operands.keys():
                raise ProgramError(
                    f"operation '{mnemonic}' takes operands {sorted(names)}, got {sorted(operands)}"
                )
            for operand in operation.operands:
                _validate_operand(mnemonic, operand.name, operand.kind, operands[operand.name], scope)


def _validate_operand(
    mnemonic: str, name: str, kind: str, value: OperandValue, scope: tuple[str, ...]
) -> None:
    expected = {"reg": Register, "address": Memory, "int": int}[kind]
    if not isinstance(value, expected):
        raise ProgramError(f"operand '{name}' of '{mnemonic}' is {value!r}; expected {kind}")
    affine = (
        value.index if isinstance(value, Register) else value.address if isinstance(value, Memory) else None
    )
    unknown = affine.index_names() - set(scope) if affine else ()
    if unknown:
        raise ProgramError(
            f"operand '{name}' of '{mnemonic}' uses the index of no enclosing loop: {sorted(unknown)}"
        )
