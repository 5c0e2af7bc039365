"""Folders, standard input and terminals of few characters, for commands that read descriptions."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from platforms.command_group import cli

SOUND = """architecture machine {
    clock 1 GHz // → one
    sram imem { data_width: 32 bits, addresses: 0 ..< 64 }
    fetch ifs { issue_buffer_size: 1, from: imem }
}
"""


def run(*arguments: str, text: str | None = None) -> Result:
    return CliRunner().invoke(cli, list(arguments), input=text)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inner").mkdir()
    (tmp_path / "one.acadl").write_text(SOUND, "utf-8")
    (tmp_path / "inner" / "two.acadl").write_text(SOUND.replace("from: imem", "from: imen"), "utf-8")
    (tmp_path / "inner" / "notes.txt").write_text("no description", "utf-8")
    return tmp_path


def test_check_reads_every_description_of_a_folder(folder: Path) -> None:
    result = run("check", ".")
    assert result.exit_code == 1
    assert "one.acadl: machine, 3 objects" in result.output and "two.acadl:4" in result.output
    assert "notes.txt" not in result.output
    (folder / "inner" / "two.acadl").unlink()
    assert run("check", ".").exit_code == 0
    empty = run("check", "inner")
    assert empty.exit_code == 1 and "inner" in empty.output


def test_check_reads_standard_input(folder: Path) -> None:
    assert run("check", "-", text=SOUND).exit_code == 0
    wrong = run("check", "-", text=SOUND.replace("imem }", "imen }"))
    assert wrong.exit_code == 1 and "<stdin>:4" in wrong.output
    parts = 'import pe from "parts.acadl"\n' + SOUND
    (folder / "parts.acadl").write_text("template pe() {\n}\n", "utf-8")
    assert "E0701" not in run("check", "-", text=parts).output
    assert run("check", "-", text=parts.replace("parts.acadl", "none.acadl")).exit_code == 1


def test_a_shipped_name_is_no_folder(folder: Path) -> None:
    (folder / "oma").mkdir()
    assert run("check", "oma").exit_code == 0


def test_draw_names_its_file_by_default(folder: Path) -> None:
    result = run("draw", "one.acadl")
    assert result.exit_code == 0 and "wrote one.svg" in result.output
    assert (folder / "one.svg").read_text("utf-8").startswith("<svg")


def test_draw_never_writes_over_an_import(folder: Path) -> None:
    parts = "template pe() {\n    stage s { latency: 1 }\n}\n"
    (folder / "odd.svg").write_text(parts, "utf-8")
    text = 'import pe from "odd.svg"\n' + SOUND.replace("    fetch", "    a: pe()\n    fetch")
    (folder / "one.acadl").write_text(text, "utf-8")
    result = run("draw", "one.acadl", "-o", "odd.svg")
    assert result.exit_code != 0 and "odd.svg" in result.output
    assert (folder / "odd.svg").read_text("utf-8") == parts
    assert run("draw", "one.acadl", "-o", "even.svg").exit_code == 0


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
@pytest.mark.parametrize(
    "arguments",
    [("fmt", "-"), ("fmt", "--diff", "one.acadl"), ("draw", "one.acadl", "-o", "-"), ("check", "one.acadl")],
)
def test_terminals_of_few_characters_show_no_traceback(
    folder: Path, encoding: str, arguments: tuple[str, ...]
) -> None:
    """What goes to a pipe is UTF-8; messages are written with escapes."""
    text = SOUND.replace("  fetch", "fetch")
    (folder / "one.acadl").write_text(text, "utf-8")
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    command = [sys.executable, "-m", "platforms.cli", *arguments]
    done = subprocess.run(command, input=text.encode(), capture_output=True, env=environment, check=False)
    assert done.returncode == 0 and b"Traceback" not in done.stderr
    if arguments[0] == "fmt":
        assert "→" in done.stdout.decode("utf-8")
