"""What may be written at a place, from the words in front of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from acadl.elaborate_parameters import TYPES
from acadl.elaborate_schema import OBJECTS, Form
from acadl.elaborate_values import UNITS
from acadl.expressions import FUNCTION_ARITY
from acadl.lsp.index import Index
from acadl.lsp.symbols import Space, Symbol
from acadl.parser_messages import EXAMPLES
from acadl.parser_tables import tables
from acadl.parser_words import ARROWS, HEADERS

_TOP = ("architecture", "platform", "template", "import", "operations", "const")
_BODY = (
    *("clock", "const", "for", "if", "import", "open", "operations", "require", "template"),
    *(k for k, f in OBJECTS.items() if not k.endswith("unit") and k != "controller"),
)
_SEPARATORS = frozenset({"NEWLINE", "COMMA", "LBRACE", "RBRACE"})


@dataclass(frozen=True, slots=True)
class Proposal:
    """Something that may be written.

    Attributes:
        kind: ``keyword, attribute, unit, type, word, function`` or the kind of a symbol.
        detail: What it looks like in use.
        insert: What is inserted, where that is more than the label.
    """

    label: str
    kind: str
    detail: str = ""
    doc: str = ""
    insert: str = ""


@dataclass(frozen=True, slots=True)
class _Word:
    kind: str
    text: str


def proposals(text: str, line: int, column: int, index: Index) -> list[Proposal]:
    """What may be written at a line and column, both from 1, in place of the word that ends there."""
    words, headers = _before(text, line, column)
    statement = _statement(words)
    space = index.space_at(line, column)
    keyword = headers[-1] if headers else ""
    previous = statement[-1] if statement else None
    if previous is None:
        return _statements(keyword, space, index)
    if previous.kind == "DOT":
        return _parts(statement[:-1], space)
    if previous.kind in ARROWS or statement[0].kind == "LBRACE":
        return _symbols(space.component().members.values())
    if previous.kind == "NUMBER":
        return [Proposal(unit, "unit", kind.value) for unit, (kind, _) in UNITS.items()]
    return _inside(statement, keyword, space, index)


def _before(text: str, line: int, column: int) -> tuple[list[_Word], list[str]]:
    """Words in front of a place, without the one that ends there, and first words of the blocks around."""
    lines = text.split("\n")[:line]
    lines[-1] = lines[-1][: column - 1].rstrip("\r")
    start = len(lines[-1])
    while start and (lines[-1][start - 1].isalnum() or lines[-1][start - 1] == "_"):
        start -= 1
    lines[-1] = lines[-1][:start]
    words = [_Word(kind, word) for kind, word, _ in tables().lex("\n".join(lines))]
    headers: list[str] = []
    first = ""
    fresh = True
    for word in words:
        if word.kind == "LBRACE":
            headers.append(first if not fresh else "{")
            fresh = True
        elif word.kind == "RBRACE":
            headers = headers[:-1]
        elif word.kind in ("NEWLINE", "COMMA"):
            fresh = True
        elif fresh:
            first, fresh = word.text, False
    return words, headers


def _statement(words: Sequence[_Word]) -> list[_Word]:
    """The words of the statement that is being written."""
    start = _opening(words)  # what stands before separates statements
    while start and words[start - 1].kind not in _SEPARATORS:
        start -= 1
    return [word for word in words[start:] if word.kind != "NEWLINE"]


def _opening(words: Sequence[_Word]) -> int:
    """Where the outermost parenthesis stands that is open at the end; the end if there is none."""
    found, depth = len(words), 0
    for number in range(len(words) - 1, -1, -1):
        kind = words[number].kind
        if kind in ("LBRACE", "RBRACE"):
            break
        depth += (kind in ("RPAR", "RSQB")) - (kind in ("LPAR", "LSQB"))
        if depth < 0:
            found, depth = number, 0
    return found


def _statements(keyword: str, space: Space, index: Index) -> list[Proposal]:
    """What may begin a statement in a block with that header."""
    if keyword == "operations":
        return []
    if keyword == "{":
        return _symbols(space.component().members.values())
    form = OBJECTS.get(keyword)
    if form is not None:
        made = [
            Proposal(name, "attribute", f"{entry.example} ({entry.form})", insert=f"{name}: ")
            for name, entry in form.attributes.items()
        ]
        return made + [Proposal(kind, "keyword", EXAMPLES.get(kind, "")) for kind in form.contains]
    words = _TOP if not keyword else _BODY
    made = [Proposal(word, "keyword", EXAMPLES.get(word, "")) for word in words]
    return made + (_symbols(space.component().members.values()) if keyword else [])


def _parts(before: Sequence[_Word], space: Space) -> list[Proposal]:
    """What may stand behind the dot of a path."""
    names: list[str] = []
    depth = 0
    for word in reversed(before):
        if word.kind in ("RSQB", "LSQB"):
            depth += 1 if word.kind == "RSQB" else -1
        elif depth == 0 and (word.kind == "NAME" or word.text.isidentifier()):
            names.append(word.text)
        elif depth == 0 and word.kind != "DOT":
            break
    if not names:
        return []
    symbol = space.member(names[-1])
    for name in reversed(names[:-1]):
        symbol = symbol.part(name) if symbol is not None else None
    if symbol is not None:
        return _symbols(symbol.parts().values())
    return (
        [Proposal(name, "word", "of a size") for name in ("bytes", "bits")] if space.value(names[-1]) else []
    )


def _inside(statement: Sequence[_Word], keyword: str, space: Space, index: Index) -> list[Proposal]:
    """What may stand behind other words of a statement."""
    first = statement[0].text
    previous = statement[-1].kind
    if first in ("operations", "prepares") and len(statement) > 1:
        return _symbols(index.operations.values())
    if first == "from":
        members = (symbol for around in space.around() for symbol in around.members.values())
        return _symbols(symbol for symbol in members if symbol.keyword in ("sram", "dram"))
    if keyword == "operations" and previous in ("COLON", "IN", "OUT", "INOUT"):
        kinds = ("reg", "address") if previous != "COLON" else ("in", "out", "inout", "int")
        return [Proposal(kind, "keyword") for kind in kinds]
    if first in ("architecture", "platform", "template") and previous == "COLON":
        return [Proposal(name, "type") for name in TYPES]
    form = OBJECTS.get(keyword)
    attribute = form.attributes.get(first) if form is not None else None
    if attribute is not None and attribute.form is Form.WORD:
        return [Proposal(word, "word") for word in attribute.words]
    if attribute is not None and attribute.form is Form.TRUTH:
        return [Proposal(word, "keyword") for word in ("true", "false")] + _values(space)
    if form is None and previous == "COLON" and statement[0].kind == "NAME":
        return _symbols(t for around in space.around() for t in around.templates.values())
    if statement[0].kind in HEADERS - {"FOR", "IF", "ELSE"}:
        return []
    operands = _operands(index) if attribute is not None and attribute.form is Form.LATENCY else []
    functions = [Proposal(name, "function", insert=f"{name}(") for name in FUNCTION_ARITY]
    made = {proposal.label: proposal for proposal in [*functions, *operands, *_values(space)]}
    return list(made.values())


def _values(space: Space) -> list[Proposal]:
    return _symbols(symbol for around in space.around() for symbol in around.values.values())


def _operands(index: Index) -> list[Proposal]:
    """Immediates of all operations, and sizes of their addresses."""
    made: dict[str, Proposal] = {}
    for operation in index.operations.values():
        for name, operand in (operation.space.members if operation.space is not None else {}).items():
            names: tuple[str, ...] = (name,) if operand.text.endswith(": int") else ()
            if operand.text.endswith("address"):
                names = (f"{name}.bytes", f"{name}.rows")
            for each in names:
                made.setdefault(each, Proposal(each, "operand", f"of {operation.name}"))
    return list(made.values())


def _symbols(symbols: Iterable[Symbol]) -> list[Proposal]:
    made: dict[str, Proposal] = {}
    for symbol in symbols:
        made.setdefault(symbol.name, Proposal(symbol.name, symbol.kind, symbol.text, symbol.doc))
    return list(made.values())
