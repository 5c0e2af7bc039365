"""Damaged descriptions give diagnostics or load; nothing else escapes, and nothing takes long."""

from __future__ import annotations

import random
import re
import time
from pathlib import Path

import pytest

from acadl.diagnostics import render
from acadl.loading import check_text
from tests.language.descriptions import FRAME

ROOT = Path(__file__).parents[2]
SHIPPED = sorted([*ROOT.glob("platforms/library/*.acadl"), *ROOT.glob("examples/**/*.acadl")])
TOKEN = re.compile(r"\s+|\w+|[^\w\s]")
LIMIT_SECONDS = 2.0
MORE = """
template cell(width: bits = wide) {
    registers file { data_width: width, names: a[0 ..< 2] b = 1 }
    execute part { unit u { operations: add, latency: max(1, n - 2) } }
    {file, rf_of} => part.u => file
    registers rf_of { data_width: 8 bits, names: c }
    open issue: -> part
    open optional east: part.u =>
}
grid: cell(width: 16 bits)[n][2]
execute queue { capacity: 2, controller rows { operations: load gemm, prepares: load, capacity: 2 } }
mover port { max_request_bytes: 64 bytes, retry_interval: 3 }
ifs -> queue
queue.rows -> port, rf <=> queue.rows, dmem <=> port
for r in 0 ..< n, c in 0 ..< 2 {
    ifs -> grid[r][c].issue
    if c + 1 < 2 { grid[r][c].east => grid[r][c + 1].file } else { require r < 9 else "few" }
}
"""
WORDS = (
    *("architecture", "template", "execute", "unit", "for", "if", "else", "open", "import", "const", "in"),
    *("controller", "mover", "prepares"),
    *("{", "}", "(", ")", "[", "]", ",", ":", "=", "->", "=>", "<=>", "..<", "*", "-", '"', ";", "\n"),
    *("0", "1", "16", "99999999", "0x", "1.5", "32 bits", "4 KiB", "MHz", "rows", "x", "é", "\t", "\x00"),
)


def damaged(text: str, chance: random.Random) -> str:
    """The text with one to four random damages."""
    for _ in range(chance.randint(1, 4)):
        text = chance.choice(DAMAGES)(text, chance)
    return text


def _without_characters(text: str, chance: random.Random) -> str:
    start = chance.randrange(len(text) + 1)
    return text[:start] + text[start + chance.randint(1, 5) :]


def _with_character(text: str, chance: random.Random) -> str:
    start = chance.randrange(len(text) + 1)
    return (
        text[:start] + chr(chance.choice((chance.randrange(32, 127), chance.randrange(0x300)))) + text[start:]
    )


def _on_tokens(text: str, chance: random.Random) -> str:
    tokens = TOKEN.findall(text)
    if not tokens:
        return text
    i, j = chance.randrange(len(tokens)), chance.randrange(len(tokens))
    match chance.randrange(4):
        case 0:
            del tokens[i]
        case 1:
            tokens[i], tokens[j] = tokens[j], tokens[i]
        case 2:
            tokens.insert(i, chance.choice(WORDS))
        case _:
            tokens[i] = chance.choice(WORDS)
    return "".join(tokens)


def _on_lines(text: str, chance: random.Random) -> str:
    lines = text.split("\n")
    i, j = chance.randrange(len(lines)), chance.randrange(len(lines))
    match chance.randrange(3):
        case 0:
            del lines[i]
        case 1:
            lines[i], lines[j] = lines[j], lines[i]
        case _:
            lines.insert(i, lines[j])
    return "\n".join(lines)


def _truncated(text: str, chance: random.Random) -> str:
    return text[: chance.randrange(len(text) + 1)]


DAMAGES = (_without_characters, _with_character, _on_tokens, _on_tokens, _on_lines, _truncated)


def check_damaged(seed: int) -> None:
    chance = random.Random(seed)
    path = chance.choice(SHIPPED)
    text = damaged(path.read_text("utf-8"), chance)
    start = time.process_time()
    checked = check_text(text, path.name, path.parent, {})
    shown = render(checked.diagnostics, checked.sources)
    elapsed = time.process_time() - start
    assert elapsed < LIMIT_SECONDS, f"seed {seed}: {elapsed:.1f} s"
    assert (checked.architecture is None) == any(d.is_error for d in checked.diagnostics), f"seed {seed}"
    assert bool(shown) == bool(checked.diagnostics)
    lines = text.split("\n")
    for diagnostic in checked.diagnostics:
        span = diagnostic.span
        if diagnostic.code == "N1002":
            continue
        assert span is not None, f"seed {seed}: {diagnostic}"
        if span.file == path.name:
            assert 1 <= span.line <= len(lines)
            assert 1 <= span.column <= len(lines[span.line - 1]) + 1
            assert (span.end_line, span.end_column) >= (span.line, span.column)


def test_there_is_something_to_damage() -> None:
    assert {path.stem for path in SHIPPED} >= {"oma", "systolic_array", "systolic_grid"}


@pytest.mark.parametrize("seeds", [range(n, n + 30) for n in range(0, 150, 30)], ids=str)
def test_damaged_descriptions_are_diagnosed(seeds: range) -> None:
    for seed in seeds:
        check_damaged(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [range(n, n + 100) for n in range(1000, 3000, 100)], ids=str)
def test_many_damaged_descriptions_are_diagnosed(seeds: range) -> None:
    for seed in seeds:
        check_damaged(seed)


def test_whatever_single_word_or_sign_is_missing_gives_at_most_one_error() -> None:
    """One mistake stays one error, also where it is a bracket."""
    text = FRAME.format(parameters="n: int = 4, wide: bits = 8 bits", body=MORE)
    tokens = TOKEN.findall(text)
    assert [d.code for d in check_text(text, "f", None, {}).diagnostics] == []
    for number, token in enumerate(tokens):
        if not token.isspace() and token != '"':  # behind a quote that is left over, all is text
            damaged_text = "".join(tokens[:number] + tokens[number + 1 :])
            errors = [d for d in check_text(damaged_text, "f", None, {}).diagnostics if d.is_error]
            assert len(errors) <= 1, (number, token, damaged_text, errors)


def test_where_no_way_on_is_found_the_mistakes_until_then_are_reported() -> None:
    text = "}\noperations {\narchitecture a {\nx(a: in reg\ny(\n@b: \n"
    found = check_text(text, "f", None, {}).diagnostics
    assert [d.code for d in found][:1] == ["E0105"] and len(found) > 1
