"""The language server: requests of the protocol to answers of :mod:`acadl.lsp`, and back to its records.

Columns on the wire count code units of the encoding that client and server agree on (UTF-16 unless the client
offers another one); :mod:`acadl.lsp.positions` converts.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path

from acadl.diagnostics import DescriptionError
from acadl.errors import AcadlError, Span
from acadl.formatting import format_text
from acadl.lsp.completion import proposals
from acadl.lsp.documents import Document
from acadl.lsp.highlighting import MODIFIERS, TYPES_OF_TOKENS, tokens
from acadl.lsp.index import Index
from acadl.lsp.positions import Place, column_of, place_of
from acadl.lsp.project import Facts, Project
from acadl.lsp.renaming import rename_problem
from acadl.lsp.symbols import Reference, Symbol, SymbolKind
from acadl.lsp.values import hints, hover_text
from acadl.reading import ReadError
from acadl.rendering import to_lsp, units

DELAY_SECONDS = 0.02  # between the last change of a text and its check
NO_FILES = Path("/untitled")  # where texts seem to be that are no files

_SYMBOL_KINDS = {
    SymbolKind.ARCHITECTURE: types.SymbolKind.Namespace,
    SymbolKind.PLATFORM: types.SymbolKind.Namespace,
    SymbolKind.TEMPLATE: types.SymbolKind.Class,
    SymbolKind.PARAMETER: types.SymbolKind.TypeParameter,
    SymbolKind.CONST: types.SymbolKind.Constant,
    SymbolKind.VARIABLE: types.SymbolKind.Variable,
    SymbolKind.OBJECT: types.SymbolKind.Object,
    SymbolKind.INSTANCE: types.SymbolKind.Field,
    SymbolKind.OPEN_EDGE: types.SymbolKind.Interface,
    SymbolKind.OPERATION: types.SymbolKind.Function,
    SymbolKind.OPERAND: types.SymbolKind.Variable,
}
_COMPLETION_KINDS = {
    "keyword": types.CompletionItemKind.Keyword,
    "attribute": types.CompletionItemKind.Property,
    "unit": types.CompletionItemKind.Unit,
    "type": types.CompletionItemKind.TypeParameter,
    "word": types.CompletionItemKind.EnumMember,
    "function": types.CompletionItemKind.Function,
    SymbolKind.TEMPLATE: types.CompletionItemKind.Class,
    SymbolKind.OPERATION: types.CompletionItemKind.Function,
    SymbolKind.CONST: types.CompletionItemKind.Constant,
}


class AcadlServer(LanguageServer):
    """One session with an editor."""

    def __init__(self, version: str = "") -> None:
        super().__init__("acadl", version, text_document_sync_kind=types.TextDocumentSyncKind.Incremental)
        self.project = Project()
        self._pending: dict[str, asyncio.TimerHandle] = {}
        self._uris: dict[Path, str] = {}

    @property
    def encoding(self) -> str:
        """What columns on the wire count."""
        return str(
            getattr(self.workspace.position_encoding, "value", self.workspace.position_encoding) or "utf-16"
        )

    # --- texts and their findings ------------------------------------------------------------------------

    def open(self, item: types.TextDocumentItem) -> None:
        """Take over a text that an editor has opened."""
        document = Document(item.uri, item.text, item.version, self.encoding)
        self.workspace.text_documents[unquote(item.uri)] = document  # edits by our lines, not by Python's
        self._uris[path_of(item.uri)] = item.uri
        self.update(item.uri)

    def update(self, uri: str) -> None:
        """Take over an open text, and check it and the other open ones soon."""
        path = path_of(uri)
        self.project.opened(path, self.workspace.get_text_document(uri).source)
        for other in {uri, *map(self.uri, self.project.open_files())}:
            self._soon(other)

    def files_changed(self) -> None:
        """Files have changed on disk: check the open texts, which may import them."""
        self.project.files_changed()
        for path in self.project.open_files():
            self._soon(self.uri(path))

    def watches_files(self) -> bool:
        """Whether the client tells of changed files if it is asked to."""
        workspace = self.client_capabilities.workspace
        watched = workspace.did_change_watched_files if workspace is not None else None
        return bool(watched is not None and watched.dynamic_registration)

    def _soon(self, uri: str) -> None:
        known = self._pending.pop(uri, None)
        if known is not None:
            known.cancel()
        loop = asyncio.get_running_loop()
        self._pending[uri] = loop.call_later(DELAY_SECONDS, self._publish, uri)

    def _publish(self, uri: str) -> None:
        self._pending.pop(uri, None)
        path = path_of(uri)
        if path not in self.project.open_files():
            return
        try:
            sources = self.project.facts(path).checked.sources
            found = [
                to_lsp(item, sources, {file: self.uri(Path(file)) for file in sources}, self.encoding)
                for item in self.project.findings(path)
            ]
        except ReadError:
            found = []
        document = self.workspace.get_text_document(uri)
        diagnostics = [_structured(types.Diagnostic, item) for item in found]
        params = types.PublishDiagnosticsParams(uri=uri, version=document.version, diagnostics=diagnostics)
        self.text_document_publish_diagnostics(params)

    def close(self, uri: str) -> None:
        """An editor has closed a text: its findings go."""
        self.project.closed(path_of(uri))
        self._uris.pop(path_of(uri), None)
        self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri=uri, diagnostics=[]))

    # --- places ------------------------------------------------------------------------------------------

    def uri(self, path: Path) -> str:
        """What the editor calls a file, if it has opened it, else its URI."""
        return self._uris.get(path) or uri_of(path)

    def text(self, uri: str) -> str | None:
        """A text that is open, or else in a file; ``None`` if there is none."""
        try:
            return self.project.text(path_of(uri))
        except ReadError:
            return None

    def index(self, uri: str) -> Index | None:
        """Names of a text."""
        return self.project.index(path_of(uri))

    def facts(self, uri: str) -> Facts | None:
        """Findings and values of a text."""
        try:
            return self.project.facts(path_of(uri))
        except ReadError:
            return None

    def position(self, uri: str, position: types.Position) -> tuple[int, int]:
        """Line and column, from 1."""
        lines = self.project.lines(str(path_of(uri)))
        line = lines[position.line] if position.line < len(lines) else ""
        return position.line + 1, column_of(line, position.character, self.encoding)

    def range(self, span: Span) -> types.Range:
        """A span on the wire."""
        return _range(place_of(span, self.project.lines(span.file), self.encoding))

    def location(self, span: Span) -> types.Location:
        """A span in its file."""
        return types.Location(self.uri(Path(span.file)), self.range(span))

    def reference(self, uri: str, position: types.Position) -> Reference | None:
        """The name at a place."""
        index = self.index(uri)
        return index.at(*self.position(uri, position)) if index is not None else None


def path_of(uri: str) -> Path:
    """The file of a URI; a text that is no file gets a path of its own in a folder that does not exist."""
    try:
        path = Path(to_fs_path(uri) or "")
        if path.is_absolute() and b"\0" not in os.fsencode(path):
            return path
    except ValueError:  # no URI, or no name of a file
        pass
    return NO_FILES / quote(uri, safe="", errors="replace")


def uri_of(path: Path) -> str:
    """The URI of a file."""
    return unquote(path.name) if path.parent == NO_FILES else path.as_uri()


def _range(place: Place) -> types.Range:
    return types.Range(
        types.Position(place.line, place.character), types.Position(place.end_line, place.end_character)
    )


@cache
def _converter() -> Any:
    from lsprotocol.converters import get_converter

    return get_converter()


def _structured(kind: Any, data: dict[str, Any]) -> Any:
    return _converter().structure(data, kind)


def create(version: str = "") -> AcadlServer:
    """A server with all its features."""
    server = AcadlServer(version)
    for register in (_texts, _navigation, _writing, _looks):
        register(server)
    return server


# --- features -------------------------------------------------------------------------------------------


def _texts(server: AcadlServer) -> None:
    @server.feature(types.INITIALIZED)
    def initialized(params: types.InitializedParams) -> None:
        folders = [path_of(folder.uri) for folder in server.workspace.folders.values()]
        root = [path_of(server.workspace.root_uri)] if server.workspace.root_uri and not folders else []
        server.project.roots = tuple(path for path in [*folders, *root] if path.is_dir())
        if server.watches_files():
            watchers = [types.FileSystemWatcher("**/*.acadl")]
            options = types.DidChangeWatchedFilesRegistrationOptions(watchers)
            kind = types.WORKSPACE_DID_CHANGE_WATCHED_FILES
            server.client_register_capability(
                types.RegistrationParams([types.Registration("descriptions", kind, options)])
            )

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def files_changed(params: types.DidChangeWatchedFilesParams) -> None:
        server.files_changed()

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def opened(params: types.DidOpenTextDocumentParams) -> None:
        server.open(params.text_document)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def changed(params: types.DidChangeTextDocumentParams) -> None:
        server.update(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def closed(params: types.DidCloseTextDocumentParams) -> None:
        server.close(params.text_document.uri)


def _navigation(server: AcadlServer) -> None:
    @server.feature(types.TEXT_DOCUMENT_HOVER)
    def hover(params: types.HoverParams) -> types.Hover | None:
        uri = params.text_document.uri
        reference = server.reference(uri, params.position)
        if reference is None:
            return None
        symbol = reference.symbol
        index = server.project.index(Path(symbol.span.file))
        declared = (
            [r.span for r in index.references if r.declares and r.symbol.span == symbol.span] if index else []
        )
        text = hover_text(symbol, declared, server.facts(uri))
        return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, text), server.range(reference.span))

    @server.feature(types.TEXT_DOCUMENT_DEFINITION)
    def definition(params: types.DefinitionParams) -> types.Location | None:
        uri = params.text_document.uri
        reference = server.reference(uri, params.position)
        if reference is not None:
            return server.location(reference.symbol.span)
        index = server.index(uri)
        line, column = server.position(uri, params.position)
        for span, file in index.links if index is not None else ():
            if span.line == line and span.column <= column <= span.end_column:
                return server.location(Span(file, 1, 1, 1, 1))
        return None

    @server.feature(types.TEXT_DOCUMENT_REFERENCES)
    def references(params: types.ReferenceParams) -> list[types.Location]:
        reference = server.reference(params.text_document.uri, params.position)
        found = server.project.references(reference.symbol) if reference is not None else []
        wanted = params.context.include_declaration
        return [server.location(item.span) for item in found if wanted or not item.declares]

    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT)
    def highlight(params: types.DocumentHighlightParams) -> list[types.DocumentHighlight]:
        index = server.index(params.text_document.uri)
        reference = server.reference(params.text_document.uri, params.position)
        if index is None or reference is None:
            return []
        same = (r for r in index.references if r.symbol.span == reference.symbol.span)
        return [types.DocumentHighlight(server.range(item.span)) for item in same]

    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    def outline(params: types.DocumentSymbolParams) -> list[types.DocumentSymbol]:
        index = server.index(params.text_document.uri)
        return _outline(server, index.outline) if index is not None else []


def _outline(server: AcadlServer, symbols: Iterable[Symbol]) -> list[types.DocumentSymbol]:
    return [
        types.DocumentSymbol(
            name=symbol.name,
            kind=_SYMBOL_KINDS[symbol.kind],
            range=server.range(symbol.whole),
            selection_range=server.range(symbol.span),
            detail=symbol.keyword or symbol.kind,
            children=_outline(server, symbol.children),
        )
        for symbol in symbols
    ]


def _writing(server: AcadlServer) -> None:
    @server.feature(types.TEXT_DOCUMENT_PREPARE_RENAME)
    def prepare(params: types.PrepareRenameParams) -> types.Range | None:
        reference = server.reference(params.text_document.uri, params.position)
        return server.range(reference.span) if reference is not None else None

    @server.feature(types.TEXT_DOCUMENT_RENAME, types.RenameOptions(prepare_provider=True))
    def rename(params: types.RenameParams) -> types.WorkspaceEdit | None:
        reference = server.reference(params.text_document.uri, params.position)
        if reference is None:
            return None
        problem = rename_problem(reference.symbol, params.new_name, server.project)
        if problem is not None:
            raise _refused(problem)
        changes: dict[str, list[types.TextEdit]] = {}
        for item in server.project.references(reference.symbol):
            edit = types.TextEdit(server.range(item.span), params.new_name)
            changes.setdefault(server.uri(Path(item.span.file)), []).append(edit)
        return types.WorkspaceEdit(changes=changes)

    @server.feature(types.TEXT_DOCUMENT_FORMATTING)
    def formatting(params: types.DocumentFormattingParams) -> list[types.TextEdit]:
        text = server.text(params.text_document.uri)
        if text is None:
            return []
        try:
            formatted = format_text(text)
        except (DescriptionError, AcadlError):
            return []  # its errors are shown already
        lines = text.split("\n")
        end = types.Position(len(lines) - 1, units(lines[-1], server.encoding))
        return (
            [types.TextEdit(types.Range(types.Position(0, 0), end), formatted)] if formatted != text else []
        )

    @server.feature(
        types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions(trigger_characters=[".", ":", " "])
    )
    def completion(params: types.CompletionParams) -> types.CompletionList:
        uri = params.text_document.uri
        index = server.index(uri)
        text = server.text(uri)
        found = []
        if index is not None and text is not None:
            found = proposals(text, *server.position(uri, params.position), index)
        items = [
            types.CompletionItem(
                label=item.label,
                kind=_COMPLETION_KINDS.get(item.kind, types.CompletionItemKind.Variable),
                detail=item.detail or None,
                documentation=item.doc or None,
                insert_text=item.insert or None,
            )
            for item in found
        ]
        return types.CompletionList(is_incomplete=False, items=items)


def _refused(problem: str) -> Exception:
    from pygls.exceptions import JsonRpcInvalidParams

    return JsonRpcInvalidParams(problem)


def _looks(server: AcadlServer) -> None:
    legend = types.SemanticTokensLegend(list(TYPES_OF_TOKENS), list(MODIFIERS))

    @server.feature(types.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL, legend)
    def semantic_tokens(params: types.SemanticTokensParams) -> types.SemanticTokens:
        uri = params.text_document.uri
        index = server.index(uri)
        text = server.text(uri) or ""
        lines = text.split("\n")
        data: list[int] = []
        last_line = last_start = last_column = 0
        for token in tokens(text, index) if index is not None else ():
            line = lines[token.line - 1]
            same = token.line - 1 == last_line
            between = line[last_column if same else 0 : token.column - 1]
            start = (last_start if same else 0) + units(between, server.encoding)
            length = units(line[token.column - 1 : token.column - 1 + token.length], server.encoding)
            modifiers = sum(1 << MODIFIERS.index(name) for name in token.modifiers)
            data += [token.line - 1 - last_line, start - last_start if same else start, length]
            data += [TYPES_OF_TOKENS.index(token.kind), modifiers]
            last_line, last_start, last_column = token.line - 1, start, token.column - 1
        return types.SemanticTokens(data)

    @server.feature(types.TEXT_DOCUMENT_INLAY_HINT)
    def inlay_hints(params: types.InlayHintParams) -> list[types.InlayHint]:
        facts = server.facts(params.text_document.uri)
        file = str(path_of(params.text_document.uri))
        lines = server.project.lines(file)
        if facts is None:
            return []
        first, last = params.range.start.line + 1, params.range.end.line + 1
        made = []
        for span, text in hints(facts, file, lines):
            if first <= span.end_line <= last:
                place = place_of(span, lines, server.encoding)
                position = types.Position(place.end_line, place.end_character)
                made.append(types.InlayHint(position, f"= {text}", padding_left=True))
        return made


def run(version: str = "") -> None:
    """Serve one editor over standard input and output, until it ends."""
    starter: Callable[[], None] = create(version).start_io
    starter()
