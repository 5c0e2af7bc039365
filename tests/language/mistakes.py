"""Single mistakes on single lines of descriptions that are right."""

from __future__ import annotations

import re
from random import Random

from acadl.loading import check_text

_KEYED = re.compile(
    r"\b(latency|capacity|operations|data_width|addresses|read_latency|names|issue_buffer_size|port_width): "
)
_ARROW = re.compile(r" (->|=>|<=>) ")


def mistakes(line: str) -> list[str]:
    """The line with one mistake, in every way that it has room for."""
    code = line.split("//")[0]
    made: list[str] = []
    if match := _KEYED.search(code):
        before, word, behind = line[: match.start()], match[1], line[match.end() :]
        value = re.match(r"[^,}\n]*", behind)
        assert value is not None
        made += [
            f"{before}{word} {behind}",
            f"{before}{word} = {behind}",
            f"{before}{word[0]}x{word[1:]}: {behind}",
            f"{before}{word}: {value[0].strip()}, {word}: {behind}",
        ]
    if match := re.search(r"(\d+) bits", code):
        made += [line[: match.start()] + match[1] + line[match.end() :], line.replace("bits", "bitz", 1)]
    if "..<" in code:
        made.append(line.replace("..<", "..", 1))
    if _ARROW.search(code):
        made += [_ARROW.sub(" <- ", line, count=1), re.sub(r" (->|=>|<=>) [^\n]*$", r" \1", line)]
        if match := re.search(r"(\w+)(\.\w+)? (->|=>|<=>) ", code):
            made.append(line[: match.start(1)] + match[1][0] + "zq" + match[1][1:] + line[match.end(1) :])
    if match := re.search(r"operations: (\w+)", code):
        made.append(f"{line[: match.end()]}zz{line[match.end() :]}")
    if match := re.match(r"\s*(stage|execute|unit|memory_unit|registers|sram|dram) \w+", code):
        made.append(line.replace(match[1], f"{match[1]}x", 1))
    if "max(" in code:
        made.append(line.replace("max(", "maxx(", 1))
    if match := re.match(r"(\s*)const (\w+) = (.*)", code):
        made += [f"{match[1]}const {match[2]} = 1 / 0", f"{match[1]}const {match[2]} {match[3]}"]
    if re.match(r"\s*clock ", code):
        made += [f"{code.partition('clock')[0]}clock 100", line.replace("clock", "clock:")]
    if code.strip().endswith("}") and "{" in code:
        made.append(f"{code.rstrip()};")
    return [text for text in made if text != line]


def structural_mistakes(line: str) -> list[str]:
    """The line with a mistake in a bracket, a header or an operand, in every way that it has room for."""
    code = line.split("//")[0].rstrip()
    indent = code[: len(code) - len(code.lstrip())]
    made = [line.replace(sign, "", 1) for sign in '"()[]' if sign in code]
    if code.strip() == "}":
        made += ["", f"{code} }}"]
    if code.endswith("{"):
        made += [code[:-1].rstrip()]
    if match := re.match(r"\s*template (\w+)(.*)", code):
        made += [f"{indent}template {match[2]}", line.replace(": int", "", 1)]
    if match := re.match(r"\s*for (\w+) in (.*)\{", code):
        made += [line.replace(" in ", " on ", 1), f"{indent}for in {match[2]}{{"]
    if re.match(r"\s*if (.*)\{", code):
        made.append(f"{indent}if {{")
    if re.search(r"\((\w+): (in|out|inout) (reg|address)", code):
        made += [re.sub(r": (in|out|inout) ", new, line, count=1) for new in (": im ", ": ")]
        made.append(re.sub(r" (reg|address)\b", " rex", line, count=1))
    if match := re.match(r"(\s*\w+: \w+)(\(.*)?$", code):
        made.append(f"{match[1]}zq{match[2] or ''}")
    if "{" in code and code.endswith("}"):
        made.append(code[:-1].rstrip())
    if match := re.search(r"latency: \w+", code):
        made += [line[: match.end()] + more + line[match.end() :] for more in (" + 1 bits", " + zq")]
    return [text for text in made if text != line]


def with_structural_mistakes(text: str, count: int, chance: Random) -> tuple[str, set[int]]:
    """A text with several mistakes, the first one structural, and the lines of their findings.

    Alone, each has one finding, though perhaps on another line. Of braces at most one is wrong: two that are
    wrong may be right together.
    """
    lines = text.split("\n")
    order = list(range(len(lines)))
    chance.shuffle(order)
    wrong: dict[int, str] = {}
    found: set[tuple[int | None, str]] = set()
    braces = 0
    for number in order:
        line = lines[number]
        choices = structural_mistakes(line) + (mistakes(line) if wrong else [])
        if len(wrong) == count or not choices or any(abs(number - other) < 2 for other in wrong):
            continue
        candidate = chance.choice(choices)
        imbalance = abs(_depth(candidate) - _depth(line))
        alone = "\n".join([*lines[:number], candidate, *lines[number + 1 :]])
        findings = {(d.line, d.code) for d in check_text(alone, "f", None, {}).diagnostics if d.is_error}
        if len(findings) == 1 and not findings & found and braces + imbalance < 2:
            wrong[number] = candidate
            found |= findings
            braces += imbalance
    return "\n".join(wrong.get(n, line) for n, line in enumerate(lines)), {line or 0 for line, _ in found}


def _depth(line: str) -> int:
    return line.count("{") - line.count("}")


def with_mistakes(text: str, count: int, chance: Random) -> tuple[str, set[int]]:
    """A text with several mistakes, no two on neighbouring lines, and the lines of their findings."""
    lines = text.split("\n")
    order = list(range(len(lines)))
    chance.shuffle(order)
    wrong: dict[int, str] = {}
    for number in order:
        choices = mistakes(lines[number])
        if len(wrong) == count or not choices or any(abs(number - other) < 2 for other in wrong):
            continue
        candidate = chance.choice(choices)
        alone = "\n".join([*lines[:number], candidate, *lines[number + 1 :]])
        if any(d.is_error and d.line == number + 1 for d in check_text(alone, "f", None, {}).diagnostics):
            wrong[number] = candidate
    return "\n".join(wrong.get(n, line) for n, line in enumerate(lines)), {n + 1 for n in wrong}
