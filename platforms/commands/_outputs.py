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
    taken = {os.path.realpath(path): what for what, path in inputs if path is not None}
    for what, path in outputs.items():
        if path is None:
            continue
        if not path:
            raise AcadlError(f"the file for {what} has no name")
        real = os.path.realpath(path)
        if real in taken:
            raise AcadlError(f"{path}: {what} would replace {taken[real]} (give them different names)")
        if not os.path.exists(real) or os.path.isfile(real):  # several may go to /dev/null
            taken[real] = what
