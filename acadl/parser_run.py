"""One run of the parser over one text: feeding tokens, and going on after a mistake."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from acadl.diagnostics import Collector
from acadl.errors import Span
from acadl.parser_builder import Leaf
from acadl.parser_damage import ENDS, Damage, damage_of
from acadl.parser_tables import Automaton, UnexpectedWordError
from acadl.parser_words import ARROWS, CLOSING, HEADERS, OPENING, STATEMENTS

if TYPE_CHECKING:
    from acadl.parser_messages import Context

MAX_SYNTAX_ERRORS = 20
# Symbols that wait for what is behind them. A level of nesting takes up to eight; what has more levels than
# can be followed is not read to its end.
MAX_WAITING = 2000


@dataclass(frozen=True, slots=True)
class _Bracket:
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


class Run:
    """One run over one text.

    States: reading (``_feed`` hands tokens to the tables), and, after a mistake, recovering (``_recover``
    unwinds the parser to the enclosing block and skips to the end of the statement).
    """

    def __init__(self, leaves: list[Leaf], parser: Automaton, collector: Collector) -> None:
        self._leaves = leaves
        self._position = 0
        self._statement = 0  # position of the first token of the current statement
        self._last = "NEWLINE"  # type of the last token that was fed
        self._open: list[_Bracket] = []
        self._collector = collector
        self._errors = 0
        self._parser = parser
        self._skipped: list[tuple[int, int]] = []  # positions of statements that were dropped
        self._edges: list[int] = []  # those of them that are edges, as far as can be seen
        self._is_closed_up = False
        self.too_deep: Span | None = None  # where reading was given up

    def run(self) -> Any:
        """The result of the start rule; of no use after mistakes, which are reported."""
        while True:
            leaf = self._leaves[self._position]
            if leaf.type == "NEWLINE" and self._is_continued():
                self._statement += self._statement == self._position
                self._position += 1
                continue
            try:
                result = self._feed(leaf)
            except UnexpectedWordError:
                if not self._goes_on(leaf):
                    return None
                continue
            if len(self._parser.states) > MAX_WAITING:
                self.too_deep = leaf.span
                return None
            if leaf.type == "$END":
                return result
            self._position += 1

    def _is_continued(self) -> bool:
        """Whether a line end here ends nothing."""
        if self._last in ("LBRACE", "COMMA", "NEWLINE"):
            return True
        innermost = self._open[-1] if self._open else None
        if innermost is not None and innermost.leaf.type != "LBRACE":
            return True
        following = self._leaves[self._position + 1].type
        if innermost is not None and innermost.is_set and following in ("RBRACE", "COMMA"):
            return True
        return following in ARROWS or following == "ELSE"

    def _feed(self, leaf: Leaf) -> Any:
        leaf = self._fitting(leaf)
        result = self._parser.feed(leaf)
        if leaf.type in OPENING:
            start = min(self._statement, self._position)
            is_set = leaf.type == "LBRACE" and not self._is_statement_next()
            self._open.append(_Bracket(leaf, self._position, self._leaves[start], start, is_set))
        elif leaf.type in CLOSING:
            closed = self._open.pop()
            self._statement = closed.start if leaf.type == "RBRACE" else self._statement
        self._last = leaf.type
        if leaf.type in ("LBRACE", "NEWLINE", "COMMA") and self._is_statement_next():
            self._statement = self._position + 1
        return result

    def _in_operations(self) -> bool:
        """Whether the innermost bracket is that of an operations block."""
        innermost = self._open[-1] if self._open else None
        return (
            innermost is not None
            and innermost.leaf.type == "LBRACE"
            and innermost.header.type == "OPERATIONS"
        )

    def _is_statement_next(self) -> bool:
        choices = self._parser.choices()
        return "CONST" in choices or ("NAME" in choices and "RBRACE" in choices)

    def _fitting(self, leaf: Leaf) -> Leaf:
        """The leaf as a name, where it is a keyword and only a name fits."""
        if leaf.type == "NAME" or not leaf.text[:1].isalpha() or self._last == "NUMBER":
            return leaf  # behind a number stands a unit, and no keyword is one
        choices = self._parser.choices()
        is_name = leaf.type not in choices or (self._in_operations() and self._position == self._statement)
        if is_name and "NAME" in choices:
            return Leaf("NAME", leaf.text, leaf.span, leaf.doc)
        return leaf

    # --- after a mistake ---------------------------------------------------------------------------------

    def _goes_on(self, leaf: Leaf) -> bool:
        """Like :meth:`_mistake`; False, too, where no way on is found after all."""
        try:
            return self._mistake(leaf)
        except UnexpectedWordError:
            return False

    def _mistake(self, leaf: Leaf) -> bool:
        """Report the mistake at ``leaf`` and get ready to go on; False when there is no use in going on."""
        from acadl.parser_messages import Context, explain

        self._errors += 1
        accepts = self._parser.accepts()
        unclosed = self._unclosed(leaf, accepts)
        context = Context(
            leaf=leaf,
            previous=self._previous(),
            upcoming=tuple(self._leaves[self._position + 1 : self._position + 3]),
            first=self._leaves[min(self._statement, self._position)],
            in_operations=any(bracket.header.type == "OPERATIONS" for bracket in self._open),
            unclosed=unclosed.leaf if unclosed is not None else None,
            in_block=any(bracket.leaf.type == "LBRACE" for bracket in self._open),
            accepts=accepts,
        )
        diagnostic = explain(context)
        self._collector.add(diagnostic)
        if self._errors >= MAX_SYNTAX_ERRORS:
            self._collector.note_rest()
            return False
        if leaf.type == "$END":
            return self._close_up(unclosed)
        if leaf.text == ";" or diagnostic.code == "E0105":
            if diagnostic.code == "E0105":
                self._skipped.append((self._position, self._position + 1))
            self._position += 1
        elif diagnostic.code == "E0106":
            self._insert_brace(leaf, context)
        elif self._lacks_brace_before_else(leaf):
            self._close_block(leaf.span)
        elif not self._read_as_meant(context):
            start = min(self._statement, self._position)
            self._recover(unclosed)
            edge = diagnostic.message.startswith("there is no arrow") and context.first.type in ENDS
            self._skipped.append((start, self._position))
            self._edges += [start] if edge else []
        return True

    def _read_as_meant(self, context: Context) -> bool:
        """Go on with the word that a misspelt one must mean, if there is one."""
        from acadl.parser_messages import meant_word
        from acadl.parser_spelling import KINDS

        meant = meant_word(context)
        if meant is None or not meant.is_sure:
            return False
        kind = "KIND" if meant.word in KINDS and meant.word != "template" else meant.word.upper()
        word = Leaf(kind, meant.word, meant.leaf.span, meant.leaf.doc)
        if not meant.starts:
            self._leaves[self._position] = word
            return True
        start = self._statement
        self._leaves[start] = word
        self._unwind()
        if kind not in self._parser.choices():
            self._feed(Leaf("NEWLINE", "", word.span))
        self._position = self._statement = start
        self._last = "NEWLINE"
        return True

    def _close_up(self, unclosed: _Bracket | None) -> bool:
        """At the end of the text, go on as if all brackets were closed; once."""
        if self._is_closed_up:
            return False
        self._is_closed_up = True
        start = unclosed.start if unclosed is not None else min(self._statement, self._position)
        self._skipped.append((min(start, self._statement), self._position))
        self._unwind()
        try:
            while self._open:
                self._close_block(self._leaves[self._position].span)
        except UnexpectedWordError:
            return False
        return True

    def damage(self) -> Damage:
        """What was dropped."""
        return damage_of(self._leaves, self._skipped, self._edges)

    def _previous(self) -> Leaf:
        position = max(self._position - 1, 0)
        while position and self._leaves[position].type == "NEWLINE":
            position -= 1
        return self._leaves[position]

    def _unclosed(self, leaf: Leaf, accepts: frozenset[str]) -> _Bracket | None:
        """The open bracket that lacks its counterpart, if that is why ``leaf`` does not fit."""
        if leaf.type == "NEWLINE" and "RBRACE" in accepts and "NEWLINE" not in accepts:
            return self._open[-1]  # a set of endpoints
        for bracket in self._open:
            if bracket.leaf.type != "LBRACE" and not self._is_closed(bracket):
                return bracket
        if leaf.type == "$END" and self._open:
            return self._misindented() or self._open[-1]
        if self._leaves_operations() or self._lacks_brace_before_else(leaf):
            return self._open[-1]
        return None

    def _lacks_brace_before_else(self, leaf: Leaf) -> bool:
        """Whether ``leaf`` is the ``else`` of a block on the same line that is still open."""
        innermost = self._open[-1] if self._open else None
        if leaf.type != "ELSE" or innermost is None or innermost.leaf.type != "LBRACE":
            return False
        return innermost.header.type == "IF" and innermost.leaf.span.line == leaf.span.line

    def _leaves_operations(self) -> bool:
        """Whether a statement stands in an operations block that can only belong behind it."""
        first = self._leaves[min(self._statement, self._position)]
        is_statement = first.type in STATEMENTS and self._position == self._statement + 1
        return is_statement and self._in_operations()

    def _is_closed(self, bracket: _Bracket) -> bool:
        """Whether a parenthesis is balanced before braces show that it was meant to be."""
        depth = 0
        for leaf in self._leaves[bracket.position :]:
            if leaf.type in ("LPAR", "LSQB"):
                depth += 1
            elif leaf.type in ("RPAR", "RSQB"):
                depth -= 1
                if not depth:
                    return True
            elif leaf.type in ("LBRACE", "RBRACE"):
                return False
        return False

    def _misindented(self) -> _Bracket | None:
        """The first brace whose counterpart is indented less: the likely one that is not closed."""
        starts: dict[int, Leaf] = {}
        opened: list[_Bracket] = []
        for position, leaf in enumerate(self._leaves):
            first = starts.setdefault(leaf.span.line, leaf)
            if leaf.type == "LBRACE":
                opened.append(_Bracket(leaf, position, first, position))
            elif leaf.type == "RBRACE" and opened:
                bracket = opened.pop()
                if first is leaf and first.span.column < bracket.header.span.column:
                    return bracket
        return None

    def _insert_brace(self, leaf: Leaf, context: Context) -> None:
        """Go on as if the missing brace were there; an empty block where the next line is no attribute."""
        if leaf.type == "NEWLINE" and self._leaves[self._position + 1].type == "LBRACE":
            self._position += 1
            return
        brace = Leaf("LBRACE", "{", leaf.span)
        self._feed(brace)
        if leaf.type != "NEWLINE":
            return
        rest = [item for item in self._leaves[self._position : self._position + 4] if item.type != "NEWLINE"]
        is_attribute = len(rest) > 1 and rest[1].type == "COLON"
        if context.first.type == "KIND" and not is_attribute and not rest[0].text.endswith("unit"):
            self._feed(Leaf("RBRACE", "}", leaf.span))

    def _recover(self, unclosed: _Bracket | None) -> None:
        """Unwind the parser to the enclosing block and skip the statement; its own block is still read."""
        ends_operations = self._leaves_operations()
        if unclosed is not None and not ends_operations:
            self._position = unclosed.position + 1  # what follows was read as being inside
        header = self._leaves[min(self._statement, self._position)]
        dropped = self._unwind()
        self._last = ""
        if ends_operations:
            self._close_block(header.span)
            self._feed(Leaf("NEWLINE", "", header.span))
            self._position = self._statement = self._position - 1
            return
        if unclosed is not None:
            dropped = []
        parentheses = sum(bracket.leaf.type != "LBRACE" for bracket in dropped)
        blocks = sum(self._is_ahead(bracket) for bracket in dropped)
        self._skip(header.type if header.type != "OPERATIONS" else "", parentheses, blocks)

    def _unwind(self) -> list[_Bracket]:
        """Drop what the parser has of the broken statement; returns the brackets that were open in it."""
        parser = self._parser
        still_open = {id(bracket.leaf) for bracket in self._open}
        while len(parser.states) > 1 and not (
            self._between_statements() and self._closed_blocks(still_open) == 0
        ):
            parser.states.pop()
            parser.values.pop()
        kept = {id(value) for value in parser.values}
        dropped = [bracket for bracket in self._open if id(bracket.leaf) not in kept]
        self._open = [bracket for bracket in self._open if id(bracket.leaf) in kept]
        return dropped

    def _close_block(self, place: Span) -> None:
        """Go on as if the innermost block were closed; a statement that was cut off is dropped."""
        brace = Leaf("RBRACE", "}", place)
        try:
            self._feed(brace)
        except UnexpectedWordError:
            self._unwind()
            self._feed(brace)

    def _is_ahead(self, bracket: _Bracket) -> bool:
        """Whether a dropped brace has its counterpart behind the mistake: on its line, or as a block's."""
        if bracket.leaf.type != "LBRACE":
            return False
        position = bracket.position + 1
        if self._leaves[position].type == "NEWLINE":
            return True
        while (kind := self._leaves[position].type) not in ("RBRACE", "NEWLINE", "$END"):
            position += 2 if kind == "COMMA" and self._leaves[position + 1].type == "NEWLINE" else 1
        return kind == "RBRACE"

    def _closed_blocks(self, still_open: set[int]) -> int:
        """Blocks on the parser's stack whose closing brace was read but not yet reduced."""
        leaves = [value for value in self._parser.values if isinstance(value, Leaf)]
        return sum(leaf.type == "LBRACE" and id(leaf) not in still_open for leaf in leaves)

    def _between_statements(self) -> bool:
        return self._parser.is_read_next("NEWLINE")

    def _skip(self, header: str, parentheses: int, braces: int) -> None:
        """Move on to the end of the statement (line end, closing brace) or into the block it opens.

        ``parentheses`` and ``braces`` of the statement are open.
        """
        while (kind := self._leaves[self._position].type) != "$END":
            if kind in ("LPAR", "LSQB"):
                parentheses += 1
            elif kind in ("RPAR", "RSQB"):
                parentheses = max(0, parentheses - 1)
            elif kind == "LBRACE":
                parentheses = 0
                if not braces and header in HEADERS and self._is_block_readable():
                    self._enter_block(self._leaves[self._position])
                    return
                braces += 1
            elif kind == "RBRACE":
                parentheses = 0
                if not braces and not self._is_stray():
                    return
                braces = max(0, braces - 1)
            elif kind == "NEWLINE" and not braces and not parentheses and not self._is_list_continued(header):
                return
            self._position += 1

    def _is_stray(self) -> bool:
        """Whether a closing brace within a line can hardly be that of the block around, opened lines ago."""
        line = self._leaves[self._position].span.line
        is_first = self._leaves[self._position - 1].span.line != line
        return not is_first and bool(self._open) and self._open[-1].leaf.span.line != line

    def _is_list_continued(self, header: str) -> bool:
        """Whether a broken header goes on behind this line end."""
        after_comma = self._leaves[self._position - 1].type == "COMMA"
        return header in ("ARCHITECTURE", "TEMPLATE") or (header in ("FOR", "IMPORT") and after_comma)

    def _is_block_readable(self) -> bool:
        """Whether a brace here opens a block of statements behind a broken header."""
        ends_line = self._leaves[self._position + 1].type == "NEWLINE"
        return ends_line and self._between_statements() and not self._in_operations()

    def _enter_block(self, brace: Leaf) -> None:
        """Read the block of a broken header as that of `if true`, for the mistakes in it."""
        if "IF" not in self._parser.choices():
            self._feed(Leaf("NEWLINE", "", brace.span))
        self._feed(Leaf("IF", "if", brace.span))
        self._feed(Leaf("TRUE", "true", brace.span))
        self._feed(brace)
        self._skipped.append((self._position, self._matching(self._position)))
        self._position += 1

    def _matching(self, position: int) -> int:
        """Where the brace at ``position`` is closed; the end of the text where it is not."""
        depth = 0
        for number in range(position, len(self._leaves)):
            kind = self._leaves[number].type
            depth += (kind == "LBRACE") - (kind == "RBRACE")
            if not depth:
                return number + 1
        return len(self._leaves)
