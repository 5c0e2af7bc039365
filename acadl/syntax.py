"""The syntax tree of ``.acadl`` text: immutable records, each with the span it was read from.

Nothing here knows what a name means; that is decided at elaboration (:mod:`acadl.elaborate`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

from acadl.errors import Span
from acadl.records import Record


class Word(Record):
    """A name, keyword or sign as written."""

    span: Span
    text: str


# --- expressions ----------------------------------------------------------------------------------------


class Number(Record):
    """A number as written, with its unit if it has one."""

    span: Span
    text: str
    unit: Word | None = None


class Truth(Record):
    """``true`` or ``false``."""

    span: Span
    value: bool


class Text(Record):
    """A string in double quotes, without them."""

    span: Span
    value: str


class Unary(Record):
    """``-`` or ``not``."""

    span: Span
    operator: Word
    operand: Expression


class Binary(Record):
    """Two operands with an operator between them."""

    span: Span
    operator: Word
    left: Expression
    right: Expression


class Conditional(Record):
    """``if condition then a else b``."""

    span: Span
    condition: Expression
    then: Expression
    otherwise: Expression


class Range(Record):
    """``start ..< end``, the end excluded."""

    span: Span
    start: Expression
    end: Expression


class Wildcard(Record):
    """``*`` as an index: every element."""

    span: Span


class Member(Record):
    """``.name`` after a path."""

    span: Span
    name: Word


class Element(Record):
    """``[index]`` after a path."""

    span: Span
    index: Expression | Range | Wildcard


class Argument(Record):
    """An argument of a call, with its name if it has one."""

    span: Span
    name: Word | None
    value: Expression


class Call(Record):
    """``(arguments)`` after a path."""

    span: Span
    arguments: tuple[Argument, ...]


Part: TypeAlias = Member | Element | Call


class Path(Record):
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


class Block(Record):
    """Statements in braces, or a whole file."""

    span: Span
    items: tuple[Item, ...]


class Parameter(Record):
    """``name: type = default``."""

    span: Span
    name: Word
    type: Word
    default: Expression | None


class ArchitectureDeclaration(Record):
    """``architecture name(parameters) { … }``."""

    span: Span
    name: Word
    parameters: tuple[Parameter, ...]
    body: Block
    doc: str


class PlatformDeclaration(Record):
    """``platform name(parameters) { … }``: several cores on one memory."""

    span: Span
    name: Word
    parameters: tuple[Parameter, ...]
    body: Block
    doc: str


class TemplateDeclaration(Record):
    """``template name(parameters) { … }``."""

    span: Span
    name: Word
    parameters: tuple[Parameter, ...]
    body: Block
    doc: str


class Import(Record):
    """``import names from "file"``; the name ``operations`` stands for all operations."""

    span: Span
    names: tuple[Word, ...]
    file: Text


class OperandDeclaration(Record):
    """``name: direction kind`` of an operation."""

    span: Span
    name: Word
    direction: Word | None
    kind: Word


class OperationDeclaration(Record):
    """``name(operands) = function``."""

    span: Span
    name: Word
    operands: tuple[OperandDeclaration, ...]
    function: Expression | None
    doc: str


class OperationsBlock(Record):
    """``operations { … }``."""

    span: Span
    operations: tuple[OperationDeclaration, ...]


class Const(Record):
    """``const name = value``."""

    span: Span
    name: Word
    value: Expression


class Clock(Record):
    """``clock frequency``."""

    span: Span
    value: Expression


class Require(Record):
    """``require condition else "message"``."""

    span: Span
    condition: Expression
    message: Text


class Declared(Record):
    """The name of something declared, with its place in an array: ``bank[i]``."""

    span: Span
    name: Word
    indices: tuple[Expression, ...]


class ObjectDeclaration(Record):
    """``stage name { … }`` and the other classes."""

    span: Span
    kind: Word
    declared: Declared
    body: Block
    doc: str


class Attribute(Record):
    """``name: value``: an attribute inside an object, an instance of a template elsewhere."""

    span: Span
    target: Path
    value: Expression


class OperationList(Record):
    """``operations: names``."""

    span: Span
    keyword: Word
    names: tuple[Word, ...]


class RegisterNames(Record):
    """One entry of ``names:``: a name, a range of numbered names, an initial value."""

    span: Span
    name: Word
    numbers: Range | None
    initial: Expression | None


class RegisterList(Record):
    """``names: r[0 ..< 16] sp``."""

    span: Span
    keyword: Word
    registers: tuple[RegisterNames, ...]


class AddressList(Record):
    """``addresses: 0x0 ..< 0x1000``."""

    span: Span
    keyword: Word
    ranges: tuple[Range, ...]


class FromMemory(Record):
    """``from: imem``."""

    span: Span
    keyword: Word
    memory: Path


class Endpoint(Record):
    """One end of an edge; several paths in braces fan out."""

    span: Span
    paths: tuple[Path, ...]


class EdgeChain(Record):
    """``a -> b => c``: an arrow between each two endpoints."""

    span: Span
    endpoints: tuple[Endpoint, ...]
    arrows: tuple[Word, ...]


class OpenEdge(Record):
    """``open name: end =>`` or ``open name: => end``: an edge with one end still missing."""

    span: Span
    declared: Declared
    optional: bool
    arrow: Word
    end: Endpoint
    leaves: bool


class Binder(Record):
    """``name in start ..< end``."""

    span: Span
    name: Word
    range: Range


class For(Record):
    """``for binders { … }``, the first binder outermost."""

    span: Span
    binders: tuple[Binder, ...]
    body: Block


class If(Record):
    """``if … { } else if … { } else { }``."""

    span: Span
    branches: tuple[tuple[Expression, Block], ...]
    otherwise: Block | None


Item: TypeAlias = (
    ArchitectureDeclaration
    | PlatformDeclaration
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


def declared_in(items: tuple[Item, ...]) -> set[str]:
    """Names of objects, instances and open edges in statements, those of nested blocks included."""
    found: set[str] = set()
    for item in walk(items):
        match item:
            case ObjectDeclaration() | OpenEdge():
                found.add(item.declared.name.text)
            case Attribute():
                found.add(item.target.name.text)
    return found


def nodes_of(values: Iterable[Any]) -> list[Any]:
    """The nodes among a node's values, those in tuples included; words are none."""
    found: list[Any] = []
    for value in values:
        if isinstance(value, Record):
            if not isinstance(value, Word):
                found.append(value)
        elif value.__class__ is tuple and value:
            found += nodes_of(value)
    return found


def _named(tree: object, *kinds: type[Path | Member]) -> set[str]:
    """First names of all nodes of some kinds in a node or a tuple of nodes."""
    found: set[str] = set()
    pending: list[Any] = [tree]
    while pending:
        value = pending.pop()
        if value.__class__ is tuple:
            pending += value
        elif isinstance(value, Record) and not isinstance(value, Word):
            if isinstance(value, kinds):
                found.add(value.name.text)
            pending += value.values()
    return found


def names_in(tree: object) -> frozenset[str]:
    """First names of all paths in a node or a tuple of nodes: values, functions, templates, objects."""
    return frozenset(_named(tree, Path))


def all_names_in(tree: object) -> set[str]:
    """Names of paths in a node and of the members in them."""
    return _named(tree, Path, Member)


def _nested(item: Item) -> Iterator[Item]:
    match item:
        case (
            ArchitectureDeclaration()
            | PlatformDeclaration()
            | TemplateDeclaration()
            | ObjectDeclaration()
            | For()
        ):
            yield from item.body.items
        case If(branches=branches, otherwise=otherwise):
            for _, block in branches:
                yield from block.items
            if otherwise is not None:
                yield from otherwise.items
