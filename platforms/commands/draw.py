"""``acadl draw``: the block diagram of a description."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from platforms.commands._options import load_architecture, settings_option
from platforms.commands._outputs import check_outputs

if TYPE_CHECKING:
    from acadl.draw import Drawable


@click.command()
@click.argument("arch")
@click.option(
    "--output",
    "-o",
    "given",
    metavar="FILE",
    help="File to write (.svg, .dot, .html); - for SVG to stdout. Default: NAME.svg in this folder.",
)
@click.option(
    "--theme",
    type=click.Choice(["auto", "light", "dark"]),
    default="auto",
    help="Colours of .svg and .html; auto: as the reader's system is set.",
)
@click.option("--unfold", is_flag=True, help="Draw every instance of an array.")
@settings_option
def command(
    arch: str,
    given: str | None,
    theme: Literal["auto", "light", "dark"],
    unfold: bool,
    settings: tuple[tuple[str, int | bool | str], ...],
) -> None:
    """Draw the block diagram of ARCH: a shipped platform or system, or a path to an .acadl file."""
    from acadl.diagnostics import printable
    from acadl.draw import FORMATS, to_text
    from acadl.files import write_text
    from acadl.loading import check_file
    from platforms.catalog import is_path

    output = f"{Path(arch).stem}.svg" if given is None else given
    suffix = ".svg" if output == "-" else Path(output).suffix.lower()
    if suffix not in FORMATS:
        raise click.BadParameter(
            f"'{output}' ends in none of {', '.join(FORMATS)}", param_hint="'--output' / '-o'"
        )
    if output != "-":
        check_outputs({"the drawing": output}, [("the description", arch)])
    drawable = _drawable(arch, settings)
    if output != "-" and is_path(arch):
        files = check_file(arch, dict(settings)).sources  # imports, too
        check_outputs({"the drawing": output}, [("a description", file) for file in files])
    text = to_text(drawable, suffix, theme=theme, unfold=unfold)
    if output == "-":
        click.echo(text.encode(), nl=False)
        return
    write_text(output, text)
    if given is None:
        click.echo(f"wrote {printable(output)}", err=True)


def _drawable(arch: str, settings: tuple[tuple[str, int | bool | str], ...]) -> Drawable:
    """An architecture, or a platform of several cores."""
    from acadl.loading import load_platform
    from platforms.catalog import is_path
    from platforms.soc.description import shipped_systems
    from platforms.soc.systems import has_platform

    shipped = {} if is_path(arch) else shipped_systems()
    if arch in shipped or (is_path(arch) and has_platform(Path(arch))):
        return load_platform(shipped.get(arch, Path(arch)), **dict(settings))
    architecture: Drawable = load_architecture(arch, settings)
    return architecture
