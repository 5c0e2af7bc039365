"""``acadl check``: parse and elaborate descriptions."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from platforms.commands._descriptions import STANDARD_INPUT, descriptions
from platforms.commands._options import json_option, print_json, settings_option
from platforms.commands._outputs import check_outputs

if TYPE_CHECKING:
    from acadl.errors import Diagnostic
    from acadl.loading import Checked


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@settings_option
@json_option
@click.option("--html", metavar="OUT.html", help="Write the findings as a web page, too.")
def command(
    files: tuple[str, ...],
    settings: tuple[tuple[str, int | bool | str], ...],
    as_json: bool,
    html: str | None,
) -> None:
    """Check descriptions: .acadl files, folders with such files, names of shipped platforms and systems, or
    - for standard input.

    Exit status 1 if there is an error in any of them. `acadl explain CODE` says more about a finding.
    """
    from acadl.diagnostics import printable
    from acadl.errors import AcadlError, Diagnostic
    from platforms.messages import show_diagnostics, show_error

    check_outputs({"the page": html}, [("a description", file) for file in files])
    diagnostics: list[Diagnostic] = []
    sources: dict[str, str] = {}
    failed = False
    for file in (found for path in files for found in _named(path)):
        try:
            checked = _check(file, settings)
        except AcadlError as error:  # no such file
            failed = True
            diagnostics.append(Diagnostic("E0001", str(error)))
            show_error(error)
            continue
        found = _findings(checked)
        diagnostics += found
        sources |= checked.sources
        show_diagnostics(found, checked.sources)
        failed = failed or not checked.is_sound
        if checked.is_sound and not as_json:
            click.echo(f"{printable(file)}: {_summary(checked)}: no errors{_counted(checked.diagnostics)}")
    if as_json:
        print_json({"diagnostics": [item.to_dict() for item in diagnostics]})
    if html is not None:
        from acadl.files import write_text
        from acadl.rendering import to_page

        check_outputs({"the page": html}, [("a description", file) for file in sources])  # imports, too
        write_text(html, to_page(diagnostics, sources, f"Findings in {', '.join(files)}"))
    if failed:
        sys.exit(1)


def _findings(checked: Checked) -> tuple[Diagnostic, ...]:
    """Findings, but for that a sound file for others has no architecture."""
    return tuple(d for d in checked.diagnostics if not (checked.is_sound and d.is_error))


def _summary(checked: Checked) -> str:
    arch, platform = checked.architecture, checked.platform
    if platform is not None:
        caches = [cache for cache in platform.caches if cache.kind == "cache"]
        parts = f"{_count(platform.cores, 'core')}, {_count(caches, 'cache')}"
        return f"{platform.name}, a platform of {parts}"
    if arch is None:
        return "parts for other files, no architecture"
    return f"{arch.name}, {len(arch.objects)} objects, {len(arch.edges)} edges"


def _count(parts: Sequence[object], noun: str) -> str:
    return f"{len(parts)} {noun}{'' if len(parts) == 1 else 's'}"


def _counted(diagnostics: tuple[Diagnostic, ...]) -> str:
    """``, 2 warnings, 1 note``; nothing where there are none."""
    text = ""
    for severity in ("warning", "note"):
        count = sum(item.severity == severity for item in diagnostics)
        text += f", {count} {severity}{'s' if count > 1 else ''}" if count else ""
    return text


def _named(path: str) -> Iterator[str]:
    """What a path or a name stands for; a folder without descriptions is an error of its own."""
    found = () if _is_shipped(path) else tuple(descriptions(path))
    yield from found or (path,)


def _is_shipped(name: str) -> bool:
    from platforms.catalog import platform_names
    from platforms.soc.description import shipped_systems

    return name in shipped_systems() or name in platform_names()


def _standard_input(settings: tuple[tuple[str, int | bool | str], ...]) -> Checked:
    """Imports are read from the current folder."""
    from acadl.errors import AcadlError
    from acadl.loading import check_text
    from acadl.reading import ReadError, decoded

    try:
        text = decoded(sys.stdin.buffer.read())
    except ReadError as error:
        raise AcadlError(f"cannot read '<stdin>': {error}") from error
    return check_text(text, "<stdin>", Path.cwd(), dict(settings))


def _check(file: str, settings: tuple[tuple[str, int | bool | str], ...]) -> Checked:
    from acadl.loading import check_file
    from platforms.catalog import is_path, located
    from platforms.soc.description import shipped_systems

    if file == STANDARD_INPUT:
        return _with_parts(_standard_input(settings))
    if not is_path(file) and file in shipped_systems():
        return _with_parts(check_file(shipped_systems()[file], dict(settings)))
    with located(file) as path:
        return _with_parts(check_file(path, dict(settings)))


def _with_parts(checked: Checked) -> Checked:
    """With what a platform's cores, caches and memory lack, which only shows when they are looked up."""
    from platforms.soc.description import findings_of

    if checked.platform is None:
        return checked
    found = findings_of(checked.platform)
    platform = checked.platform if not found else None
    return replace(checked, platform=platform, diagnostics=(*checked.diagnostics, *found))
