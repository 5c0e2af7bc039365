"""Where a block begins and ends as the indentation says, for texts whose braces say something else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from acadl.errors import Diagnostic, Span
from acadl.parser_builder import Leaf


@dataclass(frozen=True, slots=True)
class Bracket:
    """An open bracket.

    Attributes:
        position: Where it stands.
        header, start: The first token of its statement, and where that stands.
        is_set: Whether it is the brace of a set of endpoints.
    """

    leaf: Leaf
    position: int
    header: Leaf
    start: int
    is_set: bool = False


@dataclass(frozen=True, slots=True)
class WrongBrace:
    """A closing brace that the indentation contradicts, and what was said about it.

    Attributes:
        place: Of the word in front of which one is missing, or of the one that is too much.
    """

    place: Span
    finding: Diagnostic
    is_missing: bool


@dataclass(frozen=True, slots=True)
class Indentation:
    """The lines of a text.

    Attributes:
        leaves: Its words.
        supplied: Where an opening brace was supplied, with the header of its block.
        given_up: Opening braces that are not closed, by identity; they open nothing.
    """

    leaves: Sequence[Leaf]
    supplied: dict[int, Leaf] = field(default_factory=dict)
    given_up: set[int] = field(default_factory=set)

    def misindented(self) -> Bracket | None:
        """The first brace whose counterpart is indented less: the likely one that is not closed."""
        for bracket, position, first in self._closed(len(self.leaves)):
            if first is self.leaves[position] and first.span.column < bracket.header.span.column:
                return bracket
        return None

    def stray(self, end: int) -> int | None:
        """The first brace before ``end`` that closes a block whose lines go on behind it."""
        for bracket, position, first in self._closed(end):
            header, line = bracket.header.span, self.leaves[position].span.line
            if header.line < line and header.column < first.span.column:
                return position
        return None

    def _closed(self, end: int) -> Iterator[tuple[Bracket, int, Leaf]]:
        """Blocks with the positions of their closing braces and the first words of these braces' lines."""
        starts: dict[int, Leaf] = {}
        opened: list[Bracket] = []
        for position, leaf in enumerate(self.leaves[:end]):
            first = starts.setdefault(leaf.span.line, leaf)
            if position in self.supplied:
                brace = Leaf("LBRACE", "{", leaf.span)
                opened.append(Bracket(brace, position, self.supplied[position], position))
            if leaf.type == "LBRACE" and id(leaf) not in self.given_up:
                opened.append(Bracket(leaf, position, first, position))
            elif leaf.type == "RBRACE" and opened:
                yield opened.pop(), position, first

    def end_of(self, bracket: Bracket) -> int | None:
        """Where a block ends; ``None`` if its lines are not indented. An architecture ends with the text."""
        last = len(self.leaves) - 1
        if bracket.header.type in ("ARCHITECTURE", "PLATFORM"):
            return last
        line, column = bracket.header.span.line, bracket.header.span.column
        is_indented = self.leaves[bracket.position + 1].type != "NEWLINE"
        for position in range(bracket.position + 1, last):
            leaf = self.leaves[position]
            if leaf.type == "NEWLINE" or leaf.span.line == line:
                continue
            line = leaf.span.line
            if leaf.span.column <= column:
                return position if is_indented else None
            is_indented = True
        return last if is_indented else None

    def is_balanced(self, position: int) -> bool:
        """Whether no brace from there on closes one before it."""
        depth = 0
        for leaf in self.leaves[position:]:
            depth += (leaf.type == "LBRACE") - (leaf.type == "RBRACE")
            if depth < 0:
                return False
        return True
