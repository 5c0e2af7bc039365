"""What systems that ship are made of, for systems of tests."""

from __future__ import annotations

from platforms.soc.chips import find_chip

L2 = find_chip("two_arrays").levels[0].parameters
