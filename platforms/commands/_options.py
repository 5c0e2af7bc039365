"""Options that several commands share."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
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
        raise _explained(error, path, line_in(path, error)) from error


@contextmanager
def explaining_mappings(paths: Iterable[str]) -> Iterator[None]:
    """Turn an error that a user's own mapping module raises while it maps into one that names its line."""
    try:
        yield
    except AcadlError:
        raise
    except Exception as error:
        for path in paths:
            line = line_in(path, error)
            if line is not None:
                raise _explained(error, path, line) from error
        raise


def _explained(error: Exception, path: str, line: int | None) -> AcadlError:
    where = f"'{path}'" if line is None else f"'{path}' (line {line})"
    return AcadlError(f"the mapping {where} failed: {type(error).__name__}: {error}")


def line_in(path: str, error: Exception) -> int | None:
    """The innermost line of the file in the error's traceback; ``None`` if it has none there."""
    import traceback

    file = Path(path).resolve()
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).resolve() == file:
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    return next((f.lineno for f in reversed(frames) if Path(f.filename).resolve() == file), None)
