"""Every diagnostic as the user sees it: a source and its rendered findings side by side.

A case is a file ``golden/<name>.txt``: the text of a description, then a line ``=== diagnostics`` and what
it renders to. Texts of further files, for imports, stand between, each behind a line ``=== file <name>``.
A comment ``// with NAME=VALUE`` in the first line gives parameters. To add a case, write the source part, run
``UPDATE_GOLDEN=1 pytest tests/language/test_golden.py`` and review the difference.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from acadl.diagnostics import render
from acadl.loading import Checked, check_file

FOLDER = Path(__file__).parent / "golden"
CASES = sorted(FOLDER.glob("*.txt"))
MARK = "=== diagnostics"


@dataclass(frozen=True)
class Case:
    """The parts of a golden file: file name to text, ``main.acadl`` first, and the rendering."""

    files: dict[str, str]
    expected: str | None

    @property
    def parameters(self) -> dict[str, str]:
        first = self.files["main.acadl"].split("\n")[0]
        given = re.findall(r"(\w+)=(\S+)", first) if first.startswith("// with ") else []
        return dict(given)


def read_case(path: Path) -> Case:
    source, mark, expected = path.read_text("utf-8").partition(f"{MARK}\n")
    first, *rest = re.split(r"^=== file (.*)\n", source, flags=re.MULTILINE)
    files = {"main.acadl": first} | dict(zip(rest[::2], rest[1::2], strict=True))
    return Case(files, expected if mark else None)


def findings(case: Case, folder: Path) -> Checked:
    for name, text in case.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return check_file(folder / "main.acadl", case.parameters)


def rendered(checked: Checked, folder: Path) -> str:
    return render(checked.diagnostics, checked.sources).replace(f"{folder}/", "") + "\n"


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_message_is_as_recorded(path: Path, tmp_path: Path, update_golden: bool) -> None:
    case = read_case(path)
    checked = findings(case, tmp_path)
    shown = rendered(checked, tmp_path)
    if update_golden:
        source = path.read_text("utf-8").partition(f"{MARK}\n")[0]
        path.write_text(f"{source}{MARK}\n{shown}", "utf-8")
        return
    assert case.expected is not None, f"{path.name} has no '{MARK}' part; run with UPDATE_GOLDEN=1"
    assert shown == case.expected


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_golden_sources_are_found_faulty_for_the_reason_in_their_name(path: Path, tmp_path: Path) -> None:
    """File names start with the code that the case is about."""
    codes = {diagnostic.code for diagnostic in findings(read_case(path), tmp_path).diagnostics}
    assert path.stem[:5].upper() in codes


def test_there_are_many_cases() -> None:
    assert len(CASES) >= 40
