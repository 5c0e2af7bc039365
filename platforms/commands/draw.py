"""``acadl draw``: the block diagram of a description."""

from __future__ import annotations

from pathlib import Path

import click

from platforms.commands._options import load_architecture, settings_option


@click.command()
@click.argument("arch")
@click.option("--output", "-o", required=True, help="File to write (.svg, .dot, .html); - for SVG to stdout.")
@settings_option
def command(arch: str, output: str, settings: tuple[tuple[str, int | bool | str], ...]) -> None:
    """Draw the block diagram of ARCH, a shipped platform or a path to an .acadl file."""
    from acadl.draw import FORMATS
    from acadl.files import write_text

    suffix = ".svg" if output == "-" else Path(output).suffix.lower()
    if suffix not in FORMATS:
        raise click.BadParameter(
            f"'{output}' ends in none of {', '.join(FORMATS)}", param_hint="'--output' / '-o'"
        )
    text = FORMATS[suffix](load_architecture(arch, settings))
    if output == "-":
        click.echo(text, nl=False)
        return
    write_text(output, text)
