"""What a ``platform`` declaration says: cores, caches, a memory, and what lies behind what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from acadl.errors import Span

Setting = int | bool | str


@dataclass(frozen=True, slots=True)
class CoreDeclaration:
    """A core.

    Attributes:
        name: Elements of an array are called ``name0``, ``name1`` and so on.
        architecture: The name of its description.
        file: The file that it is imported from; ``None``: a description that ships.
        settings: Values of the description's parameters, as :func:`acadl.load` takes them.
        clock_hz: Of the core; ``None``: as its description says.
        operators: Operators that it is given; none: all that it can run.
        spare: Whether it is given only what no other core can run.
        below: The cache or the memory that its main memory is replaced by.
        span, settings_spans: Of the statement, and of each value.
    """

    name: str
    architecture: str
    file: str | None
    settings: Mapping[str, Setting]
    span: Span
    settings_spans: Mapping[str, Span] = field(default_factory=dict)
    clock_hz: int | None = None
    operators: frozenset[str] = frozenset()
    spare: bool = False
    below: str = ""


@dataclass(frozen=True, slots=True)
class CacheDeclaration:
    """A cache or a bus (``kind``): attributes by their names in the language, sizes in bytes."""

    name: str
    attributes: Mapping[str, Setting]
    span: Span
    below: str = ""
    kind: str = "cache"


@dataclass(frozen=True, slots=True)
class MemoryDeclaration:
    """The main memory.

    Attributes:
        config: Of a ``dram``: a configuration of :mod:`dram`; empty for an ``sram``, whose latency is fixed.
        request_bytes: Size of the cores' requests to a ``dram``.
        attributes: Of an ``sram``, by their names in the language.
        channels: Of a ``dram``, with bursts in turn; 1: as its configuration has them.
    """

    name: str
    config: str
    request_bytes: int
    span: Span
    attributes: Mapping[str, Setting] = field(default_factory=dict)
    channels: int = 1


@dataclass(frozen=True, slots=True)
class PlatformDescription:
    """Several cores on one memory.

    Attributes:
        parameters: As a caller writes them.
        clock_hz: What latencies of caches count; ``None``: the clock of the memory.
        caches: Caches and buses, those nearer to the memory first.
        source: SHA-256 over the texts.
    """

    name: str
    cores: tuple[CoreDeclaration, ...]
    caches: tuple[CacheDeclaration, ...]
    memory: MemoryDeclaration
    parameters: Mapping[str, Setting]
    clock_hz: int | None = None
    doc: str = ""
    source: str = ""
