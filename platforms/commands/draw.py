"""``acadl draw``: the block diagram of a description."""

from __future__ import annotations

from collections.abc import Iterable
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

    output = f"{Path(arch).stem}.svg" if given is None else given
    suffix = ".svg" if output == "-" else Path(output).suffix.lower()
    if suffix not in FORMATS:
        raise click.BadParameter(
            f"'{output}' ends in none of {', '.join(FORMATS)}", param_hint="'--output' / '-o'"
        )
    if output != "-":
        check_outputs({"the drawing": output}, [("the description", arch)])
    drawable, files = _drawable(arch, settings)
    if output != "-":
        check_outputs({"the drawing": output}, [("a description", file) for file in files])
    text = to_text(drawable, suffix, theme=theme, unfold=unfold)
    if output == "-":
        click.echo(text.encode(), nl=False)
        return
    write_text(output, text)
    if given is None:
        click.echo(f"wrote {printable(output)}", err=True)


def _drawable(
    arch: str, settings: tuple[tuple[str, int | bool | str], ...]
) -> tuple[Drawable, Iterable[str]]:
    """An architecture, or a platform of several cores, and the files of a user that it is read from."""
    from acadl.diagnostics import DescriptionError
    from acadl.loading import check_file, load_platform
    from platforms.catalog import is_path
    from platforms.soc.description import shipped_systems

    if not is_path(arch):
        system = shipped_systems().get(arch)
        named = (
            load_architecture(arch, settings) if system is None else load_platform(system, **dict(settings))
        )
        return named, ()
    checked = check_file(arch, dict(settings))
    drawable = checked.platform or checked.architecture
    if drawable is None:
        raise DescriptionError(checked.diagnostics, checked.sources)
    return drawable, checked.sources
