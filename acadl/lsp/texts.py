"""Texts of a session: those that are open, else what is in the files now."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from acadl.lsp.positions import plain_lines
from acadl.reading import LONE_RETURN, ReadError, read_text

FRESH_SECONDS = 0.05  # files are looked at again after so long

Stamp = tuple[int, int, int] | None


@dataclass(frozen=True)
class Text:
    """One content of a file.

    Attributes:
        written: As it is written.
        stamp: Of the file that it was read from; ``None`` for an open text.
    """

    written: str
    stamp: Stamp = None

    @cached_property
    def plain(self) -> str:
        """With lines ended by ``\\n``."""
        return plain_lines(self.written)

    @cached_property
    def checked(self) -> str:
        """What is checked: as it is written where its line ends are mistakes."""
        return self.written if LONE_RETURN.search(self.written) else self.plain

    @cached_property
    def lines(self) -> list[str]:
        """The lines without their ends."""
        return self.plain.split("\n")

    @cached_property
    def digest(self) -> bytes:
        """Changes with the content."""
        return hashlib.sha256(self.written.encode("utf-8", "replace")).digest()


class Texts:
    """Texts by absolute path. A file's content is kept until the file changes."""

    def __init__(self) -> None:
        self._open: dict[Path, Text] = {}
        self._saved: dict[Path, Text | None] = {}  # `None`: cannot be read
        self._looked = 0.0

    def copy(self) -> Texts:
        """The same texts, to try changes on."""
        made = Texts()
        made._open, made._saved, made._looked = dict(self._open), dict(self._saved), self._looked
        return made

    def open(self, path: Path, written: str) -> None:
        """An editor has opened or changed a text."""
        self._open[path] = Text(written)

    def close(self, path: Path) -> None:
        """An editor has closed a text; its file counts again."""
        self._open.pop(path, None)
        self._saved.pop(path, None)

    def __iter__(self) -> Iterator[Path]:
        """What is open."""
        return iter(tuple(self._open))

    def get(self, path: Path) -> Text:
        """The text of an open or a saved file. Raises :class:`ReadError`."""
        if path in self._open:
            return self._open[path]
        if path not in self._saved:
            self._saved[path] = _read(path)
        found = self._saved[path]
        if found is None:
            raise ReadError("there is no such file, or it is no text")
        return found

    def look_again(self) -> None:
        """Read files anew that have changed on disk."""
        self._looked = time.monotonic()
        for path, known in tuple(self._saved.items()):
            if (known.stamp if known is not None else None) != _stamp(path):
                self._saved[path] = _read(path)

    def digest(self) -> bytes:
        """Changes with every text that was given out, saved ones included."""
        if time.monotonic() - self._looked > FRESH_SECONDS:
            self.look_again()
        made = hashlib.sha256()
        for texts in (self._open, self._saved):
            for path, text in sorted(texts.items()):
                made.update(f"{path}\0".encode("utf-8", "replace"))
                made.update(text.digest if text is not None else b"")
        return made.digest()


def _read(path: Path) -> Text | None:
    stamp = _stamp(path)
    try:
        return Text(read_text(path), stamp)
    except ReadError:
        return None


def _stamp(path: Path) -> Stamp:
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
