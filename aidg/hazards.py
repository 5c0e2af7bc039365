"""Which operands can ever conflict, and how the kernel keeps track of those that can.

Operands of a program are grouped: two operands are in one group if their ranges over the whole program can
overlap and one of them writes. An operand that conflicts with nothing is not tracked at all (inputs and
weights that are only read, outputs that every iteration writes elsewhere). A group is tracked as

- ``cells``: all operands start at multiples of a distance that none of them exceeds, so that two of them
  conflict exactly where they are in the same cell (registers, rotating buffers), and they move together;
- ``ranges``: anything else, by comparing address ranges.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import gcd
from typing import NamedTuple

from mappings.program import Affine


class Access(NamedTuple):
    """A static operand: where it is, how large, whether written.

    ``space`` names a storage, or ``"registers"``; registers are numbered and one unit large.
    """

    space: str
    address: Affine
    bytes: int
    rows: int
    pitch: int
    write: bool
    scope: Mapping[str, int]  # counts of the enclosing loops
    low: int  # the range that holds every access of the program
    high: int

    @property
    def extent(self) -> int:
        """Bytes from the first to the last byte of one access."""
        return (self.rows - 1) * self.pitch + self.bytes


@dataclass(slots=True)
class Group:
    """Operands that can conflict with each other.

    Attributes:
        members: Indices into the list of accesses.
        cell: Distance of cells, or 0 where ranges are compared.
        origin: Address of cell 0.
        cells: Number of cells (only with ``cell``).
    """

    members: list[int]
    cell: int = 0
    origin: int = 0
    cells: int = 0


def group_accesses(accesses: list[Access]) -> list[Group]:
    """Groups of conflicting operands; operands that never conflict are in none."""
    by_space: dict[str, list[int]] = {}
    for number, access in enumerate(accesses):
        by_space.setdefault(access.space, []).append(number)
    groups: list[Group] = []
    for numbers in by_space.values():
        groups += (_describe(members, accesses) for members in _connected(numbers, accesses))
    return groups


def _connected(numbers: list[int], accesses: list[Access]) -> list[list[int]]:
    """Connected components of "can conflict", by a sweep over the hulls."""
    alike = _alike(numbers, accesses)
    hulls = {first: (accesses[first].low, accesses[first].high) for first in alike}
    parent = {first: first for first in alike}

    def find(number: int) -> int:
        while parent[number] != number:
            parent[number] = parent[parent[number]]
            number = parent[number]
        return number

    conflicting: set[int] = set()
    active: list[int] = []
    for number in sorted(alike, key=lambda first: (hulls[first], first)):
        low, _ = hulls[number]
        active = [other for other in active if hulls[other][1] > low]
        writes = accesses[number].write
        for other in active:
            if writes or accesses[other].write:
                parent[find(number)] = find(other)
                conflicting |= {number, other}
        active.append(number)
        if writes and (len(alike[number]) > 1 or not _disjoint_from_itself(accesses[number])):
            conflicting.add(number)
    components: dict[int, list[int]] = {}
    for number in sorted(conflicting):
        components.setdefault(find(number), []).extend(alike[number])
    return [sorted(members) for members in components.values()]


def _alike(numbers: list[int], accesses: list[Access]) -> dict[int, list[int]]:
    """Operands that are equal in everything, by the first of them."""
    first: dict[tuple[object, ...], int] = {}
    alike: dict[int, list[int]] = {}
    for number in numbers:
        access = accesses[number]
        key = (
            access.address,
            access.bytes,
            access.rows,
            access.pitch,
            access.write,
            tuple(access.scope.items()),
        )
        alike.setdefault(first.setdefault(key, number), []).append(number)
    return alike


def _disjoint_from_itself(access: Access) -> bool:
    """Whether no two iterations touch the same byte (sufficient test: nested strides)."""
    if access.address.rotations:
        return False
    strides = [(abs(c), access.scope[name]) for name, c in access.address.terms]
    used = {name for name, _ in access.address.terms}
    if any(count > 1 for name, count in access.scope.items() if name not in used):
        return False
    if access.rows > 1:
        strides.append((access.pitch, access.rows))
    reach = access.bytes
    for stride, count in sorted(strides):
        if count > 1 and stride < reach:
            return False
        reach += stride * (count - 1)
    return True


def _describe(members: list[int], accesses: list[Access]) -> Group:
    origin = accesses[members[0]].address.const
    distance = 0
    for number in members:
        address = accesses[number].address
        distance = gcd(distance, address.const - origin, *(c for _, c in address.terms))
        distance = gcd(distance, *(r.scale for r in address.rotations))
    largest = max(accesses[number].extent for number in members)
    low = min(accesses[number].low for number in members)
    high = max(accesses[number].high for number in members)
    if distance == 0:  # one place for all
        return Group(members, cell=largest, origin=low, cells=1)
    if distance >= largest and _move_together(members, accesses):
        return Group(members, cell=distance, origin=low, cells=(high - low - 1) // distance + 1)
    return Group(members)


def _move_together(members: list[int], accesses: list[Access]) -> bool:
    """Whether in every loop all operands inside it move by the same distance per iteration."""
    steps: dict[str, int] = {}
    for number in members:
        terms = dict(accesses[number].address.terms)
        for name in accesses[number].scope:
            step = terms.get(name, 0)
            if steps.setdefault(name, step) != step:
                return False
    return True
