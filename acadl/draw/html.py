"""The drawing as one self-contained HTML page: pan, zoom, details of a box, a table of the objects."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from acadl.draw.boxes import build, folded
from acadl.draw.drawable import Drawable, drawn
from acadl.draw.svg import to_svg
from acadl.draw.text import at_length, brief, plain
from acadl.draw.themes import Theme
from acadl.model import ACADLObject, Architecture, FunctionalUnit, Mover, PipelineStage
from acadl.platform_model import PlatformDescription

_LIGHT = "--ground: #ffffff; --ink: #1b1f24; --faint: #57606a; --rule: #d0d7de; --card: #f6f8fa"
_DARK = "--ground: #0d1117; --ink: #e6edf3; --faint: #9aa4af; --rule: #30363d; --card: #161b22"
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 90rem; padding: 0 1rem;
  background: var(--ground); color: var(--ink) }
figure { margin: 1rem 0; border: 1px solid var(--rule); border-radius: 8px; overflow: hidden; height: 75vh;
  touch-action: none; cursor: grab; position: relative }
figure.drags { cursor: grabbing }
figure svg { width: 100%; height: 100% }
figure .selected > rect { stroke-width: 3 }
#details { position: absolute; right: .8rem; top: .8rem; max-width: 24rem; padding: .6rem .9rem;
  white-space: pre-wrap; background: var(--card); border: 1px solid var(--rule); border-radius: 6px;
  pointer-events: none }
#details:empty { display: none }
p.hint { color: var(--faint); font-size: .85em }
table { border-collapse: collapse }
th, td { text-align: left; padding: .25rem .8rem; border-bottom: 1px solid var(--rule); vertical-align: top }
"""
_SCRIPT = """
const figure = document.querySelector("figure"), svg = figure.querySelector("svg");
const details = document.getElementById("details");
const whole = svg.getAttribute("viewBox").split(" ").map(Number);
let view = whole.slice(), grip = null, moved = false;
const show = () => svg.setAttribute("viewBox", view.join(" "));
const scale = () => Math.max(view[2] / svg.clientWidth, view[3] / svg.clientHeight);
figure.addEventListener("wheel", event => {
  event.preventDefault();
  const box = svg.getBoundingClientRect(), factor = Math.exp(event.deltaY / 500);
  const width = Math.min(4 * whole[2], Math.max(whole[2] / 40, view[2] * factor)), real = width / view[2];
  const x = view[0] + view[2] * (event.clientX - box.left) / box.width;
  const y = view[1] + view[3] * (event.clientY - box.top) / box.height;
  view = [x - (x - view[0]) * real, y - (y - view[1]) * real, width, view[3] * real];
  show();
}, { passive: false });
figure.addEventListener("pointerdown", event => { grip = [event.clientX, event.clientY]; moved = false; });
figure.addEventListener("pointermove", event => {
  if (!grip) return;
  const dx = event.clientX - grip[0], dy = event.clientY - grip[1];
  if (!moved && Math.abs(dx) + Math.abs(dy) < 4) return;
  if (!moved) { figure.setPointerCapture(event.pointerId); figure.classList.add("drags"); moved = true; }
  view[0] -= dx * scale(); view[1] -= dy * scale(); grip = [event.clientX, event.clientY];
  show();
});
const release = () => { grip = null; figure.classList.remove("drags"); };
figure.addEventListener("pointerup", release);
figure.addEventListener("pointercancel", release);
figure.addEventListener("dblclick", () => { view = whole.slice(); show(); });
figure.addEventListener("click", event => {
  if (moved) return;
  figure.querySelectorAll(".selected").forEach(group => group.classList.remove("selected"));
  const group = event.target.closest("g"), title = group && group.querySelector(":scope > title");
  details.textContent = title ? title.textContent : "";
  if (title) group.classList.add("selected");
});
"""


def to_html(arch: Drawable, *, theme: Theme = "auto", unfold: bool = False) -> str:
    """A page without anything from outside; its script moves the drawing and shows what a box is.

    Args and errors are those of :func:`acadl.draw.to_svg`.
    """
    title = escape(brief(arch.name))
    rows = "\n".join(_rows(arch))
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n'
        f"<style>{_page_style(theme)}</style>\n</head>\n<body>\n<h1>{title}</h1>\n<p>{escape(at_length(arch.doc))}</p>\n"
        f'<figure>\n{to_svg(arch, theme=theme, unfold=unfold)}<div id="details"></div></figure>\n'
        '<p class="hint">Drag to move, wheel to zoom, double click for the whole drawing, '
        "click a box for its attributes.</p>\n"
        "<table>\n<thead><tr><th>Object</th><th>Class</th><th>Latency</th><th>Processes</th>"
        "<th>Description</th></tr></thead>\n"
        f"<tbody>\n{rows}\n</tbody>\n</table>\n<script>{_SCRIPT}</script>\n</body>\n</html>\n"
    )


def _rows(arch: Drawable) -> Iterator[str]:
    if isinstance(arch, PlatformDescription):
        for box in drawn(arch)[0].children:
            yield _cells(box.label, box.kind, "", "", ", ".join(box.lines))
        return
    for name in _shown(arch):
        yield _row(arch.objects[name])


def _page_style(theme: Theme) -> str:
    colours = f":root {{ {_DARK if theme == 'dark' else _LIGHT} }}"
    if theme == "auto":
        colours += f"\n@media (prefers-color-scheme: dark) {{ :root {{ {_DARK} }} }}"
    return f"\n{colours}{_STYLE}"


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
    return _cells(item.name, type(item).__name__, latency, processes, item.doc)


def _cells(*cells: str) -> str:
    return "<tr>" + "".join(f"<td>{escape(at_length(cell))}</td>" for cell in cells) + "</tr>"
