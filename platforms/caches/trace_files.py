"""Traces of accesses and results per access, as CSV, plain or gzip; a file holds several runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from acadl.errors import AcadlError, Diagnostic, Span, nearest
from dram.errors import TraceError, shown
from dram.traces.lines import read_blocks
from platforms.caches.config_file import CacheConfiguration
from platforms.caches.ports import Access, Served
from platforms.json_files import CODE

COLUMNS = ("trace", "id", "port", "op", "addr", "strobe", "think")
RESULT_COLUMNS = ("trace", "id", "port", "op", "addr", "issue", "accept", "grant", "data", "ready", "hit")
MOST_FINDINGS = 20
DIGITS = 18


@dataclass(slots=True)
class Trace:
    """One run of a file: its name, the line where it begins, its accesses."""

    name: str
    line: int
    accesses: list[Access] = field(default_factory=list)


def read_traces(path: str, configuration: CacheConfiguration) -> list[Trace]:
    """The runs of a file, in the order in which they begin.

    Raises:
        AcadlError: The file cannot be read, lacks a column, or has lines that do not fit the configuration;
            up to 20 of these, each with its line.
    """
    try:
        rows = _rows(path)
        header = next(rows, None)
        if header is None:
            raise AcadlError(f"{path} is empty; expected a table {','.join(COLUMNS)}")
        reader = _Reader(path, header, configuration)
        for number, line in rows:
            reader.read(number, line)
            if len(reader.found) >= MOST_FINDINGS:
                break
    except TraceError as error:
        raise AcadlError(str(error)) from error
    if reader.found:
        failure = AcadlError(f"{path}: {reader.found[0].message}", reader.found)
        failure.sources = reader.sources  # type: ignore[attr-defined]  # the file may be packed
        raise failure
    if not reader.traces:
        raise AcadlError(f"{path} has no accesses")
    return list(reader.traces.values())


def _rows(path: str) -> Iterator[tuple[int, str]]:
    """Lines that are not blank, with their numbers."""
    for block in read_blocks(path):
        for number, line in enumerate(block.lines, block.first):
            if line.strip():
                yield number, line


class _Reader:
    """Turns lines into accesses and collects what is wrong with them."""

    def __init__(self, file: str, header: tuple[int, str], configuration: CacheConfiguration) -> None:
        number, line = header
        self._file, self._configuration = file, configuration
        self._names = [cell.strip() for cell in line.split(",")]
        missing = [name for name in COLUMNS if name not in self._names]
        if missing:
            near = nearest(missing[0], self._names)
            raise AcadlError(
                f"{file}, line {number}: no column '{missing[0]}'{near} (expected {','.join(COLUMNS)})"
            )
        twice = [name for name in COLUMNS if self._names.count(name) > 1]
        if twice:
            raise AcadlError(f"{file}, line {number}: there are two columns '{twice[0]}'")
        self._places = [self._names.index(name) for name in COLUMNS]
        self._largest_mask = (1 << configuration.chain.caches[0].word_bytes) - 1
        self._limits = {
            "id": 10**DIGITS,
            "port": configuration.ports - 1,
            "addr": configuration.address_words - 1,
            "strobe": self._largest_mask,
            "think": 10**DIGITS,
        }
        self.traces: dict[str, Trace] = {}
        self.found: list[Diagnostic] = []
        self._lines: dict[int, str] = {}

    @property
    def sources(self) -> dict[str, str]:
        """The lines that the findings are about, as text of the file."""
        last = max(self._lines, default=0)
        return {self._file: "\n".join(self._lines.get(number, "") for number in range(1, last + 1))}

    def read(self, number: int, line: str) -> None:
        """A line of the table."""
        cells = line.split(",")
        if len(cells) != len(self._names):
            self._add(
                number, line, 0, f"the line has {len(cells)} cells, but the header has {len(self._names)}"
            )
            return
        name, *texts = (cells[place].strip() for place in self._places)
        ids, port, op, address, strobe, think = texts
        values = (ids, port, address, strobe, think)
        good = op in ("R", "W")
        if not good:
            self._add(number, line, self._places[3], f"op is {shown(op)}; expected R or W")
        for text, column in zip(values, ("id", "port", "addr", "strobe", "think"), strict=True):
            if not self._fits(text, self._limits[column]):
                good = False
                what = f"{column} is {shown(text)}; expected 0 to {self._limits[column]}"
                self._add(number, line, self._names.index(column), what)
        if good and op == "R" and int(strobe):
            good = False
            self._add(number, line, self._places[5], f"a read has strobe {strobe}; expected 0")
        trace = self.traces.get(name) or self._begin(number, line, name)
        if good and trace:
            trace.accesses.append(
                Access(int(ids), int(port), op == "W", int(address), int(strobe), int(think))
            )

    @staticmethod
    def _fits(text: str, limit: int) -> bool:
        return text.isascii() and text.isdigit() and len(text) <= DIGITS and int(text) <= limit

    def _begin(self, number: int, line: str, name: str) -> Trace:
        drivers = self._configuration.drivers
        if name not in drivers:
            known = ", ".join(drivers)
            what = f"configuration '{self._configuration.name}' has no run of trace {shown(name)}"
            self._add(number, line, self._places[0], f"{what}{nearest(name, drivers)}", f"it has: {known}")
        self.traces[name] = Trace(name, number)
        return self.traces[name]

    def _add(self, number: int, line: str, cell: int, message: str, hint: str | None = None) -> None:
        cells = line.split(",")
        column = sum(len(text) + 1 for text in cells[:cell]) + 1
        end = column + max(1, len(cells[cell]))
        self.found.append(Diagnostic(CODE, message, Span(self._file, number, column, number, end), hint))
        self._lines[number] = line


def header() -> str:
    """First line of a file of results."""
    return ",".join(RESULT_COLUMNS) + "\n"


def result_lines(name: str, accesses: Sequence[Access], served: Iterable[Served]) -> Iterator[str]:
    """The lines of a run."""
    for access, times in zip(accesses, served, strict=True):
        what = f"{name},{access.number},{access.port},{'W' if access.write else 'R'},{access.address}"
        issue, accept, grant, data, ready, hit = times
        yield f"{what},{issue},{accept},{grant},{data},{ready},{int(hit)}\n"
