"""Edges: paths to objects, arrows to edge kinds, open edges joined."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NoReturn

from acadl import syntax
from acadl.elaborate_names import Scope
from acadl.elaborate_objects import place
from acadl.elaborate_schema import OBJECTS
from acadl.elaborate_scope import (
    Array,
    Broken,
    Component,
    Member,
    MemoryLink,
    Node,
    Port,
    Session,
    whole_number,
)
from acadl.elaborate_values import Reject, reject
from acadl.errors import Diagnostic, Label, Span
from acadl.model import EdgeKind
from acadl.suggesting import suggestion

_NAME = re.compile(r"[A-Za-z_]\w*")
_STAGES = frozenset({"fetch", "stage", "execute"})
_MEMORY_UNITS = frozenset({"memory_unit", "instruction_memory_unit"})
_UNITS = _MEMORY_UNITS | {"unit", "controller"}
_MEMORIES = frozenset({"sram", "dram"})
_STORAGES = _MEMORIES | {"cache"}


def join_all(component: Component, session: Session) -> None:
    """Join the deferred edges of a component whose parts are all known; open edges first."""
    for kind in (syntax.OpenEdge, (syntax.EdgeChain, MemoryLink)):
        for item, scope in component.deferred:
            if not isinstance(item, kind):
                continue
            try:
                match item:
                    case syntax.OpenEdge():
                        _open(item, scope, component, session)
                    case syntax.EdgeChain():
                        _chain(item, scope, component, session)
                    case MemoryLink():
                        _memory(item, scope, component, session)
            except Reject as rejected:
                session.failed_ends |= (
                    syntax.all_names_in(item) if isinstance(item, syntax.EdgeChain) else set()
                )
                if rejected.diagnostic is not None:
                    session.collector.add(rejected.diagnostic)
    component.deferred.clear()


def report_unjoined(session: Session) -> None:
    """An open edge that nobody joined is an error unless it is optional, or a wrong statement may mean it."""
    for port in session.ports:
        if (
            port.joined is None
            and not port.optional
            and not session.failed_ends & set(_NAME.findall(port.name))
        ):
            message = f"open edge '{port.name}' is not joined"
            hint = "join it where the template is instantiated, or declare it `open optional`"
            label = Label(port.instance, "instantiated here")
            session.collector.add(Diagnostic("E0505", message, port.span, hint, (label,)))


def _open(item: syntax.OpenEdge, scope: Scope, component: Component, session: Session) -> None:
    place(component.members, item.declared, scope, Broken(item.declared.span))
    ends: list[Node] = []
    for end in _ends(item.end, scope, component, session):
        passed_on = _fixed(end, item.arrow, item.leaves, item.end.span)  # an inner open edge
        session.step(item.end.span, len(passed_on))
        ends.extend(passed_on)
    _check_distinct(ends, item)
    local = item.declared.name.text
    port = Port(
        component.prefix + local,
        tuple(ends),
        item.arrow.text,
        item.leaves,
        item.optional,
        item.declared.span,
        component.span,
    )
    if item.declared.indices:
        reject("E0502", "open edges have no index", item.declared.span)
    component.members[local] = port
    session.ports.append(port)


def _check_distinct(ends: Sequence[Node], item: syntax.OpenEdge) -> None:
    """Joining the open edge would join the same objects twice."""
    seen: set[str] = set()
    for end in ends:
        if end.object.name in seen:
            reject("E0504", f"'{end.object.name}' is twice at the end of this open edge", item.end.span)
        seen.add(end.object.name)


def _chain(item: syntax.EdgeChain, scope: Scope, component: Component, session: Session) -> None:
    before = _ends(item.endpoints[0], scope, component, session)
    for number, arrow in enumerate(item.arrows):
        left, right = item.endpoints[number], item.endpoints[number + 1]
        after = _ends(right, scope, component, session)
        span = Span(
            left.span.file, left.span.line, left.span.column, right.span.end_line, right.span.end_column
        )
        sources = [node for end in before for node in _fixed(end, arrow, True, left.span)]
        targets = [node for end in after for node in _fixed(end, arrow, False, right.span)]
        for source in sources:
            for target in targets:
                _join(source, target, arrow, span, session)
        before = after


def _memory(item: MemoryLink, scope: Scope, component: Component, session: Session) -> None:
    for node in resolve(item.memory, scope, component):
        if isinstance(node, Broken):
            continue
        if not isinstance(node, Node) or node.keyword not in _STORAGES:
            reject(
                "E0501", "`from` names the instruction memory", item.memory.span, "for example `from: imem`"
            )
        session.add_edge(node.object.name, item.unit.object.name, EdgeKind.READ_DATA, item.memory.span)


# --- ends -----------------------------------------------------------------------------------------------


def _ends(
    endpoint: syntax.Endpoint, scope: Scope, component: Component, session: Session
) -> list[Node | Port]:
    """Objects and open edges that an endpoint names; parts with errors are left out."""
    ends: list[Node | Port] = []
    for path in endpoint.paths:
        for member in resolve(path, scope, component):
            session.step(path.span)
            if isinstance(member, Component):
                parts = suggestion("", _exposed(member), "parts")
                message = f"'{_shown(path)}' is an instance, not an object"
                reject("E0501", message, path.span, f"name one of its parts or open edges; {parts}")
            if isinstance(member, Array):
                hint = f"say which element, as in `{_shown(path)}[0]`, or all of them, `{_shown(path)}[*]`"
                reject("E0501", f"'{_shown(path)}' is an array", path.span, hint)
            if not isinstance(member, Broken):
                ends.append(member)
    return ends


def _exposed(component: Component) -> list[str]:
    """Names for a message: open edges first."""
    ports = [name for name, member in component.members.items() if isinstance(member, Port)]
    return ports or list(component.members)


def resolve(path: syntax.Path, scope: Scope, component: Component) -> list[Member]:
    """What a path names in a component; several parts where an index is a range or ``*``."""
    found = component.members.get(path.name.text)
    if found is None:
        _unknown_part(path, component)
    current: list[Member] = [found]
    shown = path.name.text
    for part in path.parts:
        current = [inner for member in current for inner in _descend(member, part, shown, scope)]
        shown = f"{shown}.{part.name.text}" if isinstance(part, syntax.Member) else f"{shown}[…]"
    return current


def _descend(member: Member, part: syntax.Part, shown: str, scope: Scope) -> list[Member]:
    if isinstance(member, Broken):
        return [member]
    match part:
        case syntax.Member():
            return [_member(member, part, shown)]
        case syntax.Element():
            return _elements(member, part, shown, scope)
        case syntax.Call():
            reject("E0501", "the end of an edge is an object, not a call", part.span)


def _member(member: Member, part: syntax.Member, shown: str) -> Member:
    if isinstance(member, Array):
        hint = f"say which element, as in `{shown}[0].{part.name.text}`"
        reject("E0501", f"'{shown}' is an array", part.span, hint)
    if isinstance(member, Broken | Port):
        reject("E0201", f"'{shown}' has no parts", part.span)
    found = member.members.get(part.name.text)
    if found is None:
        hint = suggestion(part.name.text, member.members, f"parts of '{shown}'")
        reject("E0201", f"'{shown}' has no part '{part.name.text}'", part.name.span, hint)
    return found


def _elements(member: Member, part: syntax.Element, shown: str, scope: Scope) -> list[Member]:
    if not isinstance(member, Array):
        reject("E0501", f"'{shown}' is no array", part.span, "leave the index out")
    match part.index:
        case syntax.Wildcard():
            return list(member.elements.values())
        case syntax.Range(start=start, end=end):
            low = whole_number(start, scope, "an index")
            high = whole_number(end, scope, "an index")
            return [_element(member, number, part, shown) for number in range(low, high)]
    return [_element(member, whole_number(part.index, scope, "an index"), part, shown)]


def _element(member: Array, number: int, part: syntax.Element, shown: str) -> Member:
    if number not in member.elements:
        known = sorted(member.elements)
        bounds = f"it has elements {known[0]} to {known[-1]}" if known else "it has no elements"
        reject("E0206", f"'{shown}' has no element {number}", part.span, bounds)
    return member.elements[number]


def _unknown_part(path: syntax.Path, component: Component) -> NoReturn:
    name = path.name.text
    if name in component.scope.meter.lost:
        raise Reject
    outer = component.parent
    if outer is not None and name in outer.members:
        hint = "a template reaches outside only by an `open` edge, joined where the template is instantiated"
        reject("E0201", f"'{name}' is outside of this template", path.name.span, hint)
    hint = suggestion(name, component.members, "objects")
    reject("E0201", f"unknown object '{name}'", path.name.span, hint)


def _shown(path: syntax.Path) -> str:
    parts = [f".{p.name.text}" if isinstance(p, syntax.Member) else "[…]" for p in path.parts]
    return path.name.text + "".join(parts)


def _fixed(end: Node | Port, arrow: syntax.Word, leaves: bool, span: Span) -> tuple[Node, ...]:
    """The objects at an end; an open edge is joined, which needs the same arrow and the missing side."""
    if isinstance(end, Node):
        return (end,)
    here = Label(end.span, "the open edge is declared here")
    if end.arrow != arrow.text:
        reject(
            "E0502",
            f"open edge '{end.name}' is a '{end.arrow}', joined by '{arrow.text}'",
            arrow.span,
            None,
            (here,),
        )
    if end.leaves != leaves and arrow.text != "<=>":
        side = "left" if end.leaves else "right"
        hint = f"it stands on the {side} of the arrow"
        reject("E0502", f"open edge '{end.name}' points the other way", span, hint, (here,))
    if end.joined not in (None, span):
        labels = (Label(end.joined, "first joined here"), here) if end.joined else (here,)
        hint = "join it once; several targets fan out in braces, as in `{a, b}`"
        reject("E0506", f"open edge '{end.name}' is already joined", span, hint, labels)
    end.joined = span
    return end.ends


# --- kinds ----------------------------------------------------------------------------------------------


def _join(source: Node, target: Node, arrow: syntax.Word, span: Span, session: Session) -> None:
    """Add the edges that an arrow between two objects stands for."""
    if arrow.text == "->":
        _check_forward(source, target, span)
        session.add_edge(source.object.name, target.object.name, EdgeKind.FORWARD, span)
        return
    if arrow.text == "=>":
        session.add_edge(source.object.name, target.object.name, _data_kind(source, target, span), span)
        return
    if source.keyword == target.keyword == "cache":
        session.add_edge(target.object.name, source.object.name, EdgeKind.READ_DATA, span)
        session.add_edge(source.object.name, target.object.name, EdgeKind.WRITE_DATA, span)
        return
    there, back = _data_kind(source, target, span), _data_kind(target, source, span)
    session.add_edge(source.object.name, target.object.name, there, span)
    session.add_edge(target.object.name, source.object.name, back, span)


def _check_forward(source: Node, target: Node, span: Span) -> None:
    if source.keyword in _STAGES and target.keyword in _STAGES - {"fetch"}:
        return
    if source.keyword in ("controller", "mover") and target.keyword == "mover":
        return
    hint = "`->` joins stages: fetch, stage, execute; data go along `=>`"
    if "mover" in (source.keyword, target.keyword):
        hint = _parts_hint(source)
    elif target.keyword in _UNITS or source.keyword in _UNITS:
        hint = "units get their instructions from the stage that contains them; join that stage"
    elif target.keyword == "fetch":
        hint = "the fetch stage is the first one; nothing leads to it"
    _wrong_ends(source, target, "->", span, hint)


def _parts_hint(source: Node) -> str:
    """Where parts come from, for an edge to or from a mover that cannot be."""
    for name, member in source.members.items():
        if isinstance(member, Node) and member.keyword == "controller":
            return f"parts come from the controller; did you mean '{source.object.name}.{name}'?"
    return "parts come from a controller, as in `stage.controller -> mover`, and go on to movers only"


def _data_kind(source: Node, target: Node, span: Span) -> EdgeKind:
    a, b = source.keyword, target.keyword
    if (a == "registers" and b in _UNITS) or (a in _STORAGES and b in _MEMORY_UNITS):
        return EdgeKind.READ_DATA
    if (a in _UNITS and b == "registers") or (a == "memory_unit" and b in _STORAGES):
        return EdgeKind.WRITE_DATA
    if a in _MEMORIES and b in ("cache", "mover"):
        return EdgeKind.READ_DATA
    if a in ("cache", "mover") and b in _MEMORIES:
        return EdgeKind.WRITE_DATA
    _wrong_ends(source, target, "=>", span, _data_hint(a, b, source, target))


def _data_hint(a: str, b: str, source: Node, target: Node) -> str:
    if a == b == "cache":
        return "between caches write `<=>`, the one nearer to the units on the left"
    for keyword, node in ((a, source), (b, target)):
        if keyword in _STAGES and node.members:
            return f"data go to units; did you mean '{node.object.name}.{next(iter(node.members))}'?"
        if keyword in _STAGES:
            return "data go between units, registers and memories; instructions go along `->`"
    if "mover" in (a, b):
        if "cache" in (a, b):
            return "movers reach memories with fixed latencies: sram or dram"
        if "registers" in (a, b):
            return "the controller reads and writes registers; movers reach memories"
        return "data go from memories to movers and from movers to memories; parts go along `->`"
    if "controller" in (a, b) and (a in _STORAGES or b in _STORAGES):
        return "a controller reaches memories by its movers; join them"
    if "unit" in (a, b) and (a in _STORAGES or b in _STORAGES):
        return "only a memory_unit reaches memories"
    return "data go from registers or memories to units and from units to registers or memories"


def _wrong_ends(source: Node, target: Node, arrow: str, span: Span, hint: str) -> NoReturn:
    a, b = OBJECTS[source.keyword].title, OBJECTS[target.keyword].title
    message = f"'{arrow}' cannot lead from {a} '{source.object.name}' to {b} '{target.object.name}'"
    labels = (
        Label(source.span, f"declared here as `{source.keyword}`"),
        Label(target.span, f"declared here as `{target.keyword}`"),
    )
    reject("E0503", message, span, hint, labels)
