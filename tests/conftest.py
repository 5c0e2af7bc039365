"""Settings of all tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import Phase, settings

from mappings import cases, registry

# A busy machine is no failure: how long things take is measured in benchmarks/.
settings.register_profile("shrink", deadline=None)
# The smallest failing example is worth having, but not in every run: `pytest --hypothesis-profile=shrink`.
settings.register_profile("acadl", deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
settings.load_profile("acadl")


@pytest.fixture(autouse=True)
def shipped_mappings() -> Iterator[None]:
    """Mappings that a test registers are gone behind it; those that ship are there again."""
    tables = (registry._registered, cases._registered)
    before = [dict(table) for table in tables]
    yield
    for table, known in zip(tables, before, strict=True):
        for name in [name for name in table if name not in known and not _ships(table[name])]:
            del table[name]
        table.update(known)


def _ships(registered: object) -> bool:
    """Whether a registered function, or the first of what is registered, comes from the library."""
    function = registered[0] if isinstance(registered, tuple) else registered
    return getattr(function, "__module__", "").startswith("mappings.library")
