"""``acadl run``: cycles of one case, such as a program."""

from __future__ import annotations

from pathlib import Path

import click

from platforms.commands._options import (
    Setting,
    json_option,
    mapping_option,
    print_json,
    settings_option,
    using_mappings,
)


@click.command()
@click.argument("arch")
@click.option(
    "--case", "case", type=Setting(), multiple=True, required=True, help="What to run: a column of the case."
)
@settings_option
@click.option("--measured", default="", metavar="COLUMN", help="Which cycles, as the column of a table says.")
@mapping_option
@json_option
def command(
    arch: str,
    case: tuple[tuple[str, int | bool | str], ...],
    settings: tuple[tuple[str, int | bool | str], ...],
    measured: str,
    mappings: tuple[str, ...],
    as_json: bool,
) -> None:
    """Estimate the cycles of one case on ARCH, as `acadl validate` does for each row of a table.

    ARCH is the name of a shipped platform (see `acadl list`) or a path to an .acadl file. What a case may
    say depends on its mapping, for example --case program=FILE.elf, or --case M=16 --case N=16 --case K=16.
    Programs are found under programs/ in this folder.
    """
    from aidg.estimation import estimate
    from platforms.messages import warn
    from platforms.single_case import single_case

    with using_mappings(mappings):
        single = single_case(arch, dict(case), dict(settings), Path.cwd(), measured)
        architecture, program = single.arch, single.program
        found = estimate(architecture, program)
    for note in (*single.notes, *found.notes):
        warn(note)
    if as_json:
        print_json({"program": program.name, **found.to_dict()})
        return
    what = f"{program.name} on {architecture.name}" if program.name else architecture.name
    click.echo(f"{what}: {found.cycles:,} cycles, {found.instructions:,} instructions")
    click.echo(
        f"{found.method}, {found.evaluated_instructions:,} instructions evaluated; bound by {found.bound_by}"
    )
