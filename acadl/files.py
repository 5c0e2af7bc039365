"""Writing output files in one step."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from acadl.errors import AcadlError


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file to write that takes the place of ``path`` at the end.

    Readers see the old content or the new one, never a part. If something goes wrong meanwhile, ``path``
    stays as it is. A link stays a link to the file. Devices and pipes, such as ``/dev/null``, are written to
    at once.

    Raises:
        AcadlError: The file cannot be written.
    """
    target = Path(os.path.realpath(path))
    temporary: str | None = None
    if target.is_file() and not target.stat().st_mode & 0o222:
        raise AcadlError(f"cannot write '{os.fspath(path)}': it is there and may only be read")
    try:
        if Path(path).exists() and not Path(path).is_file() and not target.is_dir():
            with open(path, "wb") as file:
                yield file
            return
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        with os.fdopen(handle, "wb") as file:
            yield file
        os.chmod(temporary, _mode(target))
        os.replace(temporary, target)
        temporary = None
    except OSError as error:
        raise AcadlError(f"cannot write '{os.fspath(path)}': {error.strerror or error}") from error
    finally:
        if temporary is not None:
            os.unlink(temporary)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a text file in one step. Raises :class:`AcadlError`."""
    with replacing(path) as file:
        file.write(text.encode("utf-8"))


def _mode(target: Path) -> int:
    """Permissions of the file that is replaced, else what a new file gets."""
    if target.exists():
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
