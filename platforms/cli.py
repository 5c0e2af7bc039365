"""The command ``acadl``: one file per subcommand under ``platforms.commands``, imported when it is needed.

Exit status: 0 done, 1 findings (diagnostics, something that could not be done), 2 wrong usage,
130 interrupted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

import click

from acadl.errors import AcadlError

NAME = "acadl"
COMMANDS = ("check", "demo", "draw", "estimate", "list", "version")


class LazyGroup(click.Group):
    """Finds commands by name in ``platforms.commands`` and turns errors into messages and exit statuses."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"platforms.commands.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from acadl.diagnostics import nearest

            near = nearest(args[0], COMMANDS)
            hint = f" Did you mean '{near}'?" if near else f" Commands: {', '.join(COMMANDS)}."
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
        sys.exit(self._status(args, complete_var, extra))

    def _status(self, args: Sequence[str] | None, complete_var: str | None, extra: dict[str, Any]) -> int:
        try:
            result = super().main(args, NAME, complete_var, False, **extra)
            sys.stdout.flush()
            return result if isinstance(result, int) else 0
        except click.ClickException as error:
            error.show()
            return error.exit_code
        except AcadlError as error:
            from platforms.messages import show_error

            show_error(error)
            return 1
        except BrokenPipeError:
            # keep the interpreter from complaining when it flushes; the status is click's for this case
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        except (KeyboardInterrupt, click.Abort):
            click.echo("interrupted", err=True)
            return 130


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


def main() -> NoReturn:
    """Entry point of the console script."""
    cli()
    raise AssertionError("unreachable: the group exits")


if __name__ == "__main__":
    main()
