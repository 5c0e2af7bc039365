"""``acadl timeline``: a stretch of a layer, cycle by cycle, to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from platforms.commands._options import (
    json_option,
    load_architecture,
    mapping_option,
    names_in,
    network_option,
    print_json,
    settings_option,
    using_mappings,
)
from platforms.commands._outputs import check_outputs

if TYPE_CHECKING:
    from aidg import Timeline


class Iteration(click.ParamType["int | dict[str, int]"]):
    """An iteration of the outermost loop, or ``NAME=VALUE,…``: index values by loop."""

    name = "ITERATION"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | dict[str, int]:
        text = str(value)
        try:
            if "=" not in text:
                return int(text)
            pairs = [part.split("=") for part in text.split(",")]
            return {name.strip(): int(number) for name, number in pairs}
        except ValueError:
            self.fail(
                f"'{text}' is neither a number nor of the form NAME=VALUE,… such as m=3,k=0", param, ctx
            )


@click.command()
@click.argument("arch")
@network_option
@click.option("--layers", "--layer", "layer", required=True, help="Name of the layer: one.")
@click.option(
    "--output",
    "-o",
    required=True,
    help="File to write: a Chrome trace (.json, .json.gz) or a picture (.svg).",
)
@click.option("--first", type=click.IntRange(min=0), help="Number of the first instruction to show.")
@click.option(
    "--from-iteration",
    "iteration",
    type=Iteration(),
    help="Start at this iteration of the outermost loop, or at NAME=VALUE,… of loops by name.",
)
@click.option("--instructions", type=click.IntRange(min=1), help="How many to show.  [default: 200]")
@click.option("--iterations", type=click.IntRange(min=1), help="Show so many iterations instead.")
@settings_option
@mapping_option
@json_option
def command(
    arch: str,
    network: str,
    layer: str,
    output: str,
    first: int | None,
    iteration: int | dict[str, int] | None,
    instructions: int | None,
    iterations: int | None,
    settings: tuple[tuple[str, int | bool | str], ...],
    mappings: tuple[str, ...],
    as_json: bool,
) -> None:
    """Write what happens in every cycle of a stretch of a layer on ARCH.

    ARCH is the name of a shipped platform (see `acadl list`) or a path to an .acadl file. Open the trace in
    https://ui.perfetto.dev: a microsecond there is a cycle. The stretch may lie anywhere in the layer.
    """
    from aidg.timeline import check_format, timeline
    from platforms.layer_program import layer_program
    from platforms.messages import warn

    names = names_in(layer) or []
    if len(names) != 1:
        raise click.BadParameter("name one layer", param_hint="'--layers'")
    if first is not None and iteration is not None:
        raise click.UsageError("--first and --from-iteration both say where to start; give one of them")
    if instructions is not None and iterations is not None:
        raise click.UsageError("--instructions and --iterations both say how much to show; give one of them")
    check_format(output)
    check_outputs({"the time line": output}, [("the description", arch), ("the network", network)])
    with using_mappings(mappings):
        architecture = load_architecture(arch, settings)
        chosen, program = layer_program(architecture, network, names[0])
        line = timeline(
            architecture,
            program,
            first=first,
            iteration=iteration,
            instructions=instructions,
            iterations=iterations,
        )
    line.write(output)
    for note in line.notes:
        warn(note)
    if as_json:
        print_json({"file": output, "network": chosen.name, "layer": names[0], **line.summary()})
    else:
        _print(line, output)


def _print(line: Timeline, output: str) -> None:
    last = line.first_instruction + line.instructions - 1
    click.echo(
        f"{line.title}: instructions {line.first_instruction:,} to {last:,}, "
        f"cycles {line.first_cycle:,} to {line.last_cycle:,} ({line.method})"
    )
    hint = "" if output.endswith(".svg") else "; open it in https://ui.perfetto.dev, a microsecond is a cycle"
    click.echo(f"wrote {output}{hint}")
