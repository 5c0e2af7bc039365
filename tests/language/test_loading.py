"""load, loads, check: files, imports, parameters, spans, digests."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import acadl
from acadl.diagnostics import CODES
from acadl.elaborate_imports import MAX_FILES
from acadl.model import EdgeKind
from tests.language.descriptions import FRAME

ROOT = Path(__file__).parents[2]
SOUND = FRAME.format(body="", parameters="size: bytes = 64 bytes").replace("0x1000 }", "0x1000 + size }", 1)


def written(folder: Path, **files: str) -> Path:
    """Files by name, ``__`` for a slash; the path of ``main.acadl``."""
    for name, text in files.items():
        path = folder / (name.replace("__", "/") + ".acadl")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder / "main.acadl"


def test_load_reads_a_file(tmp_path: Path) -> None:
    path = written(tmp_path, main=SOUND)
    arch = acadl.load(path, size="128 bytes")
    assert arch.parameters == {"size": 128}
    assert acadl.load(str(path)).objects == acadl.loads(SOUND).objects


def test_load_says_why_it_cannot_read(tmp_path: Path) -> None:
    with pytest.raises(acadl.AcadlError, match=r"cannot read .*missing\.acadl"):
        acadl.load(tmp_path / "missing.acadl")
    with pytest.raises(acadl.AcadlError, match="cannot read"):
        acadl.load(tmp_path)
    (tmp_path / "binary.acadl").write_bytes(b"architecture \xff")
    with pytest.raises(acadl.AcadlError, match="not UTF-8 text"):
        acadl.load(tmp_path / "binary.acadl")


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "main.acadl").write_bytes(b"\xef\xbb\xbf" + SOUND.encode())
    assert acadl.load(tmp_path / "main.acadl").name == "machine"


def test_errors_carry_all_diagnostics_and_the_texts() -> None:
    text = "architecture a {\n    clock 1\n    stage s { latencies: 1 }\n}\n"
    with pytest.raises(acadl.DescriptionError) as caught:
        acadl.loads(text, "small.acadl")
    error = caught.value
    assert [d.code for d in error.diagnostics] == ["E0301", "E0402"]
    assert error.sources == {"small.acadl": text}
    assert str(error) == acadl.render(error.diagnostics, error.sources)
    assert "small.acadl:2:11" in str(error)
    assert error.diagnostics[0].to_dict() == {
        "severity": "error",
        "title": CODES["E0301"],
        "labels": [],
        "code": "E0301",
        "message": "the clock is a frequency, found a number",
        "file": "small.acadl",
        "line": 2,
        "column": 11,
        "end_line": 2,
        "end_column": 12,
        "hint": "give it a unit, as in `clock 500 MHz`",
    }


@pytest.mark.parametrize("read", [acadl.load, acadl.loads, acadl.check])
@pytest.mark.parametrize("given", [None, 3, b"architecture"])
def test_what_is_no_text_and_no_path_is_named(read: Callable[[Any], object], given: object) -> None:
    with pytest.raises(acadl.AcadlError, match=f"found {type(given).__name__}"):
        read(given)


def test_check_takes_text_or_a_path(tmp_path: Path) -> None:
    path = written(tmp_path, main="architecture a { clock 1 }")
    assert [d.code for d in acadl.check(path)] == ["E0301"]
    assert [d.code for d in acadl.check(str(path))] == ["E0301"]
    assert [d.code for d in acadl.check("architecture a { clock 1 }")] == ["E0301"]
    assert acadl.check(SOUND) == []


def test_the_digest_covers_imports(tmp_path: Path) -> None:
    main = 'import operations from "ops.acadl"\n' + SOUND
    path = written(tmp_path, main=main, ops="operations { nop() }")
    first = acadl.load(path).source
    assert len(first) == 64
    assert first != hashlib.sha256(main.encode()).hexdigest()
    assert acadl.load(path).source == first
    written(tmp_path, ops="operations { nop() } // changed")
    assert acadl.load(path).source != first
    assert acadl.loads(SOUND).source != acadl.loads(SOUND + "\n").source


# --- imports ---

LIBRARY = """
const wide = 2 * 8 bits
operations { nop(n: int) = 0 }
operations { halt() }
template pe(width: bits = wide) {
    registers rf { data_width: width, names: v }
    execute ex { unit u { operations: add } }
    rf <=> ex.u
    open issue: -> ex
}
template other { }
"""
IMPORTING = SOUND.replace("ifs -> ex\n", "ifs -> ex\nx: pe\nifs -> x.issue\n")


def test_templates_and_operations_of_another_file(tmp_path: Path) -> None:
    library = LIBRARY.replace(" = 0", "")
    path = written(
        tmp_path, main='import operations, pe from "lib/parts.acadl"\n' + IMPORTING, lib__parts=library
    )
    arch = acadl.load(path)
    assert arch.objects["x.rf"].data_width == 16  # type: ignore[attr-defined]
    assert {"nop", "halt", "add"} <= arch.operations.keys()
    within = IMPORTING.replace("clock", 'import pe from "lib/parts.acadl"\nclock')
    assert "nop" not in acadl.load(written(tmp_path, main=within)).operations


def test_operations_of_other_files_may_be_left_unused(tmp_path: Path) -> None:
    main = 'import operations from "ops.acadl"\n' + SOUND
    path = written(tmp_path, main=main, ops="operations { nop() }")
    assert acadl.check(path) == []
    own = written(tmp_path, main=main + "operations { own() }")
    assert [d.code for d in acadl.check(own)] == ["W0901"]


def test_files_import_further_files(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        main='import operations from "a.acadl"\nimport pe from "a.acadl"\n' + IMPORTING,
        a='import operations from "deep/b.acadl"\nimport pe from "deep/b.acadl"\n',
        deep__b='import operations from "c.acadl"\n' + LIBRARY.replace(" = 0", ""),
        deep__c="operations { last() }",
    )
    assert {"nop", "halt", "last"} <= acadl.load(path).operations.keys()


def test_the_same_operation_by_two_ways_is_no_error(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        main='import operations from "a.acadl"\nimport operations from "b.acadl"\n' + SOUND,
        a='import operations from "c.acadl"',
        b='import operations from "c.acadl"',
        c="operations { shared() }",
    )
    assert "shared" in acadl.load(path).operations


def test_places_in_imported_files_are_right(tmp_path: Path) -> None:
    broken = LIBRARY.replace("data_width: width", "data_width: wdith")
    path = written(tmp_path, main='import pe from "lib.acadl"\n' + IMPORTING, lib=broken)
    (finding,) = acadl.check(path)
    assert finding.span is not None
    assert finding.span.file == str(tmp_path / "lib.acadl")
    line = broken.split("\n")[finding.span.line - 1]
    assert line[finding.span.column - 1 : finding.span.end_column - 1] == "wdith"


def test_duplicate_registers_across_files_name_both_places(tmp_path: Path) -> None:
    library = (
        "template bank { registers rf { data_width: 8 bits, names: r0 }, open issue: -> s, stage s { } }"
    )
    text = 'import bank from "lib.acadl"\n' + SOUND.replace(
        "ifs -> ex\n", "ifs -> ex\nx: bank\nifs -> x.issue\n"
    )
    # the prefix of the instance keeps names apart, an empty one does not exist
    assert "E0203" not in [d.code for d in acadl.check(written(tmp_path, main=text, lib=library))]
    again = 'import operations from "lib.acadl"\n' + SOUND
    (finding,) = acadl.check(written(tmp_path, main=again, lib="operations {\n    add()\n}"))
    assert finding.code == "E0203"
    assert finding.span is not None
    assert finding.span.file.endswith("main.acadl")
    assert finding.labels[0].span.file.endswith("lib.acadl")
    assert finding.labels[0].span.line == 2


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"main": 'import pe from "nowhere.acadl"'}, "E0701"),
        ({"main": 'import pe from ""'}, "E0702"),
        ({"main": 'import pe from "../x.acadl"'}, "E0702"),
        ({"main": 'import pe from "a/../../x.acadl"'}, "E0702"),
        ({"main": 'import pe from "/x.acadl"'}, "E0702"),
        ({"main": 'import pe from "a\\\\b.acadl"'}, "E0702"),
        ({"main": 'import pe from "main.acadl"'}, "E0703"),
        ({"main": 'import pe from "a.acadl"', "a": 'import pe from "main.acadl"'}, "E0703"),
        ({"main": 'import pe from "a.acadl"', "a": "template p { }"}, "E0201"),
        ({"main": 'import pe from "a.acadl"', "a": "template pe {"}, "E0104"),
        ({"main": 'import pe from "a.acadl"\nimport pe from "a.acadl"', "a": "template pe { }"}, "E0203"),
        ({"main": 'template pe { }\nimport pe from "a.acadl"', "a": "template pe { }"}, "E0203"),
        ({"main": 'import pe from "a.acadl"', "a": "template pe { }\nstage s { }"}, "E0401"),
    ],
)
def test_wrong_imports(tmp_path: Path, files: dict[str, str], expected: str) -> None:
    path = written(tmp_path, **files | {"main": files["main"] + "\n" + SOUND})
    found = [d.code for d in acadl.check(path) if d.is_error]
    assert found == [expected]


def test_imports_do_not_follow_links_out_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "secret.acadl").write_text("template pe { }")
    inner = tmp_path / "project"
    inner.mkdir()
    (inner / "link.acadl").symlink_to(tmp_path / "secret.acadl")
    path = written(inner, main='import pe from "link.acadl"\n' + SOUND)
    assert [d.code for d in acadl.check(path)] == ["E0702"]


def test_text_without_a_file_cannot_import() -> None:
    assert [d.code for d in acadl.check('import pe from "a.acadl"\n' + SOUND)] == ["E0701"]


def test_the_number_of_files_is_limited(tmp_path: Path) -> None:
    chain = {f"f{n}": f'import operations from "f{n + 1}.acadl"' for n in range(MAX_FILES + 5)}
    path = written(tmp_path, main='import operations from "f0.acadl"\n' + SOUND, **chain)
    assert [d.code for d in acadl.check(path)] == ["E0703"]


# --- shipped descriptions and start-up ---


@pytest.mark.parametrize(
    "path",
    sorted([*ROOT.glob("platforms/library/*.acadl"), *ROOT.glob("examples/*.acadl")]),
    ids=lambda path: path.stem,
)
def test_shipped_descriptions_have_neither_errors_nor_warnings(path: Path) -> None:
    assert acadl.check(path) == []


@pytest.mark.parametrize(("rows", "cols"), [(1, 1), (2, 3), (4, 2), (16, 16)])
def test_the_systolic_grid_has_any_size(rows: int, cols: int) -> None:
    path = ROOT / "examples" / "systolic_grid.acadl"
    arch = acadl.load(path, rows=rows, cols=cols)
    cells = [name for name in arch.objects if name.startswith("grid[") and name.endswith("].rf")]
    assert len(cells) == rows * cols
    neighbours = [
        edge
        for edge in arch.edges
        if edge.kind is EdgeKind.WRITE_DATA
        and edge.source.startswith("grid")
        and edge.target.startswith("grid")
        and edge.source.split(".")[0] != edge.target.split(".")[0]
    ]
    assert len(neighbours) == rows * (cols - 1) + cols * (rows - 1)


def test_a_systolic_array_stays_short() -> None:
    lines = (ROOT / "examples" / "systolic_grid.acadl").read_text().rstrip("\n").split("\n")
    assert len(lines) < 60


def test_importing_the_package_loads_no_parser() -> None:
    code = "import acadl, sys; print('lark' in sys.modules, callable(acadl.simulate), sorted(dir(acadl))[:2])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split()[0] == "False"
    assert "True" in done.stdout


def test_every_public_name_exists() -> None:
    for name in acadl.__all__:
        assert getattr(acadl, name) is not None
    assert dir(acadl) == sorted(acadl.__all__) or set(dir(acadl)) == set(acadl.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = acadl.nonsense  # type: ignore[attr-defined]


def test_a_circle_of_links_is_reported(tmp_path: Path) -> None:
    (tmp_path / "circle.acadl").symlink_to(tmp_path / "circle.acadl")
    (tmp_path / "main.acadl").write_text('import pe from "circle.acadl"\n', encoding="utf-8")
    found = acadl.check(tmp_path / "main.acadl")
    assert "E0701" in [diagnostic.code for diagnostic in found]
    with pytest.raises(acadl.AcadlError, match="cannot read"):
        acadl.load(tmp_path / "circle.acadl")


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.acadl")  # reading it would wait forever
    with pytest.raises(acadl.AcadlError, match="it is not a regular file"):
        acadl.load(tmp_path / "pipe.acadl")
    (tmp_path / "main.acadl").write_text('import pe from "pipe.acadl"\n', encoding="utf-8")
    messages = [diagnostic.message for diagnostic in acadl.check(tmp_path / "main.acadl")]
    assert "cannot read 'pipe.acadl': it is not a regular file" in messages


def test_long_files_are_not_read(tmp_path: Path) -> None:
    long = tmp_path / "long.acadl"
    with long.open("wb") as stream:
        stream.truncate((16 << 20) + 1)
    with pytest.raises(acadl.AcadlError, match="it has more than 16 MiB"):
        acadl.load(long)
