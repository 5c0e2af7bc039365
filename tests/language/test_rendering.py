"""Diagnostics as web pages and for editors."""

from __future__ import annotations

from html.parser import HTMLParser

from acadl.errors import Diagnostic, Label, Span
from acadl.rendering import lsp_range, to_html, to_lsp, to_page, utf16_length

EVIL = "<script>alert('x')</script> & \x1b[31m"


def finding(
    line: str = "abc", start: int = 1, end: int = 2, code: str = "E0101"
) -> tuple[Diagnostic, dict[str, str]]:
    labels = (Label(Span("g", 1, 1, 1, 3), "first here"),)
    return Diagnostic(code, "m", Span("f", 1, start, 1, end), "hint", labels), {"f": line, "g": "xy"}


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)


def test_pages_show_the_place_and_what_is_related() -> None:
    item, sources = finding("abc def", 5, 8)
    text = to_html([item], sources)
    assert "abc <mark>def</mark>" in text and "g:1:1 – first here" in text and "<p>hint</p>" in text
    assert to_page([item], sources, "title").startswith("<!DOCTYPE html>")


def test_text_of_strangers_is_escaped() -> None:
    item = Diagnostic("E0101", EVIL, Span(EVIL, 1, 1, 1, 4), EVIL, (Label(Span("g", 1, 1, 1, 2), EVIL),))
    text = to_page([item], {EVIL: EVIL, "g": EVIL}, EVIL)
    tags = _Tags()
    tags.feed(text)
    assert "script" not in tags.tags
    assert "\x1b" not in text


def test_places_without_text_and_findings_without_places() -> None:
    item, _ = finding()
    assert "f:1:1" in to_html([item], {})
    assert "error[E0101]: m" in to_html([Diagnostic("E0101", "m")], {})
    assert lsp_range(None, {}) == {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 0}}


def test_columns_of_editors_are_utf_16() -> None:
    line = "é🚀 x"
    item, sources = finding(line, 4, 5)
    found = to_lsp(item, sources)
    assert found["range"]["start"] == {"line": 0, "character": 4}
    assert found["range"]["end"] == {"line": 0, "character": 5}
    assert utf16_length(line) == len(line.encode("utf-16-le")) // 2 == 5


def test_severities_and_related_places_of_editors() -> None:
    for code, severity in (("E0101", 1), ("W0902", 2), ("N1001", 3)):
        item, sources = finding(code=code)
        found = to_lsp(item, sources, {"g": "file:///g"})
        assert (found["severity"], found["code"]) == (severity, code)
        assert [place["location"]["uri"] for place in found["relatedInformation"]] == ["file:///g"]
    assert "relatedInformation" not in to_lsp(item, sources)
    assert to_lsp(Diagnostic("W0902", "m"), {})["tags"] == [1]
