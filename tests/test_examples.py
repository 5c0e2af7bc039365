"""Every example runs and prints what is recorded beside it.

``ACADL_RECORD=1 pytest tests/test_examples.py`` records the output anew.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def test_the_readme_lists_every_example() -> None:
    text = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    listed = [line.split("]")[0].removeprefix("| [") for line in text.splitlines() if line.startswith("| [")]
    assert sorted(listed) == [example.name for example in EXAMPLES]
    assert len(listed) >= 8


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_prints_what_is_recorded(example: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(example)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", "COLUMNS": "120"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == [], "examples clean up after themselves"
    recorded = example.with_suffix(".out")
    if os.environ.get("ACADL_RECORD"):
        recorded.write_text(done.stdout, encoding="utf-8")
    assert done.stdout == recorded.read_text(encoding="utf-8")
