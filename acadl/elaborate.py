"""Syntax tree to architecture: parameters bound, templates instantiated, edges joined."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import Path

from acadl import syntax
from acadl.diagnostics import Collector, TooManyDiagnosticsError
from acadl.elaborate_edges import join_all, report_unjoined
from acadl.elaborate_evaluate import Evaluator
from acadl.elaborate_imports import Sources
from acadl.elaborate_instances import make_instance
from acadl.elaborate_library import Libraries
from acadl.elaborate_names import Meter, Scope, TooLargeError, Watched
from acadl.elaborate_objects import ObjectMaker
from acadl.elaborate_operations import complete_functions, declare_operations
from acadl.elaborate_parameters import ParameterValue, bind_arguments, bind_given
from acadl.elaborate_scope import Component, Session, Template, expand
from acadl.elaborate_values import Kind, Reject, reject
from acadl.errors import Diagnostic, Label, Span
from acadl.model import Architecture


@dataclass(frozen=True, slots=True)
class Elaborated:
    """An architecture with what validation needs beside it.

    Attributes:
        architecture: The result.
        span: Where it is declared.
        latency_names: Stage name to instruction attributes that its latency uses, with their places.
        is_whole: Whether there were no errors; else the architecture has only what is right.
        is_joined: Whether all errors are about attributes, so that all objects and edges are there.
        unsure: Object to its fields whose attributes are wrong; the object has other values there.
    """

    architecture: Architecture
    span: Span
    latency_names: Mapping[str, list[tuple[str, Span]]]
    is_whole: bool
    is_joined: bool
    unsure: Mapping[str, Set[str]]


def elaborate(
    sources: Sources,
    parameters: Mapping[str, ParameterValue],
    collector: Collector,
    watched: Watched | None = None,
) -> Elaborated | None:
    """Elaborate the architecture of the root file; ``None`` where there is none. Errors go to ``collector``.

    ``watched`` takes the values of names and attributes by their places.
    """
    try:
        return _Elaboration(sources, collector, watched).run(parameters)
    except TooLargeError as error:
        hint = "use smaller parameters, or one coarse object where many small ones are alike"
        collector.add(Diagnostic("E0803", str(error), error.span, hint))
    except Reject as rejected:
        if rejected.diagnostic is not None:
            collector.add(rejected.diagnostic)
    return None


class _Elaboration:
    """One run: the root's architecture first, then instances as they are met."""

    def __init__(self, sources: Sources, collector: Collector, watched: Watched | None) -> None:
        self._sources = sources
        self._collector = collector
        self._session = Session(collector, meter=Meter(watched))
        self._libraries = Libraries(self._session)
        self._objects = ObjectMaker(self._session)

    def run(self, given: Mapping[str, ParameterValue]) -> Elaborated | None:
        root, session = self._sources.root, self._session
        library = self._libraries.library(root)
        self._libraries.declare_operations(root)
        try:
            declaration = _find_architecture(root.parsed.file, root.parsed.items)
        except Reject:
            self._check_alone(library)
            raise
        scope = session.scope(library.scope)
        component = Component("", scope, declaration.span, library)
        parameters = bind_given(declaration, given, scope, session)
        for item in declaration.body.items:
            with session.reporting():
                self._libraries.header(item, component, root)
            if isinstance(item, syntax.OperationsBlock):
                declare_operations(item, session)
        self._statements(declaration.body.items, component)
        self._check_alone(library)
        self._check_alone(component)
        report_unjoined(session)
        if session.clock is None:
            message = f"architecture '{declaration.name.text}' has no clock"
            hint = "add a line such as `clock 500 MHz`"
            self._collector.add(Diagnostic("E0403", message, declaration.name.span, hint))
        is_whole = not self._collector.error_count
        is_joined = self._collector.error_count == session.attribute_errors
        for what, name in _unused(root.parsed.items) if is_whole else ():
            self._collector.add(Diagnostic("W0902", f"{what} '{name.text}' is never used", name.span))
        architecture = Architecture(
            name=declaration.name.text,
            objects=session.objects,
            edges=tuple(session.edges.values()),
            operations=session.operations,
            parameters=parameters,
            clock_hz=session.clock[0] if session.clock is not None else 1,
            doc=declaration.doc,
            source=self._sources.digest,
        )
        return Elaborated(
            architecture, declaration.name.span, session.latency_names, is_whole, is_joined, session.unsure
        )

    def _check_alone(self, component: Component) -> None:
        """Errors in templates that nobody instantiates, as far as their defaults go."""
        for template in component.templates.values():
            declaration = template.declaration
            is_own = declaration.name.span.file == self._sources.root.parsed.file
            is_given = all(parameter.default is not None for parameter in declaration.parameters)
            if is_own and is_given and declaration.name.span not in self._session.used:
                other = _Elaboration(self._sources, Collector(), None)
                other.instantiate(template, self._session)
                for finding in other._collector.sorted():
                    self._collector.add(finding)

    def instantiate(self, template: Template, session: Session) -> None:
        """Make one instance of a template, with what is declared in ``session``."""
        name = template.declaration.name
        self._session.meter = session.meter  # one limit for everything
        self._session.operations.update(session.operations)
        self._session.incomplete.update(session.incomplete)
        scope = self._session.scope(template.home.scope)
        instance = Component(f"{name.text}.", scope, name.span, template.home, depth=1)
        try:
            with self._session.reporting():
                bind_arguments(template, None, name.span, scope, scope, self._session)
                self._instance_body(template.declaration, instance)
        except (TooLargeError, TooManyDiagnosticsError):
            pass  # said where somebody instantiates it, or often enough

    # --- bodies ------------------------------------------------------------------------------------------

    def _statements(self, items: tuple[syntax.Item, ...], component: Component) -> None:
        """Carry out the statements of an architecture or an instance, then join its edges."""
        for item, scope in expand(items, component.scope, self._session):
            with self._session.reporting():
                self._statement(item, scope, component)
        join_all(component, self._session)

    def _instance_body(self, declaration: syntax.TemplateDeclaration, component: Component) -> None:
        for item in declaration.body.items:
            if isinstance(item, syntax.TemplateDeclaration):
                with self._session.reporting():
                    self._libraries.declare_template(item, component)
        self._statements(declaration.body.items, component)

    def _statement(self, item: syntax.Item, scope: Scope, component: Component) -> None:
        match item:
            case syntax.ObjectDeclaration():
                self._objects.make(item, scope, component)
            case syntax.Attribute():
                make_instance(item, scope, component, self._session, self._instance_body)
            case syntax.EdgeChain() | syntax.OpenEdge():
                component.deferred.append((item, scope))
            case syntax.Clock():
                self._clock(item, scope, component)
            case syntax.TemplateDeclaration() | syntax.Import() | syntax.OperationsBlock():
                self._check_header(item, scope, component)
            case syntax.ArchitectureDeclaration():
                reject("E0401", "an architecture cannot be inside another one", item.name.span)
            case syntax.PlatformDeclaration():
                reject("E0401", "a platform cannot be inside an architecture", item.name.span)
            case syntax.OperationList() | syntax.RegisterList() | syntax.AddressList() | syntax.FromMemory():
                keyword = item.keyword
                reject("E0401", f"'{keyword.text}:' belongs inside an object", keyword.span)

    def _check_header(
        self,
        item: syntax.TemplateDeclaration | syntax.Import | syntax.OperationsBlock,
        scope: Scope,
        component: Component,
    ) -> None:
        """Templates, imports and operations were entered before; here only their place is checked."""
        if scope is not component.scope:
            reject("E0401", "this cannot depend on `for` or `if`", item.span, "move it out of the braces")
        if component.depth and not isinstance(item, syntax.TemplateDeclaration):
            hint = "move it to the architecture or to the top of the file"
            reject("E0401", "this cannot be inside a template", item.span, hint)
        if isinstance(item, syntax.OperationsBlock):
            complete_functions(item, scope, self._session)

    def _clock(self, item: syntax.Clock, scope: Scope, component: Component) -> None:
        if component.depth:
            reject("E0401", "the clock belongs to the architecture, not to a template", item.span)
        if self._session.clock is not None:
            label = Label(self._session.clock[1], "first given here")
            reject("E0203", "the clock is given twice", item.span, None, (label,))
        self._session.clock = (1, item.span)  # given, even if wrongly
        value = Evaluator(scope).evaluate(item.value)
        if value.kind is not Kind.FREQUENCY:
            hint = "give it a unit, as in `clock 500 MHz`"
            reject("E0301", f"the clock is a frequency, found {value.kind}", item.value.span, hint)
        if not isinstance(value.value, int) or value.value < 1:
            reject("E0302", "the clock is at least 1 Hz", item.value.span)
        self._session.clock = (value.value, item.span)


def _find_architecture(file: str, items: tuple[syntax.Item, ...]) -> syntax.ArchitectureDeclaration:
    found = [item for item in items if isinstance(item, syntax.ArchitectureDeclaration)]
    if not found:
        templates = [item.name.text for item in items if isinstance(item, syntax.TemplateDeclaration)]
        hint = "for example `architecture name { … }`"
        if templates:
            statement = f'import {templates[0]} from "{Path(file).name}"'
            hint = f"a file with an architecture imports it: `{statement}`"
        reject("E0601", "the file has no architecture", Span(file, 1, 1, 1, 1), hint)
    if len(found) > 1:
        label = Label(found[0].name.span, "the first architecture")
        hint = "a file describes one architecture; what several share goes to a file that they import"
        reject("E0601", "the file has a second architecture", found[1].name.span, hint, (label,))
    return found[0]


def _unused(items: tuple[syntax.Item, ...]) -> Iterator[tuple[str, syntax.Word]]:
    """Parameters and templates that a file never mentions; whether a branch is taken does not matter."""
    mentioned = syntax.names_in(items)
    for item in syntax.walk(items):
        if isinstance(item, syntax.TemplateDeclaration) and item.name.text not in mentioned:
            yield "template", item.name
        if isinstance(item, syntax.ArchitectureDeclaration | syntax.TemplateDeclaration):
            inside = syntax.names_in((item.parameters, item.body))
            yield from (("parameter", p.name) for p in item.parameters if p.name.text not in inside)
