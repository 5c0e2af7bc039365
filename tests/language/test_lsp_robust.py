"""What the language server knows of damaged texts: something or nothing, but no failure."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from acadl.lsp.completion import proposals
from acadl.lsp.highlighting import tokens
from acadl.lsp.positions import column_of, edited, place_of
from acadl.lsp.project import Project
from acadl.lsp.renaming import rename_problem
from acadl.lsp.texts import FRESH_SECONDS
from acadl.lsp.values import hints, hover_text
from tests.language.test_mutations import SHIPPED, damaged


def explore(path: Path, text: str, chance: random.Random) -> None:
    """Ask everything that an editor may ask."""
    project = Project()
    project.opened(path, text)
    index = project.index(path)
    assert index is not None
    project.findings(path)
    facts = project.facts(path)
    lines = text.split("\n")
    for reference in chance.sample(index.references, min(20, len(index.references))):
        assert index.at(reference.span.line, reference.span.column) is not None
        declared = [ref.span for ref in index.references if ref.symbol is reference.symbol and ref.declares]
        assert reference.symbol.name in hover_text(reference.symbol, declared, facts)
        assert any(ref.declares for ref in project.references(reference.symbol))
        rename_problem(reference.symbol, "other", project)
    for token in tokens(text, index):
        assert token.length == len(lines[token.line - 1][token.column - 1 : token.column - 1 + token.length])
    for span, value in hints(facts, str(path), lines):
        assert value and span.file == str(path)
    for _ in range(20):
        line = chance.randrange(len(lines)) + 1
        column = chance.randrange(len(lines[line - 1]) + 1) + 1
        labels = [proposal.label for proposal in proposals(text, line, column, index)]
        assert len(set(labels)) == len(labels)


@pytest.mark.parametrize("seeds", [range(n, n + 10) for n in range(0, 30, 10)], ids=str)
def test_damaged_texts(seeds: range) -> None:
    for seed in seeds:
        chance = random.Random(seed)
        path = chance.choice(SHIPPED)
        explore(path, damaged(path.read_text("utf-8"), chance), chance)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [range(n, n + 100) for n in range(100, 1000, 100)], ids=str)
def test_many_damaged_texts(seeds: range) -> None:
    test_damaged_texts(seeds)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_name_of_a_right_description_is_known(path: Path) -> None:
    """What elaboration finds, the index finds without it."""
    project = Project()
    project.opened(path, path.read_text("utf-8"))
    index, facts = project.index(path), project.facts(path)
    assert index is not None and facts.checked.architecture is not None
    declared = {(ref.span.line, ref.span.column) for ref in index.references if ref.declares}
    for span in facts.objects:
        line = project.lines(str(path))[span.line - 1]
        if span.file == str(path) and not line[span.column - 1 :].startswith("from"):  # implied by `from:`
            assert (span.line, span.column) in declared
    explore(path, path.read_text("utf-8"), random.Random(0))


def test_columns_beyond_the_basic_plane() -> None:
    line = "é🚀x"
    for encoding, characters in (("utf-8", (0, 2, 6, 7)), ("utf-16", (0, 1, 3, 4)), ("utf-32", (0, 1, 2, 3))):
        for column, character in enumerate(characters, 1):
            assert column_of(line, character, encoding) == column
    assert column_of(line, 99, "utf-16") == 4
    from acadl.errors import Span

    place = place_of(Span("f", 1, 2, 1, 3), [line], "utf-16")
    assert (place.line, place.character, place.end_character) == (0, 1, 3)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_edits_of_any_lines(encoding: str) -> None:
    """Against what the protocol says, written as lines and their ends."""
    chance = random.Random(8)
    for _ in range(300):
        text = "".join(chance.choices("ab é🚀\u2028\x0b\x0c\n\r", k=chance.randrange(20)))
        offsets = sorted(chance.randrange(len(text) + 1) for _ in range(2))
        if any(text[n - 1 : n + 1] == "\r\n" for n in offsets):
            continue  # no place of the protocol
        start, end = (_place(text[:n], encoding) for n in offsets)
        assert edited(text, start, end, "new", encoding) == text[: offsets[0]] + "new" + text[offsets[1] :]


def _place(before: str, encoding: str) -> tuple[int, int]:
    lines = before.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    size = {"utf-8": 1, "utf-16": 2, "utf-32": 4}[encoding]
    name = encoding if size == 1 else f"{encoding}-le"
    return len(lines) - 1, len(lines[-1].encode(name)) // size


def test_edits_beyond_the_text() -> None:
    assert edited("ab\ncd", (9, 0), (9, 5), "x", "utf-16") == "ab\ncdx"
    assert edited("ab\ncd", (0, 99), (1, 99), "x", "utf-16") == "abx"
    assert edited("ab\r\ncd", (0, 99), (0, 99), "x", "utf-16") == "abx\r\ncd"
    assert edited("ab\ncd", (1, 1), (0, 0), "x", "utf-16") == "ab\ncxd"
    assert edited("", (0, 0), (0, 0), "x", "utf-16") == "x"


def test_a_file_that_was_too_long_beside_others_is_read_alone(tmp_path: Path) -> None:
    long = "const a = 1\n" * 22_000  # more than half of what all files may have together
    for name in ("one", "two"):
        (tmp_path / f"{name}.acadl").write_text(f"template {name} {{ }}\nif false {{\n{long}}}\n")
    imports = "".join(f'import {name} from "{name}.acadl"\n' for name in ("one", "two"))
    (tmp_path / "main.acadl").write_text(f"{imports}architecture a {{ }}\n")
    project = Project()
    checked = project.facts(tmp_path / "main.acadl").checked
    assert "E0801" in [finding.code for finding in checked.diagnostics]
    for name in ("one", "two"):
        alone = project.facts(tmp_path / f"{name}.acadl").checked
        assert "E0801" not in [finding.code for finding in alone.diagnostics]


def test_changes_on_disk_are_noticed_without_being_told(tmp_path: Path) -> None:
    (tmp_path / "part.acadl").write_text("template t { }\n")
    (tmp_path / "main.acadl").write_text('import t from "part.acadl"\narchitecture a {\nx: t\n}\n')
    project = Project()
    assert "E0201" not in [d.code for d in project.findings(tmp_path / "main.acadl")]
    (tmp_path / "part.acadl").write_text("template other { }\n")
    time.sleep(2 * FRESH_SECONDS)
    assert "E0201" in [d.code for d in project.findings(tmp_path / "main.acadl")]
    (tmp_path / "part.acadl").unlink()
    time.sleep(2 * FRESH_SECONDS)
    assert "E0701" in [d.code for d in project.findings(tmp_path / "main.acadl")]
