"""The drawing as one self-contained HTML page with a table of the objects."""

from __future__ import annotations

from html import escape

from acadl.draw.boxes import build, folded
from acadl.draw.svg import to_svg
from acadl.draw.text import plain
from acadl.model import ACADLObject, Architecture, FunctionalUnit, Mover, PipelineStage

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 80rem; padding: 0 1rem }
figure { margin: 1rem 0; overflow-x: auto }
table { border-collapse: collapse }
th, td { text-align: left; padding: .25rem .8rem; border-bottom: 1px solid #d0d7de; vertical-align: top }
"""


def to_html(arch: Architecture) -> str:
    """A page without scripts and without anything from outside."""
    title = escape(arch.name)
    rows = "\n".join(_row(arch.objects[name]) for name in _shown(arch))
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n<p>{escape(arch.doc)}</p>\n"
        f"<figure>\n{to_svg(arch)}</figure>\n"
        "<table>\n<thead><tr><th>Object</th><th>Class</th><th>Latency</th><th>Processes</th>"
        "<th>Description</th></tr></thead>\n"
        f"<tbody>\n{rows}\n</tbody>\n</table>\n</body>\n</html>\n"
    )


def _shown(arch: Architecture) -> list[str]:
    """The first instance of every box that is drawn."""
    root, _ = build(arch)
    firsts: dict[str, str] = {}
    for name in arch.objects:
        firsts.setdefault(folded(name), name)
    return [firsts[box.key] for box in root.walk() if box.key in firsts]


def _row(item: ACADLObject) -> str:
    latency = str(item.latency) if isinstance(item, Mover) else ""
    if isinstance(item, (FunctionalUnit, PipelineStage)):
        latency = plain(item.latency)
    processes = ", ".join(sorted(item.to_process)) if isinstance(item, FunctionalUnit) else ""
    cells = (item.name, type(item).__name__, latency, processes, item.doc)
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
