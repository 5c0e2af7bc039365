"""``acadl compress``: models made smaller, so that they meet a target on an accelerator."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from platforms.commands._options import json_option, load_architecture, print_json, settings_option
from platforms.commands._outputs import check_outputs

if TYPE_CHECKING:
    from mappings.compression.language_model import LanguageModel
    from platforms.compress_awq import Compressed

SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
ROUNDING = 1e-6  # of a cycle: 100us at 500 MHz are 50,000
BYTES = {"": 1, "b": 1, "kb": 1000, "mb": 10**6, "kib": 1024, "mib": 1024**2}


class Quantity(click.ParamType[float]):
    """A number with a unit."""

    def __init__(self, name: str, units: Mapping[str, float], example: str) -> None:
        self.name, self._units, self._example = name, units, example

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        found = re.fullmatch(r"([0-9]{1,12}(?:\.[0-9]{0,9})?)\s*([A-Za-zµ]*)", str(value).strip())
        unit = found[2].lower() if found else ""
        if found is None or unit not in self._units or float(found[1]) == 0:
            known = ", ".join(name for name in self._units if name)
            self.fail(f"'{value}' is no {self.name} such as {self._example}; units: {known}", param, ctx)
        return float(found[1]) * self._units[unit]


@click.group()
def command() -> None:
    """Make a model smaller, so that it meets a target on an accelerator."""


@command.command()
@click.argument("arch")
@click.option("--target-latency", type=Quantity("time", SECONDS, "250us"), help="Of a step: 250us, 1.2ms.")
@click.option(
    "--target-memory", type=Quantity("size", BYTES, "200KiB"), help="Of the blocks' weights: 200KiB."
)
@click.option("--text", metavar="FILE", help="Text to train and measure on; default: Python's own library.")
@click.option(
    "--steps", type=click.IntRange(1), default=1400, show_default=True, help="Updates of the training."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the training.")
@click.option("--weights", metavar="FILE.pt", help="Trained weights: read if they are there, else written.")
@click.option(
    "--context", type=click.IntRange(1), default=64, show_default=True, help="Positions of the step."
)
@settings_option
@json_option
def awq(
    arch: str,
    target_latency: float | None,
    target_memory: float | None,
    text: str | None,
    steps: int,
    seed: int,
    weights: str | None,
    context: int,
    settings: tuple[tuple[str, int | bool | str], ...],
    as_json: bool,
) -> None:
    """Choose the bits of every layer of a small language model, so that a decode step on ARCH meets a target
    at the least loss; quantize it by AWQ, and measure its perplexity.

    ARCH is a platform whose mapping unpacks weights (simd), by name or as a path to an .acadl file. The model
    has 0.6 million weights and predicts bytes; it is trained first (a minute). Needs the extra `train`.
    """
    from mappings.packed import packed_bits
    from platforms.compress_awq import Target, check_reachable, compress
    from platforms.messages import clear_progress, progress_line

    if (target_latency is None) == (target_memory is None):
        raise click.UsageError("give either --target-latency or --target-memory")
    architecture = load_architecture(arch, settings)
    packed_bits(architecture)  # before anything is trained
    target = (
        Target(bytes=int(target_memory))
        if target_memory is not None
        else Target(cycles=int((target_latency or 0) * architecture.clock_hz + ROUNDING))
    )
    line = progress_line()
    try:
        if weights is None or not Path(weights).exists():
            from mappings.compression.torch_extra import need_torch

            need_torch()
            from mappings.compression.language_model import Size

            check_reachable(architecture, Size(), target, context)  # before the training
        model, training, held_out = _model(text, steps, seed, weights, line)
        found = compress(architecture, model, training, held_out, target, context=context, progress=line)
    finally:
        clear_progress()
    if as_json:
        print_json(found.to_dict())
    else:
        _print(found)


def _model(
    text: str | None, steps: int, seed: int, weights: str | None, line: Any
) -> tuple[LanguageModel, bytes, bytes]:
    """The trained model, and the texts."""
    from mappings.compression.torch_extra import need_torch

    need_torch()
    from mappings.compression.language_model import train
    from mappings.compression.texts import library_texts, texts_of
    from mappings.compression.weights_file import load_weights, save_weights

    check_outputs({"the weights": weights}, [("the text", text)])
    training, held_out = library_texts() if text is None else texts_of(text)
    kept = load_weights(weights) if weights is not None else None
    if kept is not None:
        return kept, training, held_out
    done = None if line is None else lambda step, loss: line(step, steps, f"training, loss {loss:.2f}")
    model = train(training, steps=steps, seed=seed, done=done)
    if weights is not None:
        save_weights(model, weights)
    return model, training, held_out


def _print(found: Compressed) -> None:
    click.echo(
        f"decode step on {found.architecture}; perplexity without quantization {found.unquantized:.3f}"
    )
    for name, state in (("8 bits", found.before), ("chosen", found.after)):
        click.echo(
            f"  {name}: {state.cycles:,} cycles, {1e6 * state.latency_s:,.1f} µs, "
            f"{state.weight_bytes:,} bytes of weights, perplexity {state.perplexity:.3f}"
        )
    click.echo("\n layer                       bits      cycles       bytes   loss alone")
    for layer in found.layers:
        click.echo(
            f" {layer.name:26} {layer.bits:5} {layer.cycles:11,} {layer.weight_bytes:11,} {layer.loss:12.5f}"
        )
    click.echo("\nThe least loss for each cost:")
    for point in found.curve:
        cost = (
            f"{1e6 * point['latency_s']:,.1f} µs"
            if "latency_s" in point
            else f"{point['weight_bytes']:,} bytes"
        )
        click.echo(f"  {cost:>16}  {point['mean_bits']:.2f} bits  loss {point['loss']:.5f}")
