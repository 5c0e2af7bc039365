"""What commands about a network's layers have in common: options, warnings, one object or one text."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import click

from platforms.commands._options import (
    json_option,
    layers_option,
    load_architecture,
    mapping_option,
    names_in,
    network_option,
    print_json,
    settings_option,
    using_mappings,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from platforms.result import UnmappedLayer


class Figures(Protocol):
    """Figures about the layers of a network."""

    @property
    def network(self) -> str: ...
    @property
    def architecture(self) -> str: ...
    @property
    def layers(self) -> Collection[object]: ...
    @property
    def unmapped(self) -> Collection[UnmappedLayer]: ...
    @property
    def notes(self) -> Collection[str]: ...
    def to_dict(self) -> dict[str, object]: ...


Result = TypeVar("Result", bound=Figures)
F = TypeVar("F", bound=Callable[..., Any])


def network_options(function: F) -> F:
    """ARCH, ``--network``, ``--set``, ``--layers``, ``--mapping`` and ``--json``."""
    options = (network_option, settings_option, layers_option, mapping_option, json_option)
    for option in reversed(options):
        function = option(function)
    argument: Callable[[F], F] = click.argument("arch")
    return argument(function)


def evaluate_and_print(
    evaluate: Callable[..., Result],
    print_text: Callable[[Result], None],
    arch: str,
    network: str,
    settings: tuple[tuple[str, int | bool | str], ...],
    layers: str | None,
    mappings: tuple[str, ...],
    as_json: bool,
) -> None:
    """Evaluate the layers with progress; warnings to standard error; exit status 1 if there were none."""
    from platforms.messages import progress_line, warn

    with using_mappings(mappings):
        architecture = load_architecture(arch, settings)
        result = evaluate(architecture, network, layers=names_in(layers), progress=progress_line())
    for layer in result.unmapped:
        warn(f"layer '{layer.name}' is not part of the figures: {layer.reason}")
    for note in result.notes:
        warn(note)
    if as_json:
        print_json(result.to_dict())
    elif result.layers:
        print_text(result)
    else:
        click.echo(f"{result.network} on {result.architecture}: no layer was evaluated")
    if not result.layers:
        sys.exit(1)
