"""Self-contained HTML pages: one file, no external resource, light or dark as the reader's system is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from platforms.validation.chart import Panel
from platforms.validation.chart_svg import to_svg
from platforms.validation.provenance import Provenance

_STYLE = """
:root { color-scheme: light dark }
body { font: 15px/1.5 system-ui, Helvetica, Arial, sans-serif; margin: 2rem auto; max-width: 62rem;
  padding: 0 1rem; background: #f6f8fa; color: #1b1f24 }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2rem }
.headline { font-size: 1.1rem; font-weight: 600 }
.scroll { overflow-x: auto }
table { border-collapse: collapse; background: #ffffff; font-variant-numeric: tabular-nums }
th, td { padding: .25rem .7rem; border: 1px solid #d0d7de; text-align: right; vertical-align: top;
  white-space: nowrap }
th { background: #eaeef2 } td.text, th.text { text-align: left; white-space: normal }
pre { background: #ffffff; border: 1px solid #d0d7de; padding: .7rem; overflow-x: auto;
  white-space: pre-wrap }
svg { max-width: 100%; height: auto; margin: 1rem 0 }
@media (prefers-color-scheme: dark) {
body { background: #0d1117; color: #e6edf3 }
table, pre { background: #161b22 } th { background: #21262d }
th, td, pre { border-color: #30363d }
}
"""


def page(title: str, parts: Iterable[str]) -> str:
    """A page; the parts are HTML."""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style></head>\n"
        f"<body><h1>{escape(title)}</h1>\n" + "\n".join(parts) + "\n</body></html>\n"
    )


def headline(text: str) -> str:
    """The result in one line."""
    return f'<p class="headline">{escape(text)}</p>'


def heading(text: str) -> str:
    """Of a section."""
    return f"<h2>{escape(text)}</h2>"


def paragraphs(texts: Iterable[str]) -> str:
    """One below the other."""
    return "".join(f"<p>{escape(text)}</p>" for text in texts)


def lines(texts: Iterable[str]) -> str:
    """Text as it is, line by line."""
    return f"<pre>{escape(chr(10).join(texts))}</pre>"


def table(head: Sequence[str], rows: Iterable[Sequence[object]], text_columns: int = 1) -> str:
    """A table; the first ``text_columns`` columns are text, the others numbers."""

    def row(cells: Sequence[object], tag: str) -> str:
        styles = [' class="text"' if number < text_columns else "" for number in range(len(cells))]
        made = (
            f"<{tag}{style}>{escape(str(cell))}</{tag}>" for style, cell in zip(styles, cells, strict=True)
        )
        return f"<tr>{''.join(made)}</tr>"

    body = "\n".join(row(cells, "td") for cells in rows)
    return f'<div class="scroll"><table><thead>{row(head, "th")}</thead><tbody>\n{body}</tbody></table></div>'


def chart(title: str, panels: tuple[Panel, ...]) -> str:
    """Panels as a picture within the page."""
    return to_svg(title, panels)


def origin(found: Provenance) -> list[str]:
    """A section about what the page was made from."""
    return [heading("Made from"), table(("What", "Which"), found.rows(), text_columns=2)]
