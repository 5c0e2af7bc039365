"""Object declarations to objects: attributes checked against the table of classes, units contained."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeAlias

from acadl import model, syntax
from acadl.elaborate_attributes import AttributeReader
from acadl.elaborate_names import Scope
from acadl.elaborate_schema import FIELDS, OBJECTS, PLACEHOLDERS, ObjectForm
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
from acadl.elaborate_values import reject
from acadl.errors import Label, Span
from acadl.suggesting import nearest, suggestion

_AttributeItem: TypeAlias = (
    syntax.Attribute | syntax.OperationList | syntax.RegisterList | syntax.AddressList | syntax.FromMemory
)
_EDGES = "inside an architecture, edges stand for what joins its parts"


@dataclass(slots=True)
class _Body:
    """The statements of an object's block, sorted."""

    attributes: dict[str, tuple[syntax.Item, Scope, Span]] = field(default_factory=dict)
    wrong: set[str] = field(default_factory=set)  # given twice, or what unknown names were close to
    objects: list[tuple[syntax.ObjectDeclaration, Scope]] = field(default_factory=list)
    misplaced: list[syntax.Word] = field(default_factory=list)  # names of objects that cannot stand here


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
        slot = _growing(slot, local, declared.span).elements.setdefault(
            number, Array(declared.span, whole=False)
        )
    array = _growing(slot, local, declared.span)
    if numbers[-1] in array.elements:
        _taken(local, declared.span, array.elements[numbers[-1]])
    array.elements[numbers[-1]] = member
    return local


def _growing(slot: Member, name: str, span: Span) -> Array:
    """``slot`` as an array that takes more elements."""
    if not isinstance(slot, Array) or slot.whole:
        _taken(name, span, slot)
    return slot


def _taken(name: str, span: Span, first: Member) -> NoReturn:
    if first.span == span:  # the same statement
        base = name.partition("[")[0]
        hint = f"give it the variables of all its loops as indices, as in `{base}[n]`"
        reject("E0203", f"'{name}' is declared again by the next round of a loop", span, hint)
    reject("E0203", f"'{name}' is already declared", span, None, (Label(first.span, "first declared here"),))


class ObjectMaker:
    """Makes objects for one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def make(self, declaration: syntax.ObjectDeclaration, scope: Scope, component: Component) -> None:
        """Add an object of the component's body."""
        if declaration.kind.text not in OBJECTS:
            kind = declaration.kind
            reject("E0401", f"a {kind.text} belongs into a platform", kind.span, _EDGES)
        form = OBJECTS[declaration.kind.text]
        if issubclass(form.cls, model.FunctionalUnit):
            holder = "fetch" if declaration.kind.text.startswith("instruction") else "execute"
            hint = f"put it into the braces of its {holder} stage"
            reject("E0401", f"a {declaration.kind.text} belongs inside a stage", declaration.kind.span, hint)
        self._make(declaration, scope, component, None)

    def _make(
        self, declaration: syntax.ObjectDeclaration, scope: Scope, component: Component, holder: Node | None
    ) -> None:
        """Make the object and the units inside it."""
        members = holder.members if holder is not None else component.members
        prefix = f"{holder.object.name}." if holder is not None else component.prefix
        broken = Broken(declaration.declared.span)
        local = place(members, declaration.declared, scope, broken)
        form = OBJECTS[declaration.kind.text]
        self._session.step(declaration.span, 3)
        body = self._gather(declaration, form, Scope(scope, scope.meter))
        item = self._object(prefix + local, declaration, form, body, component, holder)
        node = Node(item, declaration.kind.text, declaration.declared.span)
        replace_placed(members, local, broken, node)
        self._session.add_object(item, declaration.span)
        if holder is not None:
            kind = model.EdgeKind.CONTAINS
            self._session.add_edge(holder.object.name, item.name, kind, declaration.declared.span)
        for word in body.misplaced:
            node.members[word.text] = Broken(word.span)
        for inner, inner_scope in body.objects:
            self._guarded(inner, inner_scope, component, node)
        if isinstance(item, model.InstructionFetchStage):
            self._instruction_memory_unit(node, body, component)

    def _guarded(
        self, inner: syntax.ObjectDeclaration, scope: Scope, component: Component, holder: Node
    ) -> None:
        with self._session.reporting():
            self._make(inner, scope, component, holder)

    # --- the block ---------------------------------------------------------------------------------------

    def _gather(self, declaration: syntax.ObjectDeclaration, form: ObjectForm, scope: Scope) -> _Body:
        body = _Body()
        for item, inner in expand(declaration.body.items, scope, self._session):
            with self._session.reporting():
                self._sort(item, inner, declaration, form, body)
        return body

    def _sort(
        self,
        item: syntax.Item,
        scope: Scope,
        declaration: syntax.ObjectDeclaration,
        form: ObjectForm,
        body: _Body,
    ) -> None:
        keyword = declaration.kind.text
        match item:
            case syntax.ObjectDeclaration():
                if item.kind.text not in form.contains:
                    body.misplaced.append(item.declared.name)
                    self._misplaced(item, keyword, form)
                body.objects.append((item, scope))
            case _ if isinstance(item, _AttributeItem):
                self._enter(item, scope, keyword, form, body)
            case _:
                place = "inside the architecture or a template, not inside an object"
                reject("E0401", f"{_title(item)} belongs {place}", item.span)

    def _enter(self, item: _AttributeItem, scope: Scope, keyword: str, form: ObjectForm, body: _Body) -> None:
        """Keep an attribute under its name; what is wrong with the name is reported."""
        with self._session.reporting_attribute():
            name, span = _named(item)
            if name not in form.attributes:
                body.wrong.add(nearest(name, form.attributes) or name)
                hint = suggestion(name, form.attributes, f"attributes of {keyword}")
                reject("E0402", f"'{keyword}' has no attribute '{name}'", span, hint)
            if name in body.attributes:
                body.wrong.add(name)
                first = Label(body.attributes[name][2], "first given here")
                reject("E0203", f"attribute '{name}' is given twice", span, None, (first,))
            body.attributes[name] = (item, scope, span)

    def _misplaced(self, item: syntax.ObjectDeclaration, keyword: str, form: ObjectForm) -> None:
        inner = item.kind.text
        if inner not in OBJECTS:
            reject("E0401", f"a {inner} belongs into a platform", item.kind.span, _EDGES)
        if issubclass(OBJECTS[inner].cls, model.FunctionalUnit):
            noun = "controllers" if inner == "controller" else "units"
            hint = f"{noun} stand in the braces of an `execute` stage"
        elif form.contains:
            hint = f"it may contain {' and '.join(form.contains)}; join other objects to it by edges"
        else:
            hint = f"close the braces of the {form.title} first"
        reject("E0401", f"a {inner} cannot be inside '{keyword}'", item.kind.span, hint)

    # --- the object --------------------------------------------------------------------------------------

    def _object(
        self,
        name: str,
        declaration: syntax.ObjectDeclaration,
        form: ObjectForm,
        body: _Body,
        component: Component,
        holder: Node | None,
    ) -> model.ACADLObject:
        """The object; where an attribute is wrong or missing, which is reported, with a value of ours."""
        values: dict[str, Any] = {}
        reader = AttributeReader(self._session, component, name)
        if "operations" in body.attributes:  # what latencies may refer to
            body.attributes = {"operations": body.attributes.pop("operations")} | body.attributes
        wrong = set(body.wrong)
        for attribute, (item, scope, span) in body.attributes.items():
            if attribute == "from":
                continue
            field_name = FIELDS.get(attribute, attribute)
            with self._session.reporting_attribute():
                values[field_name] = reader.read(item, scope, attribute, span, form.attributes[attribute])
            if field_name not in values:
                wrong.add(attribute)
        missing = [n for n in form.required if n not in body.attributes and n not in wrong]
        if missing:
            self._report_missing(missing, declaration, form)
            wrong.update(missing)
        if wrong:
            self._session.unsure[name] = {FIELDS.get(attribute, attribute) for attribute in wrong}
        for attribute in form.required:
            values.setdefault(FIELDS.get(attribute, attribute), PLACEHOLDERS[form.attributes[attribute].form])
        pipelined = "initiation_interval" in values and "capacity" not in values
        if pipelined and holder is not None and isinstance(holder.object, model.ExecuteStage):
            values["capacity"] = holder.object.capacity  # as many as the stage lets in
        return form.cls(name=name, doc=declaration.doc, span=declaration.declared.span, **values)

    def _report_missing(
        self, missing: list[str], declaration: syntax.ObjectDeclaration, form: ObjectForm
    ) -> None:
        listed = " and ".join(f"'{attribute}'" for attribute in missing)
        examples = ", ".join(form.attributes[attribute].example for attribute in missing)
        message = f"{declaration.kind.text} '{declaration.declared.name.text}' needs {listed}"
        with self._session.reporting_attribute():
            reject("E0403", message, declaration.declared.span, f"for example `{examples}`")

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


def _named(item: _AttributeItem) -> tuple[str, Span]:
    """The name of an attribute, with its place. Rejects paths."""
    if not isinstance(item, syntax.Attribute):
        return item.keyword.text, item.keyword.span
    if not item.target.is_name:
        reject("E0402", "an attribute's name has no index and no dot", item.target.span)
    return item.target.name.text, item.target.span


def _title(item: syntax.Item) -> str:
    """What messages call a statement."""
    titles: dict[type, str] = {
        syntax.ArchitectureDeclaration: "an architecture",
        syntax.PlatformDeclaration: "a platform",
        syntax.TemplateDeclaration: "a template",
        syntax.Import: "an import",
        syntax.OperationsBlock: "an operations block",
        syntax.Clock: "the clock",
        syntax.EdgeChain: "an edge",
        syntax.OpenEdge: "an open edge",
        syntax.ObjectDeclaration: "an object",
    }
    return titles.get(type(item), "this statement")
