"""Configurations of caches as JSON: a list of objects, each a hierarchy and the runs it is measured with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from acadl.errors import AcadlError, nearest
from platforms.caches.backing import DelayParameters
from platforms.caches.blocking import CacheParameters
from platforms.caches.chain import ChainParameters
from platforms.caches.ports import Arbitration, Driver, Mode
from platforms.json_files import JsonFile

LARGEST_CACHE = 1 << 24  # lines
Count = Annotated[int, Field(ge=1, le=1 << 20)]
Cycles = Annotated[int, Field(ge=0, le=1 << 40)]


@dataclass(frozen=True, slots=True)
class CacheConfiguration:
    """A configuration of a file.

    Attributes:
        ports: Ports of the first level.
        address_words: Words of the first level that there are.
        drivers: How each trace is driven, by its name.
    """

    name: str
    chain: ChainParameters
    ports: int
    address_words: int
    drivers: Mapping[str, Driver]


class _Part(BaseModel):
    """Keys are those of the file; others are refused."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class _Cache(_Part):
    level: Count
    num_ways: Annotated[int, Field(ge=1, le=1 << 10)]
    num_sets: Count
    block_size: Annotated[int, Field(ge=1, le=1 << 12)]
    data_width: Count
    replacement_policy: Literal["LRU", "FIFO", "PLRU_TREE", "PLRU_MRU", "RANDOM"]
    write_policy: Literal["WRITE_BACK", "WRITE_THROUGH"]
    write_allocate: bool = True
    write_buffer_size: Annotated[int, Field(ge=0, le=1 << 16)] = 0
    seed: int = 0


class _Delay(_Part):
    read_delay: Cycles
    write_delay: Cycles
    burst_block_size: Annotated[int, Field(ge=0, le=1 << 40)] = 0
    burst_read_delay: Cycles = 0
    burst_write_delay: Cycles = 0


class _Run(_Part):
    """How a trace is driven; what else is said about it is not needed."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)
    trace: str
    mode: Mode


class _Configuration(_Part):
    id: str
    caches: Annotated[list[_Cache], Field(min_length=1, max_length=16)]
    main_memory_data_width: Count
    address_width: Annotated[int, Field(ge=1, le=62)]
    byte_size: Annotated[int, Field(ge=1, le=1 << 10)] = 8
    num_ports: Annotated[int, Field(ge=1, le=1 << 10)] = 1
    arbitration: Literal["PRIORITY", "ROUND_ROBIN"] | None = None
    delay: _Delay | None = None
    runs: list[_Run]


def read_configuration(source: str) -> CacheConfiguration:
    """The configuration that ``FILE.json:ID`` names.

    Raises:
        AcadlError: The file cannot be read, is no list of configurations, has none of that name, or its
            values cannot be used; all findings about the configuration, with their lines.
    """
    name, colon, wanted = source.rpartition(":")
    if not colon or not name or not wanted:
        raise AcadlError(
            f"'{source}' names no configuration; it is written FILE.json:ID, such as configs_dev.json:c00"
        )
    file = JsonFile(name)
    position, data = _chosen(file, wanted)
    try:
        parsed = _Configuration.model_validate(data)
    except ValidationError as error:
        _explain(file, position, error)
        file.check()
        raise  # unreachable: each error is explained
    _check(file, position, parsed)
    file.check()
    return _configuration(parsed)


def _chosen(file: JsonFile, wanted: str) -> tuple[int, Any]:
    """Position and content of the configuration of that name."""
    data = file.data("list of configurations")
    entries = data if isinstance(data, list) else [data]
    names = [str(entry.get("id")) if isinstance(entry, dict) else "" for entry in entries]
    if wanted not in names:
        known = ", ".join(name for name in names[:50] if name) or "none"
        raise AcadlError(
            f"{file.name} has no configuration '{wanted}'{nearest(wanted, names)} (there are: {known})"
        )
    if names.count(wanted) > 1:
        second = names.index(wanted, names.index(wanted) + 1)
        file.add(f"there are two configurations '{wanted}'", (second, "id"), "give one of them another id")
        file.check()
    position = names.index(wanted)
    return position if isinstance(data, list) else -1, entries[position]


def _at(position: int, *path: str | int) -> tuple[str | int, ...]:
    return (position, *path) if position >= 0 else path


def _explain(file: JsonFile, position: int, error: ValidationError) -> None:
    """What pydantic found, with names and places."""
    for item in error.errors():
        location = tuple(part for part in item["loc"] if isinstance(part, (str, int)))
        where = ".".join(map(str, location))
        hint = None
        if item["type"] == "extra_forbidden":
            known = _names_around(location)
            message = f"unknown key '{location[-1]}'{nearest(str(location[-1]), known)}"
            hint = f"keys here: {', '.join(known)}"
        elif item["type"] == "missing":
            message = f"'{where}' is missing"
        else:
            message = (
                f"{where} is {json.dumps(item['input'])[:60]}; {item['msg'][0].lower()}{item['msg'][1:]}"
            )
        file.add(message, _at(position, *location), hint)


def _names_around(location: tuple[str | int, ...]) -> list[str]:
    inside: dict[str, type[_Part]] = {"caches": _Cache, "delay": _Delay, "runs": _Run}
    part: type[_Part] = _Configuration
    if len(location) > 1:
        part = inside[str(location[0])]
    return list(part.model_fields)


def _check(file: JsonFile, position: int, parsed: _Configuration) -> None:
    """What does not fit together."""
    widths = [cache.data_width for cache in parsed.caches] + [parsed.main_memory_data_width]
    for number, cache in enumerate(parsed.caches):
        here = _at(position, "caches", number)
        for key in ("num_sets", "block_size"):
            value = getattr(cache, key)
            if value & (value - 1):
                file.add(f"{key} is {value}; expected a power of two", (*here, key))
        if cache.num_sets * cache.num_ways > LARGEST_CACHE:
            file.add(f"the cache has more than {LARGEST_CACHE} lines", (*here, "num_sets"))
        if cache.replacement_policy == "PLRU_TREE" and cache.num_ways & (cache.num_ways - 1):
            file.add(f"PLRU_TREE with {cache.num_ways} ways; expected a power of two", (*here, "num_ways"))
        if cache.level != number + 1:
            file.add(
                f"level {cache.level} comes as number {number + 1}",
                (*here, "level"),
                "list them from level 1 down",
            )
        below = "the main memory" if number + 1 == len(parsed.caches) else f"level {number + 2}"
        ratio, rest = divmod(widths[number + 1], cache.data_width)
        if rest or not ratio or ratio & (ratio - 1):
            file.add(
                f"words of {cache.data_width} bits lie on words of {widths[number + 1]} bits of {below}; "
                "expected as wide, or wider by a power of two",
                (*here, "data_width"),
            )
        if cache.data_width % parsed.byte_size:
            file.add(
                f"{cache.data_width} bits are no whole bytes of {parsed.byte_size}", (*here, "data_width")
            )
    if parsed.num_ports > 1 and parsed.arbitration is None:
        path = _at(position, "arbitration")
        file.add(f"{parsed.num_ports} ports need an arbitration", path, "PRIORITY or ROUND_ROBIN")
    for number, run in enumerate(parsed.runs):
        if parsed.num_ports > 1 and run.mode == "post":
            file.add("mode 'post' is for one port", _at(position, "runs", number, "mode"), "data or ready")
        if run.trace in [other.trace for other in parsed.runs[:number]]:
            file.add(f"there are two runs of trace '{run.trace}'", _at(position, "runs", number, "trace"))


def _configuration(parsed: _Configuration) -> CacheConfiguration:
    caches = tuple(
        CacheParameters(
            sets=cache.num_sets,
            ways=cache.num_ways,
            block_words=cache.block_size,
            word_bytes=cache.data_width // parsed.byte_size,
            policy=cache.replacement_policy.lower(),
            write_back=cache.write_policy == "WRITE_BACK",
            write_allocate=cache.write_allocate,
            write_buffer=cache.write_buffer_size,
            seed=cache.seed,
        )
        for cache in parsed.caches
    )
    delay = parsed.delay
    memory = DelayParameters()
    if delay is not None:
        memory = DelayParameters(
            delay.read_delay,
            delay.write_delay,
            delay.burst_block_size,
            delay.burst_read_delay,
            delay.burst_write_delay,
        )
    arbitration: Arbitration = "priority" if parsed.arbitration == "PRIORITY" else "round_robin"
    return CacheConfiguration(
        parsed.id,
        ChainParameters(caches, parsed.main_memory_data_width // parsed.byte_size, memory),
        parsed.num_ports,
        1 << parsed.address_width,
        {run.trace: Driver(run.mode, arbitration) for run in parsed.runs},
    )
