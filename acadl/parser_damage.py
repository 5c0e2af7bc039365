"""What a file has lost to its syntax errors, so that nothing is said about what only follows from them."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from acadl.errors import Diagnostic, Span
from acadl.parser_builder import Leaf, join
from acadl.parser_words import ARROWS, CLOSING_SIGNS, STATEMENTS
from acadl.suggesting import nearest

# What these say is true whatever the statements say that could not be read.
_LOCAL = frozenset(
    {"E0203", "E0204", "E0205", "E0301", "E0302", "E0303", "E0304", "E0305", "E0402"}
    | {"E0502", "E0503", "E0504", "E0506", "E0602", "E0604", "E0606", "E0607", "E0608", "E0610"}
    | {"E0612", "E0613", "E0615", "E0616", "E0617", "E0803"}
)
# Attributes that these are about: one that could not be read may put them right.
_OF_ATTRIBUTES: Mapping[str, frozenset[str]] = {
    "E0604": frozenset({"issue_buffer_size", "port_width"}),
    "E0616": frozenset({"max_request_bytes", "data_width", "port_width"}),
    "E0617": frozenset({"capacity"}),
}
# And these, unless those statements have declared what is missing.
_OF_NAMES = frozenset({"E0201", "E0202", "E0206", "E0501"})
# Errors behind which braces may be understood in the wrong way.
_OF_STRUCTURE = frozenset({"E0104", "E0105", "E0106"})
ENDS = ("NAME", "LBRACE")  # words that an edge may begin with
_QUOTED = re.compile(r"'([^']*)'")
_NAME = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Damage:
    """Statements of one file that were skipped.

    Attributes:
        regions: Where they stand.
        names: Words in them.
        is_nameless: Whether one of them lacks the name that it would have declared.
    """

    regions: tuple[Span, ...] = ()
    names: frozenset[str] = frozenset()
    is_nameless: bool = False


@dataclass(frozen=True, slots=True)
class Dropped:
    """Words that were not read as they stand.

    Attributes:
        leaves: At least one.
        is_edge: Whether they are an edge, which declares nothing.
    """

    leaves: Sequence[Leaf]
    is_edge: bool = False


def damage_of(dropped: Sequence[Dropped], is_nameless: bool = False) -> Damage:
    """What was dropped of a text; ``is_nameless``: there were names that nobody knows."""
    regions: list[Span] = []
    names: set[str] = set()
    for part in dropped:
        leaves = part.leaves
        if not (part.is_edge or _is_edge(leaves)):
            names.update(leaf.text for leaf in leaves if leaf.text[:1].isalpha() or leaf.text[:1] == "_")
        regions.append(join(leaves[0].span, leaves[-1].span))
        is_statement = leaves[0].type not in ("LBRACE", "$END")  # and not the block of a broken header
        is_nameless = is_nameless or (is_statement and _is_nameless(leaves))
    return Damage(tuple(regions), frozenset(names), is_nameless)


def independent(
    findings: Iterable[Diagnostic], damages: Sequence[Damage], codes: Collection[str]
) -> Iterator[Diagnostic]:
    """The findings about what could be read that have nothing to do with what could not.

    Args:
        findings: Errors of elaboration or validation.
        damages: What each file has lost.
        codes: Those of the errors found before.
    """
    names = sorted({name for damage in damages for name in damage.names})
    yield from (finding for finding in findings if _is_independent(finding, damages, names, codes))


def _is_independent(
    finding: Diagnostic, damages: Sequence[Damage], names: Sequence[str], codes: Collection[str]
) -> bool:
    if any(_share_a_line(finding.span, region) for damage in damages for region in damage.regions):
        return False
    if finding.code == "E0402" and _OF_STRUCTURE & set(codes):
        # else it may be the name of what stands behind a block that is not closed
        return (finding.hint or "").startswith("did you mean")
    if finding.code in _LOCAL:
        return _OF_ATTRIBUTES.get(finding.code, frozenset()).isdisjoint(names)
    if any(damage.is_nameless for damage in damages) or _may_be_imported(finding, codes):
        return False
    quoted = {name for text in _QUOTED.findall(finding.message) for name in _NAME.findall(text)}
    if finding.code in _OF_NAMES:
        return not any(_begins_one(name, names) for name in quoted)
    if finding.code == "E0403":
        return "clock" not in finding.message and all(nearest(name, names) is None for name in quoted)
    return finding.code == "E0401" and not _OF_STRUCTURE & set(codes)


def _begins_one(start: str, names: Sequence[str]) -> bool:
    """Whether one of the sorted names begins with ``start``."""
    position = bisect_left(names, start)
    return position < len(names) and names[position].startswith(start)


def _may_be_imported(finding: Diagnostic, codes: Collection[str]) -> bool:
    """Whether the finding misses what a file that cannot be read may have."""
    return any(code.startswith("E07") for code in codes) and bool(
        finding.code == "E0202" or "template" in finding.message
    )


def _share_a_line(span: Span | None, region: Span) -> bool:
    if span is None or span.file != region.file:
        return False
    return region.line <= span.end_line and span.line <= region.end_line


def _is_nameless(leaves: Sequence[Leaf]) -> bool:
    """Whether a dropped statement lacks the name that it would declare."""
    first, *rest = [leaf for leaf in leaves if leaf.type != "OPTIONAL"]
    declares = first.type in STATEMENTS - {"IF", "ELSE", "CLOCK", "REQUIRE", "OPERATIONS"}
    named = rest[0] if declares and rest else first
    return not (named.text[:1].isalpha() or named.text[:1] == "_" or first.text in CLOSING_SIGNS)


def _is_edge(leaves: Sequence[Leaf]) -> bool:
    """Whether a dropped statement joins parts and declares none: an arrow comes before any colon."""
    if leaves[0].type not in ENDS:
        return False
    signs = (leaf.type for leaf in leaves if leaf.type in ARROWS | {"COLON", "NEWLINE"})
    return next(signs, "") in ARROWS
