"""Hits and victims of every policy against caches written from the textbook, on generated traces."""

from __future__ import annotations

from collections import OrderedDict
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acadl.errors import AcadlError
from platforms.caches.replacement import POLICIES, replacement
from platforms.caches.tags import EMPTY, Tags


class Textbook:
    """A set-associative cache as a list of sets, each a list of ways; nothing in common with the model."""

    def __init__(self, sets: int, ways: int, policy: str, seed: int, empty_first: bool) -> None:
        self.ways, self.policy, self.empty_first = ways, policy, empty_first
        self.sets = [[None] * ways for _ in range(sets)]
        self.state = [self.initial() for _ in range(sets)]
        self.random = Random(seed)

    def initial(self) -> object:
        if self.policy == "lru":
            return OrderedDict.fromkeys(range(self.ways))  # the oldest first
        if self.policy == "plru_tree":
            return tree(list(range(self.ways)))
        return set() if self.policy == "plru_mru" else [0]

    def access(self, line: int) -> tuple[bool, int | None]:
        """Whether it hits; else the line that goes."""
        index = line % len(self.sets)
        ways, state = self.sets[index], self.state[index]
        if line in ways:
            self.used(state, ways.index(line))
            return True, None
        way = ways.index(None) if self.empty_first and None in ways else self.victim(state)
        old, ways[way] = ways[way], line
        if self.policy == "fifo" and way == state[0]:
            state[0] = (way + 1) % self.ways
        self.used(state, way)
        return False, old

    def victim(self, state) -> int:
        if self.policy == "lru":
            return next(iter(state))
        if self.policy == "fifo":
            return state[0]
        if self.policy == "plru_tree":
            while isinstance(state, dict):
                state = state["halves"][state["next"]]
            return state
        if self.policy == "plru_mru":
            return next((way for way in range(self.ways) if way not in state), 0)
        return int(self.random.random() * self.ways)

    def used(self, state, way: int) -> None:
        if self.policy == "lru":
            state.move_to_end(way)
        elif self.policy == "plru_tree":
            while isinstance(state, dict):
                side = way in state["right"]
                state["next"] = not side
                state = state["halves"][side]
        elif self.policy == "plru_mru":
            state.add(way)
            if len(state) == self.ways:
                state.clear()
                state.add(way)


def tree(ways: list[int]) -> object:
    """A node over these ways, the left half next; a single way is itself."""
    if len(ways) == 1:
        return ways[0]
    half = len(ways) // 2
    return {"next": False, "right": set(ways[half:]), "halves": [tree(ways[:half]), tree(ways[half:])]}


@given(
    policy=st.sampled_from(sorted(POLICIES)),
    ways_log2=st.integers(0, 3),
    sets=st.integers(1, 5),
    seed=st.integers(0, 5),
    empty_first=st.booleans(),
    lines=st.lists(st.integers(0, 40), max_size=200),
    data=st.data(),
)
def test_hits_and_victims_are_the_textbooks(policy, ways_log2, sets, seed, empty_first, lines, data) -> None:
    ways = 1 << ways_log2 if policy == "plru_tree" else data.draw(st.integers(1, 8), label="ways")
    tags = Tags(sets, ways, policy, seed=seed, empty_first=empty_first)
    textbook = Textbook(sets, ways, policy, seed, empty_first)
    for line in lines:
        hit, old = textbook.access(line)
        assert tags.holds(line) == hit
        assert tags.hit(line) == hit
        if not hit:
            assert tags.allocate(line).line == (EMPTY if old is None else old)


@given(accesses=st.lists(st.tuples(st.integers(0, 12), st.booleans()), max_size=80))
def test_a_dirty_line_is_one_written_since_it_came(accesses: list[tuple[int, bool]]) -> None:
    tags = Tags(2, 2)
    dirty: set[int] = set()
    for line, write in accesses:
        if not tags.hit(line, write):
            evicted = tags.allocate(line, write)
            assert evicted.dirty == (evicted.line in dirty)
            dirty.discard(evicted.line)
        if write:
            dirty.add(line)
        assert tags.dirty_lines() == sorted(dirty)


def test_the_same_seed_draws_the_same_ways() -> None:
    first, second, other = (replacement("random", 1, 8, seed) for seed in (1, 1, 2))
    draws = [[policy.victim(0) for _ in range(50)] for policy in (first, second, other)]
    assert draws[0] == draws[1] != draws[2]
    assert set(draws[0]) == set(range(8))


def test_what_cannot_be_is_said() -> None:
    with pytest.raises(AcadlError, match="power of two as the number of ways, not 6"):
        replacement("plru_tree", 4, 6)
    with pytest.raises(AcadlError, match="did you mean 'lru'"):
        replacement("lrru", 4, 4)
    with pytest.raises(AcadlError, match="holds nothing"):
        Tags(0, 4)
