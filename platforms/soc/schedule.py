"""Schedules: which cores work on which layer, in which order, and how its work is cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from acadl.errors import AcadlError
from mappings.network import Network

Split = Literal["channel", "batch", "tile"]
SPLITS: tuple[str, ...] = get_args(Split)
MOST_TILES = 4096


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a layer runs.

    Attributes:
        cores: Names of the cores that share it; mostly one.
        split: How several cores share it: by ``channel`` of the output (or column of a product), by input of
            the ``batch``, or by ``tile``, in turn.
        tiles: Pieces, along the rows of its output, that are computed one after the other. Who reads them
            can begin before the last one is there.
        buffer: Tiles of its output for which there is room: it waits with another one until all its readers
            are done with one. 0: room for all.
    """

    layer: str
    cores: tuple[str, ...]
    split: Split = "channel"
    tiles: int = 1
    buffer: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be. Raises :class:`AcadlError`."""
        if not self.cores or len(set(self.cores)) < len(self.cores):
            raise AcadlError(f"layer '{self.layer}' needs one core or more, each once")
        if self.split not in SPLITS:
            raise AcadlError(f"layer '{self.layer}': split is '{self.split}'; expected {', '.join(SPLITS)}")
        if not 1 <= self.tiles <= MOST_TILES or self.buffer < 0:
            raise AcadlError(f"layer '{self.layer}': tiles are 1 to {MOST_TILES}, a buffer has 0 or more")


@dataclass(frozen=True, slots=True)
class Schedule:
    """A network on a system. Each core works through its layers in the order of ``placements``."""

    system: str
    network: str
    placements: tuple[Placement, ...]


def sources_of(network: Network, without: Sequence[str] = ()) -> dict[str, tuple[str, ...]]:
    """Of each layer: those whose results it reads; of layers ``without``, theirs.

    Where no layer of a network names its inputs, each reads the result of the one before it.
    """
    names = {layer.name for layer in network.layers}
    is_chain = not any(layer.inputs for layer in network.layers)
    found: dict[str, tuple[str, ...]] = {}
    before: tuple[str, ...] = ()
    for layer in network.layers:
        direct = before if is_chain else tuple(name for name in layer.inputs if name in names)
        passed = [far for name in direct for far in (found[name] if name in without else (name,))]
        found[layer.name] = tuple(dict.fromkeys(passed))
        before = (layer.name,)
    return found


def readers_of(sources: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Of each layer: those that read its result."""
    found: dict[str, list[str]] = {name: [] for name in sources}
    for name, direct in sources.items():
        for source in direct:
            found[source].append(name)
    return {name: tuple(readers) for name, readers in found.items()}
