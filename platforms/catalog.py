"""The descriptions that ship, by name."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from acadl.errors import AcadlError, shortened

if TYPE_CHECKING:
    from acadl.model import Architecture

SUFFIX = ".acadl"
LONGEST_NAME = 200  # characters; nothing longer is near a name that ships
LIBRARY = Path(__file__).with_name("library")


def platform_names() -> tuple[str, ...]:
    """Names of the shipped descriptions, sorted: the files of ``platforms/library``."""
    return tuple(sorted(path.name.removesuffix(SUFFIX) for path in LIBRARY.glob(f"*{SUFFIX}")))


def load(name_or_path: str | os.PathLike[str], **parameters: int | bool | str) -> Architecture:
    """The shipped description of that name, or the description in that file, with parameters.

    Args:
        name_or_path: A name of :func:`platform_names`, or a path: what holds a ``/`` or ends in ``.acadl``.
        **parameters: Values of the description's parameters; the others keep their defaults.

    Raises:
        AcadlError: Neither a shipped name nor a readable file, or the description has errors.
    """
    import acadl

    with located(name_or_path) as path:
        return acadl.load(path, **parameters)


def load_for_cases(name_or_path: str | os.PathLike[str], **parameters: int | bool | str) -> Architecture:
    """:func:`load`, with the parameters that the description's measured cases are evaluated with.

    Those given here go first. Raises :class:`AcadlError`.
    """
    from mappings.cases import case_parameters

    if not is_path(name_or_path):  # shipped under the name of the architecture: reading it once will do
        return load(name_or_path, **{**case_parameters(os.fspath(name_or_path)), **parameters})
    arch = load(name_or_path, **parameters)
    others = {
        name: value
        for name, value in case_parameters(arch.name).items()
        if name not in parameters and arch.parameters.get(name, value) != value
    }
    return load(name_or_path, **parameters, **others) if others else arch


@contextmanager
def located(name_or_path: str | os.PathLike[str]) -> Iterator[Path]:
    """The file that a name or path means, there for as long as the context lasts.

    Raises:
        AcadlError: No description of that name ships. A path is not looked at.
    """
    text = os.fspath(name_or_path)
    if is_path(name_or_path):
        yield Path(text)
        return
    known = platform_names()
    if text not in known:
        raise AcadlError(_unknown(text, known))
    yield LIBRARY / f"{text}{SUFFIX}"


def is_path(name_or_path: str | os.PathLike[str]) -> bool:
    """Whether the text is meant as a path rather than as a shipped name."""
    text = os.fspath(name_or_path)
    return isinstance(name_or_path, os.PathLike) or text.endswith(SUFFIX) or "/" in text or os.sep in text


def _unknown(text: str, known: tuple[str, ...]) -> str:
    from platforms.soc.description import shipped_systems

    if text in shipped_systems():
        return f"'{text}' is a system of several cores: `acadl simulate {text}` runs networks on it"
    near = difflib.get_close_matches(text.lower(), known, n=1) if len(text) < LONGEST_NAME else []
    hint = f"; did you mean '{near[0]}'?" if near else ""
    shipped = ", ".join(known) or "none"
    file = f" There is a file '{text}': write './{text}' to read it." if os.path.isfile(text) else ""
    return f"no platform '{shortened(text)}' ships{hint} (shipped: {shipped}; a path ends in {SUFFIX}){file}"
