"""Caches written from the textbook; nothing in common with the model."""

from __future__ import annotations

from collections import OrderedDict
from random import Random


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

    def holds(self, line: int) -> bool:
        """Whether the line is there."""
        return line in self.sets[line % len(self.sets)]

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
