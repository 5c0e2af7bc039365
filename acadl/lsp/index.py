"""The index of a file: every name with what it stands for, in this file or in one that it imports."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from acadl import syntax
from acadl.errors import Span
from acadl.lsp.symbols import Reference, Space, Symbol, SymbolKind, contains
from acadl.records import Record

Importer = Callable[[syntax.Import], "Index | None"]
_Operands = Mapping[str, Symbol]


@dataclass
class Index:
    """What is known about one file.

    Attributes:
        file: Its name.
        space: What it declares at its top.
        outline: Its declarations.
        operations: All operations that can be named in it.
        references: Places of names, in order of text.
        links: Places of imported files' names, with the files.
        spaces: Blocks with their names, outer ones first.
    """

    file: str
    space: Space = field(default_factory=lambda: Space(None, True))
    outline: list[Symbol] = field(default_factory=list)
    operations: dict[str, Symbol] = field(default_factory=dict)
    references: list[Reference] = field(default_factory=list)
    links: list[tuple[Span, str]] = field(default_factory=list)
    spaces: list[tuple[Span, Space]] = field(default_factory=list)

    def at(self, line: int, column: int) -> Reference | None:
        """The name at a place, the shortest if several meet."""
        found = [ref for ref in self.references if contains(ref.span, line, column)]
        return min(found, key=lambda ref: ref.span.end_column - ref.span.column, default=None)

    def space_at(self, line: int, column: int) -> Space:
        """The innermost block at a place."""
        return next(
            (space for span, space in reversed(self.spaces) if contains(span, line, column)), self.space
        )


def build(file: str, items: tuple[syntax.Item, ...], importer: Importer) -> Index:
    """The index of a file's statements."""
    index = Index(file)
    _Builder(index, importer).file(items)
    index.references.sort(key=lambda ref: (ref.span.line, ref.span.column))
    return index


class _Builder:
    """Declares everything first, block by block, and then looks names up."""

    def __init__(self, index: Index, importer: Importer) -> None:
        self._index = index
        self._import_of = importer
        self._spaces: dict[int, Space] = {}  # of blocks
        self._symbols: dict[int, Symbol] = {}  # of declarations

    def file(self, items: tuple[syntax.Item, ...]) -> None:
        for item in syntax.walk(items):
            if isinstance(item, syntax.OperationsBlock):
                self._operations(item)
        self._declare(items, self._index.space, self._index.outline)
        self._look_up(items, self._index.space, {})

    # --- declarations ------------------------------------------------------------------------------------

    def _symbol(
        self, kind: SymbolKind, word: syntax.Word, whole: Span, text: str, doc: str = "", keyword: str = ""
    ) -> Symbol:
        symbol = Symbol(kind, word.text, word.span, whole, text, doc, keyword)
        self._index.references.append(Reference(word.span, symbol, declares=True))
        return symbol

    def _again(self, word: syntax.Word, symbol: Symbol) -> Symbol:
        """Another declaration of the same name: an element of an array."""
        self._index.references.append(Reference(word.span, symbol, declares=True))
        return symbol

    def _operations(self, block: syntax.OperationsBlock) -> None:
        for item in block.operations:
            operands = ", ".join(_operand_text(operand) for operand in item.operands)
            symbol = self._symbol(
                SymbolKind.OPERATION, item.name, item.span, f"{item.name.text}({operands})", item.doc
            )
            symbol.space = Space(None, True)
            for operand in item.operands:
                made = self._symbol(SymbolKind.OPERAND, operand.name, operand.span, _operand_text(operand))
                symbol.space.members.setdefault(operand.name.text, made)
            self._index.operations.setdefault(item.name.text, symbol)
            self._symbols[id(item)] = symbol

    def _declare(self, items: Iterable[syntax.Item], space: Space, outline: list[Symbol]) -> None:
        for item in items:
            match item:
                case syntax.Const():
                    text = f"const {item.name.text}"
                    symbol = self._symbol(SymbolKind.CONST, item.name, item.span, text)
                    space.values.setdefault(item.name.text, symbol)
                    outline.append(symbol)
                case (
                    syntax.ArchitectureDeclaration()
                    | syntax.PlatformDeclaration()
                    | syntax.TemplateDeclaration()
                ):
                    self._component(item, space, outline)
                case syntax.Import():
                    self._import(item, space)
                case syntax.OperationsBlock():
                    outline += [self._symbols[id(operation)] for operation in item.operations]
                case syntax.ObjectDeclaration():
                    self._object(item, space, outline)
                case syntax.Attribute() if _is_instance(space):
                    self._member(SymbolKind.INSTANCE, item.target.name, item, space, outline)
                case syntax.OpenEdge():
                    self._member(SymbolKind.OPEN_EDGE, item.declared.name, item, space, outline)
                case syntax.For():
                    inner = self._inner(item.body, space)
                    for binder in item.binders:
                        made = self._symbol(
                            SymbolKind.VARIABLE, binder.name, binder.span, f"for {binder.name.text}"
                        )
                        inner.values.setdefault(binder.name.text, made)
                    self._declare(item.body.items, inner, outline)
                case syntax.If():
                    blocks = [block for _, block in item.branches]
                    for block in [*blocks, *([item.otherwise] if item.otherwise is not None else [])]:
                        self._declare(block.items, self._inner(block, space), outline)

    def _inner(self, block: syntax.Block, parent: Space, is_component: bool = False) -> Space:
        space = self._spaces[id(block)] = Space(parent, is_component)
        self._index.spaces.append((block.span, space))
        return space

    def _component(
        self,
        item: syntax.ArchitectureDeclaration | syntax.PlatformDeclaration | syntax.TemplateDeclaration,
        space: Space,
        outline: list[Symbol],
    ) -> None:
        is_template = isinstance(item, syntax.TemplateDeclaration)
        kind = SymbolKind.TEMPLATE if is_template else SymbolKind.ARCHITECTURE
        if isinstance(item, syntax.PlatformDeclaration):
            kind = SymbolKind.PLATFORM
        text = f"{kind} {item.name.text}({', '.join(map(_parameter_text, item.parameters))})"
        symbol = self._symbol(kind, item.name, item.span, text, item.doc)
        symbol.space = self._inner(item.body, space, is_component=True)
        for parameter in item.parameters:
            made = self._symbol(
                SymbolKind.PARAMETER, parameter.name, parameter.span, _parameter_text(parameter)
            )
            symbol.space.values.setdefault(parameter.name.text, made)
            symbol.children.append(made)
        if is_template:
            space.component().templates.setdefault(item.name.text, symbol)
        outline.append(symbol)
        self._declare(item.body.items, symbol.space, symbol.children)

    def _import(self, item: syntax.Import, space: Space) -> None:
        other = self._import_of(item)
        if other is None:
            return
        self._index.links.append((item.file.span, other.file))
        for name in item.names:
            if name.text == "operations":
                for operation, symbol in other.operations.items():
                    self._index.operations.setdefault(operation, symbol)
            elif name.text in other.space.templates:
                template = other.space.templates[name.text]
                space.component().templates.setdefault(name.text, template)
                self._index.references.append(Reference(name.span, template))

    def _object(self, item: syntax.ObjectDeclaration, space: Space, outline: list[Symbol]) -> None:
        symbol = self._member(SymbolKind.OBJECT, item.declared.name, item, space, outline)
        if symbol.space is None:
            symbol.space = Space(space, True, is_object=True)
        self._spaces[id(item.body)] = symbol.space
        self._index.spaces.append((item.body.span, symbol.space))
        self._declare(item.body.items, symbol.space, symbol.children)

    def _member(
        self,
        kind: SymbolKind,
        word: syntax.Word,
        item: syntax.ObjectDeclaration | syntax.Attribute | syntax.OpenEdge,
        space: Space,
        outline: list[Symbol],
    ) -> Symbol:
        members = space.component().members
        if word.text in members:
            return self._again(word, members[word.text])
        keyword = item.kind.text if isinstance(item, syntax.ObjectDeclaration) else ""
        doc = item.doc if isinstance(item, syntax.ObjectDeclaration) else ""
        text = f"{keyword or kind} {word.text}"
        symbol = members[word.text] = self._symbol(kind, word, item.span, text, doc, keyword)
        outline.append(symbol)
        return symbol

    # --- names -------------------------------------------------------------------------------------------

    def _refer(self, span: Span, symbol: Symbol | None) -> Symbol | None:
        if symbol is not None:
            self._index.references.append(Reference(span, symbol))
        return symbol

    def _look_up(self, items: Iterable[syntax.Item], space: Space, operands: _Operands) -> None:
        for item in items:
            self._statement(item, space, operands)

    def _statement(self, item: syntax.Item, space: Space, operands: _Operands) -> None:
        match item:
            case (
                syntax.ArchitectureDeclaration() | syntax.PlatformDeclaration() | syntax.TemplateDeclaration()
            ):
                inner = self._spaces[id(item.body)]
                for parameter in item.parameters:
                    self._expression(parameter.default, inner, {})
                self._look_up(item.body.items, inner, {})
            case syntax.OperationsBlock():
                for operation in item.operations:
                    known = self._symbols[id(operation)].space
                    self._expression(operation.function, space, known.members if known is not None else {})
            case syntax.Const() | syntax.Clock():
                self._expression(item.value, space, {})
            case syntax.Require():
                self._expression(item.condition, space, {})
            case syntax.ObjectDeclaration():
                for index in item.declared.indices:
                    self._expression(index, space, {})
                self._look_up(item.body.items, self._spaces[id(item.body)], self._operands_of(item))
            case syntax.Attribute():
                self._attribute(item, space, operands)
            case syntax.OperationList():
                for word in item.names:
                    self._refer(word.span, self._index.operations.get(word.text))
            case syntax.RegisterList():
                for entry in item.registers:
                    self._expression(entry.numbers, space, {})
                    self._expression(entry.initial, space, {})
            case syntax.AddressList():
                for piece in item.ranges:
                    self._expression(piece, space, {})
            case _:
                self._edges_and_blocks(item, space, operands)

    def _edges_and_blocks(self, item: syntax.Item, space: Space, operands: _Operands) -> None:
        match item:
            case syntax.FromMemory():
                outer = space.parent if space.parent is not None else space  # of the fetch stage
                self._path(item.memory, outer)
            case syntax.EdgeChain():
                for path in (path for endpoint in item.endpoints for path in endpoint.paths):
                    self._path(path, space)
            case syntax.OpenEdge():
                for path in item.end.paths:
                    self._path(path, space)
            case syntax.For():
                inner = self._spaces[id(item.body)]
                for binder in item.binders:
                    self._expression(binder.range, inner, {})
                self._look_up(item.body.items, inner, operands)
            case syntax.If():
                for condition, block in item.branches:
                    self._expression(condition, space, {})
                    self._look_up(block.items, self._spaces[id(block)], operands)
                if item.otherwise is not None:
                    self._look_up(item.otherwise.items, self._spaces[id(item.otherwise)], operands)

    def _operands_of(self, item: syntax.ObjectDeclaration) -> _Operands:
        """Operands that latencies of the object may name: those of its operations, of all if it has none."""
        lists = [inner for inner in syntax.walk(item.body.items) if isinstance(inner, syntax.OperationList)]
        names = [word.text for each in lists for word in each.names] or list(self._index.operations)
        spaces = [self._index.operations[name].space for name in names if name in self._index.operations]
        return {
            name: symbol for space in spaces if space is not None for name, symbol in space.members.items()
        }

    def _attribute(self, item: syntax.Attribute, space: Space, operands: _Operands) -> None:
        for part in item.target.parts:
            if isinstance(part, syntax.Element):
                self._expression(part.index, space, {})
        if not (_is_instance(space) and isinstance(item.value, syntax.Path)):
            self._expression(item.value, space, operands)
            return
        template = self._refer(item.value.name.span, space.template(item.value.name.text))
        symbol = space.member(item.target.name.text)
        if symbol is not None:
            symbol.template = symbol.template or template
        for part in item.value.parts:
            if isinstance(part, syntax.Element):
                self._expression(part.index, space, {})
            for argument in part.arguments if isinstance(part, syntax.Call) else ():
                if argument.name is not None and template is not None and template.space is not None:
                    self._refer(argument.name.span, template.space.values.get(argument.name.text))
                self._expression(argument.value, space, {})

    def _path(self, path: syntax.Path, space: Space) -> None:
        """The end of an edge."""
        symbol = self._refer(path.name.span, space.member(path.name.text))
        for part in path.parts:
            match part:
                case syntax.Member():
                    symbol = symbol.part(part.name.text) if symbol is not None else None
                    self._refer(part.name.span, symbol)
                case syntax.Element():
                    self._expression(part.index, space, {})

    def _expression(self, node: object, space: Space, operands: _Operands) -> None:
        """Names in an expression, a range or a wildcard."""
        pending = [node]
        while pending:
            current = pending.pop()
            if isinstance(current, tuple):
                pending.extend(current)
            elif isinstance(current, syntax.Path):
                name = current.name.text
                if not (current.parts and isinstance(current.parts[0], syntax.Call)):
                    self._refer(current.name.span, space.value(name) or operands.get(name))
                pending.extend(current.parts)
            elif isinstance(current, Record) and not isinstance(current, syntax.Word):
                pending.extend(current.values())


def _is_instance(space: Space) -> bool:
    """Whether ``name: value`` stands where parts are declared and not in an object."""
    return not space.component().is_object


def _parameter_text(parameter: syntax.Parameter) -> str:
    return f"{parameter.name.text}: {parameter.type.text}"


def _operand_text(operand: syntax.OperandDeclaration) -> str:
    direction = f"{operand.direction.text} " if operand.direction is not None else ""
    return f"{operand.name.text}: {direction}{operand.kind.text}"
