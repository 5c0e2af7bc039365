"""The language server through its protocol: a client of its own talks to ``acadl lsp``."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pygls")

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.client import LanguageClient

from acadl.loading import check_text

ROOT = Path(__file__).parents[2]
CELLS = """/// A cell of the grid.
template cell(width: bits = 8 bits) {
    registers rf { data_width: width, names: a acc }
    execute ex   { unit mac { operations: mac, latency: 1 } }
    rf <=> ex.mac
    open issue: -> ex
}

operations {
    /// One term of a sum.
    mac(acc: inout reg, a: in reg) = acc + a
    gemm(m: int, src: in address)
}
"""
MAIN = """import cell, operations from "cells.acadl"

/// 🚀 é: what a reader sees.
architecture grid(rows: int = 2 * 2) {
    clock 1 GHz
    const words = 4 * rows
    sram imem { data_width: 32 bits, addresses: 0 ..< 4 KiB }
    fetch ifs { issue_buffer_size: words, from: imem }
    cells: cell(width: 16 bits)[rows]
    execute host { memory_unit work { operations: gemm, latency: m + words } }
    ifs -> {cells[*].issue, host}
    imem => host.work
}
"""


WATCHES = types.WorkspaceClientCapabilities(
    did_change_watched_files=types.DidChangeWatchedFilesClientCapabilities(dynamic_registration=True)
)


class Client:
    """A session with a server on two files in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.language = LanguageClient("test", "1")
        self.watched: list[str] = []
        self.published: dict[str, list[types.Diagnostic]] = {}
        self._news = asyncio.Event()

        @self.language.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        def publish(params: types.PublishDiagnosticsParams) -> None:
            self.published[params.uri] = list(params.diagnostics)
            self._news.set()

        @self.language.feature(types.CLIENT_REGISTER_CAPABILITY)
        def register(params: types.RegistrationParams) -> None:
            for registration in params.registrations:
                assert registration.method == types.WORKSPACE_DID_CHANGE_WATCHED_FILES
                watchers = registration.register_options["watchers"]
                self.watched += [str(item["globPattern"]) for item in watchers]

    async def start(self, encodings: list[str] | None = None) -> None:
        await self.language.start_io(sys.executable, "-m", "platforms.cli", "lsp")
        general = types.GeneralClientCapabilities(position_encodings=encodings) if encodings else None
        root = self.folder.as_uri()
        found = await self.language.initialize_async(
            types.InitializeParams(
                capabilities=types.ClientCapabilities(workspace=WATCHES, general=general),
                root_uri=root,
                workspace_folders=[types.WorkspaceFolder(root, "root")],
            )
        )
        self.capabilities = found.capabilities
        self.language.initialized(types.InitializedParams())

    async def stop(self) -> None:
        await self.language.shutdown_async(None)
        self.language.exit(None)
        await self.language.stop()

    def uri(self, name: str) -> str:
        return (self.folder / name).as_uri()

    def document(self, name: str) -> types.TextDocumentIdentifier:
        return types.TextDocumentIdentifier(self.uri(name))

    async def open(self, name: str, text: str) -> list[types.Diagnostic]:
        self._news.clear()
        item = types.TextDocumentItem(self.uri(name), "acadl", 1, text)
        self.language.text_document_did_open(types.DidOpenTextDocumentParams(item))
        return await self.findings(name)

    async def change(self, name: str, version: int, change: Any) -> list[types.Diagnostic]:
        self._news.clear()
        self.published.pop(self.uri(name), None)
        document = types.VersionedTextDocumentIdentifier(uri=self.uri(name), version=version)
        self.language.text_document_did_change(types.DidChangeTextDocumentParams(document, [change]))
        return await self.findings(name)

    async def findings(self, name: str) -> list[types.Diagnostic]:
        while self.uri(name) not in self.published:
            await asyncio.wait_for(self._news.wait(), 20)
            self._news.clear()
        return self.published[self.uri(name)]

    async def first_finding(self, name: str) -> types.Diagnostic:
        """The first finding of a document that has had none: what was on its way before may come first."""
        while not await self.findings(name):
            del self.published[self.uri(name)]
        return self.published[self.uri(name)][0]

    def at(self, text: str, word: str, nth: int = 0, behind: bool = False) -> types.Position:
        """The place of a word in a text, in UTF-16."""
        start = -1
        for _ in range(nth + 1):
            start = text.index(word, start + 1)
        start += len(word) if behind else 0
        before = text[:start]
        line = before.rpartition("\n")[2]
        return types.Position(before.count("\n"), len(line.encode("utf-16-le")) // 2)


def session(
    folder: Path, script: Callable[[Client], Awaitable[None]], encodings: list[str] | None = None
) -> None:
    (folder / "cells.acadl").write_text(CELLS, "utf-8")
    (folder / "main.acadl").write_text(MAIN, "utf-8")

    async def run() -> None:
        client = Client(folder)
        await client.start(encodings)
        try:
            await script(client)
        finally:
            await client.stop()

    old = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(ROOT)
    try:
        asyncio.run(run())
    finally:
        if old is not None:
            os.environ["PYTHONPATH"] = old


def text_edit(text: str, edits: list[types.TextEdit]) -> str:
    """The text with edits of single lines, in UTF-16."""
    lines = text.split("\n")
    for edit in sorted(edits, key=lambda e: (e.range.start.line, e.range.start.character), reverse=True):
        raw = lines[edit.range.start.line].encode("utf-16-le")
        start, end = 2 * edit.range.start.character, 2 * edit.range.end.character
        lines[edit.range.start.line] = (raw[:start] + edit.new_text.encode("utf-16-le") + raw[end:]).decode(
            "utf-16-le"
        )
    return "\n".join(lines)


# --- findings -------------------------------------------------------------------------------------------


def test_findings_while_typing(tmp_path: Path) -> None:
    async def script(client: Client) -> None:
        assert await client.open("main.acadl", MAIN) == []
        line = types.Range(client.at(MAIN, "words, from"), client.at(MAIN, ", from"))
        wrong = types.TextDocumentContentChangePartial(range=line, text="wordz")
        (found,) = await client.change("main.acadl", 2, wrong)
        assert (found.code, found.severity) == ("E0201", types.DiagnosticSeverity.Error)
        assert "did you mean 'words'?" in found.message and found.range == line
        right = types.TextDocumentContentChangePartial(range=line, text="words")
        assert await client.change("main.acadl", 3, right) == []
        assert await client.open("cells.acadl", CELLS) == []  # needs no architecture
        # an unsaved change of an imported file counts at once
        whole = types.TextDocumentContentChangeWholeDocument(CELLS.replace("open issue", "open input"))
        client.published.pop(client.uri("main.acadl"), None)
        await client.change("cells.acadl", 2, whole)
        found = await client.first_finding("main.acadl")
        assert "has no part 'issue'" in found.message

    session(tmp_path, script)


def test_columns_count_utf_16_unless_another_encoding_is_offered(tmp_path: Path) -> None:
    text = 'architecture a {\n    require false else "🚀é", clock 5\n}\n'

    def places(name: str, starts: list[int]) -> Callable[[Client], Awaitable[None]]:
        async def script(client: Client) -> None:
            assert (client.capabilities.position_encoding or "utf-16") == name
            found = await client.open("x.acadl", text)
            assert [d.range.start.character for d in found if d.code == "E0301"] == starts

        return script

    clock = text.split("\n")[1].index("5")
    session(tmp_path, places("utf-16", [clock + 1]))
    session(tmp_path, places("utf-32", [clock]), ["utf-32"])
    session(tmp_path, places("utf-8", [clock + 4]), ["utf-8"])


def test_an_edit_in_a_long_file_has_its_findings_soon(tmp_path: Path) -> None:
    body = "".join(f"    stage s{n} {{ latency: {n % 7 + 1} }}\n    s{n} -> s{n + 1}\n" for n in range(480))
    text = MAIN.replace("    clock 1 GHz\n", f"    clock 1 GHz\n{body}    stage s480 {{ }}\n    ifs -> s0\n")
    assert text.count("\n") > 970

    async def script(client: Client) -> None:
        await client.open("main.acadl", text)
        times = []
        for number in range(5):
            place = client.at(text, "latency: 3", 20, behind=True)
            change = types.TextDocumentContentChangePartial(range=types.Range(place, place), text="0")
            start = time.perf_counter()
            await client.change("main.acadl", number + 2, change)
            times.append(time.perf_counter() - start)
        busy = contention(text)
        sys.stdout.write(f"seconds {times}, {busy:.1f} times as long as on a machine that is not busy\n")
        assert min(times) < 0.3 * busy

    session(tmp_path, script)


def contention(text: str) -> float:
    """How much longer work takes now than the processor needs for it, at least 1."""
    start, used = time.perf_counter(), time.process_time()
    for _ in range(5):
        check_text(text, "main.acadl", None, {})
    return max(1.0, (time.perf_counter() - start) / (time.process_time() - used))


# --- navigation -----------------------------------------------------------------------------------------


def test_hover_definition_references_and_outline(tmp_path: Path) -> None:
    async def script(client: Client) -> None:
        await client.open("main.acadl", MAIN)
        language, main = client.language, client.document("main.acadl")

        async def hover(word: str, nth: int = 0) -> str:
            found = await language.text_document_hover_async(
                types.HoverParams(main, client.at(MAIN, word, nth))
            )
            assert found is not None and isinstance(found.contents, types.MarkupContent)
            return found.contents.value

        assert "= `4`" in await hover("rows")
        assert "= `16`" in await hover("words", 1)
        assert "issue_buffer_size: 16" in await hover("ifs")
        assert "latency: m + 16" in await hover("work")
        assert "A cell of the grid." in await hover("cell(")
        assert "template cell(width: bits)" in await hover("cells:")
        assert await language.text_document_hover_async(types.HoverParams(main, types.Position(1, 0))) is None

        async def definition(word: str, nth: int = 0) -> tuple[str, int]:
            params = types.DefinitionParams(main, client.at(MAIN, word, nth))
            found = await language.text_document_definition_async(params)
            assert isinstance(found, types.Location)
            return Path(found.uri).name, found.range.start.line

        assert await definition("words", 1) == ("main.acadl", 5)
        assert await definition("cell(") == ("cells.acadl", 1)
        assert await definition("issue,") == ("cells.acadl", 5)
        assert await definition("gemm") == ("cells.acadl", 11)
        assert await definition("m + words") == ("cells.acadl", 11)
        assert await definition("width: 16") == ("cells.acadl", 1)
        assert await definition("cells.acadl") == ("cells.acadl", 0)

        context = types.ReferenceContext(include_declaration=True)
        params = types.ReferenceParams(context, main, client.at(MAIN, "ifs"))
        found = await language.text_document_references_async(params)
        assert found is not None and [place.range.start.line for place in found] == [7, 10]
        outline = await language.text_document_document_symbol_async(types.DocumentSymbolParams(main))
        assert outline is not None
        (grid,) = [item for item in outline if isinstance(item, types.DocumentSymbol)]
        assert [child.name for child in grid.children or []] == [
            "rows",
            "words",
            "imem",
            "ifs",
            "cells",
            "host",
        ]
        assert [unit.name for unit in (grid.children or [])[-1].children or []] == ["work"]

    session(tmp_path, script)


def test_rename_changes_all_files_and_refuses_what_cannot_be(tmp_path: Path) -> None:
    async def script(client: Client) -> None:
        await client.open("main.acadl", MAIN)
        await client.open("cells.acadl", CELLS)
        main = client.document("main.acadl")

        async def rename(word: str, name: str) -> dict[str, str]:
            params = types.RenameParams(main, client.at(MAIN, word), name)
            edit = await client.language.text_document_rename_async(params)
            assert edit is not None and edit.changes is not None
            texts = {"main.acadl": MAIN, "cells.acadl": CELLS}
            return {Path(u).name: text_edit(texts[Path(u).name], list(e)) for u, e in edit.changes.items()}

        changed = await rename("issue,", "entry")
        assert "cells[*].entry" in changed["main.acadl"] and "open entry:" in changed["cells.acadl"]
        changed = await rename("words", "count")
        assert changed.keys() == {"main.acadl"} and changed["main.acadl"].count("count") == 3
        reasons = {
            "ifs": "already declared",
            "for": "word of the language",
            "2x": "no name",
            "": "no name",
            "stage": "word of the language",
        }
        for name, reason in reasons.items():
            with pytest.raises(JsonRpcException, match=reason):
                await rename("imem", name)

    session(tmp_path, script)


# --- writing --------------------------------------------------------------------------------------------


def test_completion_knows_what_fits(tmp_path: Path) -> None:
    async def script(client: Client) -> None:
        await client.open("main.acadl", MAIN)
        version = 1

        async def labels(text: str) -> set[str]:
            """What is proposed at the sign ``@``."""
            nonlocal version
            version += 1
            change = types.TextDocumentContentChangeWholeDocument(text.replace("@", ""))
            await client.change("main.acadl", version, change)
            params = types.CompletionParams(client.document("main.acadl"), client.at(text, "@"))
            found = await client.language.text_document_completion_async(params)
            assert isinstance(found, types.CompletionList)
            return {item.label for item in found.items}

        assert {"latency", "capacity", "unit"} <= await labels(MAIN.replace("memory_unit work", "@"))
        assert {"stage", "const", "ifs"} <= await labels(MAIN.replace("    ifs ->", "    @\n    ifs ->"))
        assert await labels(MAIN.replace("cells[*].issue", "cells[*].@")) == {"rf", "ex", "issue"}
        assert {"mac", "gemm"} == await labels(MAIN.replace("operations: gemm", "operations: @"))
        assert {"rows", "words", "m", "src.bytes", "max"} <= await labels(MAIN.replace("m + words", "@"))
        assert {"KiB", "bits"} <= await labels(MAIN.replace("4 KiB", "4 @"))
        assert {"imem"} == await labels(MAIN.replace("from: imem", "from: @"))
        assert {"cell"} == await labels(MAIN.replace("cells: cell(width: 16 bits)[rows]", "cells: @"))
        assert {"ifs", "imem", "cells"} <= await labels(MAIN.replace("ifs -> {", "ifs -> @{"))
        assert {"any", "fifo"} == await labels(MAIN.replace("memory_unit work", "order: @"))
        assert {"bytes", "int"} <= await labels(MAIN.replace("rows: int", "rows: @"))

    session(tmp_path, script)


def test_formatting_tokens_and_hints(tmp_path: Path) -> None:
    async def script(client: Client) -> None:
        ugly = MAIN.replace("sram imem", "sram  imem")
        await client.open("main.acadl", ugly)
        main, language = client.document("main.acadl"), client.language
        options = types.FormattingOptions(4, True)
        params = types.DocumentFormattingParams(main, options)
        (edit,) = await language.text_document_formatting_async(params) or []
        assert edit.new_text == MAIN and edit.range.end.line == ugly.count("\n")
        everything = types.Range(types.Position(0, 0), types.Position(99, 0))
        hints = await language.text_document_inlay_hint_async(types.InlayHintParams(main, everything)) or []
        assert [(hint.position.line, hint.label) for hint in hints] == [
            *((3, "= 4"), (5, "= 16"), (7, "= 16"), (9, "= m + 16"))
        ]
        tokens = await language.text_document_semantic_tokens_full_async(types.SemanticTokensParams(main))
        assert tokens is not None and len(tokens.data) % 5 == 0
        legend = client.capabilities.semantic_tokens_provider
        assert isinstance(legend, types.SemanticTokensOptions)
        kinds = [legend.legend.token_types[kind] for kind in tokens.data[3::5]]
        assert kinds[:6] == ["keyword", "class", "keyword", "keyword", "string", "comment"]
        assert {"function", "parameter", "number", "operator", "type", "namespace"} <= set(kinds)

    session(tmp_path, script)


def test_texts_with_errors_are_left_alone_by_formatting(tmp_path: Path) -> None:
    async def script(client: Client) -> None:
        await client.open("main.acadl", "stage s {")
        params = types.DocumentFormattingParams(
            client.document("main.acadl"), types.FormattingOptions(4, True)
        )
        assert not await client.language.text_document_formatting_async(params)
        client.language.text_document_did_close(
            types.DidCloseTextDocumentParams(client.document("main.acadl"))
        )
        client.published.clear()
        assert await client.findings("main.acadl") == []

    session(tmp_path, script)


# --- files that are imported ---------------------------------------------------------------------------


def test_errors_of_imported_files_are_shown_at_the_import(tmp_path: Path) -> None:
    async def script(client: Client) -> None:
        wrong = CELLS.replace("data_width: width", "data_width: widht")
        (tmp_path / "cells.acadl").write_text(wrong, "utf-8")
        (found,) = await client.open("main.acadl", MAIN)
        assert found.code == "E0201" and found.range.start == client.at(MAIN, '"cells.acadl"')
        assert "an imported file has an error: unknown name 'widht'" in found.message
        (related,) = found.related_information or ()
        assert related.location.uri == client.uri("cells.acadl")
        assert related.location.range.start == client.at(wrong, "widht")

    session(tmp_path, script)


def test_files_that_change_on_disk_are_noticed(tmp_path: Path) -> None:
    async def script(client: Client) -> None:
        assert await client.open("main.acadl", MAIN) == []
        assert client.watched == ["**/*.acadl"]
        for text, codes in ((CELLS.replace("mac(acc", "mad(acc"), {"E0202"}), (CELLS, set())):
            del client.published[client.uri("main.acadl")]
            (tmp_path / "cells.acadl").write_text(text, "utf-8")
            event = types.FileEvent(client.uri("cells.acadl"), types.FileChangeType.Changed)
            params = types.DidChangeWatchedFilesParams([event])
            client.language.workspace_did_change_watched_files(params)
            assert {d.code for d in await client.findings("main.acadl")} == codes

    session(tmp_path, script)


def test_the_server_ends_without_a_word(tmp_path: Path) -> None:
    """Also where the editor only closes the pipe."""
    request = '{"jsonrpc": "2.0", "id": %d, "method": "%s", "params": %s}'
    parts = [request % (1, "initialize", '{"capabilities": {}}'), request % (2, "shutdown", "null")]
    for messages in ([*parts, '{"jsonrpc": "2.0", "method": "exit"}'], parts[:1], []):
        sent = "".join(f"Content-Length: {len(text)}\r\n\r\n{text}" for text in messages)
        command = [sys.executable, "-m", "platforms.cli", "lsp"]
        done = subprocess.run(command, input=sent.encode(), capture_output=True, cwd=ROOT, timeout=60)
        assert b"Traceback" not in done.stderr and b"rror" not in done.stderr


# --- odd texts ------------------------------------------------------------------------------------------


def test_edits_behind_signs_that_only_python_takes_for_line_ends(tmp_path: Path) -> None:
    """Lines end at ``\\n``, ``\\r\\n`` and ``\\r``, and only there."""

    async def script(client: Client) -> None:
        text = MAIN.replace("/// 🚀", "/// \u2028 \u2029 \x85 \x0b \x0c \x1c 🚀").replace(" {\n", " {\r\n")
        text = text.replace("    const", "    // a\r    // b\r    const")

        def others(found: list[types.Diagnostic]) -> list[types.Diagnostic]:
            """Errors, but for the lines that end wrongly."""
            return [d for d in found if d.severity == 1 and d.code != "E0102"]

        found = await client.open("main.acadl", text)
        assert [d.code for d in found if d.severity == 1] == ["E0102"]
        lines = text.replace("\r\n", "\n").replace("\r", "\n")
        start, end = client.at(lines, "work {"), client.at(lines, "work {", behind=True)
        edit = types.TextDocumentContentChangePartial(range=types.Range(start, end), text="lsu {")
        found = await client.change("main.acadl", 2, edit)
        assert [d.message.split("\n")[0] for d in others(found)] == ["'host' has no part 'work'"]
        place = client.at(lines.replace("work {", "lsu {"), "work")
        assert others(found)[0].range.start == place
        edit = types.TextDocumentContentChangePartial(
            range=types.Range(place, types.Position(place.line, place.character + 4)), text="lsu"
        )
        assert not others(await client.change("main.acadl", 3, edit))

    session(tmp_path, script)


ODD = (
    "untitled:Untitled-1",
    "http://example.org/a/main.acadl",
    "vscode-vfs://github/a/b/main.acadl",
    "file:///no/such/file.acadl",
    "file:///c%3A/Users/me/main.acadl",
    "file:///C:/Users/me/main.acadl",
    "file://server/share/main.acadl",
    "file:///tmp/a%00b.acadl",
    "file:///tmp/%FF%FE.acadl",
    "file:relative.acadl",
    "file:///",
    "http://[",
    "main.acadl",
    "",
)


def test_texts_that_are_not_open_or_no_files(tmp_path: Path) -> None:
    async def script(client: Client) -> None:
        start = types.Position(0, 0)
        for uri in (*ODD, client.uri("main.acadl")):
            document, language = types.TextDocumentIdentifier(uri), client.language
            everything = types.Range(start, types.Position(99, 0))
            answers = [
                await language.text_document_hover_async(types.HoverParams(document, start)),
                await language.text_document_definition_async(types.DefinitionParams(document, start)),
                await language.text_document_rename_async(types.RenameParams(document, start, "x")),
                await language.text_document_document_symbol_async(types.DocumentSymbolParams(document)),
                await language.text_document_formatting_async(
                    types.DocumentFormattingParams(document, types.FormattingOptions(4, True))
                ),
                await language.text_document_completion_async(types.CompletionParams(document, start)),
                await language.text_document_semantic_tokens_full_async(types.SemanticTokensParams(document)),
                await language.text_document_inlay_hint_async(types.InlayHintParams(document, everything)),
            ]
            assert any(answers) == (uri == client.uri("main.acadl")) or not answers[0]
            language.text_document_did_close(types.DidCloseTextDocumentParams(document))
            change = types.TextDocumentContentChangeWholeDocument("x")
            versioned = types.VersionedTextDocumentIdentifier(version=2, uri=uri)
            language.text_document_did_change(types.DidChangeTextDocumentParams(versioned, [change]))
        assert not [d for d in await client.open("main.acadl", MAIN) if d.severity == 1]

    session(tmp_path, script)


@pytest.mark.parametrize("uri", [uri for uri in ODD if uri and uri != "http://["])
def test_findings_go_to_the_name_that_the_editor_uses(tmp_path: Path, uri: str) -> None:
    async def script(client: Client) -> None:
        item = types.TextDocumentItem(uri, "acadl", 1, "stage s {")
        client.language.text_document_did_open(types.DidOpenTextDocumentParams(item))
        await client.open("main.acadl", MAIN)
        while uri not in client.published:
            await asyncio.wait_for(client._news.wait(), 20)
            client._news.clear()
        assert client.published.keys() <= {uri, client.uri("main.acadl")}
        assert client.published[uri][0].severity == 1

    session(tmp_path, script)


def test_a_new_name_that_an_inner_block_declares_is_refused(tmp_path: Path) -> None:
    text = """architecture a {
    clock 1 GHz
    const outer = 2
    for inner in 0 ..< 2 { const size = inner + outer }
}
"""

    async def script(client: Client) -> None:
        await client.open("main.acadl", text)
        main = client.document("main.acadl")
        for name in ("inner", "size"):
            with pytest.raises(
                JsonRpcException, match=f"'{name}' would mean something else|already declared"
            ):
                await client.language.text_document_rename_async(
                    types.RenameParams(main, client.at(text, "outer"), name)
                )
        edit = await client.language.text_document_rename_async(
            types.RenameParams(main, client.at(text, "outer"), "other")
        )
        assert edit is not None and edit.changes is not None
        assert text_edit(text, list(edit.changes[client.uri("main.acadl")])) == text.replace("outer", "other")

    session(tmp_path, script)


def test_long_lines_have_tokens_at_their_places_and_no_hints(tmp_path: Path) -> None:
    line = 'require 1 > 0 else "😀 é", const near = 1 + 1, const far = near + 2'
    head = MAIN.partition("{\n")[0] + "{\n"

    async def script(client: Client) -> None:
        everything = types.Range(types.Position(0, 0), types.Position(99, 0))
        for padding, shown in (("", ["= 2", "= 4"]), (" // " + "é" * 1000, [])):
            await client.open("main.acadl", MAIN.replace(head, f"{head}{line}{padding}\n", 1))
            main, language = client.document("main.acadl"), client.language
            number = head.count("\n")
            hints = await language.text_document_inlay_hint_async(types.InlayHintParams(main, everything))
            assert [h.label for h in hints or [] if h.position.line == number] == shown
            tokens = await language.text_document_semantic_tokens_full_async(types.SemanticTokensParams(main))
            assert tokens is not None
            wire = (line + padding).encode("utf-16-le")
            here, start, words = 0, 0, []
            for down, right, length in zip(
                tokens.data[::5], tokens.data[1::5], tokens.data[2::5], strict=True
            ):
                here, start = here + down, right if down else start + right
                if here == number:
                    words.append(wire[2 * start : 2 * (start + length)].decode("utf-16-le"))
            assert words[:4] == ["require", "1", ">", "0"] and '"😀 é"' in words
            assert [word for word in words if word in ("near", "far", "const")] == [
                *("const", "near", "const", "far", "near")
            ]

    session(tmp_path, script)
