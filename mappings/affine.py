"""Affine expressions of loop indices: where operands are, and how large immediates are.

>>> i = index("i")
>>> address = 0x100 + 4 * i + 64 * (i % 2)
>>> address.at({"i": 3})
332
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from acadl.errors import ProgramError


@dataclass(frozen=True, slots=True)
class Rotation:
    """``scale * (index mod modulus)``: the position in a rotating buffer."""

    scale: int
    index: Affine
    modulus: int


@dataclass(frozen=True, slots=True)
class Affine:
    """``const + Σ coefficient · index + Σ rotation`` over loop indices, by name.

    Built with ``+``, ``-``, ``*`` by integers and ``%`` by a positive integer.
    """

    const: int = 0
    terms: tuple[tuple[str, int], ...] = ()
    rotations: tuple[Rotation, ...] = ()

    def __add__(self, other: Affine | int) -> Affine:
        if isinstance(other, int):  # the usual case
            return Affine(self.const + other, self.terms, self.rotations)
        if not other.terms or not self.terms:
            terms_of_one = self.terms or other.terms
            return Affine(self.const + other.const, terms_of_one, self.rotations + other.rotations)
        terms = dict(self.terms)
        for name, coefficient in other.terms:
            terms[name] = terms.get(name, 0) + coefficient
        kept = tuple(sorted((name, c) for name, c in terms.items() if c))
        return Affine(self.const + other.const, kept, self.rotations + other.rotations)

    __radd__ = __add__

    def __mul__(self, factor: int) -> Affine:
        if factor in (0, 1):
            return self if factor else Affine()
        return Affine(
            self.const * factor,
            tuple([(name, c * factor) for name, c in self.terms]),
            tuple([Rotation(r.scale * factor, r.index, r.modulus) for r in self.rotations]),
        )

    __rmul__ = __mul__

    def __neg__(self) -> Affine:
        return self * -1

    def __sub__(self, other: Affine | int) -> Affine:
        return self + -as_affine(other)

    def __rsub__(self, other: int) -> Affine:
        return -self + other

    def __mod__(self, modulus: int) -> Affine:
        if self.rotations:
            raise ProgramError("a rotation cannot be rotated again")
        if modulus < 1:
            raise ProgramError(f"modulus {modulus} is not positive")
        if not self.terms:
            return Affine(self.const % modulus)
        return Affine() if modulus == 1 else Affine(rotations=(Rotation(1, self, modulus),))

    def at(self, indices: Mapping[str, int]) -> int:
        """Value for given loop indices."""
        value = self.const
        for name, coefficient in self.terms:
            value += coefficient * indices[name]
        for rotation in self.rotations:
            value += rotation.scale * (rotation.index.at(indices) % rotation.modulus)
        return value

    def index_names(self) -> frozenset[str]:
        """Loop indices that the value depends on."""
        names = {name for name, _ in self.terms}
        for rotation in self.rotations:
            names |= rotation.index.index_names()
        return frozenset(names)

    def bounds(self, counts: Mapping[str, int]) -> tuple[int, int]:
        """Lowest and highest value over all iterations (a hull: rotations taken as independent)."""
        low = high = self.const
        for name, coefficient in self.terms:
            reach = coefficient * (counts[name] - 1)
            low, high = low + min(0, reach), high + max(0, reach)
        for rotation in self.rotations:
            reach = rotation.scale * (rotation.modulus - 1)
            low, high = low + min(0, reach), high + max(0, reach)
        return low, high


def index(name: str) -> Affine:
    """The index of the loop called ``name``."""
    return Affine(terms=((name, 1),))


def as_affine(value: Affine | int) -> Affine:
    """``value`` as an :class:`Affine`."""
    return value if isinstance(value, Affine) else Affine(value)
