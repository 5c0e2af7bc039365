"""Schedules as JSON files: one entry per layer, in the order in which the cores work."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from acadl.errors import AcadlError, nearest
from acadl.files import write_text
from mappings.network import Network
from platforms.json_files import JsonFile
from platforms.soc.chips import Chip
from platforms.soc.distribution import Estimator
from platforms.soc.programs import problems
from platforms.soc.schedule import MOST_TILES, SPLITS, Placement, Schedule

FORMAT = "acadl schedule 1"
_KEYS = ("format", "system", "network", "layers")
_ENTRY_KEYS = ("layer", "cores", "split", "tiles", "buffer")
_DEFAULTS: Mapping[str, object] = {"split": "channel", "tiles": 1, "buffer": 0}


def save_schedule(path: str | os.PathLike[str], schedule: Schedule) -> None:
    """Write a schedule; the file is there as a whole or not at all. Raises :class:`AcadlError`."""
    write_text(path, schedule_text(schedule))


def schedule_text(schedule: Schedule) -> str:
    """A line for each layer."""
    entries = []
    for placement in schedule.placements:
        entry = {key: value for key, value in asdict(placement).items() if value != _DEFAULTS.get(key)}
        if len(placement.cores) == 1:
            entry.pop("split", None)
        entries.append("  " + json.dumps(entry, ensure_ascii=False))
    head = {"format": FORMAT, "system": schedule.system, "network": schedule.network}
    lines = [f" {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}," for key, value in head.items()]
    return "\n".join(["{", *lines, ' "layers": [', ",\n".join(entries), " ]", "}"]) + "\n"


def load_schedule(
    path: str | os.PathLike[str], chip: Chip, network: Network, estimator: Estimator
) -> Schedule:
    """Read a schedule for a network on a system.

    Raises:
        AcadlError: It cannot be read or carried out; all findings, with their lines.
    """
    file = _File(os.fspath(path))
    data = file.schedule()
    file.check()
    for key, name in (("system", chip.name), ("network", network.name)):
        if data[key] != name:
            file.add(f"the schedule is for the {key} '{data[key]}', not for '{name}'", (key,))
    placements = {
        number: found
        for number, entry in enumerate(data["layers"])
        if (found := file.placement(number, entry)) is not None
    }
    schedule = Schedule(chip.name, network.name, tuple(placements.values()))
    numbers = list(placements)
    for problem in problems(chip, network, schedule, estimator):
        where = [problem.field] if problem.item is None else [problem.field, problem.item]
        file.add(problem.message, ("layers", numbers[problem.placement], *where), problem.hint)
    _check_complete(file, chip, network, data["layers"], estimator)
    file.check()
    return schedule


def _check_complete(
    file: _File, chip: Chip, network: Network, entries: list[Any], estimator: Estimator
) -> None:
    """Each layer that a core can run has a place."""
    named = {entry.get("layer") for entry in entries if isinstance(entry, dict)}
    for layer in network.layers:
        if layer.name in named:
            continue
        able = [
            core.name
            for number, core in enumerate(chip.cores)
            if not isinstance(estimator.alone(number, layer), str)
        ]
        if able:
            hint = f'such as {{"layer": {json.dumps(layer.name)}, "cores": [{json.dumps(able[0])}]}}'
            file.add(f"layer '{layer.name}' has no place", ("layers",), hint)


class _File(JsonFile):
    """A file with a schedule."""

    def schedule(self) -> dict[str, Any]:
        """The object in the file."""
        data = self.data("schedule")
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise AcadlError(
                f'{self.name} is no schedule: it is an object with "format": "{FORMAT}"; '
                "`acadl simulate --save-schedule FILE` writes one"
            )
        self._unknown(data, _KEYS, ())
        for key, kind, text in (
            ("system", str, "a name"),
            ("network", str, "a name"),
            ("layers", list, "a list"),
        ):
            if not isinstance(data.get(key), kind):
                self.add(f"'{key}' is {text}", (key,))
        return data

    def placement(self, number: int, entry: object) -> Placement | None:
        """An entry of the list; ``None``, and findings, where it is none."""
        before, path = len(self.found), ("layers", number)
        if not isinstance(entry, dict):
            self.add('an entry is an object with "layer" and "cores"', path)
            return None
        self._unknown(entry, _ENTRY_KEYS, path)
        name, cores = entry.get("layer"), entry.get("cores")
        if not isinstance(name, str):
            self.add("'layer' is the name of a layer", (*path, "layer"))
        if not isinstance(cores, list) or not cores or not all(isinstance(core, str) for core in cores):
            self.add("'cores' is a list of names of cores", (*path, "cores"))
        elif len(set(cores)) < len(cores):
            self.add("a core is named twice", (*path, "cores"))
        how = entry.get("split", "channel")
        if how not in SPLITS:
            near = nearest(str(how), SPLITS)
            self.add(f"'split' is {json.dumps(how)}{near}", (*path, "split"), f"one of {', '.join(SPLITS)}")
        for key, least, most in (("tiles", 1, MOST_TILES), ("buffer", 0, MOST_TILES)):
            value = entry.get(key, least)
            if type(value) is not int or not least <= value <= most:
                self.add(f"'{key}' is a whole number from {least} to {most}", (*path, key))
        if len(self.found) > before:
            return None
        return Placement(str(name), tuple(cores or ()), how, entry.get("tiles", 1), entry.get("buffer", 0))

    def _unknown(
        self, entry: Mapping[str, object], known: tuple[str, ...], path: tuple[str | int, ...]
    ) -> None:
        for key in entry:
            if key not in known:
                self.add(
                    f"'{key}' is not known{nearest(key, known)}", (*path, key), f"known: {', '.join(known)}"
                )
