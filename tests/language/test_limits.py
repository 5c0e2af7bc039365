"""Hostile descriptions: whatever the text, an answer comes soon."""

from __future__ import annotations

import time

import pytest

from acadl.diagnostics import MAX_DIAGNOSTICS, render
from acadl.elaborate_scope import MAX_BINDERS
from acadl.loading import check_text

LIMIT_SECONDS = 4.0  # of processor time; two on a machine that is not busy
REPETITIONS = 9_000


def frame(body: str) -> str:
    return f"architecture a {{\n clock 1 GHz\n{body}\n}}\n"


def lines(text: str, count: int = 3000) -> str:
    """``text`` once for each number, which stands for ``@``; ``#`` for the next one."""
    return "\n".join(text.replace("@", str(n)).replace("#", str(n + 1)) for n in range(count))


HOSTILE = {
    "parentheses": (frame("const a = " + "(" * REPETITIONS + "1" + ")" * REPETITIONS), "E0802"),
    "signs": (frame("const a = " + "-" * REPETITIONS + "1"), "E0802"),
    "sum": (frame("const a = 1" + "+1" * REPETITIONS), "E0802"),
    "path": (frame("a" + ".b" * REPETITIONS + " -> c"), "E0201"),
    "indices": (frame("a" + "[0]" * REPETITIONS + " -> c"), "E0201"),
    "blocks": (frame("if true {" * REPETITIONS), "E0802"),
    "closed blocks": (frame("if true {" * 5000 + "}" * 5000), "E0802"),
    "closing braces": (frame("}" * REPETITIONS), "E0105"),
    "alternatives": (frame("if false { }" + " else if false { }" * 5000), "E0602"),
    "empty lines": ("\n" * 199_000, "E0601"),
    "comments": (frame("\n//x" * 40_000 + "\n->"), "E0101"),
    "one comment": (frame("/" * 190_000), "E0602"),
    "blanks": (frame(" " * 190_000), "E0602"),
    "commas": (frame("," * 30_000), "E0602"),
    "a long name": (frame("const " + "a" * 100_000 + " = 1\nconst b = " + "a" * 90_000), "E0201"),
    "a long number": (frame("const a = " + "9" * 190_000), "E0302"),
    "noise": ("".join(chr(33 + n * 7919 % 90) for n in range(199_000)), "E0102"),
    "zero bytes": ("\0" * 1000, "E0102"),
    "half a surrogate": ("\ud800", "E0102"),
    "constants": (frame(lines("const c# = @ * 2 + 3", 4000)), "E0602"),
    "growing constants": (frame("const c0 = 3\n" + lines("const c# = c@ * c@", 4000)), "E0302"),
    "stages": (frame(lines("stage s@ { latency: 1 }", 4000)), "E0602"),
    "unknown ends": (frame(lines("x@ -> y@")), "E0201"),
    "nested loops": (frame("for a in 0 ..< 1000, b in 0 ..< 1000, c in 0 ..< 1000 { }"), "E0803"),
    "a long loop": (frame("for a in 0 ..< 1 << 60 { }"), "E0803"),
    "work in a loop": (
        frame(f"const k = 3\nfor a in 0 ..< 99999 {{ const x = {'+'.join(['k*k'] * 40)} }}"),
        "E0803",
    ),
    "an array": (frame("template t { stage s { } }\nx: t[1 << 40]"), "E0803"),
    "a smaller array": (frame("template t { stage s { } }\nx: t[48000]"), "E0803"),
    "doubling": (frame(lines("template t@ { x: t#[2] }", 60) + "\ntemplate t60 { }\nx: t0"), "E0803"),
    "wide doubling": (frame(lines("template t@ { x: t#[4] }", 9) + "\ntemplate t9 { }\nx: t0"), "E0803"),
    "doubling in vain": (frame(lines("template t@ { x: t#[2] }", 60) + "\ntemplate t60 { }"), "E0602"),
    "recursion": (frame("template t { x: t }\nx: t"), "E0803"),
    "registers": (
        frame(f"registers r {{ names: {' '.join(f'r{c}[0 ..< 60000]' for c in 'abcdefg')} }}"),
        "E0803",
    ),
    "all to all": (
        frame("template t { execute e { } }\nx: t[900]\n{x[*].e} -> {x[*].e}"),
        "E0803",
    ),
    "the same mistake": (
        frame("template t { stage s { } }\nx: t[9000]\nfor i in 0 ..< 9000 { x[i].q -> x[i].s }"),
        "E0201",
    ),
    "ladder": (
        frame(
            lines("stage a@ { }\nstage b@ { }", 700)
            + lines("\n{a@, b@} -> {a#, b#}", 699)
            + "\nfetch f { }\nf -> {a0, b0}"
        ),
        "E0603",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_answered_in_time(name: str) -> None:
    text, expected = HOSTILE[name]
    check_text("architecture a { clock 1 GHz }", "warm.acadl", None, {})
    start = time.process_time()
    checked = check_text(text, "hostile.acadl", None, {})
    shown = render(checked.diagnostics, checked.sources)
    elapsed = time.process_time() - start
    assert checked.architecture is None
    assert expected in {diagnostic.code for diagnostic in checked.diagnostics}
    assert shown
    assert elapsed < LIMIT_SECONDS


@pytest.mark.parametrize("count", [99, 100, 101, 250])
def test_warnings_do_not_stop_the_check(count: int) -> None:
    unused = "".join(f"template t{n} {{ }}\n" for n in range(count))
    sound = SMALL.replace("architecture", unused + "architecture", 1)
    checked = check_text(sound, "f", None, {})
    assert checked.architecture is not None and checked.is_sound
    assert [d.code for d in checked.diagnostics].count("W0902") == min(count, MAX_DIAGNOSTICS)
    assert (checked.diagnostics[-1].code == "N1002") == (count > MAX_DIAGNOSTICS)
    second = "sram n { data_width: 32 bits, addresses: 32 ..< 96 }\n    fetch"
    broken = sound.replace("fetch", second)
    assert "E0607" in [d.code for d in check_text(broken, "f", None, {}).diagnostics]


SMALL = """architecture a {
    clock 1 GHz
    operations { nop(n: int) }
    sram m { data_width: 32 bits, addresses: 0 ..< 64 }
    fetch f { from: m }
    execute e { unit u { operations: nop, latency: 1 } }
    f -> e
}
"""


@pytest.mark.parametrize("count", [MAX_BINDERS, MAX_BINDERS + 1])
def test_names_of_a_loop_are_limited(count: int) -> None:
    binders = ", ".join(f"i{n} in 0 ..< 1" for n in range(count))
    text = SMALL.replace("    clock", f"    for {binders} {{ }}\n    clock")
    found = check_text(text, "f", None, {}).diagnostics
    assert [d.code for d in found] == ["E0802"] * (count > MAX_BINDERS)
