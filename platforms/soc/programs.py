"""From a schedule to programs of the cores: a phase for each tile and share of a layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from acadl.errors import AcadlError, nearest
from mappings.layers import Layer
from mappings.network import Network
from platforms.soc.addresses import Addresses
from platforms.soc.chips import Chip
from platforms.soc.distribution import Alone, Distribution, Estimator, Part
from platforms.soc.phases import Finished, Phase
from platforms.soc.schedule import Placement, Schedule, readers_of, sources_of
from platforms.soc.splitting import input_rows, needed_rows, rows, shares, split, tile


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a placement; ``field`` and ``item`` say with what of it, where that is known."""

    placement: int
    field: str
    message: str
    hint: str | None = None
    item: int | None = None


@dataclass(frozen=True, slots=True)
class _Piece:
    """A share of a tile of a layer. ``before``: bytes of the tile's output, and of its weights, of others."""

    tile: int
    core: int
    layer: Layer
    alone: Alone
    before: tuple[int, int]


class Deadlock(AcadlError):
    """A schedule in which cores wait for each other. ``layers``: those that do."""

    def __init__(self, message: str, layers: tuple[str, ...]) -> None:
        super().__init__(message)
        self.layers = layers


def problems(chip: Chip, network: Network, schedule: Schedule, estimator: Estimator) -> list[Problem]:
    """All that keeps a schedule from being carried out, in its order."""
    found: list[Problem] = []
    layers = {layer.name: layer for layer in network.layers}
    sources = sources_of(network)
    placed: set[str] = set()
    for number, placement in enumerate(schedule.placements):
        layer = layers.get(placement.layer)
        found += _wrong_cores(chip, number, placement)
        if layer is None:
            near = nearest(placement.layer, layers)
            found.append(Problem(number, "layer", f"'{network.name}' has no layer '{placement.layer}'{near}"))
            continue
        if placement.layer in placed:
            found.append(Problem(number, "layer", f"layer '{placement.layer}' has a place already"))
            continue
        placed.add(placement.layer)
        named = {each.layer for each in schedule.placements}
        missing = [name for name in sources[layer.name] if name in named and name not in placed]
        if missing:
            message = f"'{layer.name}' stands before '{missing[0]}', whose result it reads"
            found.append(Problem(number, "layer", message, "the order is that in which cores work"))
        if not any(each.placement == number for each in found):
            found += _wrong_cut(chip, number, placement, layer, estimator)
    return found


def _wrong_cores(chip: Chip, number: int, placement: Placement) -> list[Problem]:
    names = [core.name for core in chip.cores]
    return [
        Problem(number, "cores", f"'{chip.name}' has no core '{name}'{nearest(name, names)}", None, item)
        for item, name in enumerate(placement.cores)
        if name not in names
    ]


def _wrong_cut(
    chip: Chip, number: int, placement: Placement, layer: Layer, estimator: Estimator
) -> list[Problem]:
    """Whether the layer has such tiles and shares, and the cores can run them."""
    most = rows(layer)
    if placement.tiles > most:
        message = f"'{layer.name}' has {most} rows of output, too few for {placement.tiles} tiles"
        return [Problem(number, "tiles", message)]
    if placement.split == "tile" and 1 < len(placement.cores) > placement.tiles:
        message = f"{placement.tiles} tiles of '{layer.name}' are too few for {len(placement.cores)} cores"
        return [Problem(number, "tiles", message, "give it a tile for each core, or another 'split'")]
    pieces = cut(chip, layer, placement, estimator)
    return [Problem(number, "cores", pieces)] if isinstance(pieces, str) else []


def cut(chip: Chip, layer: Layer, placement: Placement, estimator: Estimator) -> tuple[_Piece, ...] | str:
    """The pieces of a layer; or why there are none."""
    numbers = {core.name: number for number, core in enumerate(chip.cores)}
    cores = [numbers[name] for name in placement.cores]
    found: list[_Piece] = []
    for index, (first, last) in enumerate(shares(rows(layer), placement.tiles)):
        part = layer if placement.tiles == 1 else tile(layer, first, last)
        by_tile = placement.split == "tile" and len(cores) > 1
        team = [cores[index % len(cores)]] if by_tile else cores
        parts = split(part, len(team), placement.split)
        if parts is None:
            return f"'{layer.name}' cannot be shared by {len(team)} cores by {placement.split}"
        output = weights = 0
        for core, share in zip(team, parts, strict=True):
            alone = estimator.alone(core, share)
            if isinstance(alone, str):
                return f"'{chip.cores[core].name}' cannot run '{layer.name}': {alone}"
            found.append(_Piece(index, core, share, alone, (output, weights)))
            output += share.output_elements
            weights += share.weight_elements if share.weight_elements < part.weight_elements else 0
    return tuple(found)


def build(
    chip: Chip,
    network: Network,
    schedule: Schedule,
    estimator: Estimator,
    addresses: Addresses | None = None,
    unmapped: Sequence[tuple[str, str]] = (),
) -> Distribution:
    """Programs of the cores.

    Args:
        unmapped: Layers that the schedule leaves out, and why; who reads their results reads what they read.

    Raises:
        AcadlError: The schedule cannot be carried out, or its cores would wait for each other forever.
    """
    wrong = problems(chip, network, schedule, estimator)
    if wrong:
        raise AcadlError(f"the schedule cannot be used: {'; '.join(problem.message for problem in wrong)}")
    program = _Program(chip, network, schedule, estimator, addresses or Addresses())
    return Distribution(
        tuple(tuple(phases) for phases in program.phases()), tuple(program.parts), tuple(unmapped)
    )


class _Program:
    def __init__(
        self, chip: Chip, network: Network, schedule: Schedule, estimator: Estimator, addresses: Addresses
    ) -> None:
        self._network, self._addresses = network, addresses
        self._layers = {layer.name: layer for layer in network.layers}
        self._placements = {placement.layer: placement for placement in schedule.placements}
        without = [name for name in self._layers if name not in self._placements]
        self._sources = {
            name: direct for name, direct in sources_of(network, without).items() if name in self._placements
        }
        self._readers = readers_of(self._sources)
        self._outputs: dict[str, tuple[int, int]] = {}
        self._pieces: dict[str, tuple[_Piece, ...]] = {}
        self._numbers: dict[str, list[Finished]] = {}
        self._cores = len(chip.cores)
        self._counts = [0] * self._cores
        self.parts: list[Part] = []
        for name, placement in self._placements.items():
            pieces = cut(chip, self._layers[name], placement, estimator)
            assert not isinstance(pieces, str)
            self._pieces[name] = pieces
            self._numbers[name] = [self._number(name, piece) for piece in pieces]

    def _number(self, name: str, piece: _Piece) -> Finished:
        which = piece.core, self._counts[piece.core]
        self._counts[piece.core] += 1
        self.parts.append(Part(name, self._layers[name].op, *which, piece.tile))
        return which

    def phases(self) -> list[list[Phase]]:
        """Of each core."""
        found: list[list[Phase]] = [[] for _ in range(self._cores)]
        for name in self._placements:
            layer = self._layers[name]
            size = max(1, layer.output_elements)
            self._outputs[name] = self._addresses.take(size), size
            source = self._source(name)
            for piece in self._pieces[name]:
                found[piece.core].append(self._phase(name, piece, source))
        self._check(found)
        return found

    def _source(self, name: str) -> tuple[int, int]:
        """Address and size of what a layer reads: what the first before it made, or a region of its own."""
        if self._sources[name]:
            return self._outputs[self._sources[name][0]]
        size = max(1, self._layers[name].input_elements)
        return self._addresses.take(size), size

    def _phase(self, name: str, piece: _Piece, source: tuple[int, int]) -> Phase:
        second, second_bytes = self._second(name, piece)
        low, high = self._input(name, piece.tile)
        height, (read_address, read_size) = input_rows(self._layers[name]), source
        first, _ = self._rows(name, piece.tile)
        output, size = self._outputs[name]
        return Phase(
            piece.alone.cycles,
            piece.alone.read_bytes - second_bytes,
            piece.alone.write_bytes,
            read_address + read_size * low // height,
            output + size * first // rows(self._layers[name]) + piece.before[0],
            self._after(name, piece),
            name,
            max(1, read_size * (high - low) // height),
            max(1, piece.layer.output_elements),
            second_bytes,
            second,
        )

    def _second(self, name: str, piece: _Piece) -> tuple[int, int]:
        """Address and size of what is read besides: weights, or what another layer made."""
        read_bytes = piece.alone.read_bytes
        weights = min(read_bytes, piece.layer.weight_elements)
        if weights:
            whole = self._layers[name].weight_elements
            return self._addresses.weights(self._network.name, name, whole) + piece.before[1], weights
        if len(self._sources[name]) > 1:
            address, size = self._outputs[self._sources[name][1]]
            return address, min(size, read_bytes // 2)
        return 0, 0

    def _rows(self, name: str, number: int) -> tuple[int, int]:
        return shares(rows(self._layers[name]), self._placements[name].tiles)[number]

    def _input(self, name: str, number: int) -> tuple[int, int]:
        """Rows of the input that a tile needs."""
        layer = self._layers[name]
        if self._placements[name].tiles == 1:
            return 0, input_rows(layer)
        return needed_rows(layer, *self._rows(name, number))

    def _needed(self, name: str, number: int, source: str) -> range:
        """Tiles of a source that a tile of a layer needs: all, where rows of both are not the same."""
        count = self._placements[source].tiles
        made = rows(self._layers[source])
        if count == 1 or self._placements[name].tiles == 1 or made != input_rows(self._layers[name]):
            return range(count)
        low, high = self._input(name, number)
        tiles = [
            t for t in range(count) if self._rows(source, t)[0] < high and self._rows(source, t)[1] > low
        ]
        return range(tiles[0], tiles[-1] + 1)

    def _after(self, name: str, piece: _Piece) -> tuple[Finished, ...]:
        """What other cores have to have done; the last of each one."""
        waits: list[Finished] = []
        for source in self._sources[name]:
            tiles = self._needed(name, piece.tile, source)
            waits += self._made(source, tiles)
        room = self._placements[name].buffer
        if room and piece.tile >= room:
            leaves = piece.tile - room
            for reader in self._readers[name]:
                uses = [
                    number
                    for number in range(self._placements[reader].tiles)
                    if leaves in self._needed(reader, number, name)
                ]
                waits += self._made(reader, uses)
        last: dict[int, int] = {}
        for core, phase in waits:
            if core != piece.core:
                last[core] = max(phase, last.get(core, -1))
        return tuple(sorted(last.items()))

    def _made(self, name: str, tiles: Sequence[int]) -> list[Finished]:
        pairs = zip(self._pieces[name], self._numbers[name], strict=True)
        return [which for piece, which in pairs if piece.tile in tiles]

    def _check(self, phases: list[list[Phase]]) -> None:
        """Raise :class:`Deadlock` where cores would wait for each other."""
        graph: Mapping[Finished, list[Finished]] = {
            (core, number): [*phase.after, *([(core, number - 1)] if number else [])]
            for core, program in enumerate(phases)
            for number, phase in enumerate(program)
        }
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            names = tuple(dict.fromkeys(phases[core][number].label for core, number in error.args[1]))
            small = [name for name in names if self._placements[name].buffer]
            bound = ", ".join(f"{self._placements[name].buffer} of '{name}'" for name in small)
            raise Deadlock(
                f"with this schedule layers wait for each other: {', '.join(names)}; "
                f"room for more tiles is needed (buffers: {bound})",
                names,
            ) from None
