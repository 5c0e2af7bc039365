"""Reading text files in blocks of whole lines: plain or gzip, regular files, UTF-8, in constant memory."""

from __future__ import annotations

import gzip
import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from dram.errors import TraceError

BLOCK_BYTES = 1 << 20
LONGEST_LINE = 1 << 16  # bytes; a file without line ends is no trace
GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Block:
    """Some lines of a file.

    Attributes:
        first: Number of the first line, from 1.
        lines: Texts without line ends.
    """

    first: int
    lines: list[str]


def read_blocks(path: str | os.PathLike[str], block_bytes: int = BLOCK_BYTES) -> Iterator[Block]:
    """The file's lines, block after block, without a byte order mark; ``\\r\\n`` ends a line, too.

    Raises:
        TraceError: It is no regular file, cannot be read, is not UTF-8, has an endless line, or its
            compressed data are damaged or cut off.
    """
    number = 1
    rest = b""
    with _opened(path) as stream:
        while data := _read(stream, block_bytes, path, number):
            cut = data.rfind(b"\n") + 1
            if not cut:
                rest += data
            else:
                block = _decoded(rest + data[: cut - 1], path, number)
                yield block
                number += len(block.lines)
                rest = data[cut:]
            if len(rest) > LONGEST_LINE:
                raise TraceError(
                    f"the line is longer than {LONGEST_LINE} bytes", file=os.fspath(path), line=number
                )
        if rest:
            yield _decoded(rest, path, number)


@contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """The file's bytes, unpacked if it is compressed."""
    name = os.fspath(path)
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):
            raise TraceError("it is not a regular file", file=name)
        # closed below: errors while it is read are not errors of opening
        raw = open(path, "rb")  # noqa: SIM115
    except OSError as error:
        raise TraceError(f"cannot be read: {error.strerror or error}", file=name) from error
    except ValueError as error:  # a NUL in the name
        raise TraceError("is no file name", file=name) from error
    with raw:
        packed = raw.read(len(GZIP_MAGIC)) == GZIP_MAGIC
        raw.seek(0)
        if packed:
            with gzip.GzipFile(fileobj=raw) as unpacked:
                yield unpacked  # type: ignore[misc]  # reads like any binary file
        else:
            yield raw


def _read(stream: IO[bytes], size: int, path: str | os.PathLike[str], number: int) -> bytes:
    try:
        return stream.read(size)
    except EOFError as error:
        raise TraceError(
            "the compressed data end early: the file is cut off", file=os.fspath(path), line=number
        ) from error
    except (OSError, zlib.error) as error:
        raise TraceError(f"the data are damaged: {error}", file=os.fspath(path), line=number) from error


def _decoded(data: bytes, path: str | os.PathLike[str], first: int) -> Block:
    """Bytes without the last line's end as a block of lines."""
    if first == 1:
        data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = first + data.count(b"\n", 0, error.start)
        raise TraceError("the line is not UTF-8 text", file=os.fspath(path), line=line) from error
    if "\r" in text:
        text = text.replace("\r\n", "\n").removesuffix("\r")
    return Block(first, text.split("\n"))
