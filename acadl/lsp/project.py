"""The files of an editor's session: texts that are open, files that they import, what is known about each."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from acadl import syntax
from acadl.diagnostics import Collector
from acadl.errors import Diagnostic, Label, Span
from acadl.loading import Checked, check_text, lacks_architecture
from acadl.lsp.index import Index, build
from acadl.lsp.symbols import Reference, Symbol
from acadl.lsp.texts import Texts
from acadl.model import ACADLObject
from acadl.parser import MAX_TOKENS, ParsedFile, parse
from acadl.reading import ReadError, resolved

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


@dataclass(frozen=True)
class _Tree:
    """A parsed text with its findings; ``most`` words and signs were allowed."""

    parsed: ParsedFile
    most: int
    findings: tuple[Diagnostic, ...]

    def serves(self, text: str, most: int) -> bool:
        """Whether parsing ``text`` would give the same."""
        if self.parsed.text != text:
            return False
        is_refused = any(finding.code == "E0801" for finding in self.findings)
        return most == self.most if is_refused else most >= self.parsed.size


class Project:
    """All files of a session, by absolute path."""

    def __init__(self, roots: tuple[Path, ...] = ()) -> None:
        self.roots = roots
        self._texts = Texts()
        self._indexes: dict[Path, tuple[bytes, Index]] = {}
        self._facts: dict[Path, tuple[bytes, Facts]] = {}
        self._building: set[Path] = set()
        self._trees: dict[str, _Tree] = {}

    def copy(self) -> Project:
        """The same texts, to try changes on."""
        made = Project(self.roots)
        made._texts, made._trees = self._texts.copy(), dict(self._trees)
        return made

    # --- texts -------------------------------------------------------------------------------------------

    def opened(self, path: Path, text: str) -> None:
        """An editor has opened or changed a text."""
        self._texts.open(path, text)

    def closed(self, path: Path) -> None:
        """An editor has closed a text; its file counts again."""
        self._texts.close(path)

    def files_changed(self) -> None:
        """Files have changed on disk."""
        self._texts.look_again()

    def open_files(self) -> list[Path]:
        """What is open."""
        return list(self._texts)

    def text(self, path: Path) -> str:
        """The text of an open or a saved file, its lines ended by ``\n``. Raises :class:`ReadError`."""
        return self._texts.get(path).plain

    def lines(self, file: str) -> list[str]:
        """The lines of a file; none if it cannot be read."""
        try:
            return self._texts.get(Path(file)).lines
        except ReadError:
            return []

    def _checked_text(self, path: Path) -> str:
        return self._texts.get(path).checked

    def _parse(self, text: str, file: str, collector: Collector, most: int) -> ParsedFile:
        """The tree of a text, remembered with its findings."""
        known = self._trees.get(file)
        if known is None or not known.serves(text, most):
            own = Collector()
            known = self._trees[file] = _Tree(parse(text, file, own, most), most, own.sorted())
        for finding in known.findings:
            collector.add(finding)
        return known.parsed

    # --- what is known -----------------------------------------------------------------------------------

    def index(self, path: Path) -> Index | None:
        """The names of a file; ``None`` if it cannot be read, or imports itself."""
        if path in self._building:
            return None
        digest = self._texts.digest()
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
        digest = self._texts.digest()
        known = self._facts.get(path)
        if known is not None and known[0] == digest:
            return known[1]
        values: dict[Span, list[object]] = {}
        checked = check_text(
            *(self._checked_text(path), str(path), path.parent, {}),
            read=self._checked_text,
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
        """What is to be shown in a file: its own findings, and at imports that files behind them have errors.

        A file for others needs no architecture.
        """
        everything = self.facts(path).checked.diagnostics
        own = [finding for finding in everything if finding.file in (None, str(path))]
        found = own + self._behind_imports(path, everything)
        if not any(lacks_architecture(finding) for finding in found):
            return found
        index = self.index(path)
        is_library = index is not None and bool(index.space.templates or index.operations)
        return [finding for finding in found if not (is_library and lacks_architecture(finding))]

    def _behind_imports(self, path: Path, everything: Iterable[Diagnostic]) -> list[Diagnostic]:
        """One finding at each import behind which there are errors in other files."""
        errors: dict[str, list[Diagnostic]] = {}
        for finding in everything:
            if finding.is_error and finding.file not in (None, str(path)):
                errors.setdefault(_normal(finding.file or ""), []).append(finding)
        index = self.index(path) if errors else None
        made = []
        for span, file in index.links if index is not None else ():
            reached = self._reached(Path(file))
            inner = [finding for name in errors for finding in errors[name] if name in reached]
            for name in reached & errors.keys():
                del errors[name]  # said at the first import that leads there
            if inner:
                more = f" and {len(inner) - 1} more" if len(inner) > 1 else ""
                message = f"an imported file has an error: {inner[0].message}{more}"
                labels = tuple(Label(item.span, item.message) for item in inner if item.span is not None)
                made.append(Diagnostic(inner[0].code, message, span, "mend it there", labels))
        return made

    def _reached(self, path: Path) -> set[str]:
        """The file and what it imports, and so on."""
        reached: set[str] = set()
        pending = [path]
        while pending:
            file = pending.pop()
            if _normal(str(file)) not in reached:
                reached.add(_normal(str(file)))
                index = self.index(file)
                pending += [Path(other) for _, other in index.links] if index is not None else []
        return reached

    # --- names -------------------------------------------------------------------------------------------

    def files(self) -> Iterator[Path]:
        """Open files, and descriptions in the folders of the session."""
        yield from self._texts
        found = {path for root in self.roots for path in _descriptions(root)}
        yield from sorted(found - set(self._texts))[:MAX_FILES]

    def references(self, symbol: Symbol) -> list[Reference]:
        """Every place that names a symbol, its declaration included."""
        found = []
        for path in self.files():
            index = self.index(path)
            found += [
                r for r in (index.references if index is not None else ()) if r.symbol.span == symbol.span
            ]
        return found


def _normal(file: str) -> str:
    """A path that messages and indexes write alike."""
    return os.path.realpath(file)


def _descriptions(root: Path) -> Iterator[Path]:
    """Descriptions below a folder, hidden folders left out; of a huge folder not all."""
    entries = 0
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        entries += len(folders) + len(files)
        yield from (Path(folder, name) for name in files if name.endswith(".acadl"))
        if entries > MAX_ENTRIES:
            return
