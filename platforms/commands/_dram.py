"""What the commands about DRAM share: options of the device, errors of the package as messages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from dram.configurations import Configuration

F = TypeVar("F", bound=Callable[..., Any])


@contextmanager
def dram_errors() -> Iterator[None]:
    """Errors of the package ``dram`` become those of the command line, with their place."""
    from acadl.errors import AcadlError, Diagnostic, Span
    from dram.errors import DramError

    try:
        yield
    except DramError as error:
        if error.file is None or error.line is None:
            raise AcadlError(str(error)) from error
        place = Span(error.file, error.line, 1, error.line, 1)
        found = AcadlError(str(error), [Diagnostic("E0001", error.message, place, error.hint)])
        if _is_packed(error.file):
            found.sources = {error.file: ""}  # type: ignore[attr-defined]  # no excerpt of packed bytes
        raise found from error


def _is_packed(file: str) -> bool:
    """Whether a file is compressed by gzip."""
    from dram.traces.lines import GZIP_MAGIC

    try:
        with open(file, "rb") as stream:
            return stream.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    except OSError:
        return False


def time_setting(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, int | str]:
    """``NAME=VALUE`` of timing parameters: cycles, or a time with a unit."""
    settings: dict[str, int | str] = {}
    for text in values:
        name, sign, value = (part.strip() for part in text.partition("="))
        if not sign or not name or not value:
            raise click.BadParameter(f"'{text}' is not of the form NAME=VALUE, such as tRFC=350ns or CL=17")
        settings[name] = int(value) if value.isascii() and value.isdigit() else value
    return settings


def device_options(function: F) -> F:
    """Options that change the device of a configuration; :func:`changed` takes them."""
    for option in (
        click.option(
            "--timing", metavar="NAME=VALUE", multiple=True, callback=time_setting,
            help="Replace a time: cycles, or with a unit, such as tRFC=350ns; repeatable.",
        ),
        click.option("--ranks", type=click.IntRange(1), help="Ranks, or pseudo channels."),
        click.option("--organisation", metavar="DENSITY_WIDTH", help="Size of the dies, such as 8Gb_x8."),
    ):  # fmt: skip
        function = option(function)
    return function


def changed(
    name: str, organisation: str | None, ranks: int | None, timing: dict[str, int | str]
) -> Configuration:
    """The configuration of that name or file, its device changed. Raises :class:`DramError`."""
    from dram.configurations import DeviceSettings, configuration

    chosen = configuration(name)
    device = DeviceSettings(
        **{
            **chosen.device.model_dump(),
            **({"organisation": organisation} if organisation else {}),
            **({"ranks": ranks} if ranks else {}),
            "timing": {**chosen.device.timing, **timing},
        }
    )
    return chosen.model_copy(update={"device": device})
