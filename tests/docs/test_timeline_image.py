"""The picture of a time line in the documentation is what the command beside it draws.

``ACADL_RECORD=1 pytest tests/docs/test_timeline_image.py`` draws it anew.
"""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

from click.testing import CliRunner

from platforms.command_group import cli
from tests.docs.test_docs import ROOT

IMAGE = ROOT / "docs" / "images" / "timeline" / "conv2.svg"


def test_image_is_up_to_date(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "why.md").read_text(encoding="utf-8")
    assert IMAGE.name in page
    (command,) = re.findall(rf"^\$ acadl (.*) -o {IMAGE.name}$", page, re.MULTILINE)
    drawn = tmp_path / IMAGE.name
    result = CliRunner().invoke(cli, [*shlex.split(command), "-o", str(drawn)])
    assert result.exit_code == 0, result.stderr
    if os.environ.get("ACADL_RECORD"):
        IMAGE.write_bytes(drawn.read_bytes())
    assert IMAGE.read_text(encoding="utf-8") == drawn.read_text(encoding="utf-8")
