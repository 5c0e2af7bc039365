"""``acadl measure``: how long layers take on a target, as a table that estimators are fitted to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from platforms.commands._options import Setting, json_option, print_json
from platforms.commands._outputs import check_outputs

if TYPE_CHECKING:
    from mappings.layers import Layer
    from platforms.estimators.targets import Target


class Width(click.ParamType[tuple[str, int]]):
    """``SIZE=WIDTH`` of a step."""

    name = "SIZE=WIDTH"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        from platforms.estimators.representatives import DIMENSIONS

        name, _, text = str(value).partition("=")
        if name not in DIMENSIONS or not text.isdigit() or int(text) < 1:
            self.fail(
                f"'{value}' is not a size ({', '.join(DIMENSIONS)}) and a width, such as c_out=16", param, ctx
            )
        return name, int(text)


@click.command()
@click.argument("target")
@click.option("--network", "-n", help="Measure the layers of a network: a zoo name, .onnx or layer table.")
@click.option("--sample", type=click.IntRange(1), metavar="N", help="Measure N layers drawn at random.")
@click.option(
    "--op", type=click.Choice(["conv", "dwconv", "conv1d", "gemm"]), default="conv", show_default=True,
    help="Operator of --sample.",
)  # fmt: skip
@click.option(
    "--representative", "widths", type=Width(), multiple=True,
    help="With --sample: draw only ends of steps; repeatable.",
)  # fmt: skip
@click.option("--channels", type=click.IntRange(1), default=512, show_default=True, help="Most of --sample.")
@click.option("--image", type=click.IntRange(1), default=112, show_default=True, help="Largest of --sample.")
@click.option("--repeats", type=click.IntRange(1), default=11, show_default=True, help="On live targets.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of --sample.")
@click.option("--set", "settings", type=Setting(), multiple=True, help="Set a parameter of the description.")
@click.option("--output", "-o", required=True, metavar="DATA.csv", help="Table; continued if it is there.")
@json_option
def command(
    target: str,
    network: str | None,
    sample: int | None,
    op: str,
    widths: tuple[tuple[str, int], ...],
    channels: int,
    image: int,
    repeats: int,
    seed: int,
    settings: tuple[tuple[str, int | bool | str], ...],
    output: str,
    as_json: bool,
) -> None:
    """Measure layers on TARGET, row by row into a table; started again, it goes on where it was interrupted.

    TARGET is a shipped platform or an .acadl file (exact cycles of its model), or a live one: onnxruntime,
    torch, torch:cuda (32-bit numbers, one thread; medians in microseconds, with their noise).
    """
    from platforms.estimators.record import record
    from platforms.estimators.sampling.random_layers import Space, draw
    from platforms.messages import clear_progress, progress_line, warn

    if (network is None) == (sample is None):
        raise click.UsageError("say what to measure: either --network NET or --sample N")
    check_outputs({"the measurements": output}, [("the network", network), ("the description", target)])
    device = _target(target, settings, repeats)
    layers: list[Layer] = []
    if network is not None:
        layers = _different(network)
    elif sample is not None:
        layers = draw(Space(op, (1, channels), (1, image), widths=dict(widths)), sample, seed)
    line = progress_line()
    try:
        measured, unable = record(device, layers, output, line)
    finally:
        clear_progress()
    if unable:
        warn(f"{target} cannot run {unable} of the layers; their latency is empty")
    result = {
        "target": target,
        "unit": device.unit,
        "layers": len(layers),
        "measured": measured,
        "data": output,
    }
    if as_json:
        print_json({**result, "unable": unable})
    else:
        before = len(layers) - measured
        click.echo(
            f"{output}: {measured} layers measured" + (f", {before} were there before" if before else "")
        )


def _target(name: str, settings: tuple[tuple[str, int | bool | str], ...], repeats: int) -> Target:
    from platforms.commands._options import load_architecture
    from platforms.estimators.live import LIVE, live_target
    from platforms.estimators.targets import PlatformTarget
    from platforms.network_layers import know_operators

    if name in LIVE:
        if settings:
            raise click.UsageError(f"--set is for described platforms; '{name}' has no parameters")
        return live_target(name, repeats)
    arch = load_architecture(name, settings)
    know_operators(arch.name)
    return PlatformTarget(arch)


def _different(network: str) -> list[Layer]:
    """Layers of a network, each shape once."""
    from dataclasses import replace

    from mappings import load_network

    found: dict[Layer, Layer] = {}
    for layer in load_network(network).layers:
        found.setdefault(replace(layer, name="", inputs=(), count=1), layer)
    return list(found.values())
