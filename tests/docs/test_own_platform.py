"""The tutorial for a platform of one's own keeps its promise: fewer than 150 lines, blank ones included."""

from __future__ import annotations

import re

from tests.docs.test_docs import FENCE, ROOT


def test_all_code_of_the_tutorial_has_fewer_than_150_lines() -> None:
    page = (ROOT / "docs" / "own_platform.md").read_text(encoding="utf-8")
    blocks = [match["text"] for match in FENCE.finditer(page) if re.match("acadl|python|csv", match["info"])]
    assert len(blocks) == 4
    assert sum(len(block.splitlines()) for block in blocks) < 150
