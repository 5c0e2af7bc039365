"""What elaboration knows while it runs: declared parts, open edges, templates, limits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from acadl import model, syntax
from acadl.diagnostics import Collector
from acadl.elaborate_evaluate import Evaluator
from acadl.elaborate_names import Meter, Scope, TooLargeError
from acadl.elaborate_values import Kind, Reject, Value, reject
from acadl.errors import Label, Span
from acadl.operations import Operation

MAX_OBJECTS = 50_000
MAX_EDGES = 200_000
MAX_INSTANCE_DEPTH = 24
MAX_BINDERS = 16
LONG_NAME = 64  # letters of a name that count as a step, for names are made again for every object


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
    instance: Span  # what it is an edge of
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


@dataclass(frozen=True, slots=True)
class MemoryLink:
    """``from: imem`` of a fetch stage, joined when all parts are known."""

    unit: Node
    memory: syntax.Path


Deferred: TypeAlias = syntax.EdgeChain | syntax.OpenEdge | MemoryLink
Member: TypeAlias = Node | Port | Array | Broken | Component


class Reporting:
    """Turns a rejection into a diagnostic; ``after`` is called with how many more errors there are."""

    def __init__(self, collector: Collector, after: Callable[[int], None] | None = None) -> None:
        self._collector = collector
        self._after = after

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if not isinstance(error, Reject):
            return False
        if error.diagnostic is not None:
            before = self._collector.error_count
            self._collector.add(error.diagnostic)
            if self._after is not None:
                self._after(self._collector.error_count - before)
        return True


@dataclass(slots=True)
class Session:
    """One elaboration: what it has made so far, and its limits."""

    collector: Collector
    objects: dict[str, model.ACADLObject] = field(default_factory=dict)
    edges: dict[tuple[str, str, model.EdgeKind], model.Edge] = field(default_factory=dict)
    operations: dict[str, Operation] = field(default_factory=dict)
    incomplete: dict[str, set[str]] = field(default_factory=dict)  # operation to its operands that are wrong
    latency_names: dict[str, list[tuple[str, Span]]] = field(default_factory=dict)
    register_spans: dict[str, Span] = field(default_factory=dict)
    ports: list[Port] = field(default_factory=list)
    failed_ends: set[str] = field(default_factory=set)  # names in edge statements that are wrong
    unsure: dict[str, set[str]] = field(default_factory=dict)  # object to fields whose attributes are wrong
    attribute_errors: int = 0  # errors that leave all objects and edges in place
    used: set[Span] = field(default_factory=set)
    clock: tuple[int, Span] | None = None
    meter: Meter = field(default_factory=Meter)
    attribute_names: dict[frozenset[str] | None, frozenset[str]] = field(default_factory=dict)
    constants: dict[int, Any] = field(
        default_factory=dict
    )  # attribute statement to value, where always the same

    def step(self, span: Span, count: int = 1) -> None:
        """Count work that ``span`` causes. Raises :class:`TooLargeError` beyond the limit."""
        self.meter.step(span, count)

    def scope(self, parent: Scope | None) -> Scope:
        """The scope of an architecture, an instance or a file."""
        return Scope(parent, self.meter, component=True)

    def reporting(self) -> Reporting:
        """A statement whose rejection is reported and ends here, as a context manager."""
        return Reporting(self.collector)

    def reporting_attribute(self) -> Reporting:
        """The same for an attribute: its object stays, with a value of ours in that field."""
        return Reporting(self.collector, self._count_attribute_errors)

    def _count_attribute_errors(self, more: int) -> None:
        self.attribute_errors += more

    def add_object(self, item: model.ACADLObject, span: Span) -> None:
        """Keep an object; its name is free (parts are checked where they are declared)."""
        if len(self.objects) >= MAX_OBJECTS:
            raise TooLargeError(f"the architecture has more than {MAX_OBJECTS} objects", span)
        self.step(span, len(item.name) // LONG_NAME)
        self.objects[item.name] = item

    def add_edge(self, source: str, target: str, kind: model.EdgeKind, span: Span) -> None:
        """Keep an edge. Rejects one that exists."""
        key = (source, target, kind)
        known = self.edges.get(key)
        if known is not None:
            first = (Label(known.span, "first here"),) if known.span else ()
            reject("E0504", f"'{source}' and '{target}' are already joined this way", span, None, first)
        if len(self.edges) >= MAX_EDGES:
            raise TooLargeError(f"the architecture has more than {MAX_EDGES} edges", span)
        self.edges[key] = model.Edge(source, target, kind, span)


def expand(
    items: tuple[syntax.Item, ...], scope: Scope, session: Session
) -> Iterator[tuple[syntax.Item, Scope]]:
    """The statements that remain when ``for`` and ``if`` are carried out, each with its scope.

    Constants are bound and requirements checked on the way. Mistakes in one statement do not stop the others.
    """
    for item in items:
        if isinstance(item, syntax.Const):
            scope.announce(item.name)
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
                        yield from expand(chosen.items, Scope(scope, scope.meter), session)
                case syntax.For():
                    _check_binders(item)
                    for inner in _bindings(item.binders, scope, session):
                        yield from expand(item.body.items, inner, session)
                case _:
                    yield item, scope
        except Reject as rejected:
            if isinstance(item, syntax.For | syntax.If):
                session.meter.lost |= syntax.declared_in((item,))
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


def _check_binders(item: syntax.For) -> None:
    if len(item.binders) > MAX_BINDERS:
        message = f"a `for` gives values to at most {MAX_BINDERS} names, found {len(item.binders)}"
        reject("E0802", message, item.binders[MAX_BINDERS].span, "use a template for the inner loops")


def _bindings(binders: tuple[syntax.Binder, ...], scope: Scope, session: Session) -> Iterator[Scope]:
    """A scope for each combination of the loop variables, the first one outermost."""
    if not binders:
        yield scope
        return
    first, *rest = binders
    start = whole_number(first.range.start, scope, "the start of a range")
    end = whole_number(first.range.end, scope, "the end of a range")
    if end > start:
        session.step(first.span, end - start)
    for number in range(start, end):
        inner = Scope(scope, scope.meter)
        inner.declare(first.name, Value(Kind.NUMBER, number))
        yield from _bindings(tuple(rest), inner, session)
