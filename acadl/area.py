"""Area of an architecture: the sum of what its objects say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from acadl.model import Architecture

NM2_PER_MM2 = 10**12


@dataclass(frozen=True, slots=True)
class Area:
    """Areas of the objects that say theirs.

    Attributes:
        by_object: In nm², the largest first.
        missing: Objects that do not say theirs.
    """

    by_object: Mapping[str, int]
    missing: tuple[str, ...]

    @property
    def total_mm2(self) -> float:
        """Square millimetres of all that is known."""
        return sum(self.by_object.values()) / NM2_PER_MM2

    def to_dict(self) -> dict[str, object]:
        """Keys ``total_mm2, by_object`` (in mm²) and ``missing``."""
        known = {name: value / NM2_PER_MM2 for name, value in self.by_object.items()}
        return {"total_mm2": self.total_mm2, "by_object": known, "missing": list(self.missing)}


def area(arch: Architecture) -> Area | None:
    """The areas that the description gives; ``None`` where it gives none."""
    known = {name: item.area for name, item in arch.objects.items() if item.area is not None}
    if not known:
        return None
    ordered = dict(sorted(known.items(), key=lambda entry: (-entry[1], entry[0])))
    return Area(ordered, tuple(name for name in arch.objects if name not in known))
