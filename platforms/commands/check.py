"""``acadl check``: parse and elaborate descriptions."""

from __future__ import annotations

import sys

import click

from platforms.commands._options import json_option, load_architecture, print_json, settings_option


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@settings_option
@json_option
def command(
    files: tuple[str, ...], settings: tuple[tuple[str, int | bool | str], ...], as_json: bool
) -> None:
    """Check descriptions: .acadl files or names of shipped platforms.

    Exit status 1 if there is an error in any of them.
    """
    from acadl.errors import AcadlError, Diagnostic
    from platforms.messages import show_error

    diagnostics: list[Diagnostic] = []
    failed = False
    for file in files:
        try:
            arch = load_architecture(file, settings)
        except AcadlError as error:
            failed = True
            diagnostics += error.diagnostics or [Diagnostic("E001", str(error))]
            show_error(error)
            continue
        if not as_json:
            size = f"{len(arch.objects)} objects, {len(arch.edges)} edges"
            click.echo(f"{file}: {arch.name}, {size}: no errors")
    if as_json:
        print_json({"diagnostics": [item.to_dict() for item in diagnostics]})
    if failed:
        sys.exit(1)
