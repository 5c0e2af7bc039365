"""VCD files: what is read, in which memory, and that damage is noticed."""

from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platforms.validation.vcd import Changes, VcdFile, WaveError

SHIPPED = Path(__file__).parents[1] / "data" / "rtl" / "axis_sa" / "sa4x4_8x8x8_gap8.vcd.gz"
HEADER = """$date today $end
$version by hand $end
$timescale 1 ns $end
$scope module top $end
 $var wire 1 ! clk $end
 $var wire 8 " bus [7:0] $end
 $var real 64 r speed $end
 $scope module inner $end
  $var wire 1 ! clk $end
  $var reg 8 # bus [7:0] $end
  $var reg 1 $ flag $end
  $var reg 1 % bit [3] $end
 $upscope $end
$upscope $end
$enddefinitions $end
"""


def changes(path: Path, *names: str) -> list[Changes]:
    with VcdFile(str(path)) as waves:
        return list(waves.changes([waves.find(name) for name in names]))


@pytest.fixture
def vcd(tmp_path: Path) -> Path:
    path = tmp_path / "w.vcd"
    path.write_text(
        HEADER + '$comment not\n#99 a time $end\n#0\n$dumpvars\n0!\nbx "\nb101 #\n0$\nr1.5 r\n1%\n$end\n'
        '#5\n1!\n#10\n0! b11111111 # 1$\n#10\nb1z "\n#15\nb0 #\n'
    )
    return path


def test_watched_signals_are_read(vcd: Path) -> None:
    assert changes(vcd, "top.clk", "inner.bus", "flag") == [
        Changes(0, ((0, 0), (1, 5), (2, 0))),
        Changes(5, ((0, 1),)),
        Changes(10, ((0, 0), (1, 255), (2, 1))),
        Changes(15, ((1, 0),)),
    ]
    assert changes(vcd, "top.bus") == [Changes(0, ((0, None),)), Changes(10, ((0, None),))]


def test_names(vcd: Path) -> None:
    with VcdFile(str(vcd)) as waves:
        assert waves.find("clk").name == "top.clk"
        assert waves.find("bus").name == "top.bus"  # the outermost
        assert waves.find("inner.bus").code == b"#"
        assert waves.find("bit[3]").name == "top.inner.bit[3]"
        with pytest.raises(WaveError, match="no signal 'flog'; did you mean 'flag'"):
            waves.find("flog")
        with pytest.raises(WaveError, match="no signal of bits"):
            waves.find("speed")


def test_names_that_may_be_several_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.vcd"
    scopes = "".join(f"$scope module m{n} $end $var wire 1 {n} x $end $upscope $end\n" for n in range(2))
    path.write_text(f"$scope module t $end\n{scopes}$upscope $end $enddefinitions $end\n#0\n")
    with VcdFile(str(path)) as waves, pytest.raises(WaveError, match=r"t\.m0\.x, t\.m1\.x"):
        waves.find("x")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("#0\n0!\n#5\n1&\n", "line 19: identifier code '&' was never declared"),
        ("#0\n0!\n#5\n#4\n1!\n", "line 19: time goes back from 5 to 4"),
        ("#0\nhello\n", "line 17: 'hello' is no value change"),
        ("#0\nb102 #\n", "line 17: 'b102' is no binary value"),
        ("#0\nb101\n", "line 17: the value has no code"),
        ("#0\n0!\n#1x\n", "line 18: '#1x' is no time"),
        ("#0\n0!\n#5\n1", "line 19: the file ends in the middle of a line"),
        ("#0\n$comment\n1!\n", "a comment has no \\$end"),
        ("#0\nb111100001 #\n", "line 17: 'b111100001' has 9 bits, but the signal has 8"),
        ("#0\nb10 !\n", "line 17: 'b10' has 2 bits, but the signal has 1"),
        ("#0\n1#\n", "line 17: '1' is one bit, but the signal has 8"),
        ("#0\n0! 1#\n", "line 17: '1' is one bit, but the signal has 8"),
        ("#0\n$dumpvars\n0!\nb1 #\n", "'\\$dumpvars' has no \\$end; the file was cut off"),
    ],
)
def test_damage_is_reported_with_its_line(tmp_path: Path, body: str, message: str) -> None:
    path = tmp_path / "w.vcd"
    path.write_text(HEADER + body)
    with pytest.raises(WaveError, match=message):
        changes(path, "top.clk", "inner.bus")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no \\$enddefinitions"),
        ("hello\n", "is this a VCD file"),
        ("$scope module t $end\n", "no \\$enddefinitions"),
        ("$upscope $end\n", "without \\$scope"),
        ("$var wire one ! x $end\n", "is no declaration"),
        ("$end\n", "ends nothing"),
    ],
)
def test_damaged_headers_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "w.vcd"
    path.write_text(text)
    with pytest.raises(WaveError, match=message), VcdFile(str(path)):
        pass


def test_a_declared_width_that_was_changed_is_noticed(tmp_path: Path) -> None:
    text = gzip.decompress(SHIPPED.read_bytes()).decode()
    path = tmp_path / "w.vcd"
    for old, new in (("$var wire  1 ", "$var wire  2 "), ("$var wire 128 ", "$var wire 64 ")):
        path.write_text(text.replace(old, new, 1))
        name = text[text.index(old) :].split()[4]
        with pytest.raises(WaveError, match=r"bits?, but the signal has|of another width"):
            changes(path, f"TOP.{name}")


def test_a_signal_of_unknown_bits_may_be_told_in_one(tmp_path: Path) -> None:
    path = tmp_path / "w.vcd"
    path.write_text(HEADER + "#0\nx#\n#5\nb1 #\n")
    assert changes(path, "inner.bus") == [Changes(0, ((0, None),)), Changes(5, ((0, 1),))]


@given(st.integers(1, 3000))
def test_a_file_cut_anywhere_is_refused_or_has_fewer_events(cut: int) -> None:
    """A cut exactly at the end of a line leaves a file like any other: what it lacks, it lacks."""
    import tempfile

    text = gzip.decompress(SHIPPED.read_bytes())
    whole = text[:-cut]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "w.vcd"
        path.write_bytes(whole)
        if not whole.endswith(b"\n"):
            with pytest.raises(WaveError, match="cut off"):
                changes(path, "TOP.clk")
            return
        found = changes(path, "TOP.clk", "TOP.m_valid", "TOP.m_data")
        path.write_bytes(text)
        everything = changes(path, "TOP.clk", "TOP.m_valid", "TOP.m_data")
    assert found[:-1] == everything[: len(found) - 1]
    last = everything[len(found) - 1]
    assert found[-1].time == last.time and set(found[-1].values) <= set(last.values)


def test_a_cut_compressed_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.vcd.gz"
    path.write_bytes(SHIPPED.read_bytes()[:-3000])
    with pytest.raises(WaveError, match="cannot read on"):
        changes(path, "s_valid")


@given(st.data())
def test_any_damage_is_refused_or_read(data: st.DataObject) -> None:
    """A byte changed anywhere: an error of ours, or a file that is still one."""
    import tempfile

    text = bytearray((HEADER + '#0\n0!\nbx "\nb101 #\n#5\n1!\n#10\n0!\n').encode())
    text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "w.vcd"
        path.write_bytes(bytes(text))
        try:
            times = [change.time for change in changes(path, "top.clk", "inner.bus")]
        except WaveError:
            return
    assert times == sorted(times)


def test_memory_does_not_grow_with_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platforms.validation.vcd.CHUNK_BYTES", 1 << 17)

    def peak(cycles: int) -> int:
        path = tmp_path / f"{cycles}.vcd.gz"
        with gzip.open(path, "wt", compresslevel=1) as file:
            file.write(HEADER)
            for cycle in range(cycles):
                file.write(f'#{10 * cycle}\n1!\nb{cycle % 256:b} "\n#{10 * cycle + 5}\n0!\n')
        tracemalloc.start()
        try:
            with VcdFile(str(path)) as waves:
                assert sum(1 for _ in waves.changes([waves.find("clk")])) == 2 * cycles
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    small = peak(8_000)  # more than one piece
    assert peak(24_000) < 1.2 * small
