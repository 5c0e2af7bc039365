"""What a report was made from: version, settings, and the content of every file that was read."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from acadl.errors import AcadlError

CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Source:
    """A file that was read.

    Attributes:
        role: What it is, such as ``trace``.
        name: As it was given.
        sha256: Of its content, hexadecimal.
        bytes: Its size.
    """

    role: str
    name: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a report comes from; equal ones give equal reports, so there is no time of day in it."""

    version: str
    settings: tuple[tuple[str, str], ...]
    sources: tuple[Source, ...]

    def rows(self) -> list[tuple[str, str]]:
        """What, and which."""
        files = [(s.role, f"{s.name} ({s.bytes:,} bytes, SHA-256 {s.sha256})") for s in self.sources]
        return [("acadl", self.version), *self.settings, *files]


def provenance(
    settings: Mapping[str, object], files: Iterable[tuple[str, str | os.PathLike[str]]]
) -> Provenance:
    """Of a report.

    Args:
        settings: What was set, by name.
        files: Role and path of each file that was read.

    Raises:
        AcadlError: A file cannot be read any more.
    """
    from platforms.version import VERSION

    known = tuple((name, str(value)) for name, value in settings.items())
    return Provenance(VERSION, known, tuple(_source(role, path) for role, path in files))


def description_file(arch: str) -> Path:
    """The file of a description, by name or path. Raises :class:`AcadlError`."""
    from platforms.catalog import located

    with located(arch) as path:
        return path


def _source(role: str, path: str | os.PathLike[str]) -> Source:
    digest, size = hashlib.sha256(), 0
    try:
        with Path(path).open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                digest.update(chunk)
                size += len(chunk)
    except OSError as error:
        raise AcadlError(f"cannot read '{os.fspath(path)}': {error.strerror or error}") from error
    return Source(role, os.path.basename(path), digest.hexdigest(), size)
