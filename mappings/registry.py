"""Which mapper turns a layer into a loop program, by the name of the architecture.

A mapper is a function ``map_layer(layer, arch) -> LoopProgram`` under :func:`mapper`. It is found, in this
order,

1. where a module with the decorator has been imported,
2. as the module ``mappings.library.NAME``, imported when it is asked for,
3. under the entry-point group ``acadl.mappings`` of an installed package, whose entry is called like the
   architecture and names the module with the decorator or the function itself.

    >>> @mapper("toy")
    ... def map_layer(layer, arch):
    ...     return LoopProgram(sequence(), {})
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import pkgutil
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import TYPE_CHECKING, TypeAlias

from acadl.errors import AcadlError
from acadl.model import Architecture
from mappings.layers import OPERATORS, Layer, layer_problems
from mappings.program import LoopProgram

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

ENTRY_POINT_GROUP = "acadl.mappings"
LIBRARY = "mappings.library"

Mapper: TypeAlias = Callable[[Layer, Architecture], LoopProgram]

# The one place that registration writes to; everything else only looks up.
_registered: dict[str, Mapper] = {}
_own_operators: set[str] = set()


class MappingError(AcadlError):
    """A layer cannot be mapped: no mapper, an operator that it lacks, operands that do not fit."""


class TimedOnlyError(MappingError):
    """Data were given for a layer whose mapping has a cost, but no function on data."""


def mapper(architecture: str, *, operators: Iterable[str] = ()) -> Callable[[Mapper], Mapper]:
    """Register the decorated function for architectures called ``architecture``; the last one wins.

    Args:
        operators: Operators of the mapper's own, beside those of ``mappings.layers``: layer tables know them
            then, with N, C, H, W as the shape of their inputs and their output.
    """

    def register(function: Mapper) -> Mapper:
        _registered[architecture] = function
        _own_operators.update(operators)
        return function

    return register


def known_operators() -> frozenset[str]:
    """Operators that layer tables may name: those that come with the package, and mappers' own."""
    return OPERATORS | _own_operators


def map_layer(layer: Layer, arch: Architecture) -> LoopProgram:
    """The layer as a loop program for ``arch``.

    Raises:
        MappingError: There is no mapper for ``arch.name``, the layer's sizes make no sense, or the mapper
            cannot run it.
    """
    function = find_mapper(arch.name)
    check_layer(layer)
    return function(layer, arch)


def check_layer(layer: Layer) -> None:
    """Raise :class:`MappingError` where a layer's sizes make no sense."""
    problems = layer_problems(layer)
    if problems:
        raise MappingError(f"layer '{layer.name}' ({layer.op}): " + "; ".join(text for _, text in problems))


def find_mapper(architecture: str) -> Mapper:
    """The mapper for architectures called ``architecture``. Raises :class:`MappingError` if there is none."""
    function = (
        _registered.get(architecture) or _from_library(architecture) or _from_entry_points(architecture)
    )
    if function is None:
        raise MappingError(_unknown_architecture(architecture))
    return function


def library_module(architecture: str) -> ModuleType | None:
    """The shipped mapping module of that name, imported; ``None`` where none ships."""
    if not architecture.isidentifier() or architecture.startswith("_"):
        return None
    name = f"{LIBRARY}.{architecture}"
    return importlib.import_module(name) if importlib.util.find_spec(name) else None


def mapper_names() -> tuple[str, ...]:
    """Architectures that can be mapped, sorted; looks but imports no mapping."""
    library = importlib.import_module(LIBRARY)
    shipped = (module.name for module in pkgutil.iter_modules(library.__path__))
    third_party = (entry.name for entry in _entry_points())
    return tuple(sorted({*_registered, *(n for n in shipped if not n.startswith("_")), *third_party}))


def unsupported(layer: Layer, architecture: str, supported: Iterable[str]) -> MappingError:
    """The error for a layer whose operator an architecture cannot run; ``supported`` lists what it can."""
    names = sorted(supported)
    return MappingError(
        f"layer '{layer.name}': '{architecture}' cannot run operator '{layer.op}'"
        f"{'' if layer.op in OPERATORS else _did_you_mean(layer.op, names)}; supported: {', '.join(names)}"
    )


def _from_library(architecture: str) -> Mapper | None:
    if library_module(architecture) is None:
        return None
    return _registered.get(architecture)


def _from_entry_points(architecture: str) -> Mapper | None:
    for entry in _entry_points():
        if entry.name != architecture:
            continue
        loaded = _load(entry)
        function = _registered.get(architecture)
        if function is not None:
            return function
        if callable(loaded):
            return mapper(architecture)(loaded)
        raise MappingError(
            f"entry point '{entry.name}' of group '{ENTRY_POINT_GROUP}' ({entry.value}) registers no mapper "
            f"for '{architecture}'; decorate its function with @mapper(\"{architecture}\")"
        )
    return None


def _entry_points() -> Iterable[EntryPoint]:
    """What installed packages announce; shipped mappings are found without this slow import."""
    from importlib.metadata import entry_points

    return entry_points(group=ENTRY_POINT_GROUP)


def _load(entry: EntryPoint) -> object:
    try:
        return entry.load()
    except (ImportError, AttributeError) as error:
        raise MappingError(
            f"entry point '{entry.name}' of group '{ENTRY_POINT_GROUP}' cannot be loaded ({entry.value}): "
            f"{error}"
        ) from error


def _unknown_architecture(architecture: str) -> str:
    names = mapper_names()
    return (
        f"no mapping for architecture '{architecture}'{_did_you_mean(architecture, names)}; "
        f"there are mappings for: {', '.join(names) or 'none'}. A function decorated with "
        f'@mapper("{architecture}") adds one; on the command line its file is given with --mapping FILE.py'
    )


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean '{near[0]}'?)" if near else ""
