"""The syntax tree of ``.acadl`` text: immutable records, each with the span it was read from.

Nothing here knows what a name means; that is decided at elaboration (:mod:`acadl.elaborate`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import TypeAlias

from acadl.errors import Span


@dataclass(frozen=True, slots=True)
class Word:
    """A name, keyword or sign as written."""

    span: Span
    text: str


# --- expressions ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Number:
    """A number as written, with its unit if it has one."""

    span: Span
    text: str
    unit: Word | None = None


@dataclass(frozen=True, slots=True)
class Truth:
    """``true`` or ``false``."""

    span: Span
    value: bool


@dataclass(frozen=True, slots=True)
class Text:
    """A string in double quotes, without them."""

    span: Span
    value: str


@dataclass(frozen=True, slots=True)
class Unary:
    """``-`` or ``not``."""

    span: Span
    operator: Word
    operand: Expression


@dataclass(frozen=True, slots=True)
class Binary:
    """Two operands with an operator between them."""

    span: Span
    operator: Word
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Conditional:
    """``if condition then a else b``."""

    span: Span
    condition: Expression
    then: Expression
    otherwise: Expression


@dataclass(frozen=True, slots=True)
class Range:
    """``start ..< end``, the end excluded."""

    span: Span
    start: Expression
    end: Expression


@dataclass(frozen=True, slots=True)
class Wildcard:
    """``*`` as an index: every element."""

    span: Span


@dataclass(frozen=True, slots=True)
class Member:
    """``.name`` after a path."""

    span: Span
    name: Word


@dataclass(frozen=True, slots=True)
class Element:
    """``[index]`` after a path."""

    span: Span
    index: Expression | Range | Wildcard


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a call, with its name if it has one."""

    span: Span
    name: Word | None
    value: Expression


@dataclass(frozen=True, slots=True)
class Call:
    """``(arguments)`` after a path."""

    span: Span
    arguments: tuple[Argument, ...]


Part: TypeAlias = Member | Element | Call


@dataclass(frozen=True, slots=True)
class Path:
    """A name and what follows it: ``grid[r][c].ex``, ``max(a, b)``, ``pe(width: 8 bits)[4]``."""

    span: Span
    name: Word
    parts: tuple[Part, ...] = ()

    @property
    def is_name(self) -> bool:
        """Whether the path is a bare name."""
        return not self.parts


Expression: TypeAlias = Number | Truth | Text | Unary | Binary | Conditional | Path


# --- declarations ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Block:
    """Statements in braces, or a whole file."""

    span: Span
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Parameter:
    """``name: type = default``."""

    span: Span
    name: Word
    type: Word
    default: Expression | None


@dataclass(frozen=True, slots=True)
class ArchitectureDeclaration:
    """``architecture name(parameters) { … }``."""

    span: Span
    name: Word
    parameters: tuple[Parameter, ...]
    body: Block
    doc: str


@dataclass(frozen=True, slots=True)
class TemplateDeclaration:
    """``template name(parameters) { … }``."""

    span: Span
    name: Word
    parameters: tuple[Parameter, ...]
    body: Block
    doc: str


@dataclass(frozen=True, slots=True)
class Import:
    """``import names from "file"``; the name ``operations`` stands for all operations."""

    span: Span
    names: tuple[Word, ...]
    file: Text


@dataclass(frozen=True, slots=True)
class OperandDeclaration:
    """``name: direction kind`` of an operation."""

    span: Span
    name: Word
    direction: Word | None
    kind: Word


@dataclass(frozen=True, slots=True)
class OperationDeclaration:
    """``name(operands) = function``."""

    span: Span
    name: Word
    operands: tuple[OperandDeclaration, ...]
    function: Expression | None
    doc: str


@dataclass(frozen=True, slots=True)
class OperationsBlock:
    """``operations { … }``."""

    span: Span
    operations: tuple[OperationDeclaration, ...]


@dataclass(frozen=True, slots=True)
class Const:
    """``const name = value``."""

    span: Span
    name: Word
    value: Expression


@dataclass(frozen=True, slots=True)
class Clock:
    """``clock frequency``."""

    span: Span
    value: Expression


@dataclass(frozen=True, slots=True)
class Require:
    """``require condition else "message"``."""

    span: Span
    condition: Expression
    message: Text


@dataclass(frozen=True, slots=True)
class Declared:
    """The name of something declared, with its place in an array: ``bank[i]``."""

    span: Span
    name: Word
    indices: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class ObjectDeclaration:
    """``stage name { … }`` and the other classes."""

    span: Span
    kind: Word
    declared: Declared
    body: Block
    doc: str


@dataclass(frozen=True, slots=True)
class Attribute:
    """``name: value``: an attribute inside an object, an instance of a template elsewhere."""

    span: Span
    target: Path
    value: Expression


@dataclass(frozen=True, slots=True)
class OperationList:
    """``operations: names``."""

    span: Span
    keyword: Word
    names: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class RegisterNames:
    """One entry of ``names:``: a name, a range of numbered names, an initial value."""

    span: Span
    name: Word
    numbers: Range | None
    initial: Expression | None


@dataclass(frozen=True, slots=True)
class RegisterList:
    """``names: r[0 ..< 16] sp``."""

    span: Span
    keyword: Word
    registers: tuple[RegisterNames, ...]


@dataclass(frozen=True, slots=True)
class AddressList:
    """``addresses: 0x0 ..< 0x1000``."""

    span: Span
    keyword: Word
    ranges: tuple[Range, ...]


@dataclass(frozen=True, slots=True)
class FromMemory:
    """``from: imem``."""

    span: Span
    keyword: Word
    memory: Path


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One end of an edge; several paths in braces fan out."""

    span: Span
    paths: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class EdgeChain:
    """``a -> b => c``: an arrow between each two endpoints."""

    span: Span
    endpoints: tuple[Endpoint, ...]
    arrows: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class OpenEdge:
    """``open name: end =>`` or ``open name: => end``: an edge with one end still missing."""

    span: Span
    declared: Declared
    optional: bool
    arrow: Word
    end: Endpoint
    leaves: bool


@dataclass(frozen=True, slots=True)
class Binder:
    """``name in start ..< end``."""

    span: Span
    name: Word
    range: Range


@dataclass(frozen=True, slots=True)
class For:
    """``for binders { … }``, the first binder outermost."""

    span: Span
    binders: tuple[Binder, ...]
    body: Block


@dataclass(frozen=True, slots=True)
class If:
    """``if … { } else if … { } else { }``."""

    span: Span
    branches: tuple[tuple[Expression, Block], ...]
    otherwise: Block | None


Item: TypeAlias = (
    ArchitectureDeclaration
    | TemplateDeclaration
    | Import
    | OperationsBlock
    | Const
    | Clock
    | Require
    | ObjectDeclaration
    | Attribute
    | OperationList
    | RegisterList
    | AddressList
    | FromMemory
    | EdgeChain
    | OpenEdge
    | For
    | If
)


def walk(items: tuple[Item, ...]) -> Iterator[Item]:
    """All statements in ``items``, those of nested blocks included, in order of text."""
    pending = list(reversed(items))
    while pending:
        item = pending.pop()
        yield item
        pending.extend(reversed(list(_nested(item))))


def names_in(tree: object) -> frozenset[str]:
    """First names of all paths in a node or a tuple of nodes: values, functions, templates, objects."""
    found: set[str] = set()
    pending = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, tuple):
            pending.extend(node)
        elif is_dataclass(node) and not isinstance(node, Span | Word):
            if isinstance(node, Path):
                found.add(node.name.text)
            pending.extend(getattr(node, field.name) for field in fields(node))
    return frozenset(found)


def _nested(item: Item) -> Iterator[Item]:
    match item:
        case ArchitectureDeclaration() | TemplateDeclaration() | ObjectDeclaration() | For():
            yield from item.body.items
        case If(branches=branches, otherwise=otherwise):
            for _, block in branches:
                yield from block.items
            if otherwise is not None:
                yield from otherwise.items
