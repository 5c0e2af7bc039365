"""Layer tables: what they mean, and where what is wrong with them lies."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acadl.errors import AcadlError, Diagnostic
from mappings.layer_table import COLUMNS, parse_layer_table
from mappings.layers import Layer
from mappings.network import load_network

DATA = Path(__file__).parent / "data"


def problems(text: str) -> list[tuple[int, int, str]]:
    """Line, column and message of each diagnostic."""
    with pytest.raises(AcadlError) as caught:
        parse_layer_table(text, "t.csv")
    return [(d.span.line, d.span.column, d.message) for d in caught.value.diagnostics]


@pytest.mark.parametrize("path", sorted(DATA.glob("*.csv")), ids=lambda path: path.stem)
def test_published_workloads_are_read_as_they_are(path: Path):
    """Every row's multiply-accumulates and outputs equal the columns that the reader ignores."""
    network = load_network(path)
    rows = list(csv.DictReader(path.open(encoding="utf-8")))
    assert [layer.macs for layer in network.layers] == [int(row["macs"]) for row in rows]
    assert network.macs == sum(int(row["macs"]) * int(row["count"]) for row in rows)
    for layer, row in zip(network.layers, rows, strict=True):
        if row["OH"]:
            assert (int(row["OH"]), int(row["OW"])) == (layer.OH, layer.OW)
    assert [note.node for note in network.notes_of("ignored")] == ["OH", "OW", "macs"]


def test_empty_cells_take_what_follows_from_the_others():
    """Groups of a depthwise convolution, the window of a global pooling, a flattened input, two operands."""
    layers, notes = parse_layer_table(
        "layer,op,C,H,W,K,R,S,stride_h\n"
        "d,dwconv,8,5,5,,3,3,\n"
        "g,globalavgpool,8,3,4,,,,\n"
        "p,maxpool,8,4,4,,2,2,2\n"
        "a,add,8,3,3,,,,\n"
        "f,fc,8,3,3,10,,,\n"
        "n,lrn,8,3,3,,,,\n"
        "t,conv1d,4,,9,2,,3,\n"
    )
    assert layers[:5] == (
        Layer(name="d", op="dwconv", C=8, H=5, W=5, K=8, R=3, S=3, groups=8),
        Layer(name="g", op="globalavgpool", C=8, H=3, W=4, K=8, R=3, S=4),
        Layer(name="p", op="maxpool", C=8, H=4, W=4, K=8, R=2, S=2, stride_h=2),
        Layer(name="a", op="add", C=8, H=3, W=3, operands=2),
        Layer(name="f", op="fc", C=8, H=3, W=3, K=10, gemm_M=1, gemm_N=10, gemm_K=72),
    )
    assert layers[5].window == 5
    assert [(note.kind, note.node) for note in notes] == [("assumed", "n")]
    assert layers[6].macs == 7 * 2 * 4 * 3


def test_every_bad_cell_is_reported_at_once_with_its_place():
    """Numbers, operators, names, missing cells, windows; columns count characters of the line."""
    table = (
        "layer,op,C,H,W,K,R,S,groups\n"
        "c1,conv,3,8,8,4,3,,1\n"
        "c1,cnov,1,,,,,,\n"
        ",conv,1,x,8,8,9,9,1\n"
        '"a, b",maxpool,3,4,4,,5,5,\n'
        "r,relu,0,,,,,,\n"
        "g,conv,6,8,8,8,3,3,4\n"
    )
    assert problems(table) == [
        (2, 19, "conv needs S"),
        (3, 1, "two layers are named 'c1'"),
        (3, 4, "'cnov' is not an operator"),
        (4, 1, "the layer has no name"),
        (4, 9, "H is 'x', not an integer"),
        (5, 23, "the window is 5 high, more than the padded input, 4"),
        (5, 25, "the window is 5 wide, more than the padded input, 4"),
        (6, 8, "C is 0; it must be at least 1"),
        (7, 20, "groups is 4, which does not divide C = 6"),
    ]


def test_the_message_lists_the_problems_and_how_to_mend_them():
    """Text of the error, as a command prints it."""
    with pytest.raises(AcadlError) as caught:
        parse_layer_table("layer,op,C\nr,rellu,3\ns,relu,1e3\n", "net.csv")
    assert str(caught.value) == (
        "net.csv: 2 problems in the layer table\n"
        "  line 2, column 3: 'rellu' is not an operator (did you mean 'relu'?)\n"
        "  line 3, column 8: C is '1e3', not an integer"
        " (write an integer of at most 12 digits, or leave the cell empty)"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [(1, 1, "the table is empty")]),
        ("\n \n", [(1, 1, "the table is empty")]),
        ("layer,op\n", [(1, 1, "the table has a header but no layers")]),
        ("layer;op\na;relu\n", [(1, 1, "there is no column 'layer'"), (1, 1, "there is no column 'op'")]),
        ("layer,op,C,op\na,relu,1,relu\n", [(1, 12, "column 'op' occurs twice")]),
        ("layer,op,C,ceil_mode\na,relu,1,maybe\n", [(2, 10, "ceil_mode is 'maybe'")]),
        ("layer,op,gemm_M,gemm_N\na,gemm,3,\n", [(2, 3, "gemm needs gemm_K"), (2, 10, "gemm needs gemm_N")]),
        ("layer,op,C\na,relu,9999999999999\n", [(2, 8, "C is '9999999999999', not an integer")]),
        ('layer,op,C\n"a\nb",relu,x\n', [(3, 9, "C is 'x', not an integer")]),
    ],
)  # fmt: skip
def test_tables_that_cannot_be_read(text: str, expected: list[tuple[int, int, str]]):
    """Structure, flags, missing columns, numbers that are too long, cells over two lines."""
    assert problems(text) == expected


def test_a_column_that_looks_misspelt_is_noted():
    """More columns are ignored, but not silently."""
    _, notes = parse_layer_table("layer,op,C,strideh,remark\na,relu,3,2,x\n")
    assert [(note.node, note.text) for note in notes] == [
        ("strideh", "the column is not read; did you mean 'stride_h'?"),
        ("remark", "the column is not read"),
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_and_byte_order_mark(tmp_path: Path, end: str):
    """As spreadsheets write them."""
    path = tmp_path / "net.csv"
    path.write_bytes(
        b"\xef\xbb\xbf" + end.join(["layer,op,C", '"say ""hi""",relu , 3', "", "b,relu,4", ""]).encode()
    )
    network = load_network(str(path))
    assert [(x.name, x.C) for x in network.layers] == [('say "hi"', 3), ("b", 4)]
    assert (network.name, network.source) == ("net", str(path))


def test_files_that_are_no_text(tmp_path: Path):
    """Missing, a directory, not UTF-8."""
    with pytest.raises(AcadlError, match=r"there is no file nowhere\.csv"):
        load_network("nowhere.csv")
    (tmp_path / "dir.csv").mkdir()
    with pytest.raises(AcadlError, match="cannot be read"):
        load_network(tmp_path / "dir.csv")
    (tmp_path / "latin.csv").write_bytes(b"layer,op,C\n\xe9,relu,1\n")
    with pytest.raises(AcadlError, match=r"is not UTF-8 text \(byte 11\)"):
        load_network(tmp_path / "latin.csv")


def test_sizes_cannot_be_given_to_a_table():
    """The table has them."""
    with pytest.raises(AcadlError, match="a layer table holds its sizes itself"):
        load_network(DATA / "workload_alexnet.csv", batch=2)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet='layerop,conv0123456789CHWKRS \n\r"-.\té', max_size=200))
def test_any_text_gives_layers_or_diagnostics(text: str):
    """Never another exception, and every place lies in the text."""
    found: tuple[Diagnostic, ...] = ()
    try:
        layers, _ = parse_layer_table("layer,op,C,H,W,K,R,S\n" + text)
    except AcadlError as error:
        layers, found = (), error.diagnostics
    assert bool(layers) != bool(found)
    lines = text.count("\n") + text.count("\r") + 2
    assert all(d.span is not None and 1 <= d.span.line <= lines for d in found)


_SIZES = {"C": st.integers(1, 64), "H": st.integers(1, 40), "W": st.integers(1, 40), "K": st.integers(1, 64)}
_OPTIONAL = {
    "R": st.integers(1, 5),
    "S": st.integers(1, 5),
    "stride_h": st.integers(1, 3),
    "pad_w": st.integers(0, 2),
    "dilation_w": st.integers(1, 2),
    "N": st.integers(1, 3),
    "count": st.integers(1, 5),
    "bias": st.booleans(),
}


@settings(max_examples=200, deadline=None)
@given(st.fixed_dictionaries(_SIZES, optional=_OPTIONAL))
def test_written_and_read_back(fields: dict[str, int]):
    """A row says what the fields say."""
    values = {"R": 1, "S": 1} | fields
    layer = Layer(name="x", op="conv", **values)  # type: ignore[arg-type]
    if layer.OH < 1 or layer.OW < 1:
        return
    cells = {"layer": "x", "op": "conv"} | {name: str(int(value)) for name, value in values.items()}
    columns = [name for name in COLUMNS if name in cells]
    text = ",".join(columns) + "\n" + ",".join(cells[name] for name in columns) + "\n"
    assert parse_layer_table(text)[0] == (layer,)
