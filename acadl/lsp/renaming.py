"""Whether a name may be changed into another one."""

from __future__ import annotations

import re

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
    return None


def _taken(symbol: Symbol, project: Project) -> set[str]:
    """Names of the same sort that are declared beside the symbol."""
    from pathlib import Path

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
