"""Independent mistakes of one file are reported together, and nothing that only follows from them.

Each file of ``three_errors`` holds three mistakes; a comment ``//!CODE`` marks the line of each.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from acadl.loading import check_text
from tests.language.mistakes import with_mistakes, with_structural_mistakes

FOLDER = Path(__file__).parent / "three_errors"
CASES = sorted(FOLDER.glob("*.txt"))
MARK = re.compile(r" *//!(E\d{4})")
LEAST = 27  # files of which all three must be reported
MOST_EXTRA = 3  # further findings in all files together


def reported(path: Path) -> tuple[set[tuple[int, str]], set[tuple[int, str]]]:
    """Lines and codes that are marked, and those that are found."""
    lines = path.read_text("utf-8").split("\n")
    marked = {(n, match[1]) for n, line in enumerate(lines, 1) for match in MARK.finditer(line)}
    text = "\n".join(MARK.sub("", line) for line in lines)
    found = check_text(text, path.name, None, {}).diagnostics
    return marked, {(d.line or 0, d.code) for d in found if d.is_error}


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_every_file_has_three_marks(path: Path) -> None:
    assert len(reported(path)[0]) == 3


def test_three_mistakes_are_three_findings() -> None:
    assert len(CASES) == 30
    complete = [path.stem for path in CASES if reported(path)[0] <= reported(path)[1]]
    assert len(complete) >= LEAST, sorted({path.stem for path in CASES} - set(complete))


def test_what_follows_from_a_mistake_is_hardly_ever_reported() -> None:
    extra = {
        path.stem: found - marked for path in CASES for marked, found in (reported(path),) if found - marked
    }
    assert sum(map(len, extra.values())) <= MOST_EXTRA, extra


# --- drawn at random ------------------------------------------------------------------------------------

SHIPPED = sorted(Path(__file__).parents[2].glob("platforms/library/*.acadl"))


Damage = Callable[[str, int, Random], tuple[str, set[int]]]


def completely_reported(seeds: range, damage: Damage = with_mistakes) -> tuple[int, int]:
    """Of how many texts with three random mistakes all are reported; how many further findings there are."""
    complete = extra = 0
    for seed in seeds:
        chance = Random(seed)
        text, lines = damage(chance.choice(SHIPPED).read_text("utf-8"), 3, chance)
        found = {d.line for d in check_text(text, "f", None, {}).diagnostics if d.is_error}
        complete += lines <= found
        extra += len(found - lines)
    return complete, extra


def test_random_mistakes_are_reported_together() -> None:
    complete, extra = completely_reported(range(30))
    assert complete >= LEAST and extra <= MOST_EXTRA


def test_structural_mistakes_are_reported_with_others() -> None:
    complete, extra = completely_reported(range(30), with_structural_mistakes)
    assert complete >= LEAST and extra <= MOST_EXTRA


@pytest.mark.slow
def test_many_random_mistakes_are_reported_together() -> None:
    complete, extra = completely_reported(range(1000, 1500))
    assert complete >= 475 and extra <= 10


@pytest.mark.slow
def test_many_structural_mistakes_are_reported_with_others() -> None:
    complete, extra = completely_reported(range(1000, 1500), with_structural_mistakes)
    assert complete >= 450 and extra <= 50
