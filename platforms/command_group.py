"""The group of subcommands: finds them by name, and turns errors into messages and exit statuses."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from acadl.errors import AcadlError

NAME = "acadl"
FOLDER = Path(__file__).with_name("commands")


def command_names() -> list[str]:
    """What there is: a module in ``platforms.commands`` for each command, sorted; none is imported."""
    modules = (path.stem for path in FOLDER.glob("[a-z]*.py"))
    return sorted(module.replace("_", "-") for module in modules)


class LazyGroup(click.Group):
    """Finds commands by name in ``platforms.commands`` and turns errors into messages and exit statuses."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return command_names()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in command_names():
            return None
        command: click.Command = import_module(f"platforms.commands.{cmd_name.replace('-', '_')}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from acadl.suggesting import nearest

            names = command_names()
            near = nearest(args[0], names)
            hint = f" Did you mean '{near}'?" if near else f" Commands: {', '.join(names)}."
            raise click.UsageError(error.message.split(" Did you mean")[0] + hint, ctx) from None

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = NAME,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        if not standalone_mode:
            return super().main(args, NAME, complete_var, False, **extra)
        sys.exit(self._status(list(sys.argv[1:] if args is None else args), complete_var, extra))

    def _status(self, args: list[str], complete_var: str | None, extra: dict[str, Any]) -> int:
        """The exit status, also where the output cannot be written."""
        try:
            status = self._run(args, complete_var, extra)
            if sys.stdout is not None and not sys.stdout.closed:  # by the caller, or by the command
                sys.stdout.flush()
            return status
        except BrokenPipeError:
            _drop_output()
            return 1  # click's status for this case
        except OSError as error:
            # errors of files have the name of the file; those of streams have none
            text = str(error) if error.filename else f"cannot write the output: {error.strerror or error}"
            with suppress(OSError):  # standard error may be what is full
                click.echo(f"error: {text}", err=True)
            _drop_output()
            return 1
        except (KeyboardInterrupt, click.Abort):
            with suppress(OSError):
                click.echo("interrupted", err=True)
            return 130

    def _run(self, args: list[str], complete_var: str | None, extra: dict[str, Any]) -> int:
        """Run the command; failures go to standard error and, with ``--json``, become the one JSON object."""
        from platforms.messages import print_json_error, show_error

        try:
            result = super().main(args, NAME, complete_var, False, **extra)
            return result if isinstance(result, int) else 0
        except click.ClickException as error:
            if "--json" in args:
                print_json_error(error.format_message())
            if sys.stderr is not None:
                error.show()
            return error.exit_code
        except AcadlError as error:
            if "--json" in args:
                print_json_error(str(error), error.diagnostics)
            show_error(error)
            return 1


def _drop_output() -> None:
    """Keep the interpreter from failing when it flushes what is still buffered."""
    with suppress(OSError, AttributeError):  # no standard output, or one that is no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from platforms.version import version

        click.echo(f"{NAME} {version()}")
        ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    "-V",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version and exit.",
)
def cli() -> None:
    """Cycle estimates of neural networks on accelerators described in .acadl text."""
