"""Value change dumps (VCD, IEEE 1364), read as a stream: only watched signals are kept, in constant memory.

A file of gigabytes is read in pieces of a megabyte. The header's identifier codes are remembered, so that a
code that was never declared is noticed; everything else that is not watched is skipped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NoReturn

from acadl.errors import AcadlError, nearest

CHUNK_BYTES = 1 << 20
LONGEST_LINE = 1 << 22  # bytes
_SCALARS = b"01xXzZ"
_NUMERIC = frozenset((b"wire", b"reg", b"logic", b"bit", b"integer", b"int", b"tri", b"supply0", b"supply1"))


class WaveError(AcadlError):
    """A waveform that cannot be read, or lacks a signal; the message has the line or the time."""


@dataclass(frozen=True, slots=True)
class Signal:
    """A declared variable: name with its scopes, joined by dots; identifier code; bits; whether a number."""

    name: str
    code: bytes
    bits: int
    is_number: bool = True


@dataclass(frozen=True, slots=True)
class Changes:
    """New values of watched signals at one time (time units of the file); ``None``: undefined bits."""

    time: int
    values: tuple[tuple[int, int | None], ...]


@dataclass
class VcdFile:
    """An open file: its signals first, then the changes of some of them, once.

    Attributes:
        file: Its name.
        signals: All declared signals, known when the context is entered.
    """

    file: str
    signals: tuple[Signal, ...] = ()
    _lines: Iterator[bytes] = field(default_factory=lambda: iter(()))
    _line: int = 0
    _widths: list[int] = field(default_factory=list)
    _section: bytes = b""
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> VcdFile:
        self._lines = _numbered(self, self._stack.enter_context(_opened(self.file)))
        try:
            self.signals = tuple(self._header())
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def fail(self, message: str) -> NoReturn:
        raise WaveError(f"{self.file}, line {self._line}: {message}")

    def find(self, name: str) -> Signal:
        """The signal of that name (:func:`find_signal`)."""
        return find_signal(self.file, self.signals, name)

    def changes(self, watched: Iterable[Signal]) -> Iterator[Changes]:
        """The changes of ``watched``, numbered in their order, by time; times without any are left out.

        Raises:
            WaveError: A line that is no value change, a value that does not fit its signal, a time that goes
                back, or a file that ends in a line or a section.
        """
        numbers: dict[bytes, int] = {signal.code: -1 for signal in self.signals}
        watched = tuple(watched)
        for number, signal in enumerate(watched):
            numbers[signal.code] = number
        self._widths = [signal.bits for signal in watched]
        time, seen_time = 0, False
        pending: list[tuple[int, int | None]] = []
        for line in self._lines:
            first = line[:1]
            if first == b"#":
                new = self._time(line)
                if seen_time and new < time:
                    self.fail(f"time goes back from {time} to {new}")
                if pending and new > time:
                    yield Changes(time, tuple(pending))
                    pending = []
                time, seen_time = new, True
            elif first in b"01xXzZbBrRsS" and first:
                pending += self._values(line, numbers)
            elif first == b"$":
                self._skip_command(line)
            elif first:
                self.fail(f"{_shown(line)} is no value change")
        if self._section:
            self.fail(f"{_shown(self._section)} has no $end; the file was cut off")
        if pending:
            yield Changes(time, tuple(pending))

    def _time(self, line: bytes) -> int:
        text = line[1:]
        if not text.isdigit() or len(text) > 20:
            self.fail(f"{_shown(line)} is no time")
        return int(text)

    def _values(self, line: bytes, numbers: dict[bytes, int]) -> list[tuple[int, int | None]]:
        """The watched ones of a line's changes, usually one or none."""
        if line[0] in _SCALARS:
            number = numbers.get(line[1:])
            if number is None:
                return self._several(line, numbers)
            return [(number, self._scalar(line[:1], number))] if number >= 0 else []
        value, _, code = line.partition(b" ")
        number = numbers.get(code)
        if number is None:
            return self._several(line, numbers)
        return [(number, self._vector(value, number))] if number >= 0 else []

    def _several(self, line: bytes, numbers: dict[bytes, int]) -> list[tuple[int, int | None]]:
        """Changes of a line with more blanks than usual; also where mistakes are explained."""
        found, words = [], iter(line.split())
        for word in words:
            if word[0] in _SCALARS and len(word) > 1:
                value, code = word[:1], word[1:]
            elif word[:1] in b"bBrRsS":
                value, code = word, next(words, b"")
            else:
                self.fail(f"{_shown(word)} is no value change")
            if code not in numbers:
                what = (
                    f"identifier code {_shown(code)} was never declared" if code else "the value has no code"
                )
                self.fail(what)
            number = numbers[code]
            if number >= 0:
                read = self._vector if len(value) > 1 else self._scalar
                found.append((number, read(value, number)))
        return found

    def _scalar(self, value: bytes, number: int) -> int | None:
        if self._widths[number] > 1 and value in b"01":
            self.fail(f"{_shown(value)} is one bit, but the signal has {self._widths[number]}")
        return _bits(value)

    def _vector(self, value: bytes, number: int) -> int | None:
        digits = value[1:].lower()
        if value[:1] not in b"bB" or not digits or digits.strip(b"01xz"):
            self.fail(f"{_shown(value)} is no binary value")
        if len(digits) > self._widths[number]:
            self.fail(f"{_shown(value)} has {len(digits)} bits, but the signal has {self._widths[number]}")
        return _bits(digits)

    def _skip_command(self, line: bytes) -> None:
        """Sections of changes are read as changes; comments are skipped."""
        if line.startswith((b"$dump", b"$end")):
            self._section = b"" if line.endswith(b"$end") else line
        if line.startswith(b"$comment"):
            while b"$end" not in line:
                following = next(self._lines, None)
                if following is None:
                    self.fail("a comment has no $end")
                line = following

    def _header(self) -> Iterator[Signal]:
        scopes: list[str] = []
        for words in self._declarations():
            if words[0] == b"$scope" and len(words) >= 3:
                scopes.append(_text(words[2]))
            elif words[0] == b"$upscope":
                if not scopes:
                    self.fail("$upscope without $scope")
                scopes.pop()
            elif words[0] == b"$var":
                yield self._variable(words, scopes)
            elif words[0] == b"$enddefinitions":
                return

    def _variable(self, words: list[bytes], scopes: list[str]) -> Signal:
        if len(words) < 5 or not words[2].isdigit():
            self.fail(f"{_shown(b' '.join(words))} is no declaration: $var type bits code name $end")
        name = _text(words[4])
        index = b"".join(words[5:])
        if index and b":" not in index:
            name += _text(index)  # one bit of a vector that is dumped bit by bit
        return Signal(".".join([*scopes, name]), words[3], int(words[2]), words[1].lower() in _NUMERIC)

    def _declarations(self) -> Iterator[list[bytes]]:
        """The words of each ``$… $end`` of the header, the ``$end`` left out."""
        words: list[bytes] = []
        for line in self._lines:
            for word in line.split():
                if word == b"$end":
                    if not words:
                        self.fail("$end ends nothing")
                    yield words
                    if words[0] == b"$enddefinitions":
                        return
                    words = []
                elif not words and word[:1] != b"$":
                    self.fail(f"{_shown(word)} is no part of a VCD header; is this a VCD file?")
                elif len(words) < 1000:
                    words.append(word)
        self.fail("the header has no $enddefinitions")


def find_signal(file: str, signals: Iterable[Signal], name: str) -> Signal:
    """The signal of that name: the full one, or its end, where that is clear.

    Raises:
        WaveError: There is none, or several that are not the same.
    """
    signals = tuple(signals)
    found = [signal for signal in signals if signal.name == name]
    if not found:
        ends = [signal for signal in signals if signal.name.endswith(f".{name}")]
        depth = min((signal.name.count(".") for signal in ends), default=0)
        found = [signal for signal in ends if signal.name.count(".") == depth]
    if not found:
        known = dict.fromkeys(signal.name for signal in signals)
        short = dict.fromkeys(signal.name.rpartition(".")[2] for signal in signals)
        hint = nearest(name, known) or nearest(name, short)
        raise WaveError(f"{file}: there is no signal '{name}'{hint}")
    widths = {signal.bits for signal in signals if signal.code == found[0].code}
    if len(widths) > 1:
        bits = " and ".join(map(str, sorted(widths)))
        raise WaveError(
            f"{file}: '{found[0].name}' shares its code with a signal of another width ({bits} bits)"
        )
    if len({signal.code for signal in found}) > 1:
        names = ", ".join(sorted(signal.name for signal in found)[:5])
        raise WaveError(f"{file}: '{name}' may be any of {names}; write more of the name")
    if not found[0].is_number:
        raise WaveError(f"{file}: '{found[0].name}' is no signal of bits")
    return found[0]


def _opened(file: str) -> BinaryIO:
    try:
        if file.endswith(".gz"):
            import gzip

            return gzip.open(file, "rb")  # type: ignore[return-value]
        return Path(file).open("rb")
    except OSError as error:
        raise WaveError(f"cannot read '{file}': {error.strerror or error}") from error


def _numbered(owner: VcdFile, stream: BinaryIO) -> Iterator[bytes]:
    """Lines without blanks around them, ``owner`` knowing the number of the current one."""
    rest = b""
    while chunk := _read(owner, stream):
        lines = (rest + chunk).split(b"\n")
        rest = lines.pop()
        if len(rest) > LONGEST_LINE:
            owner.fail(f"a line has more than {LONGEST_LINE >> 20} MiB; is this a VCD file?")
        for line in lines:
            owner._line += 1
            yield line.strip()
    if rest.strip():
        owner._line += 1
        owner.fail("the file ends in the middle of a line; it was cut off")


def _read(owner: VcdFile, stream: BinaryIO) -> bytes:
    import zlib

    try:
        return stream.read(CHUNK_BYTES)
    except (OSError, EOFError, zlib.error) as error:
        owner.fail(f"cannot read on: {error}")


def _bits(digits: bytes) -> int | None:
    """The number; ``None`` where a bit is undefined or not driven."""
    return int(digits, 2) if not digits.strip(b"01") else None


def _text(word: bytes) -> str:
    return word.decode("ascii", "replace")


def _shown(word: bytes) -> str:
    return f"'{_text(word[:40])}{'…' if len(word) > 40 else ''}'"
