"""Writing text files in one step: readers see the old content or the new one, never a part."""

from __future__ import annotations

import gzip
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO, Any

from dram.errors import TraceError


@contextmanager
def text_file(path: str | os.PathLike[str]) -> Iterator[Callable[[str], object]]:
    """A function that writes pieces of text one after the other; gzip if the name ends with ``.gz``.

    Raises and keeps what is there as :func:`binary_file`.
    """
    with binary_file(path) as file, _packed(file, Path(path)) as sink:
        yield lambda text: sink.write(text.encode())


@contextmanager
def binary_file(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A file to write.

    It appears, or changes, when the context ends; whatever goes wrong, it stays as it was. A link stays a
    link to it. Devices and pipes, such as ``/dev/null``, are written to at once.

    Raises:
        TraceError: The file cannot be written.
    """
    with _reported(path):
        if Path(path).is_dir():
            raise IsADirectoryError(None, "it is a folder")
        special = Path(path).exists() and not Path(path).is_file()
        with open(path, "wb") if special else _replacing(Path(os.path.realpath(path))) as file:
            yield file


@contextmanager
def _replacing(target: Path) -> Iterator[IO[bytes]]:
    """A file beside the target, which takes its place at the end."""
    temporary: str | None = None
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name[:40]}.", dir=target.parent)
        with os.fdopen(handle, "wb") as file:
            yield file
        os.chmod(temporary, _mode(target))
        os.replace(temporary, target)
        temporary = None
    finally:
        if temporary is not None:
            os.unlink(temporary)


def write_lines(path: str | os.PathLike[str], parts: Iterable[str]) -> None:
    """Write pieces of text as :func:`text_file`."""
    with text_file(path) as write:
        for part in parts:
            write(part)


@contextmanager
def _reported(path: str | os.PathLike[str]) -> Iterator[None]:
    """Errors of the system with the name of the file."""
    try:
        yield
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise TraceError(f"cannot be written: {reason}", file=os.fspath(path)) from error


def _packed(file: IO[bytes], target: Path) -> Any:
    """The file, or what packs the bytes for it if its name asks for that."""
    if target.suffix != ".gz":
        return nullcontext(file)
    # no name and no time inside: the same content makes the same file
    return gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0)


def _mode(target: Path) -> int:
    """Permissions of the file that is replaced, else what a new file gets."""
    if target.exists():
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
