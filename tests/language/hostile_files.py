"""Checks hostile files in a process of its own, for ``test_hostile_files.py``; prints what each has taken."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from acadl.diagnostics import render
from acadl.errors import AcadlError
from acadl.loading import check_file, check_text

HEAD = "architecture a {\nclock 1 GHz\n"
WORDS = 190_000  # nearly as many as a description may have


def _peak_kib() -> int:
    """Most memory of this process so far; ru_maxrss would count what was there before it, too."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().split("VmHWM:")[1].split()[0])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def written(files: Mapping[str, bytes | str]) -> Callable[[Path], Path]:
    """Writes files into a folder; returns the first one."""

    def write(folder: Path) -> Path:
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return folder / next(iter(files))

    return write


def chain(count: int, text: str = "") -> dict[str, str]:
    """Files each of which imports the next one."""
    files = {f"f{n}.acadl": f'import t from "f{n + 1}.acadl"\n{text}' for n in range(count)}
    return files | {f"f{count}.acadl": "template t { }\n"}


def outside(folder: Path) -> Path:
    """A link that leads out of the folder."""
    inner = folder / "inner"
    inner.mkdir()
    (folder / "secret.acadl").write_text("template t { }\n")
    (inner / "link.acadl").symlink_to(folder / "secret.acadl")
    (inner / "f.acadl").write_text(f'import t from "link.acadl"\n{HEAD}}}')
    return inner / "f.acadl"


def far(number: int) -> str:
    """A name of sixty letters that is not quite like the others."""
    return "n" + "ab" * 25 + f"{number:09x}"


def tree_of_ends(levels: int, ends: str) -> str:
    """Templates each of which passes on the open edge of the one before, several times."""
    inner = "template t0 {\nstage s { }\nopen o: -> s\n}\n"
    outer = "".join(
        f"template t{n} {{\nx: t{n - 1}\ny: t{n - 1}\nopen o: -> {ends}\n}}\n" for n in range(1, levels)
    )
    return f"{HEAD}{inner}{outer}x: t{levels - 1}\n}}"


FETCH = "sram m { data_width: 32 bits, addresses: 0 ..< 64 }\nfetch f { from: m }\n"
MANY_OPERATIONS = "operations {\n" + "".join(f"o{n}(a: in address, n: int)\n" for n in range(3000)) + "}\n"
LISTED = " ".join(f"o{n}" for n in range(3000))

CASES: Mapping[str, Callable[[Path], Path]] = {
    "deep brackets": written({"f": HEAD + "const a = " + "(" * (WORDS // 2) + "1" + ")" * (WORDS // 2)}),
    "deep blocks": written({"f": HEAD + "if true {" * (WORDS // 3)}),
    "deep signs": written({"f": HEAD + "const a = " + "-" * WORDS + "1\n}"}),
    "a long path": written({"f": HEAD + "a" + "[0]" * (WORDS // 3) + " -> b\n}"}),
    "commas": written({"f": HEAD + "," * WORDS + "}"}),
    "a giant loop": written({"f": HEAD + "for i in 0 ..< 1 << 61 { stage s[i] { } }\n}"}),
    "nested loops": written({"f": HEAD + "for i in 0 ..< 99999, j in 0 ..< 99999 { }\n}"}),
    "recursion": written({"f": HEAD + "template t { x: t, y: t }\nx: t\n}"}),
    "a giant array": written({"f": HEAD + "template t { stage s { } }\nx: t[1 << 30][1 << 30]\n}"}),
    "huge numbers": written({"f": HEAD + "const a = " + "9" * 1_900_000 + "\n}"}),
    "huge powers": written({"f": HEAD + "const a = 1 << 63 << 63\nconst b = a * a * a\n}"}),
    "import cycle": written({"f.acadl": 'import t from "g.acadl"\n', "g.acadl": 'import t from "f.acadl"\n'}),
    "a chain of imports": written(chain(100)),
    "many large imports": written(chain(60, "const c = 1 + 1 + 1 + 1\n" * 3000)),
    "out of the folder": outside,
    "zero bytes": written({"f": b"\0" * 1_000_000}),
    "no UTF-8": written({"f": b"architecture \xff\xfe"}),
    "UTF-16": written({"f": (HEAD + "}").encode("utf-16")}),
    "50 MB": written({"f": b"x" * 50_000_000}),
    "50 MB of lines": written({"f": b"\n" * 50_000_000}),
    "noise": written({"f": "".join(chr(33 + n * 7919 % 9000) for n in range(190_000))}),
    "blanks in documentation": written({"f": "/// a" + " " * 1_000_000 + "b\n" + HEAD + "}"}),
    "warnings": written(
        {
            "f": "".join(f"template t{n}(p: int = 1) {{ }}\n" for n in range(14_000))
            + HEAD
            + "stage s { }\nq -> s\n}"
        }
    ),
    "open brackets": written({"f": HEAD + "const a = " + "(" * 1900 + "1 2 3 4 " * 20_000 + "\n)" * 10}),
    "unknown names": written(
        {
            "f": HEAD
            + "".join(f"const {far(n)} = 1\n" for n in range(3000))
            + "".join(f"const q{n} = {far(n)[:-12]}zzz\n" for n in range(90))
            + 'for i in 0 ..< 1000 { require zzz > 1 else "no" }\n}'
        }
    ),
    "words that may be names": written(
        {
            "f": HEAD
            + "stage ( x "
            + " ".join(f"w{n}" for n in range(90_000))
            + ")\n"
            + "".join(f"const q{n} = zzz{n}\n" for n in range(90))
            + "}"
        }
    ),
    "many registers": written(
        {
            "f": HEAD
            + "registers r { data_width: 8 bits, names: "
            + " ".join(f"r{n}" for n in range(180_000))
            + " }\n}"
        }
    ),
    "many loop variables": written(
        {"f": HEAD + "for " + ", ".join(f"i{n} in 0 ..< 1" for n in range(990)) + " { }\n}"}
    ),
    "open edges passed on": written({"f": tree_of_ends(24, "{x.o, x.o}")}),
    "open edges passed on twice": written({"f": tree_of_ends(24, "{x.o, y.o}")}),
    "operations of many units": written(
        {
            "f": HEAD
            + MANY_OPERATIONS
            + FETCH
            + f"for i in 0 ..< 3000 {{\nexecute e[i] {{ unit u {{ operations: {LISTED}, latency: 1 }} }}\n"
            + "f -> e[i]\n}\n}"
        }
    ),
    "a row of movers": written(
        {
            "f": HEAD
            + MANY_OPERATIONS
            + FETCH
            + f"execute e {{ controller c {{ operations: {LISTED} }} }}\nf -> e\nq -> e\n"
            + "for i in 0 ..< 9000 { mover v[i] { } }\n"
            + "e.c -> v[0]\nfor i in 0 ..< 8999 { v[i] -> v[i + 1] }\n}"
        }
    ),
    "a row of stages": written(
        {
            "f": HEAD
            + MANY_OPERATIONS
            + FETCH
            + "stage s[0] { }\nf -> s[0]\n"
            + "for i in 1 ..< 9000 {\nstage s[i] { latency: k }\ns[i - 1] -> s[i]\n}\n"
            + f"execute e {{ unit u {{ operations: {LISTED}, latency: 1 }} }}\ns[8999] -> e\n}}"
        }
    ),
    "a wide circle": written(
        {
            "f": HEAD
            + "for i in 0 ..< 9000 { stage s[i] { } }\nfor i in 0 ..< 9000 { s[i] -> s[(i + 1) % 9000] }\n}"
        }
    ),
    "a name without end": written({"f": HEAD + "x: " + "y" * 1_900_000 + "\n}"}),
    "long imports": written(
        {"f.acadl": "".join(f'import t{n} from "i{n}.acadl"\n' for n in range(8)) + HEAD + "}"}
        | {f"i{n}.acadl": f"template t{n} {{ }}\n" + "// x\n" * 390_000 for n in range(8)}
    ),
    "long names of many": written(
        {"f": HEAD + "for i in 0 ..< 5000 { stage " + "n" * 900_000 + "[i] { } }\n}"}
    ),
    "long names of registers": written(
        {"f": HEAD + "registers r { data_width: 8 bits, names: " + "n" * 900_000 + "[0 ..< 60000] }\n}"}
    ),
    "many dimensions": written({"f": HEAD + "template t { }\nx: t" + "[1]" * 5000 + "\n}"}),
    "the same import": written({"f": 'import t from "g.acadl"\n' * 30_000 + HEAD + "}"}),
    "a long line": written({"f": HEAD + "stage s { latency: 1 } " * 20_000 + "}"}),
}
TEXTS: Mapping[str, str] = {"text of 50 MB": "x" * 50_000_000, "50 MB of line ends": "\n" * 50_000_000}


def messages(case: str, folder: Path) -> str:
    """What is said about a case."""
    if case in TEXTS:
        checked = check_text(TEXTS[case], "text", None, {})
    else:
        try:
            checked = check_file(CASES[case](folder), {})
        except AcadlError as error:
            return str(error)
    assert checked.architecture is None
    return render(checked.diagnostics, checked.sources)


def main() -> None:
    check_text(HEAD + "}", "warm.acadl", None, {})
    found = {}
    for case in [*CASES, *TEXTS]:
        with TemporaryDirectory() as folder:
            start = time.process_time()
            text = messages(case, Path(folder))
            seconds = time.process_time() - start
        peak = _peak_kib() // 1024
        shown = text if len(text) < 4000 else text[:2000] + text[-2000:]
        found[case] = {"text": shown, "seconds": seconds, "peak_mib": peak}
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
