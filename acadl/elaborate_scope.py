"""What elaboration knows while it runs: declared parts, open edges, templates, limits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

from acadl import model, syntax
from acadl.diagnostics import Collector
from acadl.elaborate_values import Evaluator, Kind, Reject, Scope, Value, reject
from acadl.errors import Label, Span
from acadl.operations import Operation

MAX_OBJECTS = 100_000
MAX_EDGES = 400_000
MAX_STEPS = 400_000
MAX_INSTANCE_DEPTH = 24


@dataclass(slots=True)
class Node:
    """An object of the architecture with the units it contains.

    Attributes:
        object: The object itself.
        keyword: The keyword that declared it.
        members: Contained units by their own names.
    """

    object: model.ACADLObject
    keyword: str
    span: Span
    members: dict[str, Member] = field(default_factory=dict)


@dataclass(slots=True)
class Port:
    """An open edge: one end is there, the other is joined later, once."""

    name: str
    ends: tuple[Node, ...]
    arrow: str
    leaves: bool
    optional: bool
    span: Span
    joined: Span | None = None


@dataclass(slots=True)
class Array:
    """Elements by index; nested for two dimensions. ``whole`` arrays have no gaps and grow no more."""

    span: Span
    whole: bool
    elements: dict[int, Member] = field(default_factory=dict)


@dataclass(slots=True)
class Broken:
    """A part whose declaration has an error; nothing more is said about it."""

    span: Span


@dataclass(slots=True)
class Component:
    """The architecture or an instance of a template: a namespace of parts.

    Attributes:
        prefix: What the names of its objects start with, such as ``grid[0][1].``.
        scope: Its values.
        parent: What its template was declared in.
        deferred: Edges, to be joined when all parts are known.
        depth: Instances around it.
    """

    prefix: str
    scope: Scope
    span: Span
    parent: Component | None = None
    members: dict[str, Member] = field(default_factory=dict)
    templates: dict[str, Template] = field(default_factory=dict)
    deferred: list[tuple[Deferred, Scope]] = field(default_factory=list)
    depth: int = 0


@dataclass(slots=True)
class Template:
    """A template with the component or file it was declared in."""

    declaration: syntax.TemplateDeclaration
    home: Component
    used: bool = False


@dataclass(frozen=True, slots=True)
class MemoryLink:
    """``from: imem`` of a fetch stage, joined when all parts are known."""

    unit: Node
    memory: syntax.Path


Deferred: TypeAlias = syntax.EdgeChain | syntax.OpenEdge | MemoryLink
Member: TypeAlias = Node | Port | Array | Broken | Component


@dataclass(slots=True)
class Session:
    """One elaboration: what it has made so far, and its limits."""

    collector: Collector
    objects: dict[str, model.ACADLObject] = field(default_factory=dict)
    edges: dict[tuple[str, str, model.EdgeKind], model.Edge] = field(default_factory=dict)
    operations: dict[str, Operation] = field(default_factory=dict)
    latency_names: dict[str, list[tuple[str, Span]]] = field(default_factory=dict)
    register_spans: dict[str, Span] = field(default_factory=dict)
    ports: list[Port] = field(default_factory=list)
    clock: tuple[int, Span] | None = None
    steps: int = 0

    def step(self, span: Span) -> None:
        """Count one elaborated statement. Raises :class:`TooLargeError` beyond the limit."""
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise TooLargeError(f"more than {MAX_STEPS} statements are elaborated", span)

    @contextmanager
    def reporting(self) -> Iterator[None]:
        """A statement whose rejection is reported and ends here."""
        try:
            yield
        except Reject as rejected:
            if rejected.diagnostic is not None:
                self.collector.add(rejected.diagnostic)

    def add_object(self, item: model.ACADLObject, span: Span) -> None:
        """Keep an object; its name is free (parts are checked where they are declared)."""
        if len(self.objects) >= MAX_OBJECTS:
            raise TooLargeError(f"the architecture has more than {MAX_OBJECTS} objects", span)
        self.objects[item.name] = item

    def add_edge(self, source: str, target: str, kind: model.EdgeKind, span: Span) -> None:
        """Keep an edge. Rejects one that exists."""
        key = (source, target, kind)
        known = self.edges.get(key)
        if known is not None:
            first = (Label(known.span, "first here"),) if known.span else ()
            reject("E0505", f"'{source}' and '{target}' are already joined this way", span, None, first)
        if len(self.edges) >= MAX_EDGES:
            raise TooLargeError(f"the architecture has more than {MAX_EDGES} edges", span)
        self.edges[key] = model.Edge(source, target, kind, span)


class TooLargeError(Exception):
    """A limit is exceeded; elaboration stops."""

    def __init__(self, message: str, span: Span) -> None:
        super().__init__(message)
        self.span = span


def expand(
    items: tuple[syntax.Item, ...], scope: Scope, session: Session
) -> Iterator[tuple[syntax.Item, Scope]]:
    """The statements that remain when ``for`` and ``if`` are carried out, each with its scope.

    Constants are bound and requirements checked on the way. Mistakes in one statement do not stop the others.
    """
    for item in items:
        if isinstance(item, syntax.Const):
            scope.later.setdefault(item.name.text, item.name.span)
    for item in items:
        session.step(item.span)
        try:
            match item:
                case syntax.Const():
                    _declare_const(item, scope)
                case syntax.Require():
                    _check_requirement(item, scope)
                case syntax.If():
                    chosen = _chosen(item, scope)
                    if chosen is not None:
                        yield from expand(chosen.items, Scope(scope), session)
                case syntax.For():
                    for inner in _bindings(item.binders, scope, session):
                        yield from expand(item.body.items, inner, session)
                case _:
                    yield item, scope
        except Reject as rejected:
            if rejected.diagnostic is not None:
                session.collector.add(rejected.diagnostic)


def _declare_const(item: syntax.Const, scope: Scope) -> None:
    try:
        value = Evaluator(scope).evaluate(item.value)
    except Reject:
        scope.declare(item.name, None)
        raise
    scope.declare(item.name, value)


def _check_requirement(item: syntax.Require, scope: Scope) -> None:
    if not condition(item.condition, scope):
        reject("E0305", item.message.value or "a requirement does not hold", item.condition.span)


def condition(expression: syntax.Expression, scope: Scope) -> bool:
    """A truth value. Rejects anything else."""
    value = Evaluator(scope).evaluate(expression)
    if value.kind is not Kind.TRUTH:
        hint = "compare it, as in `x > 0`" if value.kind is not Kind.TEXT else None
        reject("E0301", f"a condition is true or false, found {value.kind}", expression.span, hint)
    return bool(value.value)


def whole_number(expression: syntax.Expression, scope: Scope, what: str) -> int:
    """A plain number. Rejects anything else."""
    value = Evaluator(scope).evaluate(expression)
    if value.kind is not Kind.NUMBER or not isinstance(value.value, int):
        reject("E0301", f"{what} is a number, found {value.kind}", expression.span)
    return value.value


def _chosen(item: syntax.If, scope: Scope) -> syntax.Block | None:
    for expression, block in item.branches:
        if condition(expression, scope):
            return block
    return item.otherwise


def _bindings(binders: tuple[syntax.Binder, ...], scope: Scope, session: Session) -> Iterator[Scope]:
    """A scope for each combination of the loop variables, the first one outermost."""
    if not binders:
        yield scope
        return
    first, *rest = binders
    start = whole_number(first.range.start, scope, "the start of a range")
    end = whole_number(first.range.end, scope, "the end of a range")
    for number in range(start, end):
        session.step(first.span)
        inner = Scope(scope)
        inner.declare(first.name, Value(Kind.NUMBER, number))
        yield from _bindings(tuple(rest), inner, session)
