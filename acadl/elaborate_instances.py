"""Instances of templates, one or arrays of them: ``grid: pe(width: 8 bits)[rows][columns]``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

from acadl import syntax
from acadl.elaborate_names import Scope, TooLargeError
from acadl.elaborate_objects import place, replace_placed
from acadl.elaborate_parameters import bind_arguments
from acadl.elaborate_scope import (
    LONG_NAME,
    MAX_BINDERS,
    MAX_INSTANCE_DEPTH,
    MAX_OBJECTS,
    Array,
    Broken,
    Component,
    Member,
    Session,
    Template,
    whole_number,
)
from acadl.elaborate_values import reject
from acadl.suggesting import suggestion

BodyRunner = Callable[[syntax.TemplateDeclaration, Component], None]


@dataclass(frozen=True, slots=True)
class _Request:
    """What an instance statement asks for."""

    template: Template
    call: syntax.Call | None
    item: syntax.Attribute
    scope: Scope
    owner: Component


def make_instance(
    item: syntax.Attribute, scope: Scope, component: Component, session: Session, run_body: BodyRunner
) -> None:
    """Make the instances of ``name: template(arguments)[sizes]`` and enter them under the name."""
    declared = declared_of(item.target)
    if not isinstance(item.value, syntax.Path):
        hint = "attributes stand inside objects; an instance is written `name: template`"
        reject("E0401", f"'{declared.name.text}' cannot be given a value here", item.target.span, hint)
    broken = Broken(declared.span)
    local = place(component.members, declared, scope, broken)
    template = _find_template(item.value.name, component)
    call, sizes = split_call(item.value)
    if len(sizes) > MAX_BINDERS:
        message = f"an array has at most {MAX_BINDERS} dimensions, found {len(sizes)}"
        reject("E0802", message, sizes[MAX_BINDERS].span)
    counts: list[int] = []
    for size in sizes:
        count = whole_number(size, scope, "the size of an array")
        if count < 1:
            reject("E0302", f"an array cannot have {count} elements", size.span, "the least size is 1")
        counts.append(count)
    if component.depth >= MAX_INSTANCE_DEPTH:
        message = f"templates are instantiated more than {MAX_INSTANCE_DEPTH} levels deep"
        raise TooLargeError(message, item.value.span)
    total = prod(counts)
    if total > MAX_OBJECTS:
        raise TooLargeError(f"the array has {total} elements, more than {MAX_OBJECTS}", item.value.span)
    request = _Request(template, call, item, scope, component)
    made = _make(request, local, tuple(counts), session, run_body)
    replace_placed(component.members, local, broken, made)


def _make(
    request: _Request, local: str, counts: tuple[int, ...], session: Session, run_body: BodyRunner
) -> Member:
    if counts:
        array = Array(request.item.target.span, whole=True)
        for number in range(counts[0]):
            array.elements[number] = _make(request, f"{local}[{number}]", counts[1:], session, run_body)
        return array
    session.step(request.item.span, 5 + len(request.owner.prefix + local) // LONG_NAME)
    session.used.add(request.template.declaration.name.span)
    home, owner = request.template.home, request.owner
    scope = session.scope(home.scope)
    instance = Component(
        f"{owner.prefix}{local}.", scope, request.item.target.span, home, depth=owner.depth + 1
    )
    bind_arguments(request.template, request.call, request.item.value.span, request.scope, scope, session)
    run_body(request.template.declaration, instance)
    return instance


def declared_of(target: syntax.Path) -> syntax.Declared:
    """The left side of an instance: a name, with indices in a loop."""
    indices: list[syntax.Expression] = []
    for part in target.parts:
        if not isinstance(part, syntax.Element) or isinstance(part.index, syntax.Range | syntax.Wildcard):
            reject("E0401", "a declared name has no dot, no range and no arguments", part.span)
        indices.append(part.index)
    return syntax.Declared(target.span, target.name, tuple(indices))


def split_call(value: syntax.Path) -> tuple[syntax.Call | None, list[syntax.Expression]]:
    """Arguments and array sizes behind the template's name."""
    parts = list(value.parts)
    first = parts[0] if parts else None
    call = first if isinstance(first, syntax.Call) else None
    sizes: list[syntax.Expression] = []
    for part in parts[1:] if call is not None else parts:
        if not isinstance(part, syntax.Element) or isinstance(part.index, syntax.Range | syntax.Wildcard):
            hint = "for example `grid: pe(width: 8)[rows][columns]`"
            reject(
                "E0303", "after a template come its arguments, then the sizes of the array", part.span, hint
            )
        sizes.append(part.index)
    return call, sizes


def _find_template(name: syntax.Word, component: Component) -> Template:
    home: Component | None = component
    known: list[str] = []
    while home is not None:
        template = home.templates.get(name.text)
        if template is not None:
            return template
        known.extend(home.templates)
        home = home.parent
    reject("E0201", f"unknown template '{name.text}'", name.span, suggestion(name.text, known, "templates"))
