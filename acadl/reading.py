"""Reading a description's file: only regular files, only text, only so much of it."""

from __future__ import annotations

import re
import stat
from pathlib import Path

# No description is longer; it keeps endless and mistaken files out.
MAX_BYTES = 16 << 20
LONE_RETURN = re.compile(r"\r(?!\n)")


class ReadError(Exception):
    """A file cannot be read; the message is the reason."""


def resolved(path: Path) -> Path:
    """The path without links. Raises :class:`ReadError`."""
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:  # a circle of links is a RuntimeError before Python 3.13
        raise ReadError("the path cannot be resolved, its links may lead in a circle") from error
    except ValueError as error:  # a NUL or half a character
        raise ReadError("there can be no file of this name") from error


def read_text(path: Path) -> str:
    """The file as text, without a byte order mark. Raises :class:`ReadError`."""
    return decoded(read_bytes(path))


def read_bytes(path: Path) -> bytes:
    """What is in the file. Raises :class:`ReadError`."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ReadError("it is not a regular file")
        with path.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise ReadError(error.strerror or type(error).__name__) from error
    except ValueError as error:  # a NUL or half a character
        raise ReadError("there can be no file of this name") from error


def decoded(data: bytes) -> str:
    """Bytes as text, without a byte order mark. Raises :class:`ReadError`."""
    if len(data) > MAX_BYTES:
        raise ReadError(f"it has more than {MAX_BYTES >> 20} MiB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ReadError(f"it is not UTF-8 text (byte {error.start})") from error


def with_line_feeds(text: str) -> str:
    """The text, as long as it is, with a line feed for each carriage return that stands alone.

    Editors end a line there. So places in a description count these line ends, though they are errors.
    """
    return LONE_RETURN.sub("\n", text) if "\r" in text else text
