"""What files declare for others: templates, operations, constants outside of an architecture."""

from __future__ import annotations

from acadl import syntax
from acadl.elaborate_imports import SourceFile
from acadl.elaborate_operations import complete_functions, declare_operations
from acadl.elaborate_scope import Component, Session, Template, expand
from acadl.elaborate_values import Reject, reject
from acadl.errors import Diagnostic, Label, Span
from acadl.suggesting import suggestion


class Libraries:
    """The files of one description, each as the component of what stands outside of its architecture."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: dict[int, Component] = {}
        self._operations_of: set[int] = set()

    def library(self, file: SourceFile) -> Component:
        """The library of a file, made at first use."""
        known = self._known.get(id(file))
        if known is not None:
            return known
        name = file.parsed.file
        library = self._known[id(file)] = Component("", self._session.scope(None), Span(name, 1, 1, 1, 1))
        for item in file.parsed.items:
            with self._session.reporting():
                self.header(item, library, file)
        for item, scope in expand(file.parsed.items, library.scope, self._session):
            self._check_place(item, scope is library.scope)
        return library

    def _check_place(self, item: syntax.Item, top: bool) -> None:
        allowed = (
            syntax.ArchitectureDeclaration,
            syntax.TemplateDeclaration,
            syntax.Import,
            syntax.OperationsBlock,
        )
        if not (top and isinstance(item, allowed)):
            message = "this belongs inside an architecture or a template"
            hint = "a file has templates, operations, constants and imports around its architecture"
            self._session.collector.add(Diagnostic("E0401", message, item.span, hint))

    def header(self, item: syntax.Item, component: Component, file: SourceFile) -> None:
        """Enter a template or an import into a component; other statements are left alone."""
        match item:
            case syntax.TemplateDeclaration():
                self.declare_template(item, component)
            case syntax.Import():
                self._import(item, component, file)

    def declare_template(self, item: syntax.TemplateDeclaration, component: Component) -> None:
        """Enter a template. Rejects a name that is taken."""
        template = Template(item, component)
        _enter(item.name, template, component)

    def _import(self, item: syntax.Import, component: Component, file: SourceFile) -> None:
        source = file.imports.get(item.span)
        if source is None or not source.parsed.items:
            raise Reject  # reported where files are read
        library = self.library(source)
        for name in item.names:
            if name.text == "operations":
                continue  # see `declare_operations`
            template = library.templates.get(name.text)
            if template is None and not source.parsed.is_whole:
                raise Reject
            if template is None:
                hint = suggestion(name.text, library.templates, f"templates of '{item.file.value}'")
                reject("E0201", f"'{item.file.value}' has no template '{name.text}'", name.span, hint)
            _enter(name, template, component)

    def declare_operations(self, root: SourceFile) -> None:
        """Enter the operations that stand at the top of the root file, and those that are imported."""
        self._operations(root, syntax.walk(root.parsed.items))

    def _operations(self, file: SourceFile, items: object) -> None:
        if id(file) in self._operations_of:
            return
        self._operations_of.add(id(file))
        scope = self.library(file).scope
        for item in items:  # type: ignore[attr-defined]
            if isinstance(item, syntax.Import) and any(name.text == "operations" for name in item.names):
                source = file.imports.get(item.span)
                if source is not None:
                    self._operations(source, source.parsed.items)
        for item in file.parsed.items:
            if isinstance(item, syntax.OperationsBlock):
                declare_operations(item, self._session)
                complete_functions(item, scope, self._session)


def _enter(name: syntax.Word, template: Template, component: Component) -> None:
    first = component.templates.get(name.text)
    if first is not None:
        label = Label(first.declaration.name.span, "first declared here")
        reject("E0203", f"template '{name.text}' is already declared", name.span, None, (label,))
    component.templates[name.text] = template
