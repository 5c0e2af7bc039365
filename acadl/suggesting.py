"""What was probably meant: the known name nearest to an unknown one, or a list of known ones."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from heapq import nsmallest

MAX_NAMES = 3000  # that are looked at
MAX_CANDIDATES = 150  # of them whose edits are counted
MAX_LENGTH = 60  # of an unknown name that is compared
MAX_LISTED = 12
LONGEST_LISTED = 40  # letters of a name in a list


def distance(first: str, second: str) -> int:
    """Edits (insert, delete, replace, swap neighbours) that turn one name into the other.

    A column of the table of distances is two words of bits, its steps up and down (H. Hyyrö, "A Bit-Vector
    Algorithm for Computing Levenshtein and Damerau Edit Distances", 2003).
    """
    if not first:
        return len(second)
    places: dict[str, int] = {}
    for number, letter in enumerate(first):
        places[letter] = places.get(letter, 0) | 1 << number
    every, last = (1 << len(first)) - 1, 1 << (len(first) - 1)
    up, down, diagonal, before = every, 0, 0, 0
    edits = len(first)
    for letter in second:
        same = places.get(letter, 0)
        swapped = ((~diagonal & same) << 1) & before
        diagonal = ((((same & up) + up) ^ up) | same | down | swapped) & every
        right, left = down | (~(diagonal | up) & every), diagonal & up
        edits += bool(right & last) - bool(left & last)
        right, left = (right << 1) | 1, left << 1
        up, down = (left | ~(diagonal | right)) & every, right & diagonal
        before = same
    return edits


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant.

    Another case, or at most a third of the letters wrong, or one name begins with the other, or ends with it
    as ``data_width`` with ``width``.
    """
    if len(name) > MAX_LENGTH:
        return None
    return _nearest(name, tuple(_first(known, MAX_NAMES)))


@lru_cache(maxsize=512)  # statements in loops ask the same again and again
def _nearest(name: str, known: tuple[str, ...]) -> str | None:
    wanted = name.lower()
    for candidate in known:
        if candidate.lower() == wanted:
            return candidate
    limit = max(1, len(name) // 3)
    near = [c for c in known if abs(len(c) - len(name)) <= limit]
    if len(near) > MAX_CANDIDATES:
        near.sort(key=lambda c: -_shared_ends(c, name))
    close = [(edits, c) for c in near[:MAX_CANDIDATES] if (edits := distance(name, c)) <= limit]
    if close:
        return min(close, key=lambda pair: pair[0])[1]
    longer = (c for c in known if min(len(c), len(name)) >= 3)
    return next((c for c in longer if c.startswith(name) or name.startswith(c) or _ends_with(c, name)), None)


def _first(names: Iterable[str], most: int) -> list[str]:
    """The first different names."""
    found: dict[str, None] = {}
    for name in names:
        found[name] = None
        if len(found) == most:
            break
    return list(found)


def _shared_ends(first: str, second: str) -> int:
    return (first[:1] == second[:1]) + (first[-1:] == second[-1:])


def _ends_with(name: str, words: str) -> bool:
    """Whether the words at the end of a name are these: ``width`` in ``data_width``."""
    return name.endswith(f"_{words}")


def suggestion(name: str, known: Iterable[str], what: str) -> str:
    """A hint: the nearest name, else the accessible ones."""
    names = _first(known, MAX_NAMES + 1)
    close = nearest(name, names)
    if close is not None:
        return f"did you mean '{close}'?"
    if not names:
        return f"there are no {what} here"
    listed = ", ".join(map(_cut, nsmallest(MAX_LISTED, names)))
    if len(names) > MAX_NAMES:
        return f"known {what}: {listed} and many more"
    more = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    return f"known {what}: {listed}{more}"


def _cut(name: str) -> str:
    return name if len(name) <= LONGEST_LISTED else f"{name[: LONGEST_LISTED - 1]}…"
