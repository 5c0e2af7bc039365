"""The drawing as Graphviz DOT text."""

from __future__ import annotations

from acadl.diagnostics import printable_lines
from acadl.draw.boxes import Box, Line
from acadl.draw.drawable import Drawable, drawn

SCALE = 20  # times as much as we lay out ourselves
_SHAPES = {"sram": "cylinder", "dram": "cylinder", "cache": "cylinder", "registers": "box3d"}


def to_dot(arch: Drawable, *, unfold: bool = False) -> str:
    """Directed graph with containers as clusters; render it with ``dot -Tsvg``.

    ``unfold`` draws every instance of an array. Raises :class:`AcadlError` where these are too many.
    """
    root, lines = drawn(arch, unfold=unfold, scale=SCALE)
    inner = {box.key: _first_leaf(box).key for box in root.walk()}
    clusters = {box.key for box in root.walk() if box.children}
    text = [f"digraph {_quoted(arch.name)} {{", "  rankdir=LR; compound=true; node [shape=box];"]
    for child in root.children:
        text += _node(child, "  ")
    for line in lines:
        options = [f"style={'dashed' if line.neighbour else 'bold' if line.forward else 'solid'}"]
        options.append(f"color={_colour(line)}")
        if line.both:
            options.append("dir=both")
        if line.source in clusters:
            options.append(f"ltail={_quoted('cluster ' + line.source)}")
        if line.target in clusters:
            options.append(f"lhead={_quoted('cluster ' + line.target)}")
        ends = f"{_quoted(inner[line.source])} -> {_quoted(inner[line.target])}"
        text.append(f"  {ends} [{', '.join(options)}];")
    return "\n".join([*text, "}"]) + "\n"


def _colour(line: Line) -> str:
    """Instructions, parts, reads, writes and both in their own colours."""
    if line.forward:
        return "deeppink4" if line.parts else "darkorange3"
    return "slategray" if line.both else "steelblue" if line.reads else "forestgreen"


def _first_leaf(box: Box) -> Box:
    """DOT edges end at nodes, not clusters."""
    while box.children:
        box = box.children[0]
    return box


def _node(box: Box, indent: str) -> list[str]:
    label = "\\n".join(_escaped(text) for text in (box.heading, *box.lines))
    if box.children:
        lines = [f"{indent}subgraph {_quoted('cluster ' + box.key)} {{", f'{indent}  label="{label}";']
        for child in box.children:
            lines += _node(child, indent + "  ")
        return [*lines, f"{indent}}}"]
    shape = _SHAPES.get(box.kind, "box")
    return [f'{indent}{_quoted(box.key)} [label="{label}", shape={shape}, tooltip={_quoted(box.title)}];']


def _escaped(text: str) -> str:
    return printable_lines(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'
