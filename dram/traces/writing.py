"""Writing text files in one step: readers see the old content or the new one, never a part."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from dram.errors import TraceError


def write_lines(path: str | os.PathLike[str], parts: Iterable[str]) -> None:
    """Write pieces of text one after the other; gzip if the name ends with ``.gz``.

    Whatever goes wrong, also while ``parts`` is made, the file stays as it was.

    Raises:
        TraceError: The file cannot be written.
    """
    target = Path(path)
    temporary: str | None = None
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name[:40]}.", dir=target.parent)
        with os.fdopen(handle, "wb") as file:
            if target.suffix == ".gz":
                _write_packed(file, parts)
            else:
                file.writelines(part.encode() for part in parts)
        os.chmod(temporary, _mode(target))
        if target.is_dir():
            raise IsADirectoryError(None, "it is a folder")
        os.replace(temporary, target)
        temporary = None
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise TraceError(f"cannot be written: {reason}", file=os.fspath(path)) from error
    finally:
        if temporary is not None:
            os.unlink(temporary)


def _write_packed(file: object, parts: Iterable[str]) -> None:
    import gzip

    # no name and no time inside: the same content makes the same file
    with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:  # type: ignore[call-overload]
        for part in parts:
            packed.write(part.encode())


def _mode(target: Path) -> int:
    """Permissions of the file that is replaced, else what a new file gets."""
    if target.exists():
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
