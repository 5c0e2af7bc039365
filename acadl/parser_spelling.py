"""Words of the language that are misspelt, or that another language has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from acadl.errors import Diagnostic
from acadl.parser_builder import Leaf
from acadl.suggesting import nearest

# Words that start an object's header, and those of other blocks with a name.
KINDS = (
    *("stage", "execute", "fetch", "unit", "memory_unit", "instruction_memory_unit"),
    *("controller", "mover", "registers", "sram", "dram", "cache", "bus", "template"),
)
_OTHER_LANGUAGES: Mapping[str, str] = {
    **dict.fromkeys(("let", "var", "val", "define", "localparam", "constexpr"), "const"),
    **dict.fromkeys(("module", "class", "struct", "component", "subckt"), "template"),
    **dict.fromkeys(("include", "use", "using"), "import"),
    **dict.fromkeys(("assert", "ensure"), "require"),
    **dict.fromkeys(("fi", "iff", "when"), "if"),
    **dict.fromkeys(("elif", "elsif", "otherwise"), "else"),
    **dict.fromkeys(("foreach", "loop", "generate"), "for"),
    **dict.fromkeys(("frequency", "freq"), "clock"),
    **dict.fromkeys(("instructions", "isa", "ops"), "operations"),
    **dict.fromkeys(("port", "interface"), "open"),
}
_VALUES = frozenset({"NAME", "NUMBER", "LPAR", "TRUE", "FALSE", "NOT", "MINUS"})
_INSIDE = ("from", "in", "then", "else")  # keywords within statements


def _two(first: str, *second: str) -> Callable[[str, str], bool]:
    return lambda leaf, following: leaf == first and following in second


# What stands behind the word that starts a statement: whether these two kinds of words can.
_BEHIND: Mapping[str, Callable[[str, str], bool]] = {
    "architecture": _two("NAME", "LBRACE", "LPAR"),
    "platform": _two("NAME", "LBRACE", "LPAR"),
    "template": _two("NAME", "LBRACE", "LPAR"),
    "const": _two("NAME", "EQUAL"),
    "import": lambda leaf, following: leaf == "STRING" or (leaf == "NAME" and following in ("FROM", "COMMA")),
    "open": _two("NAME", "COLON"),
    "for": _two("NAME", "IN"),
    "operations": lambda leaf, following: leaf == "LBRACE" and following in ("NAME", "NEWLINE", "RBRACE"),
    "else": lambda leaf, following: leaf in ("LBRACE", "IF"),
    "clock": lambda leaf, following: leaf in _VALUES and following in ("NAME", "NEWLINE", "STAR", "SLASH"),
    "require": lambda leaf, following: leaf in _VALUES,
    "if": lambda leaf, following: leaf in _VALUES,
}


@dataclass(frozen=True, slots=True)
class Meant:
    """The word of the language that must have been meant.

    Attributes:
        word: It.
        leaf: What stands there instead.
        starts: Whether it starts a statement.
        is_sure: Whether it is misspelt, so that reading can go on with what was meant; a word of another
            language may come with that language's syntax.
    """

    word: str
    leaf: Leaf
    starts: bool
    is_sure: bool


def meant(
    leaf: Leaf, previous: Leaf, first: Leaf, upcoming: tuple[Leaf, ...], accepts: frozenset[str]
) -> Meant | None:
    """What was meant where ``leaf`` does not fit behind ``previous``; ``first`` starts the statement."""
    following = upcoming[0].type if upcoming else ""
    if previous is first and first.type == "NAME" and leaf.span.line == first.span.line:
        return _statement(leaf, first, following)
    if leaf.type == "NAME":
        near = nearest(leaf.text, [word for word in _INSIDE if word.upper() in accepts])
        return Meant(near, leaf, False, True) if near else None
    return None


def _statement(leaf: Leaf, first: Leaf, following: str) -> Meant | None:
    """What a statement whose first word is none of the language must be."""
    if leaf.type == "NAME" and following in ("LBRACE", "LSQB"):
        kind = nearest(first.text, KINDS)
        if kind is not None:
            return Meant(kind, first, True, True)
    words = [word for word, fits in _BEHIND.items() if fits(leaf.type, following)]
    near = nearest(first.text, [word for word in words if word != "if"])  # many short names are near to it
    if near is not None:
        return Meant(near, first, True, near != "else")
    other = _OTHER_LANGUAGES.get(first.text.lower())
    return Meant(other, first, True, False) if other in words else None


def diagnostic_of(found: Meant, example: str | None) -> Diagnostic:
    """What is said about it."""
    if found.starts and found.word in KINDS:
        message = f"there is no kind of object called '{found.leaf.text}'"
    elif found.starts:
        message = f"no statement starts with '{found.leaf.text}'"
    else:
        message = f"expected '{found.word}', found '{found.leaf.text}'"
    hint = f"did you mean `{found.word}`?"
    if not found.is_sure:
        hint = f"`{found.word}` is the word for it" + (f", for example `{example}`" if example else "")
    return Diagnostic("E0101", message, found.leaf.span, hint)
