"""Options that several commands share."""

from __future__ import annotations

import json
from collections.abc import Callable
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


def load_architecture(name_or_path: str, settings: tuple[tuple[str, int | bool | str], ...]) -> Any:
    """The architecture that a command names, with its ``--set`` values."""
    from platforms.catalog import load

    return load(name_or_path, **dict(settings))


def print_json(data: object) -> None:
    """One JSON object on standard output."""
    click.echo(json.dumps(data, indent=2))
