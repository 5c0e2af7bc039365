"""The long form of diagnostics: ``acadl explain CODE`` and ``docs/diagnostics.md``.

``explanations.md`` has a section for each code: what it means, and an example that is right.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from acadl.diagnostics import CODES
from acadl.errors import AcadlError
from acadl.suggesting import nearest

_SECTION = re.compile(r"^## (\w\d{4})\n(.*?)\n+```acadl\n(.*?)```\n", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a code means.

    Attributes:
        title: What all findings of the code have in common.
        text: A paragraph that says why, and what to do.
        example: Statements of a description that are right; a whole one where it has an ``architecture``.
    """

    code: str
    title: str
    text: str
    example: str

    def __str__(self) -> str:
        example = "".join(f"    {line}".rstrip() + "\n" for line in self.example.splitlines())
        return f"{self.code}: {self.title}\n\n{self.text}\n\nFor example, this is right:\n\n{example}"

    def to_dict(self) -> dict[str, str]:
        """Keys ``code, title, text, example``."""
        return {"code": self.code, "title": self.title, "text": self.text, "example": self.example}


@cache
def explanations() -> dict[str, Explanation]:
    """All of them, by code."""
    page = (files("acadl") / "explanations.md").read_text("utf-8")
    return {
        code: Explanation(code, CODES[code], text.strip(), example)
        for code, text, example in _SECTION.findall(page)
    }


def explain(code: str) -> Explanation:
    """The explanation of a code, upper or lower case, or of its number where one code has it.

    Raises :class:`AcadlError` for unknown ones.
    """
    known = explanations()
    numbered = [name for name in known if code.isdecimal() and name[1:] == code.zfill(4)]
    if len(numbered) == 1:
        return known[numbered[0]]
    if code.upper() in known:
        return known[code.upper()]
    near = nearest(code.upper(), known)
    hint = f"did you mean '{near}'?" if near else "codes look like E0201, W0902 or N1001"
    raise AcadlError(f"there is no diagnostic '{code}'; {hint}")
