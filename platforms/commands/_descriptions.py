"""Descriptions that a command line names: files, folders, standard input."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

STANDARD_INPUT = "-"


def descriptions(path: str) -> Iterator[str]:
    """The path itself, or the descriptions below a folder; hidden ones and links are left out."""
    if path == STANDARD_INPUT or not Path(path).is_dir():
        yield path
        return
    for folder, inner, names in os.walk(path):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        for name in sorted(names):
            file = os.path.join(folder, name)
            if name.endswith(".acadl") and not name.startswith(".") and not os.path.islink(file):
                yield file
