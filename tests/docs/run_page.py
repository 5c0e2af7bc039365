"""Runs the blocks of one documentation page in order; the blocks come as JSON on standard input.

Runs in a process of its own, in an empty folder. ``python`` blocks share one namespace; ``console`` blocks
hold ``$ command`` lines (``acadl …``, ``python FILE``, ``cat FILE``) and the output to expect, where ``…``
stands for anything; ``acadl`` blocks must load. A block of any language with ``title="FILE"`` is written to
that file first, and not run if it is Python.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any


def main() -> int:
    page = json.load(sys.stdin)
    sys.path.insert(0, str(Path.cwd()))  # as in a session started in the reader's folder
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for block in page["blocks"]:
        problem = run_block(block, namespace, page["file"])
        if problem:
            sys.stdout.write(f"{page['file']}:{block['line']}: {block['language']} block: {problem}\n")
            return 1
    return 0


def run_block(block: dict[str, Any], namespace: dict[str, Any], file: str) -> str | None:
    """Run one block; what is wrong with it, or ``None``."""
    if block["title"]:
        Path(block["title"]).write_text(block["text"], encoding="utf-8")
    if block["language"] == "acadl":
        return check_description(block)
    if block["language"] == "console":
        return check_console(block["text"])
    if block["title"] or block["language"] != "python":
        return None
    try:
        # the blank lines make line numbers in tracebacks those of the page
        code = compile("\n" * block["line"] + block["text"], file, "exec")
        exec(code, namespace)  # safe: the pages of this repository
    except Exception:
        return traceback.format_exc()
    return None


def check_description(block: dict[str, Any]) -> str | None:
    from acadl.diagnostics import render
    from acadl.errors import AcadlError
    from acadl.loading import check_file, check_text

    try:
        if block["title"]:
            checked = check_file(block["title"], {})
        else:
            checked = check_text(block["text"], "<string>", None, {})
    except AcadlError as error:
        return str(error)
    return None if checked.is_sound else render(checked.diagnostics, checked.sources)


def check_console(text: str) -> str | None:
    """Run the commands of a console block one by one."""
    parts = re.split(r"^\$ ", text, flags=re.MULTILINE)
    if parts[0].strip():
        return "output before the first '$ command' line"
    for part in parts[1:]:
        command, _, expected = part.partition("\n")
        while command.endswith("\\"):
            more, _, expected = expected.partition("\n")
            command = command[:-1] + more
        problem = run_command(command.strip(), expected)
        if problem:
            return problem
    return None


def run_command(command: str, expected: str) -> str | None:
    words = shlex.split(command)
    if words[0] == "acadl":
        words = [sys.executable, "-m", "platforms.cli", *words[1:]]
    elif words[0] == "python":
        words = [sys.executable, *words[1:]]
    elif words[0] != "cat":
        return f"'$ {command}': only acadl, python and cat are run"
    done = subprocess.run(words, capture_output=True, text=True, timeout=240)
    found = normal(done.stdout + done.stderr)
    if "Traceback" in found:
        return f"'$ {command}' ends with a traceback:\n{found}"
    position = 0
    for line in filter(None, map(normal, expected.splitlines())):
        for piece in filter(None, map(str.strip, line.split("…"))):
            at = found.find(piece, position)
            if at < 0:
                return f"'$ {command}' does not print {piece!r}; it prints\n{done.stdout}{done.stderr}"
            position = at + len(piece)
    return None


def normal(text: str) -> str:
    """With every run of white space as one blank."""
    return re.sub(r"\s+", " ", text).strip()


if __name__ == "__main__":
    sys.exit(main())
