"""Object declarations to objects: attributes checked against the table of classes, units contained."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from acadl import model, syntax
from acadl.diagnostics import suggestion
from acadl.elaborate_schema import FIELDS, OBJECTS, AttributeForm, Form, ObjectForm
from acadl.elaborate_scope import (
    Array,
    Broken,
    Component,
    Member,
    MemoryLink,
    Node,
    Session,
    expand,
    whole_number,
)
from acadl.elaborate_values import NUMERIC, Evaluator, Kind, Reject, Scope, Value, reject
from acadl.errors import Diagnostic, Label, Span
from acadl.expressions import Expr

MAX_REGISTERS = 65_536


@dataclass(slots=True)
class _Body:
    """The statements of an object's block, sorted."""

    attributes: dict[str, tuple[syntax.Item, Scope, Span]] = field(default_factory=dict)
    objects: list[tuple[syntax.ObjectDeclaration, Scope]] = field(default_factory=list)


def place(members: dict[str, Member], declared: syntax.Declared, scope: Scope, member: Member) -> str:
    """Enter ``member`` under its declared name, in an array where it has indices; returns the local name.

    Rejects names that are taken.
    """
    name = declared.name.text
    if not declared.indices:
        if name in members:
            _taken(name, declared.span, members[name])
        members[name] = member
        return name
    numbers = [whole_number(index, scope, "an index") for index in declared.indices]
    local = name + "".join(f"[{number}]" for number in numbers)
    slot: Member = members.setdefault(name, Array(declared.span, whole=False))
    for number in numbers[:-1]:
        if not isinstance(slot, Array) or slot.whole:
            _taken(local, declared.span, slot)
        slot = slot.elements.setdefault(number, Array(declared.span, whole=False))
    if not isinstance(slot, Array) or slot.whole or numbers[-1] in slot.elements:
        _taken(local, declared.span, slot.elements[numbers[-1]] if isinstance(slot, Array) else slot)
    slot.elements[numbers[-1]] = member
    return local


def _taken(name: str, span: Span, first: Member) -> None:
    reject("E0203", f"'{name}' is already declared", span, None, (Label(first.span, "first declared here"),))


class ObjectMaker:
    """Makes objects for one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def make(self, declaration: syntax.ObjectDeclaration, scope: Scope, component: Component) -> None:
        """Add an object of the component's body."""
        form = OBJECTS[declaration.kind.text]
        if issubclass(form.cls, model.FunctionalUnit):
            holder = "fetch" if declaration.kind.text.startswith("instruction") else "execute"
            hint = f"put it into the braces of its {holder} stage"
            reject("E0401", f"a {declaration.kind.text} belongs inside a stage", declaration.kind.span, hint)
        self._make(declaration, scope, component, None)

    def _make(
        self, declaration: syntax.ObjectDeclaration, scope: Scope, component: Component, holder: Node | None
    ) -> None:
        """Make the object; where its attributes are wrong, its name stays known as broken."""
        members = holder.members if holder is not None else component.members
        prefix = f"{holder.object.name}." if holder is not None else component.prefix
        broken = Broken(declaration.declared.span)
        local = place(members, declaration.declared, scope, broken)
        form = OBJECTS[declaration.kind.text]
        self._session.step(declaration.span)
        body = self._gather(declaration, form, Scope(scope))
        before = self._session.collector.error_count
        item = self._object(prefix + local, declaration, form, body, component, holder)
        if item is None:
            for inner, inner_scope in body.objects:
                place({}, inner.declared, inner_scope, broken)
            return
        node = Node(item, declaration.kind.text, declaration.declared.span)
        replace_placed(members, local, broken, node)
        self._session.add_object(item, declaration.span)
        if holder is not None:
            kind = model.EdgeKind.CONTAINS
            self._session.add_edge(holder.object.name, item.name, kind, declaration.declared.span)
        for inner, inner_scope in body.objects:
            self._guarded(inner, inner_scope, component, node)
        if isinstance(item, model.InstructionFetchStage) and before == self._session.collector.error_count:
            self._instruction_memory_unit(node, body, component)

    def _guarded(
        self, inner: syntax.ObjectDeclaration, scope: Scope, component: Component, holder: Node
    ) -> None:
        with self._session.reporting():
            self._make(inner, scope, component, holder)

    # --- the block ----------------------------------------------------------------------------------------

    def _gather(self, declaration: syntax.ObjectDeclaration, form: ObjectForm, scope: Scope) -> _Body:
        body = _Body()
        for item, inner in expand(declaration.body.items, scope, self._session):
            with self._session.reporting():
                self._sort(item, inner, declaration, form, body)
        return body

    def _sort(
        self, item: syntax.Item, scope: Scope, declaration: syntax.ObjectDeclaration, form: ObjectForm, body: _Body
    ) -> None:
        keyword = declaration.kind.text
        match item:
            case syntax.Attribute():
                if not item.target.is_name:
                    reject("E0402", "an attribute's name has no index and no dot", item.target.span)
                name, span = item.target.name.text, item.target.span
            case syntax.OperationList() | syntax.RegisterList() | syntax.AddressList() | syntax.FromMemory():
                name, span = item.keyword.text, item.keyword.span
            case syntax.ObjectDeclaration():
                if item.kind.text not in form.contains:
                    self._misplaced(item, keyword, form)
                body.objects.append((item, scope))
                return
            case _:
                place = "inside the architecture or a template, not inside an object"
                reject("E0401", f"{_title(item)} belongs {place}", item.span)
        if name not in form.attributes:
            hint = suggestion(name, form.attributes, f"attributes of {keyword}")
            reject("E0402", f"'{keyword}' has no attribute '{name}'", span, hint)
        if name in body.attributes:
            first = Label(body.attributes[name][2], "first given here")
            reject("E0203", f"attribute '{name}' is given twice", span, None, (first,))
        body.attributes[name] = (item, scope, span)

    def _misplaced(self, item: syntax.ObjectDeclaration, keyword: str, form: ObjectForm) -> None:
        inner = item.kind.text
        if form.contains:
            hint = f"it may contain {' and '.join(form.contains)}; join other objects to it by edges"
        else:
            hint = "close its braces first"
        reject("E0401", f"a {inner} cannot be inside '{keyword}'", item.kind.span, hint)

    # --- the object ---------------------------------------------------------------------------------------

    def _object(
        self,
        name: str,
        declaration: syntax.ObjectDeclaration,
        form: ObjectForm,
        body: _Body,
        component: Component,
        holder: Node | None,
    ) -> model.ACADLObject | None:
        """The object; ``None`` where an attribute is wrong or missing, which is then reported."""
        values: dict[str, Any] = {}
        sound = True
        reader = _AttributeReader(self._session, component, name)
        if "operations" in body.attributes:  # what latencies may refer to
            body.attributes = {"operations": body.attributes.pop("operations")} | body.attributes
        for attribute, (item, scope, span) in body.attributes.items():
            if attribute == "from":
                continue
            try:
                values[FIELDS.get(attribute, attribute)] = reader.read(
                    item, scope, attribute, span, form.attributes[attribute]
                )
            except Reject as rejected:
                sound = False
                if rejected.diagnostic is not None:
                    self._session.collector.add(rejected.diagnostic)
        missing = [attribute for attribute in form.required if attribute not in body.attributes]
        if missing:
            sound = False
            self._report_missing(missing, declaration, form)
        if not sound:
            return None
        if issubclass(form.cls, model.FunctionalUnit) and "capacity" not in values and holder is not None:
            if "initiation_interval" in values and isinstance(holder.object, model.PipelineStage):
                values["capacity"] = holder.object.capacity
        return form.cls(name=name, doc=declaration.doc, span=declaration.declared.span, **values)

    def _report_missing(
        self, missing: list[str], declaration: syntax.ObjectDeclaration, form: ObjectForm
    ) -> None:
        listed = " and ".join(f"'{attribute}'" for attribute in missing)
        examples = ", ".join(form.attributes[attribute].example for attribute in missing)
        message = f"{declaration.kind.text} '{declaration.declared.name.text}' needs {listed}"
        self._session.collector.add(
            Diagnostic("E0403", message, declaration.declared.span, f"for example `{examples}`")
        )

    def _instruction_memory_unit(self, node: Node, body: _Body, component: Component) -> None:
        """The unit that ``from:`` implies, and the edge from the instruction memory."""
        if "from" not in body.attributes:
            return
        item, scope, span = body.attributes["from"]
        if not isinstance(item, syntax.FromMemory):
            return
        unit = next((m for m in node.members.values() if isinstance(m, Node)), None)
        if unit is None:
            made = model.InstructionMemoryAccessUnit(name=f"{node.object.name}.imau", span=span)
            self._session.add_object(made, span)
            contains = model.EdgeKind.CONTAINS
            self._session.add_edge(node.object.name, made.name, contains, span)
            unit = node.members["imau"] = Node(made, "instruction_memory_unit", span)
        component.deferred.append((MemoryLink(unit, item.memory), scope))


def replace_placed(members: dict[str, Member], local: str, old: Member, new: Member) -> None:
    """Put ``new`` where :func:`place` has put ``old``."""
    name, *indices = local.replace("]", "").split("[")
    if not indices:
        members[name] = new
        return
    slot = members[name]
    for index in indices[:-1]:
        assert isinstance(slot, Array)
        slot = slot.elements[int(index)]
    assert isinstance(slot, Array) and slot.elements[int(indices[-1])] is old
    slot.elements[int(indices[-1])] = new


def _title(item: syntax.Item) -> str:
    """What messages call a statement."""
    titles: dict[type, str] = {
        syntax.ArchitectureDeclaration: "an architecture",
        syntax.TemplateDeclaration: "a template",
        syntax.Import: "an import",
        syntax.OperationsBlock: "an operations block",
        syntax.Clock: "the clock",
        syntax.EdgeChain: "an edge",
        syntax.OpenEdge: "an open edge",
        syntax.ObjectDeclaration: "an object",
    }
    return titles.get(type(item), "this statement")


class _AttributeReader:
    """Reads the attributes of one object."""

    def __init__(self, session: Session, component: Component, name: str) -> None:
        self._session = session
        self._component = component
        self._name = name
        self._operations: tuple[str, ...] | None = None

    def read(self, item: syntax.Item, scope: Scope, name: str, span: Span, form: AttributeForm) -> Any:
        """The value of an attribute, as the object's field wants it. Rejects what is wrong."""
        match form.form, item:
            case Form.OPERATIONS, syntax.OperationList():
                return self._read_operations(item)
            case Form.REGISTERS, syntax.RegisterList():
                return self._read_registers(item, scope)
            case Form.ADDRESSES, syntax.AddressList():
                return tuple(self._read_range(piece, scope) for piece in item.ranges)
            case Form.WORD, syntax.Attribute():
                return _read_word(item, name, form)
            case Form.LATENCY, syntax.Attribute():
                return self._read_latency(item.value, scope, name)
            case _, syntax.Attribute():
                return _read_plain(item.value, scope, name, form)
        reject("E0302", f"attribute '{name}' is written `{form.example}`", span)

    def _read_operations(self, item: syntax.OperationList) -> frozenset[str]:
        known = self._session.operations
        seen: set[str] = set()
        for word in item.names:
            if word.text not in known:
                hint = suggestion(word.text, known, "operations")
                reject("E0202", f"unknown operation '{word.text}'", word.span, hint)
            if word.text in seen:
                reject("E0203", f"operation '{word.text}' is listed twice", word.span)
            seen.add(word.text)
        self._operations = tuple(word.text for word in item.names)
        return frozenset(seen)

    def _read_latency(self, expression: syntax.Expression, scope: Scope, name: str) -> Expr:
        attributes = self._instruction_attributes()
        value = Evaluator(scope, attributes).evaluate(expression)
        _expect(value, NUMERIC, expression.span, name, "cycles")
        result = value.expr
        if isinstance(value.value, int) and value.value < 0:
            reject("E0302", f"'{name}' is {value.value}; it cannot be negative", expression.span)
        for used in sorted(result.names()):
            self._check_attribute(used, expression.span)
        return result

    def _instruction_attributes(self) -> frozenset[str]:
        """Names that instructions bind: those of the unit's operations, of any operation for a stage."""
        table = self._session.operations
        names = self._operations if self._operations is not None else table
        return frozenset().union(*(table[name].attribute_names() for name in names))

    def _check_attribute(self, used: str, span: Span) -> None:
        """Every operation of a unit binds the name; for a stage this is looked at when all edges are known."""
        if self._operations is None:
            self._session.latency_names.setdefault(self._name, []).append((used, span))
            return
        for name in self._operations:
            operation = self._session.operations[name]
            if used not in operation.attribute_names():
                known = suggestion(used, operation.attribute_names(), f"attributes of '{name}'")
                label = (Label(operation.span, "the operation is declared here"),) if operation.span else ()
                message = f"operation '{name}' has no attribute '{used}', which the expression needs"
                reject("E0205", message, span, known, label)

    def _read_registers(self, item: syntax.RegisterList, scope: Scope) -> dict[str, int]:
        registers: dict[str, int] = {}
        for entry in item.registers:
            initial = 0
            if entry.initial is not None:
                initial = whole_number(entry.initial, scope, "the initial value of a register")
            for local in self._register_names(entry, scope):
                name = self._component.prefix + local
                first = self._session.register_spans.get(name)
                if first is not None:
                    label = Label(first, "first declared here")
                    hint = "register names are unique in the architecture"
                    reject("E0203", f"register '{name}' is already declared", entry.span, hint, (label,))
                self._session.register_spans[name] = entry.span
                registers[name] = initial
        return registers

    def _register_names(self, entry: syntax.RegisterNames, scope: Scope) -> Iterable[str]:
        if entry.numbers is None:
            return (entry.name.text,)
        start = whole_number(entry.numbers.start, scope, "the start of a range")
        end = whole_number(entry.numbers.end, scope, "the end of a range")
        if not 0 <= start <= end or end - start > MAX_REGISTERS:
            message = f"a range from {start} to {end} cannot number registers"
            reject("E0302", message, entry.numbers.span, f"use 0 to {MAX_REGISTERS}, the smaller number first")
        return (f"{entry.name.text}{number}" for number in range(start, end))

    def _read_range(self, piece: syntax.Range, scope: Scope) -> tuple[int, int]:
        start, end = (self._read_address(end, scope) for end in (piece.start, piece.end))
        if start >= end:
            message = f"the address range from 0x{start:x} to 0x{end:x} is empty"
            reject("E0302", message, piece.span, "the end is one past the last byte")
        return start, end

    def _read_address(self, expression: syntax.Expression, scope: Scope) -> int:
        value = Evaluator(scope, addresses=True).evaluate(expression)
        if value.kind not in (Kind.NUMBER, Kind.SIZE) or not isinstance(value.value, int):
            reject("E0301", f"an address is a number of bytes, found {value.kind}", expression.span)
        number = value.value if value.kind is Kind.NUMBER else _bytes(value.value, expression.span)
        if number < 0:
            reject("E0302", f"address {number} is negative", expression.span)
        return number


def _read_word(item: syntax.Attribute, name: str, form: AttributeForm) -> str:
    value = item.value
    if not isinstance(value, syntax.Path) or not value.is_name or value.name.text not in form.words:
        hint = f"'{name}' is one of: {', '.join(form.words)}"
        found = f" '{value.name.text}'" if isinstance(value, syntax.Path) and value.is_name else ""
        reject("E0302", f"unknown {name.replace('_', ' ')}{found}", value.span, hint)
    return value.name.text


_ACCEPTED: dict[Form, tuple[frozenset[Kind], str]] = {
    Form.NUMBER: (frozenset({Kind.NUMBER}), "a number"),
    Form.CYCLES: (NUMERIC, "cycles"),
    Form.BITS: (frozenset({Kind.SIZE}), "a size"),
    Form.BYTES: (frozenset({Kind.SIZE}), "a size"),
    Form.TRUTH: (frozenset({Kind.TRUTH}), "true or false"),
}


def _read_plain(expression: syntax.Expression, scope: Scope, name: str, form: AttributeForm) -> int | bool:
    accepted, wanted = _ACCEPTED.get(form.form, (frozenset(), f"written `{form.example}`"))
    value = Evaluator(scope).evaluate(expression)
    _expect(value, accepted, expression.span, name, wanted, form.example)
    if not isinstance(value.value, int):
        reject("E0301", f"'{name}' is {wanted}, found {value.kind}", expression.span)
    if form.form is Form.TRUTH:
        return bool(value.value)
    if value.value < form.minimum:
        reject("E0302", f"'{name}' is {value.value}; the least value is {form.minimum}", expression.span)
    return _bytes(value.value, expression.span) if form.form is Form.BYTES else value.value


def _expect(
    value: Value, accepted: frozenset[Kind], span: Span, name: str, wanted: str, example: str = ""
) -> None:
    if value.kind not in accepted:
        hint = f"for example `{example}`" if example else None
        reject("E0301", f"'{name}' is {wanted}, found {value.kind}", span, hint)


def _bytes(bits: int, span: Span) -> int:
    if bits % 8:
        reject("E0302", f"{bits} bits are no whole number of bytes", span)
    return bits // 8
