"""Coverage-guided fuzzing of the parser, the elaborator and the formatter; see ``test_fuzz.py``.

    python -m tests.language.fuzz CORPUS [options of libFuzzer]

Whatever the bytes: findings come or none, they can be rendered, their places lie in the text, and what has no
syntax errors is formatted without a change of meaning.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["acadl"]):
    from acadl.diagnostics import DescriptionError, render
    from acadl.formatting import format_text
    from acadl.loading import check_text


def one_input(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    checked = check_text(text, "fuzz.acadl", None, {})
    render(checked.diagnostics, checked.sources)
    assert (checked.architecture is None) == any(item.is_error for item in checked.diagnostics)
    for item in checked.diagnostics:
        assert item.span is not None and 1 <= item.span.line <= text.count("\n") + 1
    try:
        formatted = format_text(text)
    except DescriptionError:
        assert checked.architecture is None
        return
    assert format_text(formatted) == formatted


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
