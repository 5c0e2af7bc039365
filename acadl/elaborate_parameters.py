"""Parameters of architectures and templates: types, defaults, values given by callers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from acadl import syntax
from acadl.diagnostics import Collector
from acadl.elaborate_evaluate import Evaluator
from acadl.elaborate_names import Meter, Scope
from acadl.elaborate_scope import Session, Template
from acadl.elaborate_values import NUMERIC, Kind, Reject, Value, reject
from acadl.errors import Diagnostic, Label, Span
from acadl.parser import parse_expression
from acadl.suggesting import suggestion

ParameterValue: TypeAlias = int | bool | str

TYPES: Mapping[str, Kind] = {
    "int": Kind.NUMBER,
    "cycles": Kind.CYCLES,
    "bool": Kind.TRUTH,
    "bytes": Kind.SIZE,
    "bits": Kind.SIZE,
    "Hz": Kind.FREQUENCY,
    "energy": Kind.ENERGY,
    "area": Kind.AREA,
    "string": Kind.TEXT,
}


def bind_given(
    declaration: syntax.ArchitectureDeclaration | syntax.PlatformDeclaration,
    given: Mapping[str, ParameterValue],
    scope: Scope,
    session: Session,
) -> dict[str, ParameterValue]:
    """Bind an architecture's parameters to what the caller gave, else to their defaults.

    Returns:
        The values as the caller writes them: sizes as numbers of bytes or bits, frequencies in Hz.
    """
    known = [parameter.name.text for parameter in declaration.parameters]
    for name in given:
        if name not in known:
            hint = suggestion(name, known, "parameters")
            what = "platform" if isinstance(declaration, syntax.PlatformDeclaration) else "architecture"
            message = f"{what} '{declaration.name.text}' has no parameter '{name}'"
            session.collector.add(Diagnostic("E0201", message, declaration.name.span, hint), distinct=True)
    public: dict[str, ParameterValue] = {}
    for parameter in declaration.parameters:
        value: Value | None = None
        with session.reporting():
            if parameter.name.text in given:
                value = _from_caller(parameter, given[parameter.name.text], scope)
            else:
                value = _default(parameter, scope)
            public[parameter.name.text] = _public(parameter, value)
        with session.reporting():
            scope.declare(parameter.name, value)
    return public


def bind_arguments(
    template: Template, call: syntax.Call | None, span: Span, outer: Scope, inner: Scope, session: Session
) -> None:
    """Bind a template's parameters to an instance's arguments, evaluated in ``outer``, else to defaults."""
    arguments: dict[str, syntax.Argument] = {}
    known = {parameter.name.text: parameter for parameter in template.declaration.parameters}
    name = template.declaration.name.text
    for argument in call.arguments if call is not None else ():
        if argument.name is None:
            hint = f"for example `{name}({next(iter(known))}: …)`" if known else "this one has no parameters"
            reject("E0303", "arguments of a template are given by name", argument.span, hint)
        if argument.name.text not in known:
            hint = suggestion(argument.name.text, known, "parameters")
            message = f"template '{name}' has no parameter '{argument.name.text}'"
            reject("E0201", message, argument.name.span, hint)
        if argument.name.text in arguments:
            reject("E0203", f"parameter '{argument.name.text}' is given twice", argument.name.span)
        arguments[argument.name.text] = argument
    for parameter in template.declaration.parameters:
        given = arguments.get(parameter.name.text)
        if given is not None:
            value = _typed(parameter, Evaluator(outer).evaluate(given.value), given.value.span)
        elif parameter.default is None:
            label = Label(parameter.span, "the parameter has no default")
            reject("E0403", f"template '{name}' needs '{parameter.name.text}'", span, None, (label,))
        else:
            value = _default(parameter, inner)
        inner.declare(parameter.name, value)


def _kind(parameter: syntax.Parameter) -> Kind:
    kind = TYPES.get(parameter.type.text)
    if kind is None:
        hint = suggestion(parameter.type.text, TYPES, "types")
        reject("E0202", f"unknown type '{parameter.type.text}'", parameter.type.span, hint)
    return kind


def _default(parameter: syntax.Parameter, scope: Scope) -> Value:
    if parameter.default is None:
        hint = f"give it ({parameter.name.text}=…) or declare a default"
        reject("E0403", f"parameter '{parameter.name.text}' has no value", parameter.span, hint)
    return _typed(parameter, Evaluator(scope).evaluate(parameter.default), parameter.default.span)


def _typed(parameter: syntax.Parameter, value: Value, span: Span) -> Value:
    """``value``, if it fits the parameter's type."""
    kind = _kind(parameter)
    if value.kind is not kind and not (kind is Kind.CYCLES and value.kind in NUMERIC):
        example = {
            Kind.SIZE: "64 bytes", Kind.FREQUENCY: "500 MHz", Kind.TRUTH: "true", Kind.TEXT: '"text"',
            Kind.ENERGY: "0.3 pJ", Kind.AREA: "0.2 mm2",
        }  # fmt: skip
        hint = f"for example `{parameter.name.text}: {parameter.type.text} = {example.get(kind, '16')}`"
        label = Label(parameter.type.span, "the type is given here")
        message = f"parameter '{parameter.name.text}' is {kind}, found {value.kind}"
        reject("E0301", message, span, hint, () if span.file == "" else (label,))
    if parameter.type.text == "bytes" and isinstance(value.value, int) and value.value % 8:
        reject("E0302", f"{value.value} bits are no whole number of bytes", span)
    return Value(kind, value.value)


def _from_caller(parameter: syntax.Parameter, given: ParameterValue, scope: Scope) -> Value:
    """A value from Python or the command line: plain numbers count in the parameter's unit."""
    name, kind = parameter.name.text, _kind(parameter)
    if isinstance(given, str) and kind is not Kind.TEXT:
        value = _from_text(parameter, given)
        if value.kind is not Kind.NUMBER:
            return _typed(parameter, value, parameter.span)
        if isinstance(value.value, int):
            given = value.value
    fits = isinstance(given, bool) if kind is Kind.TRUTH else not isinstance(given, bool)
    if not fits or isinstance(given, str) != (kind is Kind.TEXT) or not isinstance(given, int | str):
        message = f"parameter '{name}' is {kind}, got {given!r}"
        reject("E0301", message, parameter.span)
    factor = 8 if parameter.type.text == "bytes" else 1
    return Value(kind, given * factor if isinstance(given, int) else given)


def _from_text(parameter: syntax.Parameter, given: str) -> Value:
    collector = Collector()
    expression = parse_expression(given, "", collector)
    if expression is not None:
        try:
            return Evaluator(Scope(None, Meter())).evaluate(expression)
        except Reject as rejected:
            if rejected.diagnostic is not None:
                collector.add(rejected.diagnostic)
    reason = collector.sorted()[0].message
    message = f"parameter '{parameter.name.text}' cannot be '{given}': {reason}"
    reject("E0302", message, parameter.span)


def _public(parameter: syntax.Parameter, value: Value) -> ParameterValue:
    """The value as a caller writes it."""
    if isinstance(value.value, str):
        return value.value
    assert isinstance(value.value, int)
    if value.kind is Kind.TRUTH:
        return bool(value.value)
    return value.value // 8 if parameter.type.text == "bytes" else value.value
