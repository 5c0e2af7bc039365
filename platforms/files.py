"""Writing output files."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from acadl.errors import AcadlError


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a file in one step: readers see the old content or the new one, never a part.

    Raises:
        AcadlError: The file cannot be written.
    """
    target = Path(path)
    temporary: str | None = None
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(temporary, _mode(target))
        os.replace(temporary, target)
        temporary = None
    except OSError as error:
        raise AcadlError(f"cannot write '{target}': {error.strerror or error}") from error
    finally:
        if temporary is not None:
            os.unlink(temporary)


def _mode(target: Path) -> int:
    """Permissions of the file that is replaced, else what a new file gets."""
    if target.exists():
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
