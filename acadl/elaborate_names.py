"""Names of values and how much may be elaborated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from acadl import syntax
from acadl.elaborate_values import Value, reject
from acadl.errors import Label, Span

MAX_STEPS = 300_000


class TooLargeError(Exception):
    """A limit is exceeded; elaboration stops."""

    def __init__(self, message: str, span: Span) -> None:
        super().__init__(message)
        self.span = span


Watched = dict[Span, list[object]]


class Meter:
    """Counts the work of one elaboration, so that no description keeps it busy for long.

    Attributes:
        watched: Values of names and attributes by their places, for editors; ``None``: nobody asks for them.
        lost: Names of parts in loops and alternatives with an error in front, which declare nothing.
    """

    __slots__ = ("lost", "steps", "watched")

    def __init__(self, watched: Watched | None = None) -> None:
        self.steps = 0
        self.watched = watched
        self.lost: set[str] = set()

    def watch(self, span: Span, value: object) -> None:
        """Remember a value; of different ones at one place the first two."""
        if self.watched is not None:
            known = self.watched.setdefault(span, [])
            if len(known) < 2 and value not in known:
                known.append(value)

    def step(self, span: Span, count: int = 1) -> None:
        """Count work that ``span`` causes. Raises :class:`TooLargeError` beyond the limit."""
        self.steps += count
        if self.steps > MAX_STEPS:
            raise TooLargeError(f"elaboration takes more than {MAX_STEPS} steps", span)


@dataclass(frozen=True, slots=True)
class Entry:
    """A declared value; ``None`` where its declaration has an error."""

    value: Value | None
    span: Span


class Scope:
    """Names of values, with the scopes around.

    Attributes:
        parent: The scope around.
        component: Whether an architecture, template or file starts here: names may be declared anew.
        meter: Counts the evaluation of expressions.
        entries: Name to value.
        later: Names that are declared further down, for a better message.
    """

    __slots__ = ("component", "entries", "later", "meter", "parent")

    def __init__(self, parent: Scope | None, meter: Meter, component: bool = False) -> None:
        self.parent = parent
        self.component = component
        self.meter = meter
        self.entries: dict[str, Entry] = {}
        self.later: dict[str, Span] | None = None

    def declare(self, name: syntax.Word, value: Value | None) -> None:
        """Bind a name. Rejects names that are taken, here or in an enclosing scope of the same component."""
        scope: Scope | None = self
        while scope is not None:
            if name.text in scope.entries:
                first = Label(scope.entries[name.text].span, "first declared here")
                hint = "names of values cannot be hidden; choose another one"
                reject("E0203", f"'{name.text}' is already declared", name.span, hint, (first,))
            scope = None if scope.component else scope.parent
        self.entries[name.text] = Entry(value, name.span)
        if self.meter.watched is not None and value is not None:
            self.meter.watch(name.span, value)

    def announce(self, name: syntax.Word) -> None:
        """Say that a name will be declared."""
        if self.later is None:
            self.later = {}
        self.later.setdefault(name.text, name.span)

    def find(self, name: str) -> Entry | None:
        """The innermost declaration of ``name``."""
        scope: Scope | None = self
        while scope is not None:
            entry = scope.entries.get(name)
            if entry is not None:
                return entry
            scope = scope.parent
        return None

    def find_later(self, name: str) -> Span | None:
        """Where ``name`` is declared further down."""
        scope: Scope | None = self
        while scope is not None:
            if scope.later is not None and name in scope.later:
                return scope.later[name]
            scope = scope.parent
        return None

    def visible(self) -> Iterator[str]:
        """All names that can be used here, innermost first."""
        scope: Scope | None = self
        while scope is not None:
            yield from scope.entries
            scope = scope.parent
