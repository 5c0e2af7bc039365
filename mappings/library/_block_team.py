"""Workers that run the same program on different shares of a problem, in step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product

from mappings.library._axes import Offset, along
from mappings.library._blocks import Problem

# Dimensions that can be shared out.
SHARED = ("groups", "images", "rows", "pixels", "columns")


@dataclass(frozen=True, slots=True)
class Worker:
    """Who computes.

    Attributes:
        number: Of its unit.
        inputs, weights: The memories that it reads.
        offset: Its share's.
    """

    number: int
    inputs: int
    weights: int
    offset: Offset


@dataclass(frozen=True)
class Team:
    """Workers and, for each memory that holds their inputs or weights, where its share begins."""

    workers: tuple[Worker, ...]

    @property
    def inputs(self) -> dict[int, int]:
        """Offsets in the input by memory."""
        return {worker.inputs: worker.offset.a for worker in self.workers}

    @property
    def weights(self) -> dict[int, int]:
        """Offsets in the weights by memory."""
        return {worker.weights: worker.offset.b for worker in self.workers}


@dataclass(frozen=True)
class Share:
    """What each member of a team does, and where: coordinates of members to their offsets.

    Attributes:
        shared: The dimensions that coordinates run along, by name.
    """

    problem: Problem
    shared: tuple[str, ...]
    members: tuple[tuple[tuple[int, ...], Offset], ...]


def shares(whole: Problem, ways: Sequence[tuple[str, int]]) -> tuple[Share, ...]:
    """``whole`` shared out along each of the dimensions, by name, in so many ways.

    Everybody does equally much, in step; what is left over, one element for some of them, follows as a
    share of its own. No dimension may be named twice.

    >>> from mappings.layers import Layer
    >>> from mappings.library._blocks import problem
    >>> seven = problem(Layer(name="l", op="gemm", gemm_M=7, gemm_N=1, gemm_K=1))
    >>> [(s.problem.pixels.count, len(s.members)) for s in shares(seven, [("pixels", 4)])]
    [(1, 4), (1, 3)]
    """
    found = []
    for parts in product(*(_parts(getattr(whole, name).count, count) for name, count in ways)):
        sizes = {name: part.size for (name, _), part in zip(ways, parts, strict=True)}
        share = replace(whole, **{name: replace(getattr(whole, name), count=n) for name, n in sizes.items()})
        members = []
        for coordinates in product(*(range(part.members) for part in parts)):
            offset = Offset()
            for (name, _), part, number in zip(ways, parts, coordinates, strict=True):
                offset += along(getattr(whole, name), part.first + number * part.size)
            members.append((coordinates, offset))
        found.append(Share(share, tuple(name for name, _ in ways), tuple(members)))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Part:
    first: int
    size: int
    members: int


def _parts(size: int, ways: int) -> Iterable[_Part]:
    each, left = divmod(size, ways)
    if each:
        yield _Part(0, each, ways)
    if left:
        yield _Part(each * ways, 1, left)
