"""Several networks at once: which inputs come when, and by when they have to be done."""

from __future__ import annotations

import json
import math
import os
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from acadl.errors import AcadlError, nearest
from platforms.json_files import JsonFile

FORMAT = "acadl load 1"
MOST_INPUTS = 100_000
POLICIES = ("arrival", "deadline", "order")
_KEYS = ("format", "policy", "streams")
_STREAM_KEYS = ("network", "inputs", "period_ms", "rate_per_s", "seed", "deadline_ms")


@dataclass(frozen=True, slots=True)
class Stream:
    """Inputs of a network.

    Attributes:
        network: Name in the zoo, .onnx file or layer table.
        inputs: How many come.
        period_ms: Time between two of them; or else
        rate_per_s: mean number of them in a second, independent of each other (a Poisson process),
        seed: and what these are drawn with.
        deadline_ms: Time from an input's arrival by which it has to be done; ``None``: any.
    """

    network: str
    inputs: int
    period_ms: float | None = None
    rate_per_s: float | None = None
    seed: int = 0
    deadline_ms: float | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be. Raises :class:`AcadlError`."""
        if not 1 <= self.inputs <= MOST_INPUTS:
            raise AcadlError(f"'{self.network}': inputs are 1 to {MOST_INPUTS}, not {self.inputs}")
        if (self.period_ms is None) == (self.rate_per_s is None):
            raise AcadlError(f"'{self.network}' needs either a period_ms or a rate_per_s")
        for name in ("period_ms", "rate_per_s", "deadline_ms"):
            value = getattr(self, name)
            if value is not None and not (0 < value < math.inf or (name == "period_ms" and value == 0)):
                raise AcadlError(f"'{self.network}': {name} is {value:g}; expected more than 0")

    def arrivals(self, clock_hz: int) -> tuple[int, ...]:
        """The cycles in which the inputs come."""
        if self.period_ms is not None:
            return tuple(round(n * self.period_ms * 1e-3 * clock_hz) for n in range(self.inputs))
        assert self.rate_per_s is not None
        chance, time, found = random.Random(self.seed), 0.0, []
        for _ in range(self.inputs):
            time += chance.expovariate(self.rate_per_s)
            found.append(round(time * clock_hz))
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Load:
    """Streams that come at once.

    Attributes:
        policy: Which of several inputs that are ready a core takes: the one that came first (``arrival``),
            that has to be done first (``deadline``; those without one last), or that of the stream that
            stands first (``order``). What a core has begun it ends.
    """

    streams: tuple[Stream, ...]
    policy: str = "arrival"

    def __post_init__(self) -> None:
        """Refuse what cannot be. Raises :class:`AcadlError`."""
        if not self.streams:
            raise AcadlError("a load has one stream or more")
        if self.policy not in POLICIES:
            near = nearest(self.policy, POLICIES)
            raise AcadlError(f"policy is '{self.policy}'{near} (there are {', '.join(POLICIES)})")


def load_load(path: str | os.PathLike[str]) -> Load:
    """Read a load from a JSON file.

    Raises:
        AcadlError: It cannot be read, or is none; all findings, with their lines.
    """
    file = JsonFile(os.fspath(path))
    data = file.data("load")
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise AcadlError(
            f'{file.name} is no load: it is an object with "format": "{FORMAT}" and "streams": '
            '[{"network": "resnet18", "inputs": 20, "period_ms": 5, "deadline_ms": 10}]'
        )
    _unknown(file, data, _KEYS, ())
    entries = data.get("streams")
    if not isinstance(entries, list) or not entries:
        file.add("'streams' is a list of one stream or more", ("streams",))
        entries = []
    policy = data.get("policy", "arrival")
    if policy not in POLICIES:
        known = ", ".join(POLICIES)
        file.add(f"'policy' is {json.dumps(policy)}{nearest(str(policy), POLICIES)}", ("policy",), known)
    streams = [_stream(file, number, entry) for number, entry in enumerate(entries)]
    file.check()
    return Load(tuple(stream for stream in streams if stream is not None), policy)


def _stream(file: JsonFile, number: int, entry: object) -> Stream | None:
    """An entry of the list; ``None``, and findings, where it is none."""
    before, path = len(file.found), ("streams", number)
    if not isinstance(entry, dict):
        file.add('a stream is an object with "network", "inputs" and "period_ms" or "rate_per_s"', path)
        return None
    _unknown(file, entry, _STREAM_KEYS, path)
    if not isinstance(entry.get("network"), str):
        file.add("'network' is a name", (*path, "network"))
    for key in ("inputs", "seed"):
        if type(entry.get(key, 1)) is not int:
            file.add(f"'{key}' is a whole number", (*path, key))
    for key in ("period_ms", "rate_per_s", "deadline_ms"):
        if type(entry.get(key, 1)) not in (int, float):
            file.add(f"'{key}' is a number", (*path, key))
    if len(file.found) > before:
        return None
    try:
        return Stream(**{"inputs": 1, **entry})
    except AcadlError as error:
        file.add(str(error), path)
        return None


def _unknown(file: JsonFile, entry: Mapping[str, Any], known: tuple[str, ...], path: tuple[Any, ...]) -> None:
    for key in entry:
        if key not in known:
            file.add(f"'{key}' is not known{nearest(key, known)}", (*path, key), f"known: {', '.join(known)}")
