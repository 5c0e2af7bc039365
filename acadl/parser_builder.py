"""Grammar rules to syntax tree nodes: one method per rule or alias of ``grammar.lark``.

The parser calls these while it reads, innermost first, so that deep nesting is no deep recursion here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from acadl import syntax
from acadl.errors import Span

T = TypeVar("T")
Children = Sequence[Any]  # what the parser's stack holds: leaves, nodes, tuples of nodes, None


@dataclass(slots=True, eq=False)
class Leaf:
    """A token with its place; ``doc`` is the documentation comment above the line that it starts.

    Nobody changes one. It is not frozen because making a frozen one takes three times as long, and there is
    one for every word of a text.
    """

    type: str
    text: str
    span: Span
    doc: str = ""


def join(first: Span, last: Span) -> Span:
    """From the start of ``first`` to the end of ``last``."""
    return Span(first.file, first.line, first.column, last.end_line, last.end_column)


def _span(children: Children) -> Span:
    """The span of a rule, from its first present child to its last one."""
    first = children[0] or next(filter(None, children))
    last = children[-1] or next(filter(None, reversed(children)))
    if isinstance(first, tuple):
        first = first[0]
    if isinstance(last, tuple):
        last = last[-1]
    return join(first.span, last.span)


def _all(kind: type[T], children: Children) -> tuple[T, ...]:
    return tuple(child for child in children if isinstance(child, kind))


def _word(leaf: Leaf) -> syntax.Word:
    return syntax.Word(leaf.span, leaf.text)


def _parameters(children: Children) -> tuple[syntax.Parameter, ...]:
    """The parameter list of a header, which may be absent."""
    return children[2] if isinstance(children[2], tuple) else ()


class Builder:
    """Callbacks for the parser. Has no state."""

    # --- blocks and declarations -------------------------------------------------------------------------

    def file(self, children: Children) -> tuple[syntax.Item, ...]:
        return children[0]  # type: ignore[no-any-return]

    def items(self, children: Children) -> tuple[syntax.Item, ...]:
        return tuple(child for child in children if child is not None)

    def separators(self, children: Children) -> None:
        return None

    def block(self, children: Children) -> syntax.Block:
        return syntax.Block(join(children[0].span, children[2].span), children[1])

    def architecture(self, children: Children) -> syntax.ArchitectureDeclaration:
        keyword, name, body = children[0], children[1], children[-1]
        return syntax.ArchitectureDeclaration(
            _span(children), _word(name), _parameters(children), body, keyword.doc
        )

    def platform(self, children: Children) -> syntax.PlatformDeclaration:
        keyword, name, body = children[0], children[1], children[-1]
        return syntax.PlatformDeclaration(
            _span(children), _word(name), _parameters(children), body, keyword.doc
        )

    def template(self, children: Children) -> syntax.TemplateDeclaration:
        keyword, name, body = children[0], children[1], children[-1]
        return syntax.TemplateDeclaration(
            _span(children), _word(name), _parameters(children), body, keyword.doc
        )

    def parameters(self, children: Children) -> tuple[syntax.Parameter, ...]:
        return _all(syntax.Parameter, children)

    def parameter(self, children: Children) -> syntax.Parameter:
        name, _, type_name, _, default = children
        return syntax.Parameter(_span(children), _word(name), _word(type_name), default)

    def import_statement(self, children: Children) -> syntax.Import:
        return syntax.Import(_span(children), _all(syntax.Word, children), self.text(children[-1:]))

    def imported(self, children: Children) -> syntax.Word:
        return _word(children[0])

    def operations(self, children: Children) -> syntax.OperationsBlock:
        return syntax.OperationsBlock(join(children[0].span, children[3].span), children[2])

    def operation_items(self, children: Children) -> tuple[syntax.OperationDeclaration, ...]:
        return _all(syntax.OperationDeclaration, children)

    def operation(self, children: Children) -> syntax.OperationDeclaration:
        name, function = children[0], children[-1]
        operands = _all(syntax.OperandDeclaration, children)
        return syntax.OperationDeclaration(_span(children), _word(name), operands, function, name.doc)

    def operand(self, children: Children) -> syntax.OperandDeclaration:
        name, _, direction, kind = children
        return syntax.OperandDeclaration(_span(children), _word(name), direction, _word(kind))

    def direction(self, children: Children) -> syntax.Word:
        return _word(children[0])

    def const(self, children: Children) -> syntax.Const:
        return syntax.Const(_span(children), _word(children[1]), children[3])

    def clock(self, children: Children) -> syntax.Clock:
        return syntax.Clock(_span(children), children[1])

    def require(self, children: Children) -> syntax.Require:
        return syntax.Require(_span(children), children[1], self.text(children[-1:]))

    def object(self, children: Children) -> syntax.ObjectDeclaration:
        kind, declared, body = children
        return syntax.ObjectDeclaration(_span(children), _word(kind), declared, body, kind.doc)

    def declared(self, children: Children) -> syntax.Declared:
        return syntax.Declared(
            _span(children), _word(children[0]), tuple(element.index for element in children[1:])
        )

    def subscript(self, children: Children) -> syntax.Element:
        return syntax.Element(_span(children), children[1])

    # --- attributes --------------------------------------------------------------------------------------

    def attribute(self, children: Children) -> syntax.Attribute:
        return syntax.Attribute(_span(children), children[0], children[2])

    def operation_list(self, children: Children) -> syntax.OperationList:
        return syntax.OperationList(_span(children), _word(children[0]), children[2])

    def words(self, children: Children) -> tuple[syntax.Word, ...]:
        return tuple(_word(leaf) for leaf in children if leaf.type == "NAME")

    def register_list(self, children: Children) -> syntax.RegisterList:
        return syntax.RegisterList(_span(children), _word(children[0]), children[2])

    def register_names(self, children: Children) -> tuple[syntax.RegisterNames, ...]:
        return _all(syntax.RegisterNames, children)

    def register(self, children: Children) -> syntax.RegisterNames:
        name, _, numbers, _, _, initial = children
        return syntax.RegisterNames(_span(children), _word(name), numbers, initial)

    def initial(self, children: Children) -> syntax.Expression:
        if len(children) == 3:
            return self.group(children)
        minus, number = children
        value = self.number([number, None])
        return value if minus is None else self.unary([minus, value])

    def address_list(self, children: Children) -> syntax.AddressList:
        return syntax.AddressList(_span(children), _word(children[0]), children[2])

    def ranges(self, children: Children) -> tuple[syntax.Range, ...]:
        return _all(syntax.Range, children)

    def range(self, children: Children) -> syntax.Range:
        return syntax.Range(_span(children), children[0], children[2])

    def from_memory(self, children: Children) -> syntax.FromMemory:
        return syntax.FromMemory(_span(children), _word(children[0]), children[2])

    # --- edges -------------------------------------------------------------------------------------------

    def edge(self, children: Children) -> syntax.EdgeChain:
        return syntax.EdgeChain(_span(children), tuple(children[::2]), tuple(children[1::2]))

    def arrow(self, children: Children) -> syntax.Word:
        return _word(children[0])

    def endpoint(self, children: Children) -> syntax.Endpoint:
        return syntax.Endpoint(_span(children), _all(syntax.Path, children))

    def open_source(self, children: Children) -> syntax.OpenEdge:
        _, optional, declared, _, end, arrow = children
        return syntax.OpenEdge(_span(children), declared, optional is not None, arrow, end, True)

    def open_target(self, children: Children) -> syntax.OpenEdge:
        _, optional, declared, _, arrow, end = children
        return syntax.OpenEdge(_span(children), declared, optional is not None, arrow, end, False)

    # --- elaboration -------------------------------------------------------------------------------------

    def for_statement(self, children: Children) -> syntax.For:
        return syntax.For(_span(children), _all(syntax.Binder, children), children[-1])

    def binder(self, children: Children) -> syntax.Binder:
        return syntax.Binder(_span(children), _word(children[0]), children[2])

    def if_statement(self, children: Children) -> syntax.If:
        parts = [child for child in children if child is not None and not isinstance(child, Leaf)]
        otherwise = parts.pop() if len(parts) % 2 else None
        return syntax.If(_span(children), tuple(zip(parts[::2], parts[1::2], strict=True)), otherwise)

    # --- expressions -------------------------------------------------------------------------------------

    def conditional(self, children: Children) -> syntax.Conditional:
        return syntax.Conditional(_span(children), children[1], children[3], children[5])

    def binary(self, children: Children) -> syntax.Binary:
        left, operator, right = children
        return syntax.Binary(_span(children), _word(operator), left, right)

    def unary(self, children: Children) -> syntax.Unary:
        return syntax.Unary(_span(children), _word(children[0]), children[1])

    def number(self, children: Children) -> syntax.Number:
        number, unit = children
        return syntax.Number(_span(children), number.text, _word(unit) if unit else None)

    def truth(self, children: Children) -> syntax.Truth:
        return syntax.Truth(children[0].span, children[0].type == "TRUE")

    def text(self, children: Children) -> syntax.Text:
        return syntax.Text(children[0].span, children[0].text[1:-1])

    def group(self, children: Children) -> syntax.Expression:
        return children[1]  # type: ignore[no-any-return]

    def path(self, children: Children) -> syntax.Path:
        return syntax.Path(_span(children), _word(children[0]), tuple(children[1:]))

    def member(self, children: Children) -> syntax.Member:
        return syntax.Member(_span(children), _word(children[1]))

    def element(self, children: Children) -> syntax.Element:
        return syntax.Element(_span(children), children[1])

    def index(self, children: Children) -> syntax.Expression | syntax.Range | syntax.Wildcard:
        child = children[0]
        return syntax.Wildcard(child.span) if isinstance(child, Leaf) else child

    def call(self, children: Children) -> syntax.Call:
        return syntax.Call(_span(children), _all(syntax.Argument, children))

    def argument(self, children: Children) -> syntax.Argument:
        name, _, value = children
        return syntax.Argument(_span(children), _word(name) if name else None, value)
