"""Whether a name may be changed into another one."""

from __future__ import annotations

import re
from pathlib import Path

from acadl.errors import Span
from acadl.lsp.project import Project
from acadl.lsp.symbols import VALUES, Symbol, SymbolKind
from acadl.parser_tables import tables
from acadl.parser_words import STATEMENTS

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def rename_problem(symbol: Symbol, name: str, project: Project) -> str | None:
    """Why the new name cannot be; ``None`` if it can."""
    if not _NAME.fullmatch(name):
        return f"'{name}' is no name: letters, digits and '_', not starting with a digit"
    keyword = tables().keywords.get("NAME", {}).get(name)
    match = tables().words.fullmatch(name)
    if keyword in STATEMENTS or keyword in ("ELSE", "TRUE", "FALSE") or (match and match.lastgroup == "KIND"):
        return f"'{name}' is a word of the language"
    taken = _taken(symbol, project)
    if name != symbol.name and name in taken:
        return f"'{name}' is already declared"
    if not _means_the_same(symbol, name, project):
        return f"'{name}' would mean something else in one of the places"
    return None


def _means_the_same(symbol: Symbol, name: str, project: Project) -> bool:
    """Whether every name stands for what it stood for, also where inner blocks declare the new name."""
    places: dict[str, list[Span]] = {}
    for reference in project.references(symbol):
        places.setdefault(reference.span.file, []).append(reference.span)
    renamed = project.copy()
    for file in places:
        renamed.opened(Path(file), _replaced(project.lines(file), places[file], name))
    return all(_pattern(project, Path(file)) == _pattern(renamed, Path(file)) for file in places)


def _replaced(lines: list[str], places: list[Span], name: str) -> str:
    lines = list(lines)
    for span in sorted(places, key=lambda span: (span.line, span.column), reverse=True):
        line = lines[span.line - 1]
        lines[span.line - 1] = line[: span.column - 1] + name + line[span.end_column - 1 :]
    return "\n".join(lines)


def _pattern(project: Project, path: Path) -> list[int]:
    """For every name in a file, in their order, which of the different things it stands for."""
    index = project.index(path)
    found = sorted(index.references if index else (), key=lambda r: (r.span.line, r.span.column))
    numbers: dict[Span, int] = {}
    return [numbers.setdefault(reference.symbol.span, len(numbers)) for reference in found]


def _taken(symbol: Symbol, project: Project) -> set[str]:
    """Names of the same sort that are declared beside the symbol."""
    index = project.index(Path(symbol.span.file))
    if index is None:
        return set()
    if symbol.kind is SymbolKind.OPERATION:
        return set(index.operations)
    spaces = [index.space, *(space for _, space in index.spaces)]
    spaces += [operation.space for operation in index.operations.values() if operation.space is not None]
    for space in spaces:
        table = space.values if symbol.kind in VALUES else space.members
        table = space.templates if symbol.kind is SymbolKind.TEMPLATE else table
        known = table.get(symbol.name)
        if known is not None and known.span == symbol.span:
            return set(table)
    return set()
