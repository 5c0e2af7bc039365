"""Settings of all tests."""

from __future__ import annotations

from hypothesis import settings

# A busy machine is no failure: how long things take is measured in benchmarks/.
settings.register_profile("acadl", deadline=None)
settings.load_profile("acadl")
