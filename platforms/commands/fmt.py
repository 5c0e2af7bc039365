"""``acadl fmt``: descriptions in the one style."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from platforms.commands._descriptions import STANDARD_INPUT, descriptions

if TYPE_CHECKING:
    from acadl.errors import AcadlError


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--check", is_flag=True, help="Write nothing; exit status 1 if a file would change.")
@click.option("--diff", is_flag=True, help="Write nothing; print what would change.")
def command(paths: tuple[str, ...], check: bool, diff: bool) -> None:
    """Format descriptions: .acadl files, folders with such files, or - for standard input.

    Files with syntax errors stay as they are. Exit status 1 if there is one, or with --check.
    """
    from acadl.errors import AcadlError

    failed = changed = total = 0
    for path in paths:
        for file in descriptions(path):
            total += 1
            try:
                changed += _format(file, check=check, diff=diff)
            except AcadlError as error:
                failed += 1
                _show(error)
    if not total:
        click.echo("no .acadl files found", err=True)
    if paths != (STANDARD_INPUT,) or check:
        verb = "would change" if check or diff else "changed"
        errors = f", {failed} with errors" if failed else ""
        click.echo(f"{changed} of {total} files {verb}{errors}", err=True)
    if failed or (check and changed):
        sys.exit(1)


def _show(error: AcadlError) -> None:
    from platforms.messages import show_error

    show_error(error)


def _read(file: str) -> tuple[str, bytes]:
    """The text of a file, and its bytes as they are. Raises :class:`AcadlError`."""
    from acadl.errors import AcadlError
    from acadl.reading import ReadError, decoded, read_bytes

    try:
        data = sys.stdin.buffer.read() if file == STANDARD_INPUT else read_bytes(Path(file))
        return decoded(data), data
    except ReadError as error:
        raise AcadlError(f"cannot read '{_name(file)}': {error}") from error


def _format(file: str, check: bool, diff: bool) -> bool:
    """Format one file; whether that changes it."""
    from acadl.diagnostics import printable, printable_lines
    from acadl.errors import AcadlError
    from acadl.files import replacing
    from acadl.formatting import format_text

    text, data = _read(file)
    name = _name(file)
    formatted = format_text(text, name)
    changed = formatted.encode() != data
    if diff:
        difference = _difference(text, formatted, name)
        shown = printable_lines(difference) if _is_terminal() else difference.encode()
        click.echo(shown, nl=False, color=True)
    elif check:
        if changed:
            click.echo(f"would change {printable(name)}", err=True)
    elif file == STANDARD_INPUT:
        click.echo(formatted.encode(), nl=False)  # UTF-8, as files are
    elif changed:
        with replacing(file) as stream:
            stream.write(formatted.encode())
            if _read(file)[1] != data:
                raise AcadlError(f"'{file}' has changed meanwhile; it stays as it is: format it again")
        click.echo(f"changed {printable(name)}", err=True)
    return changed


def _is_terminal() -> bool:
    return sys.stdout.isatty()


def _name(file: str) -> str:
    """What messages call a file."""
    return "<stdin>" if file == STANDARD_INPUT else file


def _difference(text: str, formatted: str, name: str) -> str:
    from difflib import unified_diff

    before, after = (source.splitlines(keepends=True) for source in (text, formatted))
    lines = unified_diff(before, after, f"{name} (as it is)", f"{name} (formatted)")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ no newline at the end\n" for line in lines)
