"""The files of an editor's session: texts that are open, files that they import, what is known about each."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from acadl import syntax
from acadl.diagnostics import Collector
from acadl.errors import Diagnostic, Span
from acadl.loading import Checked, check_text, lacks_architecture
from acadl.lsp.index import Index, build
from acadl.lsp.positions import plain_lines
from acadl.lsp.symbols import Reference, Symbol
from acadl.model import ACADLObject
from acadl.parser import MAX_TOKENS, ParsedFile, parse
from acadl.reading import ReadError, read_text, resolved

MAX_FILES = 500  # of a folder that are searched for references
MAX_ENTRIES = 50_000  # of a folder that are looked at


@dataclass
class Facts:
    """What elaboration says about a file.

    Attributes:
        checked: Its findings.
        values: Values by the place of their name or expression; several where a loop or instances differ.
        objects: Objects by the place of their name.
    """

    checked: Checked
    values: dict[Span, list[object]]
    objects: dict[Span, list[ACADLObject]] = field(default_factory=dict)


class Project:
    """All files of a session, by absolute path."""

    def __init__(self, roots: tuple[Path, ...] = ()) -> None:
        self.roots = roots
        self._open: dict[Path, str] = {}
        self._indexes: dict[Path, tuple[bytes, Index]] = {}
        self._facts: dict[Path, tuple[bytes, Facts]] = {}
        self._building: set[Path] = set()
        self._trees: dict[str, tuple[ParsedFile, tuple[Diagnostic, ...]]] = {}

    def copy(self) -> Project:
        """The same texts, to try changes on."""
        made = Project(self.roots)
        made._open = dict(self._open)
        return made

    # --- texts -------------------------------------------------------------------------------------------

    def opened(self, path: Path, text: str) -> None:
        """An editor has opened or changed a text."""
        self._open[path] = plain_lines(text)

    def closed(self, path: Path) -> None:
        """An editor has closed a text; its file counts again."""
        self._open.pop(path, None)

    def open_files(self) -> list[Path]:
        """What is open."""
        return list(self._open)

    def text(self, path: Path) -> str:
        """The text of an open or a saved file, its lines ended by ``\\n``. Raises :class:`ReadError`."""
        known = self._open.get(path)
        return known if known is not None else plain_lines(read_text(path))

    def lines(self, file: str) -> list[str]:
        """The lines of a file; none if it cannot be read."""
        try:
            return self.text(Path(file)).split("\n")
        except ReadError:
            return []

    def _digest(self) -> bytes:
        """Changes with every open text."""
        made = hashlib.sha256()
        for path, text in sorted(self._open.items()):
            made.update(f"{path}\0{len(text)}\0".encode() + text.encode("utf-8", "replace"))
        return made.digest()

    def _parse(self, text: str, file: str, collector: Collector, most: int) -> ParsedFile:
        """The tree of a text, remembered with its findings."""
        known = self._trees.get(file)
        if known is None or known[0].text != text or most < known[0].size:
            own = Collector()
            known = self._trees[file] = (parse(text, file, own, most), own.sorted())
        for finding in known[1]:
            collector.add(finding)
        return known[0]

    # --- what is known -----------------------------------------------------------------------------------

    def index(self, path: Path) -> Index | None:
        """The names of a file; ``None`` if it cannot be read, or imports itself."""
        if path in self._building:
            return None
        digest = self._digest()
        known = self._indexes.get(path)
        if known is not None and known[0] == digest:
            return known[1]
        try:
            text = self.text(path)
        except ReadError:
            return None
        self._building.add(path)
        try:
            parsed = self._parse(text, str(path), Collector(), MAX_TOKENS)
            index = build(str(path), parsed.items, lambda item: self._imported(path, item))
        finally:
            self._building.discard(path)
        self._indexes[path] = (digest, index)
        return index

    def _imported(self, importing: Path, item: syntax.Import) -> Index | None:
        folder = importing.parent
        try:
            path = resolved(folder / item.file.value)
            inside = path.is_relative_to(resolved(folder))
        except (ReadError, ValueError):
            return None
        return self.index(path) if inside else None

    def facts(self, path: Path) -> Facts:
        """Findings and values of a file. Raises :class:`ReadError`."""
        digest = self._digest()
        known = self._facts.get(path)
        if known is not None and known[0] == digest:
            return known[1]
        values: dict[Span, list[object]] = {}
        checked = check_text(
            *(self.text(path), str(path), path.parent, {}),
            read=self.text,
            parse_text=self._parse,
            watched=values,
        )
        facts = Facts(checked, values)
        for item in checked.known.objects.values() if checked.known is not None else ():
            if item.span is not None:
                facts.objects.setdefault(item.span, []).append(item)
        self._facts[path] = (digest, facts)
        return facts

    def findings(self, path: Path) -> list[Diagnostic]:
        """What is to be shown in a file: its own findings; a file for others needs no architecture."""
        found = [d for d in self.facts(path).checked.diagnostics if d.file in (None, str(path))]
        if not any(lacks_architecture(finding) for finding in found):
            return found
        index = self.index(path)
        is_library = index is not None and bool(index.space.templates or index.operations)
        return [finding for finding in found if not (is_library and lacks_architecture(finding))]

    # --- names -------------------------------------------------------------------------------------------

    def files(self) -> Iterator[Path]:
        """Open files, and descriptions in the folders of the session."""
        yield from self._open
        found = {path for root in self.roots for path in _descriptions(root)}
        yield from sorted(found - set(self._open))[:MAX_FILES]

    def references(self, symbol: Symbol) -> list[Reference]:
        """Every place that names a symbol, its declaration included."""
        found = []
        for path in self.files():
            index = self.index(path)
            found += [
                r for r in (index.references if index is not None else ()) if r.symbol.span == symbol.span
            ]
        return found


def _descriptions(root: Path) -> Iterator[Path]:
    """Descriptions below a folder, hidden folders left out; of a huge folder not all."""
    entries = 0
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        entries += len(folders) + len(files)
        yield from (Path(folder, name) for name in files if name.endswith(".acadl"))
        if entries > MAX_ENTRIES:
            return
