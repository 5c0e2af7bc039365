"""Mappers that do not ship: importing their file, calling them, and telling what is wrong with them."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from acadl.errors import AcadlError
from mappings.choices import map_choice
from mappings.registry import LIBRARY, Mapper, MappingError, map_layer

if TYPE_CHECKING:
    from acadl.model import Architecture
    from mappings.choices import Choice
    from mappings.layers import Layer
    from mappings.program import LoopProgram


class BrokenMapperError(MappingError):
    """A mapper failed by itself: not a layer that cannot be mapped, but a mistake in the mapper."""


def map_checked(
    function: Mapper, layer: Layer, arch: Architecture, choice: Choice | None = None
) -> LoopProgram:
    """The layer as a loop program by ``function``, the mapper of ``arch``, mapped as chosen.

    Raises:
        MappingError: As for :func:`mappings.map_layer`.
        BrokenMapperError: The mapper does not ship and raised anything else, or returned no loop program.
    """
    from mappings.program import LoopProgram

    if str(getattr(function, "__module__", "")).startswith(f"{LIBRARY}."):
        return map_choice(layer, arch, choice) if choice else map_layer(layer, arch)
    failed = f"{_named(function)} failed on layer '{layer.name}' ({layer.op})"
    try:
        program: object = map_choice(layer, arch, choice) if choice else map_layer(layer, arch)
    except MappingError:
        raise
    except AcadlError as error:  # of the program that it makes
        file = getattr(getattr(function, "__code__", None), "co_filename", "")
        line = line_in(file, error) if file else None
        where = "" if line is None else f" ('{file}', line {line})"
        raise BrokenMapperError(f"{failed}: {error}{where}") from error
    except (Exception, SystemExit) as error:
        raise BrokenMapperError(f"{failed}: {_text(error)}{_raised_at(error)}") from error
    if not isinstance(program, LoopProgram):
        raise BrokenMapperError(f"{failed}: it returned {type(program).__name__}, not a LoopProgram")
    return program


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
    except (Exception, SystemExit) as error:
        raise _explained(error, path, line_in(path, error)) from error


@contextmanager
def explaining_mappings(paths: Iterable[str]) -> Iterator[None]:
    """Turn an error that a user's own mapping module raises while its program is evaluated into one that
    names its line."""
    try:
        yield
    except AcadlError:
        raise
    except (Exception, SystemExit) as error:
        for path in paths:
            line = line_in(path, error)
            if line is not None:
                raise _explained(error, path, line) from error
        raise


def line_in(path: str, error: BaseException) -> int | None:
    """The innermost line of the file in the error's traceback; ``None`` if it has none there."""
    file = Path(path).resolve()
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).resolve() == file:
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    return next((f.lineno for f in reversed(frames) if Path(f.filename).resolve() == file), None)


def _explained(error: BaseException, path: str, line: int | None) -> AcadlError:
    where = f"'{path}'" if line is None else f"'{path}' (line {line})"
    return AcadlError(f"the mapping {where} failed: {_text(error)}")


def _named(function: Mapper) -> str:
    """``mapper 'map_layer' (FILE, line N)``, with the place of its definition where it has one."""
    code = getattr(function, "__code__", None)
    where = f" ('{code.co_filename}', line {code.co_firstlineno})" if code is not None else ""
    return f"mapper '{getattr(function, '__qualname__', type(function).__name__)}'{where}"


def _text(error: BaseException) -> str:
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _raised_at(error: BaseException) -> str:
    """Where the error was raised, the innermost place of its traceback."""
    frames = traceback.extract_tb(error.__traceback__)
    return f" (raised in '{frames[-1].filename}', line {frames[-1].lineno})" if frames else ""
