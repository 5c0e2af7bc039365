"""Command traces and latencies: written in one step, read as they were, mistakes named with their line."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dram.command_arrays import Commands
from dram.commands import COMMAND_NAMES, COMMAND_NUMBERS
from dram.errors import TraceError
from dram.traces.commands_csv import read_command_batches, read_commands, write_commands
from dram.traces.latencies_csv import write_latencies

HEADER = "cycle,cmd,rank,bankgroup,bank,row,column\n"


def table(commands: Commands) -> list[list[int]]:
    """Rows of numbers."""
    columns = (
        commands.cycle, commands.command, commands.rank, commands.bankgroup, commands.bank, commands.row,
        commands.column,
    )  # fmt: skip
    return np.array(columns, np.int64).T.tolist()


commands_strategy = st.lists(
    st.tuples(
        st.integers(0, 1 << 60), st.integers(0, len(COMMAND_NAMES) - 1), *[st.integers(-1, 1 << 40)] * 5
    ),
    min_size=1,
    max_size=30,
).map(lambda rows: Commands.of(sorted(rows, key=lambda row: row[0])))


@given(commands_strategy, st.integers(1, 99), st.sampled_from(["c.csv", "c.csv.gz"]))
def test_what_is_written_is_read(tmp_path_factory, commands: Commands, block: int, name: str) -> None:
    path = tmp_path_factory.mktemp("c") / name
    write_commands(path, commands)
    assert table(read_commands(path)) == table(commands)
    assert table(Commands.joined(list(read_command_batches(path, block)))) == table(commands)


def test_text_of_a_command_trace(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    write_commands(
        path,
        [
            Commands.of([(51, COMMAND_NUMBERS["ACT"], 0, 0, 3, 4922, 88)]),
            Commands.of([(9360, COMMAND_NUMBERS["REF"], 0, -1, -1, -1, -1)]),
        ],
    )
    assert path.read_text() == HEADER + "51,ACT,0,0,3,4922,88\n9360,REF,0,-1,-1,-1,-1\n"


def test_other_names_blanks_and_comments(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text("# run 7\n" + HEADER + "\n5, preab ,0,,,,\n6,ACTIVATE,0,1,2,3,4\n")
    assert table(read_commands(path)) == [
        [5, COMMAND_NUMBERS["PREA"], 0, -1, -1, -1, -1],
        [6, COMMAND_NUMBERS["ACT"], 0, 1, 2, 3, 4],
    ]
    assert read_commands(path).counts() == {"ACT": 1, "PREA": 1}
    assert read_commands(path).name(0) == "PREA"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the trace has no commands"),
        (HEADER, "the trace has no commands"),
        (
            "cycle,cmd\n1,ACT\n",
            r":1: 'cycle,cmd' is not the header of a command trace \(it is cycle,cmd,rank",
        ),
        (
            HEADER + "1,ACTT,0,0,0,0,0\n",
            r":2: unknown command 'ACTT'; did you mean 'ACT.?'\? \(one of ACT, PRE",
        ),
        (
            HEADER + "5,ACT,0,0,0,0,0\n4,RD,0,0,0,0,0\n",
            r":3: cycle 4 is before that of the previous command, 5",
        ),
        (HEADER + "5,ACT,0,0\n", r":2: the line .* has 4 values instead of 7 \(is the file cut off\?\)"),
        (HEADER + "5,ACT,0,0,-2,0,0\n", r":2: bank '-2' is not a whole number"),
        (HEADER + f"{1 << 63},ACT,0,0,0,0,0\n", r":2: cycle '9223372036854775808' is too large"),
        (HEADER + f"{1 << 62},ACT,0,0,0,0,0\n", r":2: cycle '4611686018427387904' is too large"),
    ],
)
def test_mistakes_are_named_with_their_line(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "c.csv"
    path.write_text(content)
    with pytest.raises(TraceError, match=message):
        read_commands(path)


def test_latencies(tmp_path: Path) -> None:
    path = tmp_path / "l.csv"
    write_latencies(path, np.array([3, 4]), np.array([50, 51]), np.array([87, 99]))
    assert path.read_text() == "id,accept,done\n3,50,87\n4,51,99\n"
    write_latencies(tmp_path / "l.csv.gz", np.array([3]), np.array([50]), np.array([87]))
    assert gzip.decompress((tmp_path / "l.csv.gz").read_bytes()) == b"id,accept,done\n3,50,87\n"


def test_a_file_stays_as_it_was_when_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text("old")

    def failing():
        yield Commands.of([(1, 0, 0, 0, 0, 0, 0)])
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        write_commands(path, failing())
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    commands = Commands.of([(1, 0, 0, 0, 0, 0, 0)])
    with pytest.raises(TraceError, match="cannot be written: No such file"):
        write_commands(tmp_path / "missing" / "c.csv", commands)
    with pytest.raises(TraceError, match="cannot be written: it is a folder"):
        write_commands(tmp_path, commands)
    assert list(tmp_path.iterdir()) == []
