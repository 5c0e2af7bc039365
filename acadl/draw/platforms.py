"""What is drawn of a platform: its cores, caches, buses and memory, and what lies on what."""

from __future__ import annotations

from collections.abc import Mapping

from acadl.draw.boxes import MOST_NOTES, Box, Line, parameter_lines
from acadl.draw.text import at_length, brief, frequency, size
from acadl.platform_model import CacheDeclaration, CoreDeclaration, PlatformDescription, Setting


def platform_boxes(platform: PlatformDescription) -> tuple[Box, list[Line]]:
    """The root box and the lines, in order of declaration. Platforms are small, so nothing is folded."""
    clock = [f"clock {frequency(platform.clock_hz)}"] if platform.clock_hz is not None else []
    notes = [*clock, *parameter_lines(platform.parameters)]
    root = Box("", brief(platform.name), "group", notes, at_length(platform.doc))
    memory = platform.memory
    root.children = [
        *map(_core, platform.cores),
        *map(_cache, platform.caches),
        Box(memory.name, brief(memory.name), "dram" if memory.config else "sram", _memory_lines(platform)),
    ]
    joins = [(core.name, core.below) for core in platform.cores]
    joins += [(cache.name, cache.below) for cache in platform.caches]
    lines = [Line(name, below, False, both=True, net=f"{below} both", reads=False) for name, below in joins]
    return root, lines


def _core(core: CoreDeclaration) -> Box:
    settings = [f"{name} = {_value(value)}" for name, value in core.settings.items()]
    clock = [f"clock {frequency(core.clock_hz)}"] if core.clock_hz is not None else []
    given = [" ".join(sorted(core.operators))] if core.operators else []
    rest = ["what no other core can run"] if core.spare else []
    lines = [brief(line) for line in (core.architecture, *clock, *settings[:MOST_NOTES], *given, *rest)]
    return Box(core.name, brief(core.name), "execute", lines, at_length("\n".join((core.name, *lines))))


def _cache(cache: CacheDeclaration) -> Box:
    values = cache.attributes
    if cache.kind == "bus":
        lines = [size(int(values["width"])), *_named(values, "latency", "lanes")]
        return Box(cache.name, brief(cache.name), "mover", lines)
    line = int(values.get("cache_line_size", 64))
    lines = [
        size(int(values["sets"]) * int(values["ways"]) * line),
        f"{values['sets']} × {values['ways']} × {size(line)}",
        *_named(values, "replacement_policy", "hit_latency", "ports", "miss_registers", "write_buffer"),
    ]
    return Box(cache.name, brief(cache.name), "cache", lines)


def _memory_lines(platform: PlatformDescription) -> list[str]:
    memory = platform.memory
    if not memory.config:
        return [brief(line) for line in _named(memory.attributes, *memory.attributes)][:MOST_NOTES]
    channels = [f"{memory.channels} channels"] if memory.channels > 1 else []
    return [brief(memory.config), *channels, f"requests of {size(memory.request_bytes)}"]


def _named(values: Mapping[str, Setting], *names: str) -> list[str]:
    """``name value`` of the attributes that are given."""
    return [f"{name.replace('_', ' ')} {_value(values[name])}" for name in names if name in values]


def _value(value: Setting) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
