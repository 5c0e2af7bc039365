"""The layers of a network, mapped and evaluated one after the other."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from acadl.errors import AcadlError
from platforms.result import UnmappedLayer

if TYPE_CHECKING:
    from acadl.model import Architecture
    from mappings.choices import Choice
    from mappings.layers import Layer
    from mappings.network import Network
    from mappings.program import LoopProgram

Progress = Callable[[int, int, str], None]
"""Called before each layer with its number from 0, the number of layers and its name."""

Result = TypeVar("Result")


class Evaluated(NamedTuple, Generic[Result]):
    """A layer with what its program was evaluated to; ``is_new``: no layer before it had an equal program."""

    layer: Layer
    result: Result
    is_new: bool


def evaluate_layers(
    arch: Architecture,
    network: Network,
    names: Iterable[str] | None,
    evaluate: Callable[[LoopProgram], Result],
    progress: Progress | None = None,
    choices: Mapping[Layer, Choice] | None = None,
) -> tuple[list[Evaluated[Result]], list[UnmappedLayer]]:
    """Evaluate the layers of that name (all without names), equal programs once.

    ``choices`` has, by shape, how a layer is to be mapped; the mapping itself decides about the others.

    Returns:
        What was evaluated, and the layers that the architecture's mapping cannot run.

    Raises:
        AcadlError: A layer name is unknown or none is given, there is no mapping at all, or a program cannot
            be evaluated.
        BrokenMapperError: A mapper that does not ship failed; the message has its name and line.
    """
    from mappings.registry import MappingError, find_mapper
    from platforms.user_mapping import BrokenMapperError, map_checked

    function = find_mapper(arch.name)
    chosen = chosen_layers(network, names)
    known = _Known(evaluate)
    done: list[Evaluated[Result]] = []
    unmapped: list[UnmappedLayer] = []
    for number, layer in enumerate(chosen):
        if progress is not None:
            progress(number, len(chosen), layer.name)
        is_new = False
        if shape_of(layer) not in known.shapes:
            try:
                choice = (choices or {}).get(shape_of(layer))
                is_new = known.add(layer, map_checked(function, layer, arch, choice))
            except BrokenMapperError:
                raise
            except MappingError as error:
                unmapped.append(UnmappedLayer(layer.name, layer.op, str(error)))
                continue
        done.append(Evaluated(layer, known.shapes[shape_of(layer)], is_new))
    return done, unmapped


class _Known(Generic[Result]):
    """Results by the layer's shape; equal programs of different shapes are evaluated once."""

    def __init__(self, evaluate: Callable[[LoopProgram], Result]) -> None:
        self.shapes: dict[Layer, Result] = {}
        self._evaluate = evaluate
        self._programs: dict[int, list[tuple[LoopProgram, Result]]] = {}  # by number of instructions

    def add(self, layer: Layer, program: LoopProgram) -> bool:
        """Evaluate a program; false if an equal one has been."""
        alike = self._programs.setdefault(program.instruction_count, [])
        for other, result in alike:
            if other.body == program.body:
                self.shapes[shape_of(layer)] = result
                return False
        try:
            self.shapes[shape_of(layer)] = self._evaluate(program)
        except AcadlError as error:
            raise type(error)(f"layer '{layer.name}': {error}", error.diagnostics) from error
        alike.append((program, self.shapes[shape_of(layer)]))
        return True


def shape_of(layer: Layer) -> Layer:
    """The layer without what its program does not depend on: equal shapes, equal programs."""
    return replace(layer, name="layer", inputs=(), count=1, onnx_op="")


def loaded(
    arch: Architecture | str | os.PathLike[str], network: Network | str | os.PathLike[str]
) -> tuple[Architecture, Network]:
    """An architecture and a network, loaded where they are names. Raises :class:`AcadlError`."""
    if isinstance(arch, (str, os.PathLike)):
        from platforms.catalog import load

        arch = load(arch)
    know_operators(arch.name)
    if isinstance(network, (str, os.PathLike)):
        from mappings.network import load_network

        network = load_network(network)
    return arch, network


def know_operators(architecture: str) -> None:
    """Import the mapper of an architecture, if there is one: layer tables may name operators of its own."""
    from mappings.registry import MappingError, find_mapper

    with suppress(MappingError):  # said where a layer is to be mapped
        find_mapper(architecture)


def chosen_layers(network: Network, names: Iterable[str] | None) -> list[Layer]:
    """The layers of that name in the order of the network; all without names."""
    if names is None:
        return list(network.layers)
    known = {layer.name: layer for layer in network.layers}
    wanted = [names] if isinstance(names, str) else list(names)
    if not wanted:
        raise AcadlError(
            f"no layer was chosen; name layers of network '{network.name}', or leave the choice out for all "
            f"{len(known)}"
        )
    problems = []
    for name in wanted:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            problems.append(f"'{name}'" + (f" (did you mean '{near[0]}'?)" if near else ""))
    if problems:
        listed = ", ".join(list(known)[:40]) + (", …" if len(known) > 40 else "")
        raise AcadlError(
            f"network '{network.name}' has no layer {', '.join(problems)}; its layers are: {listed}"
        )
    return [layer for layer in network.layers if layer.name in set(wanted)]
