"""Text to train and to try small language models on."""

from __future__ import annotations

import sysconfig
from pathlib import Path

from mappings.compression.errors import CompressionError

HELD_OUT = 12  # one file of so many, or that part of a single text
LEAST = 20_000  # bytes of a text


def library_texts() -> tuple[bytes, bytes]:
    """Training text and held-out text: sources of Python's own library, every twelfth file held out."""
    files = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))
    parts = [file.read_bytes() for file in files]
    held = b"\n".join(part for i, part in enumerate(parts) if i % HELD_OUT == 0)
    return b"\n".join(part for i, part in enumerate(parts) if i % HELD_OUT), held


def texts_of(path: str | Path) -> tuple[bytes, bytes]:
    """Training text and held-out text, the last twelfth of a file. Raises :class:`CompressionError`."""
    try:
        text = Path(path).read_bytes()
    except OSError as error:
        raise CompressionError(f"cannot read '{path}': {error.strerror or error}") from error
    if len(text) < LEAST:
        raise CompressionError(f"'{path}' has {len(text):,} bytes; a text to train on has {LEAST:,} or more")
    cut = len(text) - len(text) // HELD_OUT
    return text[:cut], text[cut:]
