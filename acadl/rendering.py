"""Diagnostics for web pages and editors; :func:`acadl.render` shows them on terminals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from acadl.diagnostics import SourceLines, printable, window
from acadl.errors import Diagnostic, Label, Span
from acadl.reading import with_line_feeds

_LSP_SEVERITY = {"error": 1, "warning": 2, "note": 3}

STYLE = """
.acadl-findings { font: 15px/1.5 system-ui, sans-serif; color-scheme: light dark }
.acadl-findings article { border-left: 4px solid #8b949e; margin: 1rem 0; padding: .2rem 1rem }
.acadl-findings article.error { border-color: #d1242f }
.acadl-findings article.warning { border-color: #bf8700 }
.acadl-findings article.note { border-color: #0969da }
.acadl-findings h3 { margin: 0; font-size: 1em }
.acadl-findings pre { margin: .4rem 0; overflow-x: auto }
.acadl-findings mark { background: none; color: inherit; text-decoration: underline wavy #d1242f }
.acadl-findings .label mark { text-decoration: underline #8b949e }
.acadl-findings .place { color: #6e7781; font-size: .85em }
"""


def to_html(diagnostics: Iterable[Diagnostic], sources: Mapping[str, str]) -> str:
    """A fragment for a web page: every finding with its lines. All text of the description is escaped."""
    lines = SourceLines(sources)
    articles = "\n".join(_article(diagnostic, lines) for diagnostic in diagnostics)
    return f'<section class="acadl-findings">\n<style>{STYLE}</style>\n{articles}\n</section>\n'


def to_page(diagnostics: Iterable[Diagnostic], sources: Mapping[str, str], title: str) -> str:
    """A web page of its own."""
    shown = _text(title)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8">'
        f"<title>{shown}</title></head>\n<body>\n<h1>{shown}</h1>\n"
        f"{to_html(diagnostics, sources)}</body>\n</html>\n"
    )


def _article(diagnostic: Diagnostic, sources: SourceLines) -> str:
    head = f"{diagnostic.severity}[{diagnostic.code}]: {diagnostic.message}"
    parts = [f'<article class="{diagnostic.severity}">', f"<h3>{_text(head)}</h3>"]
    if diagnostic.span is not None:
        parts.append(_excerpt(Label(diagnostic.span, ""), sources, "primary"))
    parts += [_excerpt(label, sources, "label") for label in diagnostic.labels]
    if diagnostic.hint:
        parts.append(f"<p>{_text(diagnostic.hint)}</p>")
    return "\n".join([*parts, "</article>"])


def _text(text: str) -> str:
    return escape(printable(text), quote=True)


def _excerpt(label: Label, sources: SourceLines, kind: str) -> str:
    span = label.span
    note = f" – {_text(label.text)}" if label.text else ""
    place = f'<div class="place">{_text(span.file)}:{span.line}:{span.column}{note}</div>'
    line = sources.line(span.file, span.line)
    if line is None:
        return f'<div class="{kind}">{place}</div>'
    start, end = span.column - 1, span.end_column - 1 if span.end_line == span.line else len(line)
    line, start, end = window(line, start, end)
    marked = f"{_text(line[:start])}<mark>{_text(line[start:end]) or ' '}</mark>{_text(line[end:])}"
    return f'<div class="{kind}">{place}<pre>{span.line:>4} | {marked}</pre></div>'


# --- language server protocol ---------------------------------------------------------------------------


def to_lsp(
    diagnostic: Diagnostic,
    sources: Mapping[str, str],
    uri_of: Mapping[str, str] | None = None,
    encoding: str = "utf-16",
) -> dict[str, Any]:
    """A ``Diagnostic`` of the language server protocol.

    Args:
        diagnostic: The finding; without a place it is put at the start of the file.
        sources: File name to text.
        uri_of: File name to URI, for related places; those in other files are left out.
        encoding: What columns count: code units of ``utf-8``, ``utf-16`` or ``utf-32``.
    """
    made: dict[str, Any] = {
        "range": lsp_range(diagnostic.span, sources, encoding),
        "severity": _LSP_SEVERITY[diagnostic.severity],
        "code": diagnostic.code,
        "source": "acadl",
        "message": f"{diagnostic.message}\n{diagnostic.hint}" if diagnostic.hint else diagnostic.message,
    }
    if diagnostic.code.startswith(("W0902", "W0904")):
        made["tags"] = [1]  # unnecessary
    known = uri_of or {}
    related = [
        {
            "location": {"uri": known[label.span.file], "range": lsp_range(label.span, sources, encoding)},
            "message": label.text,
        }
        for label in diagnostic.labels
        if label.span.file in known
    ]
    return made | ({"relatedInformation": related} if related else {})


def lsp_range(
    span: Span | None, sources: Mapping[str, str], encoding: str = "utf-16"
) -> dict[str, dict[str, int]]:
    """A range of the language server protocol: lines from 0, columns from 0 in code units of the encoding."""
    if span is None:
        return {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 0}}
    lines = with_line_feeds(sources.get(span.file, "")).split("\n")

    def position(line: int, column: int) -> dict[str, int]:
        text = lines[line - 1] if 1 <= line <= len(lines) else ""
        return {"line": line - 1, "character": units(text[: column - 1], encoding)}

    return {"start": position(span.line, span.column), "end": position(span.end_line, span.end_column)}


def units(text: str, encoding: str) -> int:
    """Length of a text in code units of ``utf-8``, ``utf-16`` or ``utf-32``."""
    if encoding == "utf-16":
        return utf16_length(text)
    if text.isascii():
        return len(text)
    return len(text.encode("utf-8")) if encoding == "utf-8" else len(text)


def utf16_length(text: str) -> int:
    """Code units of a text in UTF-16."""
    if text.isascii():
        return len(text)
    return len(text) + sum(ord(character) > 0xFFFF for character in text)
