"""No file that a command writes may replace one that it reads, or another one that it writes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from acadl.errors import AcadlError


def check_outputs(outputs: Mapping[str, str | None], inputs: Iterable[tuple[str, str | None]]) -> None:
    """See to it that all files are different ones; of an output and an input that is not there, all is well.

    Args:
        outputs: What is written ("the plot"), and where to; ``None``: not wanted.
        inputs: What is read, and its file; ``None``, or a name without a file: none.

    Raises:
        AcadlError: Names both.
    """
    taken = {_identity(path): what for what, path in inputs if path is not None}
    for what, path in outputs.items():
        if path is None:
            continue
        if not path:
            raise AcadlError(f"the file for {what} has no name")
        real = os.path.realpath(path)
        identity = _identity(path)
        if identity in taken:
            raise AcadlError(f"{path}: {what} would replace {taken[identity]} (give them different names)")
        if real.endswith(".acadl") and os.path.isfile(real):  # perhaps one that is imported
            raise AcadlError(f"{path}: {what} would replace a description (give it another name)")
        if not os.path.exists(real) or os.path.isfile(real):  # several may go to /dev/null
            taken[identity] = what


def _identity(path: str) -> tuple[int, int] | str:
    """What is the same for all names of a file."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):  # no file yet
        return os.path.realpath(path)
    return found.st_dev, found.st_ino
