"""``acadl fmt``: which files it writes, what it prints, its exit status."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from platforms.command_group import cli

UGLY, PRETTY = "stage s{latency:1}", "stage s { latency: 1 }\n"


def fmt(*args: str | Path, text: bytes | None = None) -> Result:
    return CliRunner().invoke(cli, ["fmt", *map(str, args)], input=text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files to format, one that is formatted, one with an error, and one in a hidden folder."""
    for name in ("sub", ".hidden"):
        (tmp_path / name).mkdir()
    for name in ("ugly.acadl", "sub/ugly.acadl", ".hidden/ugly.acadl"):
        (tmp_path / name).write_text(UGLY)
    (tmp_path / "pretty.acadl").write_text(PRETTY)
    (tmp_path / "wrong.acadl").write_text("stage s {")
    (tmp_path / "other.txt").write_text(UGLY)
    return tmp_path


def test_files_are_formatted_in_place(folder: Path) -> None:
    result = fmt(folder / "ugly.acadl", folder / "pretty.acadl")
    assert result.exit_code == 0
    assert (folder / "ugly.acadl").read_text() == PRETTY
    assert "1 of 2 files changed" in result.stderr and not result.stdout


def test_folders_are_searched_and_faulty_files_left_alone(folder: Path) -> None:
    result = fmt(folder)
    assert result.exit_code == 1
    assert (folder / "sub/ugly.acadl").read_text() == PRETTY
    assert (folder / "wrong.acadl").read_text() == "stage s {"
    assert (folder / ".hidden/ugly.acadl").read_text() == UGLY == (folder / "other.txt").read_text()
    assert "error[E0104]" in result.stderr and "2 of 4 files changed, 1 with errors" in result.stderr


def test_check_writes_nothing(folder: Path) -> None:
    result = fmt("--check", folder / "ugly.acadl")
    assert result.exit_code == 1 and "would change" in result.stderr
    assert (folder / "ugly.acadl").read_text() == UGLY
    assert fmt("--check", folder / "pretty.acadl").exit_code == 0


def test_line_ends_and_byte_order_marks_are_changes(tmp_path: Path) -> None:
    for data in (PRETTY.replace("\n", "\r\n").encode(), b"\xef\xbb\xbf" + PRETTY.encode()):
        (tmp_path / "f.acadl").write_bytes(data)
        assert fmt("--check", tmp_path / "f.acadl").exit_code == 1
        assert fmt(tmp_path / "f.acadl").exit_code == 0
        assert (tmp_path / "f.acadl").read_bytes() == PRETTY.encode()


def test_diff_shows_what_would_change(folder: Path) -> None:
    result = fmt("--diff", folder / "ugly.acadl")
    assert result.exit_code == 0 and f"-{UGLY}" in result.stdout and f"+{PRETTY}" in result.stdout
    assert fmt("--diff", folder / "pretty.acadl").stdout == ""
    assert fmt("--diff", "--check", folder / "ugly.acadl").exit_code == 1
    assert (folder / "ugly.acadl").read_text() == UGLY


def test_standard_input_goes_to_standard_output() -> None:
    result = fmt("-", text=UGLY.encode())
    assert (result.exit_code, result.stdout, result.stderr) == (0, PRETTY, "")
    wrong = fmt("-", text=b"stage s {")
    assert wrong.exit_code == 1 and not wrong.stdout and "<stdin>:1:9" in wrong.stderr
    assert fmt("-", text=b"\xff").exit_code == 1


def test_missing_files_are_said_to_be_missing(tmp_path: Path) -> None:
    result = fmt(tmp_path / "none.acadl")
    assert result.exit_code == 1 and "cannot read" in result.stderr
    assert "no .acadl files" in fmt(tmp_path).stderr


def test_what_somebody_writes_meanwhile_is_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import acadl.formatting

    plain, file = acadl.formatting.format_text, folder / "ugly.acadl"

    def slowly(text: str, name: str) -> str:
        file.write_text("stage other{}")
        return plain(text, name)

    monkeypatch.setattr(acadl.formatting, "format_text", slowly)
    result = fmt(file)
    assert result.exit_code == 1 and "has changed meanwhile" in result.stderr
    assert file.read_text() == "stage other{}"
    assert sorted(path.name for path in folder.glob("*ugly*")) == ["ugly.acadl"]  # nothing half-written


def test_links_lead_nowhere_from_a_folder(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "f.acadl").write_text(UGLY)
    (folder / "link.acadl").symlink_to(outside / "f.acadl")
    (folder / "linked").symlink_to(outside, target_is_directory=True)
    fmt(folder)
    assert (outside / "f.acadl").read_text() == UGLY
    assert fmt(folder / "link.acadl").exit_code == 0  # somebody names it
    assert (outside / "f.acadl").read_text() == PRETTY and (folder / "link.acadl").is_symlink()


def test_files_that_may_only_be_read_stay(folder: Path) -> None:
    (folder / "ugly.acadl").chmod(0o444)
    result = fmt(folder / "ugly.acadl")
    assert result.exit_code == 1 and "may only be read" in result.stderr
    assert (folder / "ugly.acadl").read_text() == UGLY


def test_names_do_not_steer_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "a\x1b[31m.acadl").write_text(UGLY)
    for options in (("--check",), ()):
        assert "\x1b" not in fmt(*options, tmp_path / "a\x1b[31m.acadl").stderr


def test_differences_are_exact_in_files_and_tame_on_terminals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from platforms.commands import fmt as command

    (tmp_path / "f.acadl").write_text("// \x1b[31m red\nstage s{ }")
    assert "// \x1b[31m red\n" in fmt("--diff", tmp_path / "f.acadl").stdout
    monkeypatch.setattr(command, "_is_terminal", lambda: True)
    assert "// \ufffd[31m red\n" in fmt("--diff", tmp_path / "f.acadl").stdout


def test_standard_input_has_one_name() -> None:
    assert "'<stdin>'" in fmt("-", text=b"\xff").stderr
    assert fmt("-", text=b"// \x1b[31m red").stdout == "// \x1b[31m red\n"
    assert "<stdin>:1:" in fmt("-", text=b"stage s {").stderr


def test_a_text_that_would_be_too_long_is_not_blamed(tmp_path: Path) -> None:
    text = "if true {\n" * 45 + "const a = 1\n" * 12_000 + "}\n" * 45  # its indentation makes it too long
    (tmp_path / "f.acadl").write_text(text)
    result = fmt(tmp_path / "f.acadl")
    assert result.exit_code == 1 and "longer than a description may be" in result.stderr
    assert (tmp_path / "f.acadl").read_text() == text
