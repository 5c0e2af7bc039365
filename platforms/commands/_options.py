"""Options that several commands share."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from acadl.errors import AcadlError

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


def failing_as_json(error: AcadlError) -> None:
    """The error as the one JSON object, and for people on standard error."""
    from platforms.messages import show_error

    print_json({"error": str(error), "diagnostics": [item.to_dict() for item in error.diagnostics]})
    show_error(error)


def import_mapping(path: str) -> None:
    """Run a user's mapping module, which registers its mappers.

    Raises:
        AcadlError: The file cannot be imported; the message has the reason.
    """
    import importlib.util

    file = Path(path)
    name = f"acadl_user_mapping_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise AcadlError(f"'{path}' is no Python module; a mapping is a file that ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses in the module look themselves up here
    try:
        spec.loader.exec_module(module)
    except AcadlError:
        raise
    except Exception as error:
        where = _line_in(file, error)
        raise AcadlError(
            f"cannot import the mapping '{path}'{where}: {type(error).__name__}: {error}"
        ) from error


def _line_in(file: Path, error: Exception) -> str:
    """`` (line 12)``: the innermost line of ``file`` in the error's traceback."""
    import traceback

    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).resolve() == file.resolve()
    ]
    if isinstance(error, SyntaxError) and error.lineno is not None:
        lines.append(error.lineno)
    return f" (line {lines[-1]})" if lines else ""
