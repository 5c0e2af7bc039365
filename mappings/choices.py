"""What a mapping leaves open: a search space of tilings, loop orders and dataflows, and one choice out of it.

A mapping module that can map a layer in more than one way exports, beside its mapper,

    def choices(layer, arch) -> Space            # what there is to choose; Space() where there is nothing
    @mapper("NAME")
    def map_layer(layer, arch, choice=None)      # ``choice``: a value for each axis; ``None``: the mapping's
    own

Nothing else is needed for a search (``acadl search``). A combination that cannot be mapped raises
:class:`mappings.MappingError`; whether one is any good is for the search to find out.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from math import prod
from types import MappingProxyType
from typing import Any, TypeAlias

from acadl.model import Architecture
from mappings.layers import Layer
from mappings.program import LoopProgram
from mappings.registry import MappingError, check_layer, find_mapper

Value: TypeAlias = int | str
Choice: TypeAlias = Mapping[str, Value]


@dataclass(frozen=True)
class Space:
    """Axes with their values, and the choice that the mapping makes by itself.

    >>> space = Space({"tile": (1, 2, 4), "order": ("rows", "columns")}, {"tile": 4, "order": "rows"})
    >>> space.size
    6

    Attributes:
        axes: Name to the values that there are, in an order in which neighbours are alike.
        default: A value for each axis.
    """

    axes: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)
    default: Choice = field(default_factory=dict)

    def __post_init__(self) -> None:
        axes = {name: tuple(values) for name, values in self.axes.items()}
        object.__setattr__(self, "axes", MappingProxyType(axes))
        object.__setattr__(self, "default", MappingProxyType(dict(self.default)))
        self.check(self.default)

    @property
    def size(self) -> int:
        """Choices, those included that cannot be mapped; 1 where there is nothing to choose."""
        return prod(len(values) for values in self.axes.values())

    def points(self) -> Iterator[dict[str, Value]]:
        """All choices, the last axis fastest."""
        for values in product(*self.axes.values()):
            yield dict(zip(self.axes, values, strict=True))

    def check(self, choice: Choice) -> None:
        """Raise :class:`MappingError` unless the choice has a value of each axis and nothing else."""
        if choice.keys() != self.axes.keys():
            wanted = ", ".join(self.axes) or "nothing"
            raise MappingError(f"a choice has values for {wanted}; got {', '.join(choice) or 'none'}")
        for name, value in choice.items():
            if value not in self.axes[name]:
                known = ", ".join(map(str, self.axes[name][:20]))
                raise MappingError(f"'{name}' is {value!r}; there are: {known}")


def search_space(layer: Layer, arch: Architecture) -> Space:
    """What the mapping of ``arch`` leaves open for a layer; an empty space where it declares none.

    Raises:
        MappingError: There is no mapping, or it cannot run the layer.
    """
    mapper = find_mapper(arch.name)
    module = sys.modules.get(getattr(mapper, "__module__", ""))
    declared: Callable[[Layer, Architecture], Space] | None = getattr(module, "choices", None)
    check_layer(layer)
    return Space() if declared is None or not _takes_choice(mapper) else declared(layer, arch)


def map_choice(layer: Layer, arch: Architecture, choice: Choice) -> LoopProgram:
    """The layer as a loop program, mapped as chosen.

    Raises:
        MappingError: As for :func:`mappings.map_layer`, or the choice is none, or cannot be mapped.
    """
    search_space(layer, arch).check(choice)
    mapper: Callable[..., LoopProgram] = find_mapper(arch.name)
    return mapper(layer, arch, choice) if choice else mapper(layer, arch)


def _takes_choice(mapper: Callable[..., Any]) -> bool:
    """Whether the mapper has a third parameter."""
    import inspect  # slow, and not needed for an estimate

    try:
        return len(inspect.signature(mapper).parameters) >= 3
    except (TypeError, ValueError):  # not written in Python
        return False
