"""What can go wrong with measurements and models."""

from __future__ import annotations

from acadl.errors import AcadlError


class EstimatorError(AcadlError):
    """Measurements that cannot be read or fitted, or a model file that does not hold together."""
