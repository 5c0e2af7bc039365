"""Hits and victims of every policy against caches written from the textbook, on generated traces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acadl.errors import AcadlError
from platforms.caches.replacement import POLICIES, replacement
from platforms.caches.tags import EMPTY, Tags
from tests.caches.textbook import Textbook


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
