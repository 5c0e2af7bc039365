"""How a network is given to the cores of a system: by a file, by hand, or by one of the schedulers."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from acadl.errors import AcadlError, nearest
from mappings.network import Network
from platforms.soc.addresses import Addresses
from platforms.soc.chips import Chip
from platforms.soc.distribution import Distribution, Estimator
from platforms.soc.list_scheduling import Options, list_schedule
from platforms.soc.programs import build
from platforms.soc.schedule import Schedule

Scheduler = Literal["list", "search", "pipeline"]
SCHEDULERS: tuple[str, ...] = get_args(Scheduler)


@dataclass(frozen=True, slots=True)
class Planning:
    """How a schedule is made.

    Attributes:
        scheduler: ``list``: by critical path (:mod:`.list_scheduling`); ``search``: better than that, at
            random (:mod:`.schedule_search`); ``pipeline``: stages (:mod:`.pipelining`).
        seed, budget: Of the search: the same seed makes the same schedule; how many are tried.
        tiles, buffer: Of the pipeline: pieces of each layer, and for how many of them there is room between
            cores.
    """

    scheduler: Scheduler = "list"
    seed: int = 0
    budget: int = 500
    tiles: int = 4
    buffer: int = 2

    def __post_init__(self) -> None:
        """Refuse what cannot be. Raises :class:`AcadlError`."""
        if self.scheduler not in SCHEDULERS:
            near = nearest(self.scheduler, SCHEDULERS)
            raise AcadlError(f"scheduler is '{self.scheduler}'{near} (there are {', '.join(SCHEDULERS)})")
        if self.budget < 1 or self.tiles < 1 or self.buffer < 0:
            raise AcadlError("a budget and tiles are 1 or more, a buffer 0 or more")


def make_schedule(
    chip: Chip,
    network: Network,
    estimator: Estimator,
    given: Schedule | str | os.PathLike[str] | None,
    planning: Planning,
    bytes_per_cycle: float,
    progress: Callable[[int, int, str], None] | None = None,
) -> Schedule:
    """The schedule that is given, that a file says, or that a scheduler makes.

    Args:
        bytes_per_cycle: Peak bandwidth of the memory.
        progress: Called by the search: which schedule, how many, the best so far.

    Raises:
        AcadlError: A file cannot be used.
    """
    if isinstance(given, Schedule):
        return given
    if given is not None:
        from platforms.soc.schedule_file import load_schedule

        return load_schedule(given, chip, network, estimator)
    options = Options(chip, network, estimator)
    if planning.scheduler == "search":
        from platforms.soc.schedule_search import search

        return search(
            chip,
            network,
            options,
            estimator,
            bytes_per_cycle=bytes_per_cycle,
            budget=planning.budget,
            seed=planning.seed,
            progress=progress,
        ).schedule
    if planning.scheduler == "pipeline":
        from platforms.soc.pipelining import pipeline_schedule

        return pipeline_schedule(
            chip, network, options, estimator, tiles=planning.tiles, buffer=planning.buffer
        )
    return list_schedule(chip, network, options)


def plan_of(
    chip: Chip,
    network: Network,
    schedule: Schedule,
    estimator: Estimator,
    addresses: Addresses | None = None,
) -> Distribution:
    """Programs of the cores; layers that no core can run are left out, with the reason.

    Raises:
        AcadlError: The schedule cannot be carried out, or leaves out layers that could run.
    """
    placed = {placement.layer for placement in schedule.placements}
    rest = [layer for layer in network.layers if layer.name not in placed]
    unmapped = []
    for layer in rest:
        reasons = [estimator.alone(number, layer) for number in range(len(chip.cores))]
        if not all(isinstance(reason, str) for reason in reasons):
            raise AcadlError(f"the schedule has no place for layer '{layer.name}'")
        # of a core that is not spare, where there is one
        first = min(range(len(reasons)), key=lambda number: (chip.cores[number].spare, number))
        unmapped.append((layer.name, str(reasons[first])))
    return build(chip, network, schedule, estimator, addresses, unmapped)
