"""Settings of all tests."""

from __future__ import annotations

from hypothesis import Phase, settings

# A busy machine is no failure: how long things take is measured in benchmarks/.
settings.register_profile("shrink", deadline=None)
# The smallest failing example is worth having, but not in every run: `pytest --hypothesis-profile=shrink`.
settings.register_profile("acadl", deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
settings.load_profile("acadl")
