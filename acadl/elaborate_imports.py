"""Files that a description is made of: the root and what it imports, each parsed once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from acadl import syntax
from acadl.diagnostics import Collector
from acadl.errors import Diagnostic, Label, Span
from acadl.parser import MAX_CHARACTERS, MAX_TOKENS, ParsedFile, parse, too_long
from acadl.parser_damage import Damage
from acadl.reading import ReadError, read_text, resolved

MAX_FILES = 64
MAX_CHARACTERS_TOGETHER = 2 * MAX_CHARACTERS
ReadText = Callable[[Path], str]
ParseText = Callable[[str, str, Collector, int], ParsedFile]


@dataclass(slots=True)
class SourceFile:
    """A parsed file with the files that its import statements name."""

    parsed: ParsedFile
    imports: dict[Span, SourceFile] = field(default_factory=dict)


@dataclass(slots=True)
class Sources:
    """All files of one description.

    Attributes:
        root: The file that was asked for.
        texts: File name to text, for excerpts.
        damages: What each file has lost to syntax errors.
        digest: SHA-256 over the texts, in order of their first use.
    """

    root: SourceFile
    texts: dict[str, str]
    damages: tuple[Damage, ...] = ()

    @property
    def digest(self) -> str:
        joined = hashlib.sha256()
        for text in self.texts.values():
            encoded = text.encode("utf-8", "surrogatepass")
            joined.update(len(encoded).to_bytes(8, "big") + encoded)
        return joined.hexdigest()


def read_sources(
    text: str,
    name: str,
    directory: Path | None,
    collector: Collector,
    read: ReadText = read_text,
    parse_text: ParseText = parse,
) -> Sources:
    """Parse ``text`` and, recursively, what it imports from ``directory`` (``None``: imports are refused).

    ``read`` gives the text of a file, or raises :class:`ReadError`; ``parse_text`` its tree.
    """
    return _Reader(collector, read, parse_text).run(text, name, directory)


class _Reader:
    def __init__(self, collector: Collector, read: ReadText, parse_text: ParseText) -> None:
        self._read = read
        self._parse_text = parse_text
        self._collector = collector
        self._texts: dict[str, str] = {}
        self._files: dict[Path, SourceFile] = {}
        self._paths: dict[Path, Path] = {}
        self._characters = 0
        self._parsed: list[ParsedFile] = []
        self._unread: set[str] = set()
        self._chain: list[tuple[Path | None, syntax.Import | None]] = []

    def run(self, text: str, name: str, directory: Path | None) -> Sources:
        root = self._parse(text, name)
        own = directory / Path(name).name if directory is not None else None
        self._chain.append((resolved(own) if own else None, None))
        self._follow(root, directory)
        return Sources(root, self._texts, tuple(file.damage for file in self._parsed) + self._missing())

    def _missing(self) -> tuple[Damage, ...]:
        """Names that files which are not there would have brought."""
        return (Damage((), frozenset(self._unread)),) if self._unread else ()

    def _parse(self, text: str, name: str) -> SourceFile:
        self._texts[name] = text
        self._characters += len(text)
        if self._characters > MAX_CHARACTERS_TOGETHER and self._parsed:
            self._collector.add(too_long(name))
            self._parsed.append(ParsedFile(name, text, (), is_whole=False))
            return SourceFile(self._parsed[-1])
        left = MAX_TOKENS - sum(file.size for file in self._parsed)  # for all files together
        self._parsed.append(self._parse_text(text, name, self._collector, max(1, left)))
        return SourceFile(self._parsed[-1])

    def _follow(self, file: SourceFile, directory: Path | None) -> None:
        for item in syntax.walk(file.parsed.items):
            if isinstance(item, syntax.Import):
                found = self._load(item, file, directory)
                if found is not None:
                    file.imports[item.span] = found
                else:
                    self._unread.update(name.text for name in item.names)

    def _load(self, item: syntax.Import, file: SourceFile, directory: Path | None) -> SourceFile | None:
        if self._characters > MAX_CHARACTERS_TOGETHER:
            return None  # which is said where the limit was passed
        if directory is None:
            hint = "save the text as a file and load that"
            self._report("E0701", "text without a file cannot import", item.file.span, hint)
            return None
        wanted = item.file.value
        relative = PurePosixPath(wanted)
        if not wanted or relative.is_absolute() or ".." in relative.parts or "\\" in wanted or "\0" in wanted:
            hint = "imports stay within the folder of the importing file"
            self._report("E0702", f"'{wanted}' is outside of this folder", item.file.span, hint)
            return None
        try:
            path, folder = self._resolved(directory / relative), self._resolved(directory)
        except ReadError as error:
            self._report("E0701", f"cannot read '{wanted}': {error}", item.file.span, None)
            return None
        if not path.is_relative_to(folder):
            hint = "imports stay within the folder of the importing file"
            self._report("E0702", f"'{wanted}' leads outside of this folder", item.file.span, hint)
            return None
        return self._enter(path, item, file)

    def _resolved(self, path: Path) -> Path:
        """The path without links, found once. Raises :class:`ReadError`."""
        if path not in self._paths:
            self._paths[path] = resolved(path)
        return self._paths[path]

    def _enter(self, path: Path, item: syntax.Import, file: SourceFile) -> SourceFile | None:
        for position, (open_path, _) in enumerate(self._chain):
            if open_path == path:
                links = [link for _, link in self._chain[position + 1 :] if link is not None]
                labels = tuple(Label(link.file.span, "which is imported here") for link in links)
                hint = "move what both need into a third file"
                self._report("E0703", f"'{item.file.value}' imports itself", item.file.span, hint, labels)
                return None
        if path in self._files:
            return self._files[path]
        if len(self._files) >= MAX_FILES:
            self._report("E0703", f"more than {MAX_FILES} files are imported", item.file.span, None)
            return None
        hint = "the path is relative to the importing file"
        try:
            text = self._read(path)
        except ReadError as error:
            self._report("E0701", f"cannot read '{item.file.value}': {error}", item.file.span, hint)
            return None
        shown = str(Path(file.parsed.file).parent / item.file.value)
        loaded = self._files[path] = self._parse(text, shown)
        self._chain.append((path, item))
        self._follow(loaded, path.parent)
        self._chain.pop()
        return loaded

    def _report(
        self, code: str, message: str, span: Span, hint: str | None, labels: tuple[Label, ...] = ()
    ) -> None:
        self._collector.add(Diagnostic(code, message, span, hint, labels))
