"""Readers of request traces: what they understand, and the line that every mistake is reported at."""

from __future__ import annotations

import gzip
import os
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dram.errors import TraceError
from dram.requests import Requests
from dram.traces import Memory, read_batches, read_requests

HEADER = "id,arrival,op,addr,src\n"


@pytest.fixture
def write(tmp_path: Path):
    """Writes a file and gives its path."""

    def writer(content: str | bytes, name: str = "trace.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return writer


def rows(requests: Requests) -> list[tuple[int, int, bool, int, int]]:
    """Plain tuples."""
    columns = (requests.ids, requests.arrival, requests.is_write, requests.address, requests.source)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def test_table(write) -> None:
    path = write(HEADER + "0,50,R,0x26759600,0\n1,467,W,ff,1\n")
    assert rows(read_requests(path)) == [(0, 50, False, 0x26759600, 0), (1, 467, True, 0xFF, 1)]


def test_table_columns_in_any_order_defaults_and_more(write) -> None:
    path = write(
        "note,Addr, OP ,arrival\nx,0x40,r,7\n\n# a comment\ny,0x80,Write,7\n".replace("Write", "write")
    )
    assert rows(read_requests(path)) == [(0, 7, False, 0x40, 0), (1, 7, True, 0x80, 0)]


def test_table_may_begin_with_mark_and_comments_and_end_without_line_end(write) -> None:
    path = write(
        b"\xef\xbb\xbf# made by hand\r\n\r\n"
        + (HEADER + "5,1,R,40,0\n6,2,W,80,0").replace("\n", "\r\n").encode()
    )
    assert rows(read_requests(path)) == [(5, 1, False, 0x40, 0), (6, 2, True, 0x80, 0)]


def test_packed_table(write) -> None:
    path = write(gzip.compress((HEADER + "0,50,R,0x40,0\n").encode()), "trace.whatever")
    assert rows(read_requests(path)) == [(0, 50, False, 0x40, 0)]


def test_stl(write) -> None:
    path = write(
        "# comment\n31: read 0x400140\n33:\tread\t0x400160\n56: write 0x7fff8000 0x123456789abcdef\n", "t.stl"
    )
    assert rows(read_requests(path)) == [
        (0, 31, False, 0x400140, 0),
        (1, 33, False, 0x400160, 0),
        (2, 56, True, 0x7FFF8000, 0),
    ]


def test_stl_transactions_with_a_length_become_bursts(write) -> None:
    path = write("3: (130) write 0x110\n4: (64) read 0x40\n", "t.stl")
    got = rows(read_requests(path, memory=Memory(burst_bytes=64)))
    assert got == [
        (0, 3, True, 0x100, 0),
        (1, 3, True, 0x140, 0),
        (2, 3, True, 0x180, 0),
        (3, 4, False, 0x40, 0),
    ]


def test_ramulator_loads_and_stores(write) -> None:
    path = write("LD 0x1f00\nST 64\n\n0x80 R\n128 W\n", "t.trace")
    assert rows(read_requests(path)) == [
        (0, 0, False, 0x1F00, 0),
        (1, 0, True, 64, 0),
        (2, 0, False, 0x80, 0),
        (3, 0, True, 128, 0),
    ]


def test_ramulator_vectors(write) -> None:
    def encode(vector: Sequence[int]) -> int:
        if len(vector) != 3:
            raise ValueError("3 entries are expected")
        return vector[0] * 1000 + vector[1] * 10 + vector[2]

    memory = Memory(encode=encode)
    path = write("R 1,2,3\nW 0,0,4\n", "t.trace")
    assert rows(read_requests(path, memory=memory)) == [(0, 0, False, 1023, 0), (1, 0, True, 4, 0)]
    with pytest.raises(TraceError, match=r"t\.trace:2: address vector '0,1': 3 entries are expected"):
        read_requests(write("R 1,2,3\nW 0,1\n", "t.trace"), memory=memory)
    with pytest.raises(TraceError, match="name a device"):
        read_requests(path)


def test_dramsim3(write) -> None:
    path = write("0x1f00 READ 12\n40 WRITE 13\n0x80 P_MEM_RD 13\n0x80\tBOFF\t14\n", "t.trc")
    assert rows(read_requests(path)) == [
        (0, 12, False, 0x1F00, 0),
        (1, 13, True, 0x40, 0),
        (2, 13, False, 0x80, 0),
        (3, 14, True, 0x80, 0),
    ]


MISTAKES = [
    ("", "the trace has no requests"),
    ("\n# nothing\n", "the trace has no requests"),
    (HEADER, "the trace has no requests"),
    ("hello world, how are you\n", r":1: the line 'hello world, how are you' is of no known format"),
    ("0,50,R,0x40,0\n", r":1: the line .* is of no known format .*begins with 'id,arrival,op,addr,src'"),
    ("id,arrival,addr\n0,1,0x40\n", r":1: the table has no column 'op'"),
    ("id,arival,op,addr\n0,1,R,40\n", r":1: the table has no column 'arrival'; did you mean 'arival'\?"),
    ("id,id,arrival,op,addr\n", r":1: the table has two columns 'id'"),
    (HEADER + "0,50,R,0x40,0\n1,49,R,0x40,0\n", r":3: arrival 49 is before that of the previous request, 50"),
    (HEADER + "0,50,X,0x40,0\n", r":2: unknown operation 'X' \(R or W\)"),
    (HEADER + "0,50,REED,0x40,0\n", r":2: unknown operation 'REED'; did you mean 'READ'\?"),
    (HEADER + "0,50,R,0x1000,0\n", r":2: address 0x1000 lies beyond the memory \(it has 0x1000 bytes; more"),
    (HEADER + "0,-1,R,0x40,0\n", r":2: arrival '-1' is not a whole number from 0 on"),
    (HEADER + "0,1_0,R,0x40,0\n", r":2: arrival '1_0' is not a whole number"),
    (HEADER + "0,1.5,R,0x40,0\n", r":2: arrival '1.5' is not a whole number"),
    (HEADER + "0,٣,R,0x40,0\n", r":2: arrival '.u0663' is not a whole number"),
    (HEADER + "0,1,R,0xzz,0\n", r":2: address '0xzz' is not a hexadecimal number"),
    (HEADER + "0,1,R,-0x40,0\n", r":2: address '-0x40' is not a hexadecimal number"),
    (HEADER + f"0,{1 << 62},R,0x40,0\n", r":2: arrival '4611686018427387904' is too large \(at most"),
    (HEADER + f"0,{'9' * 5000},R,0x40,0\n", r":2: arrival '9{40}…' is too large"),
    (HEADER + f"0,1,R,0x{'f' * 17},0\n", r":2: address '0xf{17}' is too large"),
    (HEADER + "0,1,R,0x40,0\n1,2,R,0x8", r":3: .* has 4 values, the header 5 \(is the file cut off\?\)"),
    (HEADER + "0,1,R,0x40,0,9\n", r":2: the line .* has 6 values, the header 5"),
    (HEADER + "0,1,R,0x40\n1,2,R,0x40,0,7\n", r":2: the line .* has 4 values"),
    ("31: read\n", r":1: the line '31: read' is not of the format \(an example: 31: read 0x400140\)"),
    ("31: read 0x40\n30: read 0x40\n", r":2: arrival 30 is before"),
    ("31: fetch 0x40\n", r":1: unknown operation 'fetch'"),
    ("31: (0) read 0x40\n", r":1: a transaction has no bytes"),
    ("31: (64) read 0x40\n", r":1: a transaction with a length .*name a device"),
    ("LD 0x40\nLOAD 0x40\n", r":2: unknown operation 'LOAD'; did you mean"),
    ("LD 0x40\nLD\n", r":2: the line 'LD' is not of the format \(an example: LD 0x1f00\)"),
    ("0x40 READ 12\n0x40 READ\n", r":2: the line '0x40 READ' is not of the format"),
    ("0x40 READ 12\n0x40 TREAD 12\n", r":2: unknown operation 'TREAD'; did you mean 'READ'\?"),
    ("0x40 READ 12\n0x1000 READ 12\n", r":2: address 0x1000 lies beyond"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "message"), MISTAKES, ids=range(len(MISTAKES)))
def test_mistakes_are_named_with_their_line(write, content: str, message: str) -> None:
    with pytest.raises(TraceError, match=message) as raised:
        read_requests(write(content, "t.txt"), memory=Memory(capacity_bytes=0x1000))
    assert raised.value.file is not None and raised.value.file.endswith("t.txt")


def test_a_mistake_far_inside_has_its_line(write) -> None:
    lines = [f"{i},{i},R,{i * 64:#x},0\n" for i in range(5000)]
    lines[4321] = "4321,4321,Q,0x0,0\n"
    with pytest.raises(TraceError, match=r":4323: unknown operation 'Q'"):
        list(read_batches(write(HEADER + "".join(lines)), block_bytes=1000))


def test_bytes_that_are_no_text(write) -> None:
    with pytest.raises(TraceError, match=r":3: the line is not UTF-8 text"):
        read_requests(write((HEADER + "0,1,R,0,0\n").encode() + b"1,2,R,\xff,0\n"))


def test_packed_file_that_is_cut_off_or_damaged(write) -> None:
    packed = gzip.compress((HEADER + "".join(f"{i},{i},R,{i * 64:#x},0\n" for i in range(9999))).encode())
    with pytest.raises(TraceError, match="the compressed data end early: the file is cut off"):
        read_requests(write(packed[:-3000], "t.csv.gz"))
    damaged = bytearray(packed)
    damaged[len(damaged) // 2] ^= 0xFF
    with pytest.raises(TraceError, match=r"the data are damaged|not UTF-8|values|unknown|number"):
        read_requests(write(bytes(damaged), "t.csv.gz"))


def test_files_that_are_none(tmp_path: Path, write) -> None:
    with pytest.raises(TraceError, match="No such file"):
        read_requests(tmp_path / "missing.csv")
    with pytest.raises(TraceError, match="not a regular file"):
        read_requests(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(TraceError, match="not a regular file"):
        read_requests(tmp_path / "pipe")
    with pytest.raises(TraceError, match="is no file name"):
        read_requests("a\0b")
    with pytest.raises(TraceError, match="the line is longer than 65536 bytes"):
        read_requests(write("x" * 3_000_000))
    with pytest.raises(TraceError, match=r"relative STL traces .*convert it to absolute times"):
        read_requests(write("1: read 0x40\n", "t.rstl"))


def test_unknown_format_is_named(write) -> None:
    with pytest.raises(
        TraceError, match=r"unknown format 'dramsim'; did you mean 'dramsim3'\? \(one of csv, stl, "
    ):
        read_requests(write(HEADER), "dramsim")


requests = st.lists(
    st.tuples(
        st.integers(0, 1 << 60),
        st.integers(0, 1000),
        st.booleans(),
        st.integers(0, 1 << 60),
        st.integers(0, 99),
    ),
    min_size=1,
    max_size=40,
)


@given(requests, st.integers(1, 200))
def test_all_formats_say_the_same_in_blocks_of_any_size(tmp_path_factory, wanted, block: int) -> None:
    wanted = sorted(wanted, key=lambda row: row[1])
    path = tmp_path_factory.mktemp("t") / "t.csv"
    path.write_text(HEADER + "".join(f"{i},{t},{'RW'[w]},{a:#x},{s}\n" for i, t, w, a, s in wanted))
    assert rows(Requests.joined(list(read_batches(path, block_bytes=block)))) == wanted
    plain = [(i, t, w, a, 0) for i, (_, t, w, a, _) in enumerate(wanted)]
    path.write_text("".join(f"{t}: {'write' if w else 'read'} {a:#x}\n" for _, t, w, a, _ in wanted))
    assert rows(Requests.joined(list(read_batches(path, block_bytes=block)))) == plain
    path.write_text("".join(f"{a:#x} {'WRITE' if w else 'READ'} {t}\n" for _, t, w, a, _ in wanted))
    assert rows(Requests.joined(list(read_batches(path, block_bytes=block)))) == plain
    path.write_text("".join(f"{'ST' if w else 'LD'} {a:#x}\n" for _, t, w, a, _ in wanted))
    assert rows(Requests.joined(list(read_batches(path, block_bytes=block)))) == [
        (i, 0, w, a, 0) for i, _, w, a, _ in plain
    ]


@given(st.text(alphabet="0123456789abcxRW,:() \n_-#", max_size=200))
def test_any_text_is_read_or_refused_alike_in_blocks_of_any_size(tmp_path_factory, text: str) -> None:
    path = tmp_path_factory.mktemp("t") / "t.csv"
    outcomes = []
    for content in (text, HEADER + text):
        path.write_text(content)
        for block in (1 << 20, 7):
            try:
                outcomes.append(rows(Requests.joined(list(read_batches(path, block_bytes=block)))))
            except TraceError as error:
                outcomes.append([(str(error), 0, False, 0, 0)])
    assert outcomes[0] == outcomes[1] and outcomes[2] == outcomes[3]


def test_memory_does_not_grow_with_the_trace(write) -> None:
    def peak(count: int) -> int:
        path = write(HEADER + "".join(f"{i},{i},R,{i * 64:#x},0\n" for i in range(count)))
        tracemalloc.start()
        total = sum(len(batch) for batch in read_batches(path, block_bytes=1 << 14))
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert total == count
        return used

    small = peak(5_000)
    assert peak(50_000) < 1.5 * small


def test_parts_of_requests() -> None:
    requests = Requests.of([1, 2, 3], [True, False, True], [0, 64, 128])
    assert rows(requests[1:]) == [(1, 2, False, 64, 0), (2, 3, True, 128, 0)]
    assert rows(Requests.joined([requests[:1], requests[1:]])) == rows(requests)
    assert len(Requests.joined([])) == 0 and requests.arrival.dtype == np.int64
