"""A minute of coverage-guided fuzzing, from the descriptions and the golden files on (extra ``fuzz``)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from acadl.parser_tables import tables

ROOT = Path(__file__).parents[2]
SECONDS = 60


def write_corpus(folder: Path) -> None:
    texts = [path.read_text("utf-8") for path in ROOT.glob("platforms/library/*.acadl")]
    texts += [path.read_text("utf-8").split("=== ")[0] for path in ROOT.glob("tests/language/golden/*.txt")]
    for number, text in enumerate(texts):
        (folder / f"{number}.acadl").write_text(text, "utf-8")


def write_words(path: Path) -> None:
    """The words and signs of the language, for the fuzzer to put together."""
    words = {word for table in tables().keywords.values() for word in table}
    words |= {"{", "}", "(", ")", "[", "]", "..<", "->", "=>", "<=>", "0x10", "4 KiB", "///", "\\x0a"}
    path.write_text("\n".join(f'"{word}"' for word in sorted(words)) + "\n", "utf-8")


@pytest.mark.slow
def test_no_input_makes_it_fail(tmp_path: Path) -> None:
    pytest.importorskip("atheris")
    (tmp_path / "corpus").mkdir()
    write_corpus(tmp_path / "corpus")
    write_words(tmp_path / "words")
    options = ["-timeout=10", "-rss_limit_mb=1000", "-max_len=4000", f"-max_total_time={SECONDS}", "-seed=1"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.language.fuzz", "corpus", f"-dict={tmp_path / 'words'}", *options],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
