"""Operations and instructions: what the instruction memory holds and what units process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from acadl.errors import ProgramError, Span
from acadl.expressions import Expr

Direction = Literal["in", "out", "inout"]
OperandKind = Literal["reg", "address", "int"]


@dataclass(frozen=True, slots=True)
class AddressRange:
    """Bytes of memory: ``rows`` pieces of ``bytes`` bytes, ``pitch`` bytes apart.

    The plain range has one row. All values are in bytes; ``start`` is the first piece's address.
    """

    start: int
    bytes: int
    rows: int = 1
    pitch: int = 0

    @property
    def end(self) -> int:
        """One past the last byte of the last row."""
        return self.start + (self.rows - 1) * self.pitch + self.bytes

    @property
    def total_bytes(self) -> int:
        """Bytes moved by an access to the whole range."""
        return self.rows * self.bytes

    def overlaps(self, other: AddressRange) -> bool:
        """Whether the two ranges share a byte, exactly (not by their hulls)."""
        if self.start >= other.end or other.start >= self.end:
            return False
        if self.rows == 1 and other.rows == 1:
            return True
        return any(_meets(start, start + self.bytes, other) for start in self.row_starts())

    def row_starts(self) -> range:
        """First address of every row."""
        if self.rows == 1:
            return range(self.start, self.start + 1)
        return range(self.start, self.start + self.rows * self.pitch, self.pitch)


def _meets(low: int, high: int, other: AddressRange) -> bool:
    """Whether ``[low, high)`` shares a byte with a row of ``other``."""
    if other.rows == 1:
        return low < other.start + other.bytes and other.start < high
    # the first row that ends after `low`
    row = max(0, (low - other.start - other.bytes) // other.pitch + 1)
    return row < other.rows and other.start + row * other.pitch < high


@dataclass(frozen=True, slots=True)
class Operand:
    """A declared operand of an operation: register, address range or integer immediate."""

    name: str
    kind: OperandKind
    direction: Direction = "in"


@dataclass(frozen=True, slots=True)
class Operation:
    """A mnemonic with its operands and, where given, its function on data.

    Attributes:
        name: The mnemonic.
        operands: In order of declaration.
        function: Value of the written operand as an expression over the read ones; ``None`` where the
            function is attached from Python by name, or is not modelled.
    """

    name: str
    operands: tuple[Operand, ...] = ()
    function: Expr | None = None
    doc: str = ""
    span: Span | None = field(default=None, compare=False, repr=False)

    def instruction(self, **operands: object) -> Instruction:
        """Instruction from operands by name: register names, :class:`AddressRange`, integers.

        Raises:
            ProgramError: An operand is missing, unknown or of another kind.
        """
        declared = {operand.name for operand in self.operands}
        if declared != operands.keys():
            raise ProgramError(
                f"operation '{self.name}' takes operands {sorted(declared)}, got {sorted(operands)}"
            )
        lists: dict[str, list[object]] = {key: [] for key in ("rr", "wr", "ra", "wa")}
        immediates: dict[str, int] = {}
        for operand in self.operands:
            value = operands[operand.name]
            expected = {"reg": str, "address": AddressRange, "int": int}[operand.kind]
            if not isinstance(value, expected):
                raise ProgramError(
                    f"operand '{operand.name}' of '{self.name}' is {value!r}; expected {expected.__name__}"
                )
            if operand.kind == "int":
                immediates[operand.name] = value  # type: ignore[assignment]  # checked above
                continue
            kind = operand.kind[0]
            if operand.direction != "out":
                lists["r" + kind].append(value)
            if operand.direction != "in":
                lists["w" + kind].append(value)
        return Instruction(
            operation=self.name,
            read_registers=tuple(lists["rr"]),  # type: ignore[arg-type]
            write_registers=tuple(lists["wr"]),  # type: ignore[arg-type]
            read_addresses=tuple(lists["ra"]),  # type: ignore[arg-type]
            write_addresses=tuple(lists["wa"]),  # type: ignore[arg-type]
            immediates=immediates,
        )

    def bind(self, instruction: Instruction) -> dict[str, str | AddressRange | int]:
        """Operand name to the instruction's operand; the inverse of :meth:`instruction`.

        Raises:
            ProgramError: The instruction has other operands than the operation declares.
        """
        reads: dict[str, Iterator[str | AddressRange]] = {
            "reg": iter(instruction.read_registers),
            "address": iter(instruction.read_addresses),
        }
        writes: dict[str, Iterator[str | AddressRange]] = {
            "reg": iter(instruction.write_registers),
            "address": iter(instruction.write_addresses),
        }
        bound: dict[str, str | AddressRange | int] = {}
        for operand in self.operands:
            value: str | AddressRange | int | None = None
            if operand.kind == "int":
                value = instruction.immediates.get(operand.name)
            else:
                if operand.direction != "out":
                    value = next(reads[operand.kind], None)
                if operand.direction != "in":
                    value = next(writes[operand.kind], None)
            if value is None:
                raise ProgramError(f"instruction '{instruction}' has no operand '{operand.name}'")
            bound[operand.name] = value
        left = [str(value) for values in (*reads.values(), *writes.values()) for value in values]
        if left:
            raise ProgramError(f"'{self.name}' declares no operand for {left[0]} of '{instruction}'")
        return bound

    def latency_names(self, instruction: Instruction) -> dict[str, int]:
        """Names that latency expressions see: immediates, ``operand.bytes`` (total) and ``operand.rows``."""
        names: dict[str, int] = {}
        for name, value in self.bind(instruction).items():
            if isinstance(value, int):
                names[name] = value
            elif isinstance(value, AddressRange):
                names[f"{name}.bytes"] = value.total_bytes
                names[f"{name}.rows"] = value.rows
        return names

    def attribute_names(self) -> frozenset[str]:
        """All names that :meth:`latency_names` binds."""
        names = {operand.name for operand in self.operands if operand.kind == "int"}
        for operand in self.operands:
            if operand.kind == "address":
                names |= {f"{operand.name}.bytes", f"{operand.name}.rows"}
        return frozenset(names)


@dataclass(frozen=True, slots=True)
class Instruction:
    """One dynamic instruction, with ACADL's attributes.

    Attributes:
        operation: Mnemonic.
        read_registers, write_registers: Register names.
        read_addresses, write_addresses: Byte ranges.
        immediates: Integer operands by name.
        id: Position in program order, set by whoever runs the program.
    """

    operation: str
    read_registers: tuple[str, ...] = ()
    write_registers: tuple[str, ...] = ()
    read_addresses: tuple[AddressRange, ...] = ()
    write_addresses: tuple[AddressRange, ...] = ()
    immediates: Mapping[str, int] = field(default_factory=dict)
    id: int = 0

    def __str__(self) -> str:
        reads = [*self.read_registers, *(_address(a) for a in self.read_addresses)]
        writes = [*self.write_registers, *(_address(a) for a in self.write_addresses)]
        text = f"{self.operation} {', '.join(reads)}".rstrip()
        if writes:
            text += f" => {', '.join(writes)}"
        if self.immediates:
            text += f", I: {', '.join(map(str, self.immediates.values()))}"
        return text


def _address(piece: AddressRange) -> str:
    rows = f" x{piece.rows} every {piece.pitch}" if piece.rows > 1 else ""
    return f"[0x{piece.start:x} +{piece.bytes}{rows}]"
