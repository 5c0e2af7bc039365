"""``acadl search``: tilings, loop orders and dataflows of layers, by exact cycles."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import click

from platforms.commands._options import (
    json_option,
    layers_option,
    load_architecture,
    mapping_option,
    names_in,
    print_json,
    settings_option,
    using_mappings,
)
from platforms.commands._outputs import check_outputs

if TYPE_CHECKING:
    from mappings.layers import Layer
    from mappings.network import Network
    from platforms.network_search import NetworkSearch, Progress

SECONDS = 60.0
BAR = 20  # characters
EVERY_S = 0.1  # between two updates of the progress


@click.command()
@click.argument("arch")
@click.option("--network", "-n", help="Name in the zoo, .onnx file or layer table (.csv).")
@click.option(
    "--layer",
    metavar="COLUMN=VALUE,…",
    help="One layer, by the columns of a layer table: op=gemm,gemm_M=64,gemm_N=64,gemm_K=64.",
)
@settings_option
@layers_option
@click.option("--budget", type=click.IntRange(min=1), help="Choices to look at, for each shape of layer.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0),
    help=f"Time for all layers together; default: {SECONDS:g}, or no limit with --budget.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of what is drawn at random.")
@click.option("--output", "-o", metavar="FILE.json", help="Write what was found, for estimate --choices.")
@mapping_option
@json_option
def command(
    arch: str,
    network: str | None,
    layer: str | None,
    settings: tuple[tuple[str, int | bool | str], ...],
    layers: str | None,
    budget: int | None,
    seconds: float | None,
    seed: int,
    output: str | None,
    mappings: tuple[str, ...],
    as_json: bool,
) -> None:
    """Search faster mappings of layers on ARCH: fewer cycles first, then fewer bytes of main memory.

    ARCH is the name of a shipped platform (see `acadl list`) or a path to an .acadl file. The mapping's own
    choice is evaluated first. An interrupt (Ctrl-C) ends the search and keeps what was found so far.
    """
    from platforms.messages import listed, warn, warn_unmapped
    from platforms.network_search import search

    if (network is None) == (layer is None):
        raise click.UsageError("give either --network or --layer")
    check_outputs({"the choices": output}, [("the network", network), ("the description", arch)])
    if seconds is None and budget is None:
        seconds = SECONDS
    with using_mappings(mappings):
        result = search(
            load_architecture(arch, settings),
            network if network is not None else _one_layer(layer or ""),
            layers=names_in(layers),
            tries=budget,
            seconds=seconds,
            seed=seed,
            progress=_progress(seconds),
        )
    warn_unmapped(result.unmapped)
    if output is not None and result.layers:
        result.save(output)
    _show(result, output, as_json)
    if result.interrupted:
        kept = f"kept in {output}" if output is not None else "shown here"
        without = f"; not evaluated: {listed(result.unreached)}" if result.unreached else ""
        warn(f"interrupted: the best found so far is {kept}{without}")
        sys.exit(130)
    if not result.layers:
        sys.exit(1)


def _show(result: NetworkSearch, output: str | None, as_json: bool) -> None:
    if as_json:
        print_json(result.to_dict())
        return
    from platforms.search_report import print_search

    print_search(result)
    if output is not None and result.layers:
        click.echo(f"written: {output} (use it with: acadl estimate … --choices {output})")


def _one_layer(text: str) -> Network:
    """The layer that ``--layer`` describes, as a network of its own. Raises :class:`AcadlError`."""
    from mappings.layer_table import parse_layer_table
    from mappings.network import Network

    cells = [part.partition("=") for part in text.split(",")]
    if not all(name.strip() and sign for name, sign, _ in cells):
        raise click.UsageError(f"--layer {text}: write COLUMN=VALUE,… such as op=fc,C=64,K=10")
    names = ["layer", *(name.strip() for name, _, _ in cells)]
    values = ["layer", *(value.strip() for _, _, value in cells)]
    table = f"{','.join(names)}\n{','.join(values)}\n"
    found, notes = parse_layer_table(table, "--layer")
    return Network("layer", found, notes)


def _progress(seconds: float | None) -> Progress | None:
    """A bar that fills with the time, or with the layers; ``None`` unless standard error is a terminal."""
    if not sys.stderr.isatty():
        return None
    started = last = time.monotonic()

    def show(number: int, total: int, layer: Layer, tried: int, best: tuple[int, ...]) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < EVERY_S:
            return
        last = now
        part = number / total if seconds is None else min(1.0, (now - started) / max(seconds, 1e-9))
        bar = "█" * round(BAR * part) + "·" * (BAR - round(BAR * part))
        text = f"[{bar}] {number + 1}/{total} {layer.name[:30]}: {tried} tried, best {best[0]:,} cycles"
        click.echo(f"\r\x1b[K{text}", err=True, nl=False)

    return show
