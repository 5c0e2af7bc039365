"""What names in a file stand for, found without elaboration, so also while a file is being written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from acadl.errors import Span


class SymbolKind(StrEnum):
    """What a declared name is."""

    ARCHITECTURE = "architecture"
    PLATFORM = "platform"
    TEMPLATE = "template"
    PARAMETER = "parameter"
    CONST = "const"
    VARIABLE = "loop variable"
    OBJECT = "object"
    INSTANCE = "instance"
    OPEN_EDGE = "open edge"
    OPERATION = "operation"
    OPERAND = "operand"


VALUES = frozenset({SymbolKind.PARAMETER, SymbolKind.CONST, SymbolKind.VARIABLE})


@dataclass(eq=False)
class Symbol:
    """A declared name.

    Attributes:
        span: Of the name itself.
        whole: Of the declaration.
        text: The declaration without its block, for people.
        keyword: Of an object: its class, as the language calls it.
        space: What is declared inside: parts of a template, an architecture or an object, operands.
        template: Of an instance.
        children: What an outline shows below it.
    """

    kind: SymbolKind
    name: str
    span: Span
    whole: Span
    text: str = ""
    doc: str = ""
    keyword: str = ""
    space: Space | None = None
    template: Symbol | None = None
    children: list[Symbol] = field(default_factory=list)

    def part(self, name: str) -> Symbol | None:
        """What ``.name`` behind this symbol means."""
        holder = self.template if self.kind is SymbolKind.INSTANCE else self
        return holder.space.members.get(name) if holder is not None and holder.space is not None else None

    def parts(self) -> dict[str, Symbol]:
        """Everything that can stand behind a dot."""
        holder = self.template if self.kind is SymbolKind.INSTANCE else self
        return dict(holder.space.members) if holder is not None and holder.space is not None else {}


@dataclass(eq=False)
class Space:
    """Names that are declared in one block.

    Attributes:
        parent: The block around.
        is_component: Whether it is that of a file, an architecture, a template or an object: parts of blocks
            of ``for`` and ``if`` belong to the component around.
        is_object: Whether it is that of an object, where ``name: value`` is an attribute and no instance.
        values, members, templates: Three kinds of names that do not get into each other's way.
    """

    parent: Space | None
    is_component: bool
    is_object: bool = False
    values: dict[str, Symbol] = field(default_factory=dict)
    members: dict[str, Symbol] = field(default_factory=dict)
    templates: dict[str, Symbol] = field(default_factory=dict)

    def component(self) -> Space:
        """The component around."""
        space = self
        while not space.is_component and space.parent is not None:
            space = space.parent
        return space

    def around(self) -> Iterator[Space]:
        """This block and those around it."""
        space: Space | None = self
        while space is not None:
            yield space
            space = space.parent

    def value(self, name: str) -> Symbol | None:
        """The innermost value of that name."""
        return next((space.values[name] for space in self.around() if name in space.values), None)

    def template(self, name: str) -> Symbol | None:
        """The innermost template of that name."""
        return next((space.templates[name] for space in self.around() if name in space.templates), None)

    def member(self, name: str) -> Symbol | None:
        """The part of that name; templates see no parts around them."""
        return self.component().members.get(name)


@dataclass(frozen=True, slots=True)
class Reference:
    """A place where a symbol is named; ``declares`` where it is declared."""

    span: Span
    symbol: Symbol
    declares: bool = False


def contains(span: Span, line: int, column: int) -> bool:
    """Whether a place is in a span, its end included."""
    return (span.line, span.column) <= (line, column) <= (span.end_line, span.end_column)
