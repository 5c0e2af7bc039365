"""FST files are read in a process of its own: whatever happens there becomes a message here."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acadl.errors import AcadlError
from platforms.validation.fst import FstFile
from platforms.validation.vcd import Changes, WaveError

SHIPPED = Path(__file__).parents[1] / "data" / "rtl" / "axis_sa" / "sa4x4_8x8x8_gap8.fst"

# A package of the same name, with what is used of it.
HEAD = """
import os, sys, time
class Var:
    def __init__(self, name, bits, signal):
        self.full_name, self.bitwidth, self.signal = name, bits, signal
class Waveform:
    def __init__(self, path):
        self.path = path
    def all_vars(self):
        return [Var("top.a", 1, [(0, "x"), (3, 1)]), Var("top.b", 8, [(3, 5), (4, "1z")]), Var("r", None, [])]
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the stand-in for the package lies."""
    folder = tmp_path / "packages" / "pywellen"
    folder.mkdir(parents=True)
    monkeypatch.syspath_prepend(str(folder.parent))
    (folder / "__init__.py").write_text(HEAD)
    (tmp_path / "w.fst").touch()
    return folder / "__init__.py"


def read(tmp_path: Path, silence_s: float | None = None) -> list[Changes]:
    with FstFile(str(tmp_path / "w.fst"), silence_s=silence_s) as waves:
        return list(waves.changes([waves.find("b"), waves.find("a")]))


def test_watched_signals_are_merged_by_time(package: Path, tmp_path: Path) -> None:
    assert read(tmp_path) == [
        Changes(0, ((1, None),)),
        Changes(3, ((0, 5), (1, 1))),
        Changes(4, ((0, None),)),
    ]
    with FstFile(str(tmp_path / "w.fst")) as waves, pytest.raises(WaveError, match="no signal of bits"):
        waves.find("r")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("os.abort()", "its reader broke down"),
        ("os._exit(3)", "its reader broke down"),
        ("raise OSError('no such block')", "no such block$"),
        ("class Panic(BaseException): pass\n        raise Panic('index 9')", "index 9; the file is probably"),
        ("x = bytearray(1 << 50)", "cannot read"),
    ],
)
def test_a_reader_that_breaks_down_is_an_error(
    package: Path, tmp_path: Path, code: str, message: str
) -> None:
    package.write_text(HEAD.replace("self.path = path", code))
    with pytest.raises(WaveError, match=message):
        read(tmp_path)


def test_a_reader_that_hangs_is_ended(package: Path, tmp_path: Path) -> None:
    package.write_text(HEAD.replace("self.path = path", "time.sleep(600)"))
    started = time.monotonic()
    with pytest.raises(WaveError, match=r"was silent for 1 s and was ended"):
        read(tmp_path, silence_s=1)
    assert time.monotonic() - started < 60


def test_nobody_is_left_when_reading_ends_early(package: Path, tmp_path: Path) -> None:
    package.write_text(HEAD.replace('"x"), (3, 1)]', '"x")] * 100_000'))
    with FstFile(str(tmp_path / "w.fst")) as waves:
        process = waves._process
        assert process is not None
        next(waves.changes([waves.find("a")]))
    assert process.returncode is not None


def test_a_missing_file_is_named(package: Path, tmp_path: Path) -> None:
    with pytest.raises(WaveError, match=r"cannot read '.*gone\.fst': No such file"):
        FstFile(str(tmp_path / "gone.fst")).__enter__()


@settings(max_examples=8)
@given(st.data())
def test_any_damage_is_refused_or_read(data: st.DataObject) -> None:
    pytest.importorskip("pywellen", reason="FST files need the extra 'waves'")
    import tempfile

    content = bytearray(SHIPPED.read_bytes())
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    else:
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "w.fst")
        Path(path).write_bytes(bytes(content))
        try:
            with FstFile(path) as waves:
                times = [change.time for change in waves.changes([waves.find("TOP.s_valid")])]
        except AcadlError:
            return
    assert times == sorted(times)
