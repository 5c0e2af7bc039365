"""One run of the parser over one text: feeding tokens, and going on after a mistake."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from acadl.diagnostics import Collector
from acadl.errors import Diagnostic, Span
from acadl.parser_braces import Bracket, Indentation, WrongBrace
from acadl.parser_builder import Leaf
from acadl.parser_damage import ENDS, Damage, Dropped, damage_of
from acadl.parser_tables import Automaton, UnexpectedWordError
from acadl.parser_words import ARROWS, CLOSING, COMPONENTS, HEADERS, OPENING, STATEMENTS

if TYPE_CHECKING:
    from acadl.parser_messages import Context

MAX_SYNTAX_ERRORS = 20
# Symbols that wait for what is behind them. A level of nesting takes up to eight; what has more levels than
# can be followed is not read to its end.
MAX_WAITING = 2000
_STRAY = "'}' closes a block that goes on behind it"
_READABLE = HEADERS - {"OPERATIONS"}  # headers whose block is read even if they are broken


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
        self._open: list[Bracket] = []
        self._collector = collector
        self._errors = 0
        self._parser = parser
        self._dropped: list[Dropped] = []
        self._is_nameless = False  # whether names of parameters may be hidden in other words
        self._indentation = Indentation(leaves)
        self._is_closed_up = False
        self.too_deep: Span | None = None  # where reading was given up
        self.wrong_brace: WrongBrace | None = None

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
            self._open.append(Bracket(leaf, self._position, self._leaves[start], start, is_set))
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
        if diagnostic.code == "E0105" and (stray := self._indentation.stray(self._position)) is not None:
            place = self._leaves[stray].span
            finding = replace(diagnostic, span=place, message=_STRAY)
            self.wrong_brace = WrongBrace(place, finding, is_missing=False)
            return False
        self._collector.add(diagnostic)
        if self._errors >= MAX_SYNTAX_ERRORS:
            self._collector.note_rest()
            return False
        if leaf.type == "$END":
            return self._close_up(unclosed, diagnostic)
        if leaf.text == ";" and self._ends_statement(accepts):
            self._leaves[self._position] = Leaf("NEWLINE", "", leaf.span)
        elif leaf.text == ";" or diagnostic.code == "E0105":
            if diagnostic.code == "E0105":
                self._drop(self._position, self._position + 1)
            self._position += 1
        elif diagnostic.code == "E0106":
            self._insert_brace(leaf, context)
        elif self._lacks_brace_before_else(leaf):
            self._close_block(leaf.span)
        elif not (
            self._read_as_meant(context) or self._read_with_parenthesis() or self._read_without_parameter()
        ):
            start = min(self._statement, self._position)
            self._recover(unclosed)
            is_edge = diagnostic.message.startswith("there is no arrow") and context.first.type in ENDS
            self._drop(start, self._position, is_edge)
        return True

    def _ends_statement(self, accepts: frozenset[str]) -> bool:
        """Whether another statement follows on the same line."""
        following = self._leaves[self._position + 1].type
        return "NEWLINE" in accepts and following not in ("NEWLINE", "RBRACE", "$END")

    def _drop(self, start: int, end: int, is_edge: bool = False) -> None:
        """Note words that are not read as they stand; at least one."""
        self._dropped.append(Dropped(self._leaves[start : max(end, start + 1)], is_edge))

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
        self._leaves[self._statement] = word
        self._read_again()
        return True

    def _read_with_parenthesis(self) -> bool:
        """Read a header again whose parameters stand there without their opening parenthesis."""
        first, here = self._leaves[min(self._statement, self._position)], self._position
        following = [leaf.type for leaf in self._leaves[here : here + 4] if leaf.type != "NEWLINE"]
        is_named = self._leaves[here - 1].type == "NAME" and here == self._statement + 2
        if first.type not in COMPONENTS or not is_named or following[:2] != ["NAME", "COLON"]:
            return False
        self._leaves.insert(here, Leaf("LPAR", "(", self._leaves[here].span))
        self.__dict__.pop("_closed", None)
        self._read_again()
        return True

    def _read_without_parameter(self) -> bool:
        """Read a header again without the parameter that is wrong, if that is what is wrong."""
        first = self._leaves[min(self._statement, self._position)]
        bracket = next((b for b in self._open if b.leaf.type == "LPAR" and b.header is first), None)
        if first.type not in COMPONENTS or bracket is None:
            return False
        commas = [bracket.position, *self._commas(bracket.position)]  # and the closing parenthesis
        if bracket.position not in self._closed or commas[-1] < self._position:
            return False
        number = next(n for n, place in enumerate(commas) if place >= self._position)
        start = commas[number - 1] + 1
        while self._leaves[start].type == "NEWLINE":
            start += 1
        end = commas[number] + (number + 1 < len(commas))
        if start >= end:
            return False
        self._drop(start, end)
        del self._leaves[start:end], self._closed
        self._read_again()
        return True

    def _commas(self, opening: int) -> list[int]:
        """Positions of the commas in a parenthesis that is closed, and of its end."""
        found: list[int] = []
        depth = 0
        for position in range(opening, len(self._leaves)):
            kind = self._leaves[position].type
            depth += (kind in ("LPAR", "LSQB")) - (kind in ("RPAR", "RSQB"))
            if depth == 0 or (depth == 1 and kind == "COMMA"):
                found.append(position)
            if depth == 0:
                break
        return found

    def _read_again(self) -> None:
        """Go back to the start of the statement, whose words have been changed."""
        start = self._statement
        first = self._leaves[start]
        self._unwind()
        if first.type not in self._parser.choices():
            self._feed(Leaf("NEWLINE", "", first.span))
        self._position = self._statement = start
        self._last = "NEWLINE"

    def _close_up(self, unclosed: Bracket | None, finding: Diagnostic) -> bool:
        """At the end of the text, go on as if all brackets were closed; once."""
        if self._is_closed_up:
            return False
        self._is_closed_up = True
        end = self._indentation.end_of(unclosed) if unclosed is not None else None
        if unclosed in self._open and end is not None and not self._indentation.is_balanced(end):
            end = None  # where nothing else points to this brace, the rest must be right without it
        if end is not None and end < self._position:
            self.wrong_brace = WrongBrace(self._leaves[end].span, finding, is_missing=True)
            return False
        start = unclosed.start if unclosed is not None else self._position
        self._drop(self._position if end is not None else min(start, self._statement), self._position)
        self._unwind()
        try:
            while self._open:
                self._close_block(self._leaves[self._position].span)
        except UnexpectedWordError:
            return False
        return True

    def damage(self) -> Damage:
        """What was dropped."""
        return damage_of(self._dropped, self._is_nameless)

    def _previous(self) -> Leaf:
        position = max(self._position - 1, 0)
        while position and self._leaves[position].type == "NEWLINE":
            position -= 1
        return self._leaves[position]

    def _unclosed(self, leaf: Leaf, accepts: frozenset[str]) -> Bracket | None:
        """The open bracket that lacks its counterpart, if that is why ``leaf`` does not fit."""
        if leaf.type == "NEWLINE" and "RBRACE" in accepts and "NEWLINE" not in accepts:
            return self._open[-1]  # a set of endpoints
        for bracket in self._open:
            if bracket.leaf.type != "LBRACE" and bracket.position not in self._closed:
                return bracket
        if leaf.type == "$END" and self._open:
            return self._indentation.misindented() or self._open[-1]
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

    @cached_property
    def _closed(self) -> frozenset[int]:
        """Positions of parentheses that are balanced before braces show that they were meant to be."""
        closed: set[int] = set()
        pending: list[int] = []
        for position, leaf in enumerate(self._leaves):
            if leaf.type in ("LPAR", "LSQB"):
                pending.append(position)
            elif leaf.type in ("RPAR", "RSQB") and pending:
                closed.add(pending.pop())
            elif leaf.type in ("LBRACE", "RBRACE"):
                pending.clear()
        return frozenset(closed)

    def _insert_brace(self, leaf: Leaf, context: Context) -> None:
        """Go on as if the missing brace were there; an empty block where the next line is no attribute."""
        if leaf.type == "NEWLINE" and self._leaves[self._position + 1].type == "LBRACE":
            self._position += 1
            return
        brace = Leaf("LBRACE", "{", leaf.span)
        self._feed(brace)
        self._indentation.supplied[self._position] = context.first
        if leaf.type != "NEWLINE":
            return
        rest = [item for item in self._leaves[self._position : self._position + 4] if item.type != "NEWLINE"]
        is_attribute = len(rest) > 1 and rest[1].type == "COLON"
        if context.first.type == "KIND" and not is_attribute and not rest[0].text.endswith("unit"):
            self._feed(Leaf("RBRACE", "}", leaf.span))
            del self._indentation.supplied[self._position]

    def _recover(self, unclosed: Bracket | None) -> None:
        """Unwind the parser to the enclosing block and skip the statement; its own block is still read."""
        ends_operations = self._leaves_operations()
        if unclosed is not None and not ends_operations:
            self._indentation.given_up.add(id(unclosed.leaf))
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
        self._skip(header, parentheses, blocks)

    def _unwind(self) -> list[Bracket]:
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

    def _is_ahead(self, bracket: Bracket) -> bool:
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

    def _skip(self, header: Leaf, parentheses: int, braces: int) -> None:
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
                if not braces and header.type in _READABLE and self._is_block_readable():
                    self._enter_block(header, self._leaves[self._position])
                    return
                braces += 1
            elif kind == "RBRACE":
                parentheses = 0
                if not braces and not self._is_stray():
                    return
                braces = max(0, braces - 1)
            elif (
                kind == "NEWLINE"
                and not braces
                and not parentheses
                and not self._is_list_continued(header.type)
            ):
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
        return header in COMPONENTS or (header in ("FOR", "IMPORT") and after_comma)

    def _is_block_readable(self) -> bool:
        """Whether a brace here opens a block of statements behind a broken header."""
        ends_line = self._leaves[self._position + 1].type == "NEWLINE"
        return ends_line and self._between_statements() and not self._in_operations()

    def _enter_block(self, header: Leaf, brace: Leaf) -> None:
        """Read the block of a broken header: as that of the same kind, or of `if true`."""
        start = min(self._statement, self._position)
        name = self._leaves[start + 1]
        is_named = name.type == "NAME"
        if header.type in COMPONENTS | {"KIND"}:
            words = [header, name if is_named else Leaf("NAME", "unnamed", brace.span)]
            self._is_nameless |= self._leaves[start + 2].type not in ("LPAR", "LBRACE")
        else:
            words = [Leaf("IF", "if", brace.span), Leaf("TRUE", "true", brace.span)]
            self._drop(self._position, self._matching(self._position))
        if words[0].type not in self._parser.choices():
            self._feed(Leaf("NEWLINE", "", brace.span))
        for word in (*words, brace):
            self._feed(word)
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
