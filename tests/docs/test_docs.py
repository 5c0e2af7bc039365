"""Everything that the documentation shows is run; see ``run_page.py`` for the rules."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
RUN = ("python", "console", "acadl")
FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```[ ]*$", re.MULTILINE | re.DOTALL)
FILES = re.compile(r"^<!-- files: (\S+) -->$", re.MULTILINE)  # a folder whose files the reader has
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)")


def blocks_of(page: str) -> list[dict[str, object]]:
    """Fenced blocks that are run or written to a file, with the line of their fence."""
    found: list[dict[str, object]] = []
    for match in FENCE.finditer(page):
        info = match["info"].strip()
        language, _, options = info.partition(" ")
        title = re.search(r'title="([^"]+)"', options)
        needs = re.search(r"needs=(\w+)", options)
        if needs and find_spec(needs[1]) is None:  # a package that the tests do without
            continue
        if language in RUN or title:
            line = page.count("\n", 0, match.start()) + 1
            found.append(
                {
                    "language": language,
                    "title": title[1] if title else "",
                    "line": line,
                    "text": match["text"],
                }
            )
    return found


def run_blocks(file: str, blocks: list[dict[str, object]], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(Path(__file__).with_name("run_page.py"))],
        input=json.dumps({"file": file, "blocks": blocks}),
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", "COLUMNS": "160"},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_code_of_a_page_runs(page: Path, tmp_path: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for folder in FILES.findall(text):
        shutil.copytree(page.parent / folder, tmp_path, dirs_exist_ok=True)
    done = run_blocks(page.name, blocks_of(text), tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    missing = [link for link in LINK.findall(text) if not (page.parent / link).exists()]
    assert missing == []


def test_a_wrong_block_is_found(tmp_path: Path) -> None:
    page = "```python\nx = 1\n```\ntext\n```python\nassert x == 2\n```\n"
    done = run_blocks("page.md", blocks_of(page), tmp_path)
    assert done.returncode == 1
    assert "page.md:5: python block" in done.stdout
    assert 'File "page.md", line 6' in done.stdout


def test_wrong_console_output_is_found(tmp_path: Path) -> None:
    right = "```console\n$ acadl version\nacadl …\npython 3.…\n```\n"
    wrong = "```console\n$ acadl version\nacadl …\nruby\n```\n"
    assert run_blocks("page.md", blocks_of(right), tmp_path).returncode == 0
    done = run_blocks("page.md", blocks_of(wrong), tmp_path)
    assert done.returncode == 1
    assert "does not print 'ruby'" in done.stdout


def test_the_test_command_of_the_readme_is_what_ci_runs() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    command = ci.rstrip().splitlines()[-1]
    assert command.startswith("python3 -m venv ")
    assert f"```sh\n{command}\n```" in readme
