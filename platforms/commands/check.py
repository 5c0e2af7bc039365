"""``acadl check``: parse and elaborate descriptions."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from platforms.commands._options import json_option, print_json, settings_option

if TYPE_CHECKING:
    from acadl.loading import Checked


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
    from platforms.messages import show_diagnostics, show_error

    diagnostics: list[Diagnostic] = []
    failed = False
    for file in files:
        try:
            checked = _check(file, settings)
        except AcadlError as error:  # no such file
            failed = True
            diagnostics.append(Diagnostic("E0001", str(error)))
            show_error(error)
            continue
        diagnostics += checked.diagnostics
        show_diagnostics(checked.diagnostics, checked.sources)
        if checked.architecture is None:
            failed = True
        elif not as_json:
            arch = checked.architecture
            warnings = f", {len(checked.diagnostics)} warnings" if checked.diagnostics else ""
            size = f"{len(arch.objects)} objects, {len(arch.edges)} edges"
            click.echo(f"{file}: {arch.name}, {size}: no errors{warnings}")
    if as_json:
        print_json({"diagnostics": [item.to_dict() for item in diagnostics]})
    if failed:
        sys.exit(1)


def _check(file: str, settings: tuple[tuple[str, int | bool | str], ...]) -> Checked:
    from acadl.loading import check_file
    from platforms.catalog import located

    with located(file) as path:
        return check_file(path, dict(settings))
