"""The picture of a comparison in the documentation is what the command beside it draws.

``ACADL_RECORD=1 pytest tests/docs/test_compare_image.py`` draws it anew.
"""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from platforms.command_group import cli
from tests.docs.test_docs import ROOT, blocks_of

IMAGE = ROOT / "docs" / "images" / "compare" / "axis_sa.svg"


def test_image_is_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs" / "validate.md").read_text(encoding="utf-8")
    assert f"images/compare/{IMAGE.name}" in page
    (trace,) = (str(block["text"]) for block in blocks_of(page) if block["title"] == "trace.csv")
    (command,) = re.findall(r"^\$ acadl (compare .*--plot compare\.svg)$", page, re.MULTILINE)
    monkeypatch.chdir(tmp_path)
    Path("trace.csv").write_text(trace, encoding="utf-8")
    assert CliRunner().invoke(cli, shlex.split(command)).exit_code == 0
    drawn = Path("compare.svg").read_text(encoding="utf-8")
    if os.environ.get("ACADL_RECORD"):
        IMAGE.write_text(drawn, encoding="utf-8")
    assert IMAGE.read_text(encoding="utf-8") == drawn
