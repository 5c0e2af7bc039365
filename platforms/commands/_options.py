"""Options that several commands share."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


class Setting(click.ParamType[tuple[str, int | bool | str]]):
    """``NAME=VALUE`` of a parameter; the value is an integer, ``true``, ``false`` or text."""

    name = "NAME=VALUE"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int | bool | str]:
        name, sign, text = str(value).partition("=")
        if not sign or not name.strip().isidentifier() or not text.strip():
            self.fail(f"'{value}' is not of the form NAME=VALUE, such as rows=32", param, ctx)
        return name.strip(), parameter_value(text.strip())


def parameter_value(text: str) -> int | bool | str:
    """``true``/``false``, an integer (decimal, 0x…, 0b…), else the text as it is."""
    if text in ("true", "false"):
        return text == "true"
    try:
        return int(text, 0)
    except ValueError:
        return text


settings_option: Callable[[F], F] = click.option(
    "--set",
    "settings",
    type=Setting(),
    multiple=True,
    help="Set a parameter of the description; repeatable.",
)
json_option: Callable[[F], F] = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object instead of text."
)

network_option: Callable[[F], F] = click.option(
    "--network", "-n", required=True, help="Name in the zoo, .onnx file or layer table (.csv)."
)
layers_option: Callable[[F], F] = click.option("--layers", help="Names of the layers, separated by commas.")
mapping_option: Callable[[F], F] = click.option(
    "--mapping",
    "mappings",
    type=click.Path(exists=True, dir_okay=False),
    multiple=True,
    help="Your own mapping module (.py), imported before the estimate.",
)

plot_option: Callable[[F], F] = click.option(
    "--plot", metavar="OUT.svg", help="Draw the errors (.svg; .png with the extra `plot`)."
)
html_option: Callable[[F], F] = click.option(
    "--html", metavar="OUT.html", help="Write everything into one HTML file, with pictures."
)


def names_in(layers: str | None) -> list[str] | None:
    """The names of ``--layers``; ``None`` without the option."""
    return None if layers is None else [name.strip() for name in layers.split(",") if name.strip()]


@contextmanager
def using_mappings(paths: tuple[str, ...]) -> Iterator[None]:
    """With the user's mapping modules imported; their errors name their lines.

    What they print goes to standard error, since standard output is for the result; so does progress, whose
    line is removed at the end.
    """
    from platforms.messages import clear_progress
    from platforms.user_mapping import explaining_mappings, import_mapping

    with redirect_stdout(sys.stderr):
        for path in paths:
            import_mapping(path)
        try:
            with explaining_mappings(paths):
                yield
        finally:
            clear_progress()


def load_architecture(name_or_path: str, settings: tuple[tuple[str, int | bool | str], ...]) -> Any:
    """The architecture that a command names, with its ``--set`` values."""
    from platforms.catalog import load

    return load(name_or_path, **dict(settings))


def print_json(data: object) -> None:
    """One JSON object on standard output."""
    click.echo(json.dumps(data, indent=2))
