"""Writing output files in one step."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from acadl.errors import AcadlError
from acadl.files import write_text


def test_pipes_are_written_to_and_links_stay(tmp_path: Path) -> None:
    # replacing /dev/null or a pipe by a file would break them for everyone else
    pipe, link, target = tmp_path / "pipe", tmp_path / "link", tmp_path / "target"
    os.mkfifo(pipe)
    link.symlink_to(target)
    with os.fdopen(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)) as reader:
        write_text(pipe, "through")
        assert reader.read() == "through"
    write_text(link, "behind")
    assert pipe.is_fifo() and link.is_symlink() and target.read_text() == "behind"
    with pytest.raises(AcadlError, match="cannot write"):
        write_text(tmp_path, "a folder")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "pipe", "target"]
