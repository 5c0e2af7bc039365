"""Shipped platforms by what they run."""

from __future__ import annotations

from platforms.catalog import platform_names

# run compiled programs
PROCESSORS = ("picorv32",)
# run layers of networks
ACCELERATORS = tuple(name for name in platform_names() if name not in PROCESSORS)
