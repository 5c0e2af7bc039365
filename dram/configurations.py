"""Configurations: a device, an address mapping and a controller, from names, files or values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dram.address import AddressMapping, of_bits, ordered
from dram.catalog import device, device_names
from dram.device import Device
from dram.errors import DramError, did_you_mean


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class DeviceSettings(_Settings):
    """Which device; the fields are the arguments of :func:`dram.catalog.device`."""

    name: str
    organisation: str | None = None
    ranks: int | None = Field(default=None, ge=1, le=16)
    timing: dict[str, int | str] = {}
    rules: dict[str, str] = {}
    sizes: dict[str, int] = {}
    ticks: dict[str, int] = {}


class MappingSettings(_Settings):
    """How addresses are mapped; see :func:`dram.address.ordered` and :func:`dram.address.of_bits`."""

    order: list[str] = ["co", "ra", "bg", "ba", "ro"]
    hashed: dict[str, list[list[int]]] = {}
    bits: dict[str, list[int | list[int]]] | None = None
    channels: int = Field(default=1, ge=1, le=64)


class Stage(_Settings):
    """A stage of requests before the queues that the scheduler looks at; one moves per cycle.

    Attributes:
        queues: What has a queue of its own.
        size: Requests that such a queue holds.
        drain_threshold: With nothing in the queues, writes move on once more than so many wait.
    """

    queues: Literal["bank", "rank"] = "bank"
    size: int = Field(default=8, ge=1, le=1024)
    drain_threshold: int = Field(default=8, ge=0, le=4096)


class Drain(_Settings):
    """Reads go first until more than ``high`` writes wait, then writes until fewer than ``low`` do.

    Writes also go while no read waits.
    """

    high: int = Field(ge=0, le=4096)
    low: int = Field(ge=1, le=4096)


class ControllerSettings(_Settings):
    """How the controller works.

    Attributes:
        queues: Room for requests: ``split`` for reads and writes, ``shared``, or ``bankwise``: so many per
            bank, where the port decides by the bank of the request before.
        read_queue, write_queue: Their sizes; ``shared`` and ``bankwise`` know only the first.
        stage: A stage before the queues.
        drain: When writes are served; with ``null``, whenever they can be. A stage decides that itself.
        scheduler: Which requests of a bank may go: ``fifo`` the oldest; ``strict_fifo`` likewise, and all
            accesses of the channel in order; ``fr_fcfs`` row hits, else the oldest; ``fr_fcfs_capped`` row
            hits, but the oldest may close the row after ``row_hit_cap`` of them; ``fr_fcfs_grouped`` row
            hits, first those in the direction of the last access; ``first_ready`` any whose next command can
            be issued.
        row_hit_cap: See there.
        arbiter: Which bank goes first: the one with the ``oldest`` request that is ready, or queues in turn.
        reserve: A request whose row has been opened keeps the row until it is served, before all others.
        page: When a row is closed: ``open`` when another one is needed; ``closed`` with the access;
            ``open_adaptive`` with the access if only requests to other rows wait; ``closed_adaptive`` with
            the access unless requests to this row wait; ``capped`` after ``page_cap`` accesses.
        page_cap: See there.
        read_forwarding: A read that finds its data in a waiting write is answered at once.
        write_coalescing: A write to the place of a waiting one takes its place.
        read_merging: A read to the place of a waiting one, or of one whose command goes out in the cycle in
            which it comes, is answered with it.
        responses: Requests are answered ``as_ready``; ``in_order_of_issue``: a read that is forwarded waits
            for those on their way; ``in_order_of_arrival``: each waits for all before it, one per cycle.
        drain_at_end: The last writes of a trace leave the stage, however few they are.
        write_done: A write is done when its ``command`` is issued, after ``accept``, or at the end of its
            ``data``.
        refresh: ``all_bank``, ``per_bank``, ``same_bank`` (one bank of each group), ``none``.
        refresh_stagger: Ranks refresh at the same time (``none``), or one after the other: the first rank
            first (``forward``) or last (``backward``).
        refresh_blocks: Requests of the whole ``channel`` or of the ``rank`` wait while a refresh is due.
        refresh_precharge: Rows are closed by one ``all`` command, or one by ``single`` one.
        refresh_postpone: Refreshes that may be put off while requests wait.
        refresh_pull_in: Refreshes that may be done in advance while none do.
        power_down: ``staggered``: a rank powers down as soon as nothing waits for it, with open rows or
            without; where a refresh wakes it from the latter and still nothing waits, it goes into
            self-refresh.
    """

    queues: Literal["split", "shared", "bankwise"] = "split"
    read_queue: int = Field(default=32, ge=1, le=4096)
    write_queue: int = Field(default=32, ge=1, le=4096)
    stage: Stage | None = None
    drain: Drain | None = Drain(high=24, low=8)
    scheduler: Literal[
        "fifo", "strict_fifo", "fr_fcfs", "fr_fcfs_capped", "fr_fcfs_grouped", "first_ready"
    ] = "fr_fcfs"
    row_hit_cap: int = Field(default=4, ge=1, le=1 << 30)
    arbiter: Literal["oldest", "round_robin"] = "oldest"
    reserve: bool = False
    page: Literal["open", "closed", "open_adaptive", "closed_adaptive", "capped"] = "open"
    page_cap: int = Field(default=4, ge=1, le=1 << 30)
    read_forwarding: bool = False
    write_coalescing: bool = False
    read_merging: bool = False
    responses: Literal["as_ready", "in_order_of_issue", "in_order_of_arrival"] = "as_ready"
    drain_at_end: bool = True
    write_done: Literal["command", "accept", "data"] = "data"
    refresh: Literal["all_bank", "per_bank", "same_bank", "none"] = "all_bank"
    refresh_stagger: Literal["none", "forward", "backward"] = "none"
    refresh_blocks: Literal["channel", "rank"] = "rank"
    refresh_precharge: Literal["all", "single"] = "all"
    refresh_postpone: int = Field(default=0, ge=0, le=8)
    refresh_pull_in: int = Field(default=0, ge=0, le=8)
    power_down: Literal["none", "staggered"] = "none"


class Configuration(_Settings):
    """A device, an address mapping and a controller."""

    device: DeviceSettings
    mapping: MappingSettings = MappingSettings()
    controller: ControllerSettings = ControllerSettings()

    def make_device(self) -> Device:
        """The device. Raises :class:`DramError`."""
        chosen = self.device
        return device(
            chosen.name,
            chosen.organisation,
            ranks=chosen.ranks,
            timing=chosen.timing,
            rules=chosen.rules,
            sizes=chosen.sizes,
            ticks=chosen.ticks,
        )

    def make_mapping(self, of: Device) -> AddressMapping:
        """The address mapping for a device. Raises :class:`DramError`."""
        chosen = self.mapping
        if chosen.bits is not None:
            return of_bits(of.organisation, chosen.bits, chosen.channels)
        return ordered(of.organisation, chosen.order, chosen.channels, chosen.hashed)


def configuration(source: str | Configuration | Mapping[str, Any]) -> Configuration:
    """A configuration from a shipped name, a ``.json`` file, the name of a device, or a mapping.

    In a file or mapping, ``base`` names a shipped configuration or a device that the other settings change.

    Raises:
        DramError: The name is unknown, the file cannot be read, or it does not describe a configuration.
    """
    if isinstance(source, Configuration):
        return source
    if not isinstance(source, str):
        return _parse(source, None)
    if source.endswith(".json"):
        return _from_file(source)
    if _is_shipped(source):
        return _parse(_shipped(source), None)
    if "/" not in source:
        chosen = Configuration(device=DeviceSettings(name=source))
        chosen.make_device()
        return chosen
    raise DramError(
        f"no configuration is called '{source}'{did_you_mean(source, configuration_names())}",
        hint="name a shipped one, a device such as DDR4_2400, or a .json file",
    )


@cache
def configuration_names() -> tuple[str, ...]:
    """The shipped configurations: ``SIMULATOR/CONFIG`` and ``SIMULATOR__VARIANT/CONFIG``.

    Of the variants, those that have been compared with recorded runs; the others can be named, too.
    """
    names = []
    for simulator, entry in _presets()["simulators"].items():
        names += [f"{simulator}/{config}" for config in entry["configs"]]
        for variant, change in entry.get("variants", {}).items():
            names += [f"{simulator}__{variant}/{config}" for config in change["configs"]]
    return tuple(sorted(names))


def all_names() -> tuple[str, ...]:
    """Configurations and devices: everything that :func:`configuration` takes by name."""
    return (*configuration_names(), *device_names())


@cache
def _presets() -> dict[str, Any]:
    text = resources.files("dram").joinpath("presets.json").read_text("utf-8")
    presets: dict[str, Any] = json.loads(text)
    return presets


def _is_shipped(name: str) -> bool:
    """Whether a name is put together from parts that ship; each variant goes with each memory."""
    preset, _, config = name.partition("/")
    simulator, sign, variant = preset.partition("__")
    entry = _presets()["simulators"].get(simulator, {"configs": ()})
    return config in entry["configs"] and (not sign or variant in entry.get("variants", {}))


def _shipped(name: str) -> dict[str, Any]:
    """The parts of a shipped configuration: of the memory, of the simulator, of the variant."""
    preset, _, config = name.partition("/")
    simulator, _, variant = preset.partition("__")
    entry = _presets()["simulators"][simulator]
    parts = [
        _presets()["memories"][config],
        {"controller": entry["controller"]},
        {"device": entry.get("device", {}).get("all", {})},
        {"device": entry.get("device", {}).get(config, {})},
        {"controller": entry["variants"][variant]["controller"] if variant else {}},
    ]
    merged: dict[str, Any] = {}
    for part in parts:
        merged = _merged(merged, part)
    return merged


def _merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Both, the values of the second first; tables are joined."""
    result = dict(one)
    for key, value in other.items():
        both = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = _merged(result[key], value) if both else value
    return result


def _from_file(path: str) -> Configuration:
    try:
        text = Path(path).read_text("utf-8")
    except OSError as error:
        raise DramError(f"cannot be read: {error.strerror or error}", file=path) from None
    except UnicodeDecodeError:
        raise DramError("is no text in UTF-8", file=path) from None
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise DramError(f"is no JSON: {error.msg}", file=path, line=error.lineno) from None
    except RecursionError:
        raise DramError("is nested too deeply", file=path) from None
    return _parse(values, path)


def _parse(values: Any, path: str | None) -> Configuration:
    try:
        return Configuration.model_validate(_completed(values) if isinstance(values, Mapping) else values)
    except ValidationError as error:
        first = error.errors()[0]
        loc = first["loc"]
        place = ".".join(str(part) for part in loc)
        known = _fields_at(loc[:-1])
        message, hint = first["msg"], None
        if first["type"] == "extra_forbidden":
            message = f"there is no such setting{did_you_mean(str(loc[-1]), known)}"
            hint = f"there are {', '.join((*(() if loc[1:] else ('base',)), *known))}"
        elif first["type"] == "missing":
            message, hint = (
                "is missing",
                "a configuration names a device or a base" if place == "device" else None,
            )
        elif first["type"] in ("model_type", "model_attributes_type", "dict_type"):
            message = f'is {_shown(first["input"])}, but settings are a dictionary such as {{"name": value}}'
        raise DramError(f"{place}: {message}" if place else message, file=path, hint=hint) from None
    except DramError as error:
        raise DramError(error.message, file=path, hint=error.hint) from None


def _completed(values: Mapping[str, Any]) -> dict[str, Any]:
    """With what ``base`` brings, and a device that is given by its name as a table."""
    own = dict(values)
    if isinstance(own.get("device"), str):
        own["device"] = {"name": own["device"]}
    base = own.pop("base", None)
    if base is None:
        return own
    if not isinstance(base, str) or base.endswith(".json"):
        raise DramError(f"base is {_shown(base)}, but it names a shipped configuration or a device")
    below = _shipped(base) if _is_shipped(base) else {"device": configuration(base).device.model_dump()}
    return _merged(below, own)


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 40 else f"{text[:40]}…"


def _fields_at(place: tuple[int | str, ...]) -> list[str]:
    models: dict[tuple[int | str, ...], type[_Settings]] = {
        (): Configuration,
        ("device",): DeviceSettings,
        ("mapping",): MappingSettings,
        ("controller",): ControllerSettings,
        ("controller", "stage"): Stage,
        ("controller", "drain"): Drain,
    }
    model = models.get(place)
    return list(model.model_fields) if model else []
