"""Values and objects as people read them."""

from __future__ import annotations

import re

from acadl.elaborate_values import Kind, Value
from acadl.errors import AcadlError, Span
from acadl.expressions import Expr
from acadl.formatting import format_text
from acadl.lsp.project import Facts
from acadl.lsp.symbols import Symbol, SymbolKind
from acadl.model import ACADLObject
from acadl.writing import object_lines, value_text
from acadl.writing_expressions import area_text, bytes_text, energy_text, frequency_text, written

SHOWN_NAMES = 4


def shown(value: object) -> str | None:
    """A value as the language writes it; ``None`` for what has no short form."""
    if isinstance(value, Value):
        return _shown_kind(value)
    if isinstance(value, bool | int):
        return value_text(value)
    return written(value) if isinstance(value, Expr) else None


def _shown_kind(value: Value) -> str | None:
    number = value.value
    if isinstance(number, Expr):
        return written(number) if value.kind in (Kind.NUMBER, Kind.CYCLES) else None
    if isinstance(number, str):
        return value_text(number)
    match value.kind:
        case Kind.SIZE:
            return f"{number} bits" if number % 8 or number < 8 else bytes_text(number // 8)
        case Kind.FREQUENCY:
            return frequency_text(number)
        case Kind.ENERGY:
            return energy_text(number)
        case Kind.AREA:
            return area_text(number)
        case Kind.TRUTH:
            return "true" if number else "false"
    return str(number)


def only_value(values: list[object]) -> str | None:
    """The value at a place, if there is one and not several."""
    return shown(values[0]) if len(values) == 1 else None


def hover_text(symbol: Symbol, declared: list[Span], facts: Facts | None) -> str:
    """Markdown about a symbol: what it is, its value or its resolved attributes, its documentation.

    ``declared``: where it is declared, which in an array or behind an ``if`` may be several places.
    """
    parts = [_code(symbol.text or symbol.name)]
    if symbol.template is not None:
        parts.append(_code(symbol.template.text))
    if facts is not None and symbol.kind is SymbolKind.OBJECT:
        parts += _resolved(_objects_at(declared or [symbol.span], facts))
    elif facts is not None and (values := facts.values.get(symbol.span)):
        value = only_value(values)
        parts.append(
            f"= `{value}`" if value is not None else "several values, one for each instance or round"
        )
    if symbol.doc:
        parts.append(symbol.doc.replace("\n", "  \n"))
    return "\n\n".join(parts)


def _objects_at(places: list[Span], facts: Facts) -> list[ACADLObject]:
    """Objects whose names begin at these places; an index may follow the name."""
    starts = {(span.file, span.line, span.column) for span in places}
    return [
        item
        for span, objects in facts.objects.items()
        if (span.file, span.line, span.column) in starts
        for item in objects
    ]


def _resolved(objects: list[ACADLObject]) -> list[str]:
    """The first of several objects with all values, and how many there are."""
    if not objects:
        return []
    try:
        lines = object_lines(objects[0])
        parts = [_code(format_text("\n".join(lines)).strip())]
    except AcadlError:
        parts = []
    if len(objects) > 1:
        names = ", ".join(f"`{item.name}`" for item in objects[:SHOWN_NAMES])
        more = ", …" if len(objects) > SHOWN_NAMES else ""
        parts.append(f"{len(objects)} of them: {names}{more}")
    return parts


def _code(text: str) -> str:
    return f"```acadl\n{text}\n```"


_LITERAL = re.compile(r"[\w. ]*\d[\w. ]*|true|false|\".*\"")


LONGEST_LINE = 1_000  # characters; what a hint costs grows with its line


def hints(facts: Facts, file: str, lines: list[str]) -> list[tuple[Span, str]]:
    """Values of expressions that are no literals, of constants and of parameters, by their places.

    Lines that nobody reads to their end have none.
    """
    found: list[tuple[Span, str]] = []
    for span, values in facts.values.items():
        value = only_value(values)
        if span.file != file or value is None or not 1 <= span.line <= len(lines):
            continue
        if len(lines[span.line - 1]) > LONGEST_LINE:
            continue
        written_text = lines[span.line - 1][span.column - 1 :]
        if span.line == span.end_line:
            written_text = written_text[: span.end_column - span.column]
        before = lines[span.line - 1][: span.column - 1].rstrip()
        is_name = written_text.isidentifier() and not before.endswith(":")
        if is_name:
            text = _declared_expression(lines[span.line - 1][span.end_column - 1 :])
            if text is None or _LITERAL.fullmatch(text) or _same(text, value):
                continue
        elif _is_literal(written_text) or _same(written_text, value):
            continue
        found.append((span, value))
    return sorted(found, key=lambda hint: (hint[0].line, hint[0].column))


def _declared_expression(rest: str) -> str | None:
    """What is written behind ``=`` of a declaration, given what follows the name."""
    match = re.match(r"\s*(?::\s*\w+\s*)?=\s*(.*?)\s*(?://.*)?,?$", rest)
    return match[1] if match else None


def _same(text: str, value: str) -> bool:
    return text.replace(" ", "").replace("_", "") == value.replace(" ", "")


def _is_literal(text: str) -> bool:
    return not text.isidentifier() and _LITERAL.fullmatch(text) is not None
