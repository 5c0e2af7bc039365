"""What is drawn: nested boxes and the lines between them, arrays of instances folded into one box."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import takewhile

from acadl.draw.text import at_length, attribute_lines, brief, frequency, kind_of, tooltip
from acadl.errors import AcadlError
from acadl.model import Architecture, DataStorage, Edge, EdgeKind, RegisterFile

MOST_BOXES = 400
MOST_LINES = 1000
MOST_NOTES = 12  # lines on a box
VARIES, ALL_VARY = "varies", "attributes vary"
_INDEX = re.compile(r"\[(\d+)\]")
_SEGMENT = re.compile(r"[^.]+")


@dataclass
class Box:
    """One box of the drawing.

    Attributes:
        key: Name with every index replaced by ``*``; the same for all instances of an array.
        label: What is written on it: the name without its container's.
        kind: Style: ``stage, execute, fetch, unit, memory_unit, controller, mover, registers, sram, dram,
            cache, group``.
        lines: Attributes worth reading.
        title: Tooltip.
        copies: Dimensions of the array that the box stands for; empty for a single box.
        children: Boxes inside.
    """

    key: str
    label: str
    kind: str
    lines: list[str] = field(default_factory=list)
    title: str = ""
    copies: tuple[int, ...] = ()
    children: list[Box] = field(default_factory=list)

    @property
    def heading(self) -> str:
        """Label with the dimensions of the array."""
        return " × ".join([self.label, *map(str, self.copies)])

    def walk(self) -> Iterator[Box]:
        """The box and everything in it, outside first."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True)
class Line:
    """One line of the drawing, from box to box by key.

    Attributes:
        forward: The instruction path or a way of parts (else data).
        both: Data flow both ways.
        neighbour: Leads to another instance of the same array.
        net: Lines of one net may share a trunk.
        parts: A way of parts, from a controller or mover to a mover.
        reads: The target reads (``READ_DATA``); else the source writes. With ``both``, the way back is the
            other.
    """

    source: str
    target: str
    forward: bool
    both: bool = False
    neighbour: bool = False
    net: str = ""
    parts: bool = False
    reads: bool = True


def folded(name: str) -> str:
    """``pe[3][4].ex`` → ``pe[*][*].ex``."""
    return _INDEX.sub("[*]", name)


def build(arch: Architecture, *, unfold: bool = False, scale: int = 1) -> tuple[Box, list[Line]]:
    """The root box and the lines, in order of declaration; with ``unfold`` every instance has its own box.

    Raises:
        AcadlError: There are more than ``scale`` times ``MOST_BOXES`` boxes or ``MOST_LINES`` lines.
    """
    key_of = str if unfold else folded
    root = Box("", brief(arch.name), "group", _summary(arch), at_length(arch.doc))
    boxes: dict[str, Box] = {"": root}
    written: dict[str, list[str]] = {}
    for item in arch.objects.values():
        key = key_of(item.name)
        copies = () if unfold else _dimensions(item.name)
        if key not in boxes:
            _check(arch, "boxes", len(boxes), scale * MOST_BOXES, unfold)
            written[key] = attribute_lines(item)
            boxes[key] = Box(key, key, kind_of(item), [], tooltip(item), copies)
        else:
            box = boxes[key]
            box.copies = tuple(map(max, box.copies, copies))
            written[key] = _in_common(written[key], attribute_lines(item))
    for key, lines in written.items():
        boxes[key].lines = _notes(lines)
    parents = {
        key_of(edge.target): key_of(edge.source) for edge in arch.edges if edge.kind is EdgeKind.CONTAINS
    }
    groups = _group_sizes(arch)
    for key in list(boxes):
        _adopt(key, boxes, parents, groups)
    _check(arch, "boxes", len(boxes) - 1, scale * MOST_BOXES, unfold)
    joins = _lines(arch, boxes, key_of)
    _check(arch, "lines between its boxes", len(joins), scale * MOST_LINES, unfold)
    for box in boxes.values():
        box.copies = () if all(size == 1 for size in box.copies) else box.copies
    return root, joins


def _in_common(lines: list[str], others: list[str]) -> list[str]:
    """Lines for instances that share a box; one that differs says so, ``latency varies``."""
    if lines == others:
        return lines
    if len(lines) != len(others):
        return [ALL_VARY]
    pairs = zip(lines, others, strict=True)
    return [line if line in (other, ALL_VARY) else _varying(line, other) for line, other in pairs]


def _varying(line: str, other: str) -> str:
    pairs = zip(line.split(), other.split(), strict=False)
    return " ".join([*(word for word, _ in takewhile(lambda pair: pair[0] == pair[1], pairs)), VARIES])


def _check(arch: Architecture, what: str, count: int, most: int, unfold: bool) -> None:
    if count > most:
        way = "fold the arrays, or draw a smaller one: --set" if unfold else "write what is alike as arrays"
        raise AcadlError(f"'{brief(arch.name)}' has more than {most} {what}, the most that are drawn ({way})")


def _notes(lines: list[str]) -> list[str]:
    """Lines for a box, as many as fit on one."""
    shown = [brief(line) for line in lines[:MOST_NOTES]]
    return shown + ([f"and {len(lines) - MOST_NOTES} more"] if len(lines) > MOST_NOTES else [])


def _summary(arch: Architecture) -> list[str]:
    """Clock and parameters, as many to a line as are read at a glance."""
    return [f"clock {frequency(arch.clock_hz)}", *parameter_lines(arch.parameters)]


def parameter_lines(parameters: Mapping[str, int | bool | str]) -> list[str]:
    """Names and values, six to a line."""
    values = [brief(f"{name} = {_value(value)}") for name, value in parameters.items()]
    rows = [", ".join(values[first : first + 6]) for first in range(0, len(values), 6)]
    return rows[:MOST_NOTES]


def _value(value: int | bool | str) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _dimensions(name: str) -> tuple[int, ...]:
    """Sizes that the last segment's indices ask for."""
    return tuple(int(number) + 1 for number in _INDEX.findall(name.rsplit(".", 1)[-1]))


def _adopt(
    key: str, boxes: dict[str, Box], parents: dict[str, str], groups: Mapping[str, tuple[int, ...]]
) -> None:
    """Put the box into its container; containers that are no objects (template instances) are made."""
    if not key:
        return
    parent = parents.get(key)
    if parent is None:
        parent = key.rpartition(".")[0]
        if parent not in boxes:
            boxes[parent] = Box(parent, parent, "group", copies=groups.get(parent, ()))
            _adopt(parent, boxes, parents, groups)
    box = boxes[key]
    prefix = f"{parent}."
    box.label = brief((key.removeprefix(prefix) if parent else key).replace("[*]", ""))
    boxes[parent].children.append(box)


def _group_sizes(arch: Architecture) -> dict[str, tuple[int, ...]]:
    """Dimensions of each array of template instances, by its folded name."""
    sizes: dict[str, tuple[int, ...]] = {}
    seen: set[str] = set()
    for name in arch.objects:
        group = name.rpartition(".")[0]
        while group and group not in seen:
            seen.add(group)
            if group.endswith("]"):
                key, found = folded(group), _dimensions(group)
                sizes[key] = tuple(map(max, sizes.get(key, found), found))
            group = group.rpartition(".")[0]
    return sizes


def _lines(arch: Architecture, boxes: dict[str, Box], key_of: Callable[[str], str]) -> list[Line]:
    """Lines between boxes; parallel edges are merged, edges inside an array of boxes become a note."""
    found: dict[tuple[str, str, bool, bool], bool] = {}  # whether it reads
    for edge in arch.edges:
        if edge.kind is EdgeKind.CONTAINS:
            continue
        source, target = key_of(edge.source), key_of(edge.target)
        if source == target:
            note = "→ next" if edge.kind is EdgeKind.FORWARD else "⇒ neighbour"
            if note not in boxes[source].lines:
                boxes[source].lines.append(note)
            continue
        neighbour = key_of is folded and _between_instances(edge)
        reads = edge.kind is EdgeKind.READ_DATA
        found[source, target, edge.kind is EdgeKind.FORWARD, neighbour] = reads
    hubs = {key_of(o.name) for o in arch.objects.values() if isinstance(o, (RegisterFile, DataStorage))}
    lines: list[Line] = []
    drawn: set[tuple[str, str, bool, bool]] = set()
    for (source, target, forward, neighbour), reads in found.items():
        back = (target, source, forward, neighbour)
        if back in drawn:
            continue
        both = not forward and back in found
        drawn.add((source, target, forward, neighbour))
        hub = target if target in hubs and source not in hubs else source
        flow = "forward" if forward else "both" if both else "in" if hub == target else "out"
        net = f"{hub} {flow}{' dashed' if neighbour else ''}{'' if forward or reads else ' write'}"
        parts = forward and boxes[source].kind in ("controller", "mover")
        lines.append(Line(source, target, forward, both, neighbour, net, parts, reads))
    return lines


def _between_instances(edge: Edge) -> bool:
    """Whether the edge joins two different instances of one array."""
    for here, there in zip(_SEGMENT.findall(edge.source), _SEGMENT.findall(edge.target), strict=False):
        if folded(here) != folded(there):
            return False
        if here != there:
            return True
    return False
