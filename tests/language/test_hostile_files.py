"""Hostile files are answered within two seconds and 500 MB."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.language.hostile_files import CASES, TEXTS

ROOT = Path(__file__).parents[2]
LIMIT_SECONDS = 10.0  # of processor time: two on a quiet machine; what explodes takes minutes
LIMIT_MIB = 500
SAID = {
    "deep brackets": "E0802",
    "deep signs": "E0802",
    "a giant loop": "E0803",
    "recursion": "E0803",
    "huge numbers": "E0302",
    "warnings": "E0201",
    "many loop variables": "E0802",
    "long names of many": "E0803",
    "long names of registers": "E0803",
    "many dimensions": "E0802",
    "open edges passed on": "E0504",
    "open edges passed on twice": "E0803",
    "operations of many units": "E0803",
    "a wide circle": "(8990 more)",
    "import cycle": "E0703",
    "a chain of imports": "E0703",
    "many large imports": "E0801",
    "out of the folder": "E0702",
    "no UTF-8": "not UTF-8",
    "UTF-16": "not UTF-8",
    "50 MB": "more than 16 MiB",
    "50 MB of lines": "more than 16 MiB",
    "text of 50 MB": "E0801",
}


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    """What a process of its own says about all cases."""
    command = [sys.executable, "-m", "tests.language.hostile_files"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    cases: dict[str, Any] = json.loads(done.stdout)
    return cases


@pytest.mark.parametrize("case", [*CASES, *TEXTS])
def test_an_answer_comes_soon_and_is_short(case: str, found: dict[str, Any]) -> None:
    answer = found[case]
    assert answer["seconds"] < LIMIT_SECONDS and answer["peak_mib"] < LIMIT_MIB
    assert SAID.get(case, "error[") in answer["text"]
    assert max(map(len, answer["text"].split("\n"))) < 700


MACHINE = """architecture large {{
    clock 1 GHz
    operations {{ add(acc: inout reg, a: in reg) = acc + a }}
    sram imem {{ data_width: 32 bits, addresses: 0 ..< 4 KiB }}
    template pe {{
        registers rf {{ data_width: 32 bits, names: a b }}
        execute ex {{ unit alu {{ operations: add, latency: 1 }} }}
        rf <=> ex.alu
        open issue: -> ex
    }}
    fetch ifs {{ from: imem }}
{body}
}}
"""
LARGE = {
    "ten thousand objects in an array": ("grid: pe[58][58]\nifs -> grid[*][*].issue", 10_000, 2.0),
    "four thousand instances written out": (
        "\n".join(f"cell{n}: pe\nifs -> cell{n}.issue" for n in range(4000)),
        12_000,
        5.0,
    ),
    "four thousand units written out": (
        "registers rf { data_width: 32 bits, names: x y }\n"
        + "\n".join(
            f"execute e{n} {{ unit alu {{ operations: add, latency: 1 }} }}\nifs -> e{n}\nrf <=> e{n}.alu"
            for n in range(4000)
        ),
        8_000,
        5.0,
    ),
}


@pytest.mark.parametrize("name", LARGE)
def test_large_machines_are_checked_soon(name: str) -> None:
    """Limits are for processor time on a machine that is not busy; twice that is let pass."""
    from time import process_time

    from acadl.loading import check_text

    body, objects, seconds = LARGE[name]
    start = process_time()
    checked = check_text(MACHINE.format(body=body), "large.acadl", None, {})
    elapsed = process_time() - start
    assert checked.architecture is not None and len(checked.architecture.objects) > objects
    assert elapsed < 2 * seconds
