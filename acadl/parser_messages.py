"""What to say about a syntax error: the mistake by its name, and what to write instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from acadl.errors import Diagnostic, Label, Span
from acadl.parser_builder import Leaf
from acadl.parser_spelling import KINDS, Meant, diagnostic_of, meant
from acadl.parser_words import ARROWS, COMPONENTS, HEADERS

_VALUE = frozenset({"NAME", "NUMBER", "LPAR"})
_OPERATORS = frozenset(
    {"PLUS", "MINUS", "STAR", "SLASH", "PERCENT", "SHIFT", "COMPARATOR", "AND", "OR", "NOT"}
)

_SIGNS: Mapping[str, str] = {
    "COMMA": "','",
    "COLON": "':'",
    "DOT": "'.'",
    "LBRACE": "'{'",
    "RBRACE": "'}'",
    "LPAR": "'('",
    "RPAR": "')'",
    "LSQB": "'['",
    "RSQB": "']'",
    "EQUAL": "'='",
    "UPTO": "'..<'",
    "FORWARD": "'->'",
    "DATA": "'=>'",
    "BOTH": "'<=>'",
    "STAR": "'*'",
    "FROM": "'from'",
    "IN": "'in'",
    "THEN": "'then'",
    "ELSE": "'else'",
    "STRING": "a text in double quotes",
    "NUMBER": "a number",
    "NAME": "a name",
    "NEWLINE": "the end of the line",
    "$END": "the end of the file",
}

EXAMPLES: Mapping[str, str] = {
    "architecture": "architecture name(rows: int = 16) { … }",
    "platform": "platform name { core: architecture … }",
    "template": "template pe(width: bits = 8 bits) { … }",
    "import": 'import pe from "pe.acadl"',
    "operations": "operations { mac(acc: inout reg, a: in reg, b: in reg) = acc + a * b }",
    "const": "const words = 4 * rows",
    "clock": "clock 500 MHz",
    "require": 'require rows > 0 else "there must be rows"',
    "stage": "stage decode { latency: 1 }",
    "execute": "execute ex { unit alu { operations: add mul, latency: 1 } }",
    "fetch": "fetch ifs { issue_buffer_size: 4, from: imem }",
    "unit": "unit alu { operations: add mul, latency: 1 }",
    "memory_unit": "memory_unit lsu { operations: load store, latency: 1 }",
    "instruction_memory_unit": "instruction_memory_unit imau { latency: 1 }",
    "controller": "controller load { operations: load, latency: 2 }",
    "mover": "mover request { latency: 1, capacity: 4 }",
    "registers": "registers rf { data_width: 32 bits, names: r[0 ..< 16] sp }",
    "sram": "sram dmem { data_width: 32 bits, read_latency: 1, addresses: 0x1000 ..< 0x4000 }",
    "dram": "dram memory { data_width: 64 bits, read_latency: 20, addresses: 0x0 ..< 0x1000 }",
    "bus": "bus noc { width: 16 bytes }",
    "cache": "cache l1 { data_width: 32 bits, sets: 64, ways: 4 }",
    "open": "open east: ex.mac =>",
    "for": "for r in 0 ..< rows, c in 0 ..< cols { … }",
    "if": "if rows > 1 { … } else { … }",
    "prepares": "prepares: load_weights",
    "names": "names: r[0 ..< 16] sp",
    "addresses": "addresses: 0x1000 ..< 0x4000",
    "from": "from: imem",
}

_LISTS: Mapping[str, str] = {
    "OPERATIONS": "operations: add mul",
    "PREPARES": EXAMPLES["prepares"],
    "NAMES": EXAMPLES["names"],
}

_CHARACTERS: Mapping[str, str] = {
    ";": "statements end with their line; on one line, a comma separates them",
    "#": "comments start with `//`",
    "'": "texts stand in double quotes",
    "&": "write `and`",
    "|": "write `or`",
    "!": "write `not`",
    "?": "write `if condition then value else other`",
    "→": "write `->`",
    "⇒": "write `=>`",
    "×": "write `*`",
    "−": "write `-`",
    "≤": "write `<=`",
    "≥": "write `>=`",
    "≠": "write `!=`",
}


@dataclass(frozen=True, slots=True)
class Context:
    """Where the parser stopped.

    Attributes:
        leaf: The token that does not fit.
        previous: The one before it, line ends left out; the same as ``leaf`` at the start of a text.
        upcoming: The two after it; fewer at the end.
        first: The first token of the statement.
        in_operations: Whether the statement is in an operations block.
        unclosed: A bracket that is never closed, if that is the cause.
        in_block: Whether a brace is open.
        accepts: Token types that would fit.
    """

    leaf: Leaf
    previous: Leaf
    upcoming: tuple[Leaf, ...]
    first: Leaf
    in_operations: bool
    unclosed: Leaf | None
    in_block: bool
    accepts: frozenset[str]


def explain(context: Context) -> Diagnostic:
    """The diagnostic for a token that does not fit."""
    for rule in (
        _character,
        _foreign,
        _list,
        _bracket,
        _brace,
        _spelling,
        _kind,
        _sign,
        _keyword,
        _separator,
    ):
        found = rule(context)
        if found is not None:
            return found
    wanted = "the other end of the edge" if context.previous.type in ARROWS else expected(context.accepts)
    message = f"expected {wanted}, found {shown(context.leaf)}"
    return Diagnostic("E0101", message, context.leaf.span, _example(context))


def shown(leaf: Leaf) -> str:
    """A token in a message."""
    return _SIGNS[leaf.type] if leaf.type in ("NEWLINE", "$END") else f"'{leaf.text}'"


def expected(accepts: frozenset[str]) -> str:
    """What would fit, in words; operators are left out where a statement can also end."""
    parts: list[str] = []
    rest = set(accepts)
    if "CONST" in rest:
        parts.append("a statement")
        rest &= {"RBRACE"}
    if rest >= _VALUE:
        parts.append("a value")
        rest -= _VALUE | {"STRING", "TRUE", "FALSE", "MINUS", "NOT", "IF"}
    if "NEWLINE" in rest:
        parts.append("the end of the line")
        rest -= {"NEWLINE", "COMMA", "RBRACE", "$END", "LSQB", "LPAR", "DOT", "EQUAL"}
    if rest >= ARROWS:
        parts.append("an arrow")
        rest -= ARROWS
    if len(rest - _OPERATORS) > 0 or parts:
        rest -= _OPERATORS
    parts += sorted(_SIGNS.get(kind, f"'{kind.lower()}'") for kind in rest)
    if len(parts) <= 1:
        return parts[0] if parts else "something else"
    return f"{', '.join(parts[:-1])} or {parts[-1]}"


def _example(context: Context) -> str | None:
    if context.in_operations:
        return "for example `mac(acc: inout reg, a: in reg, b: in reg) = acc + a * b`"
    if context.previous.type in ARROWS:
        return "for example `fetch -> decode`, or `fetch -> {a, b}` for several"
    example = EXAMPLES.get(context.first.text)
    return f"for example `{example}`" if example else None


# --- rules, each for one family of mistakes -------------------------------------------------------------


def _character(context: Context) -> Diagnostic | None:
    leaf = context.leaf
    if leaf.type == "UNCLOSED":
        hint = "close it with a double quote on the same line"
        return Diagnostic("E0103", "this text has no end", leaf.span, hint)
    if leaf.type == "UNKNOWN":
        plain = leaf.text.isprintable() and not leaf.text.isspace()
        sign = f"'{leaf.text}'" if plain else f"the invisible character U+{ord(leaf.text):04X}"
        message = f"{sign} has no meaning here"
        return Diagnostic("E0102", message, leaf.span, _CHARACTERS.get(leaf.text))
    return None


def _foreign(context: Context) -> Diagnostic | None:
    """Two signs that other languages put together."""
    leaf, previous = context.leaf, context.previous
    following = context.upcoming[0] if context.upcoming else leaf
    if leaf.type == "SLASH" and following.type == "STAR":
        return Diagnostic(
            "E0101", "there is no '/*'", leaf.span, "comments start with `//` and end with their line"
        )
    if leaf.type == previous.type == "STAR":
        hint = "multiply, as in `x * x`; `1 << n` is a power of two"
        return Diagnostic("E0101", "there is no '**'", leaf.span, hint)
    if leaf.type == "MINUS" and following.type == "FORWARD" and context.accepts >= ARROWS:
        return Diagnostic("E0101", "there is no arrow '-->'", leaf.span, "write `->`")
    return None


def _list(context: Context) -> Diagnostic | None:
    """Words of a list in brackets, or separated by commas."""
    leaf, previous, first = context.leaf, context.previous, context.first
    keyed = first.type in ("OPERATIONS", "PREPARES", "NAMES")
    if leaf.type == "LSQB" and previous.type == "COLON" and keyed:
        hint = f"the words stand without brackets and commas, as in `{_LISTS[first.type]}`"
        return Diagnostic("E0101", f"'{first.text}' takes no brackets", leaf.span, hint)
    is_lone = previous is first and first.type == "NAME" and "COLON" in context.accepts
    if is_lone and context.in_block and leaf.type in ("COMMA", "NEWLINE", "RBRACE", "$END"):
        hint = f"words of a list have blanks between them, as in `{_LISTS['OPERATIONS']}`"
        return Diagnostic("E0101", f"expected ':' after '{first.text}'", _after(first.span), hint)
    return None


def _bracket(context: Context) -> Diagnostic | None:
    leaf, unclosed = context.leaf, context.unclosed
    if unclosed is not None:
        closing = {"LPAR": ")", "LSQB": "]", "LBRACE": "}"}[unclosed.type]
        found = context.first if context.in_operations and unclosed.type == "LBRACE" else leaf
        label = Label(found.span, f"found {shown(found)} instead")
        labels = () if leaf.type == "$END" or leaf.span.line == unclosed.span.line else (label,)
        return Diagnostic(
            "E0104", f"'{unclosed.text}' is never closed", unclosed.span, f"add '{closing}'", labels
        )
    if leaf.type == "RBRACE" and not context.in_block:
        return Diagnostic("E0105", "'}' closes nothing", leaf.span, "remove it")
    if leaf.type in ("RPAR", "RSQB") and "NEWLINE" in context.accepts:
        return Diagnostic("E0105", f"'{leaf.text}' closes nothing", leaf.span, "remove it")
    return None


def _brace(context: Context) -> Diagnostic | None:
    """A header without its block."""
    leaf, first = context.leaf, context.first
    if "LBRACE" not in context.accepts or first.type not in HEADERS or context.accepts >= _VALUE:
        return None
    upcoming = [item.type for item in context.upcoming]
    if leaf.type == "NEWLINE" and upcoming[:1] == ["LBRACE"]:
        message, hint = "'{' belongs on the line of its header", f"write `{first.text} … {{` on one line"
        return Diagnostic("E0106", message, context.upcoming[0].span, hint)
    if first.type in COMPONENTS and upcoming == ["NAME", "COLON"]:
        return None  # parameters follow
    keyed = leaf.type in ("OPERATIONS", "PREPARES", "NAMES", "ADDRESSES", "FROM")
    starts = keyed or upcoming[:1] == ["COLON"]
    if leaf.type in ("NEWLINE", "RBRACE", "$END") or (starts and first.type == "KIND"):
        place = _after(context.previous.span)
        return Diagnostic(
            "E0106", f"expected '{{' to open the block of this '{first.text}'", place, _example(context)
        )
    return None


def _is_header(context: Context) -> bool:
    """Whether a block has a header like an object's that starts with none of the kinds."""
    leaf, previous = context.leaf, context.previous
    opens = bool(context.upcoming) and context.upcoming[0].type in ("LBRACE", "LSQB")
    is_pair = previous is context.first and previous.type == leaf.type == "NAME"
    return is_pair and opens and _same_line(context)


def meant_word(context: Context) -> Meant | None:
    """The word of the language that is misspelt here, or that another language has."""
    return meant(context.leaf, context.previous, context.first, context.upcoming, context.accepts)


def _spelling(context: Context) -> Diagnostic | None:
    """A word of the language that is misspelt."""
    found = meant_word(context)
    return diagnostic_of(found, EXAMPLES.get(found.word)) if found is not None else None


def _kind(context: Context) -> Diagnostic | None:
    """A block with a header like an object's that starts with none of the kinds."""
    previous = context.previous
    if not _is_header(context):
        return None
    hint = f"the kinds are {', '.join(KINDS)}"
    return Diagnostic("E0101", f"there is no kind of object called '{previous.text}'", previous.span, hint)


def _sign(context: Context) -> Diagnostic | None:
    """One sign written for another."""
    leaf, previous, accepts = context.leaf, context.previous, context.accepts
    if leaf.type == "EQUAL" and "COLON" in accepts:
        hint = f"write `{previous.text}: …`"
        return Diagnostic("E0101", "attributes and instances are written with ':', not '='", leaf.span, hint)
    if leaf.type == "EQUAL" and "COMPARATOR" in accepts:
        return Diagnostic("E0101", "'=' does not compare", leaf.span, "write `==`")
    if (leaf.type == "DOT" and "UPTO" in accepts) or (leaf.type == "DOT" and previous.type == "DOT"):
        return Diagnostic(
            "E0101", "a range is written with '..<'", leaf.span, "for example `0 ..< 16`, without 16"
        )
    if leaf.type == "COMPARATOR" and accepts & ARROWS and context.upcoming[0].type in ("MINUS", "FORWARD"):
        hint = "edges point to the right: write `b -> a`; data both ways: `a <=> b`"
        return Diagnostic(
            "E0101", f"there is no arrow '{leaf.text}{context.upcoming[0].text}'", leaf.span, hint
        )
    if leaf.type == "COLON" and context.first.type in ("CLOCK", "CONST"):
        example = EXAMPLES[context.first.text]
        return Diagnostic(
            "E0101", f"'{context.first.text}' takes no ':'", leaf.span, f"for example `{example}`"
        )
    is_value = leaf.type in ("NUMBER", "NAME", "STRING", "TRUE", "FALSE")
    if is_value and "COLON" in accepts and previous is context.first and _same_line(context):
        hint = f"write `{previous.text}: {leaf.text}`"
        return Diagnostic("E0101", f"expected ':' after '{previous.text}'", _after(previous.span), hint)
    return None


def _same_line(context: Context) -> bool:
    return context.leaf.span.line == context.previous.span.line


def _keyword(context: Context) -> Diagnostic | None:
    """A word of the language used as a name."""
    leaf, previous = context.leaf, context.previous
    is_word = previous.type != "NAME" and previous.text.replace("_", "").isalpha()
    if is_word and previous is context.first and leaf.type in ARROWS | {"DOT", "COLON", "LSQB"}:
        message = f"'{previous.text}' is a word of the language and cannot be a name here"
        return Diagnostic("E0107", message, previous.span, "choose another name")
    return None


def _separator(context: Context) -> Diagnostic | None:
    """Two statements on one line without a comma."""
    leaf, previous, accepts = context.leaf, context.previous, context.accepts
    if leaf.type == "COLON" and "NEWLINE" in accepts and previous.type != "RBRACE":
        message = f"expected ',' or a new line before '{previous.text}'"
        return Diagnostic("E0101", message, previous.span, "attributes on one line are separated by commas")
    starts = leaf.text[:1].isalpha() or leaf.text[:1] == "_"
    if starts and _same_line(context) and {"NEWLINE", "COMMA"} <= accepts:
        message = f"expected ',' or a new line before '{leaf.text}'"
        return Diagnostic("E0101", message, leaf.span, _example(context))
    return None


def _after(span: Span) -> Span:
    """The place right behind a token."""
    return Span(span.file, span.end_line, span.end_column, span.end_line, span.end_column + 1)
