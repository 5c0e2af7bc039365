"""Golden diagnostics: one text file per case, rewritten on request."""

from __future__ import annotations

import os

import pytest


@pytest.fixture
def update_golden() -> bool:
    """Whether to rewrite the golden files (``UPDATE_GOLDEN=1 pytest tests/language``) and not to compare."""
    return os.environ.get("UPDATE_GOLDEN", "") not in ("", "0")
