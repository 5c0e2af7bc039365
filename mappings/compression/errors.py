"""What can go wrong when a model is compressed."""

from __future__ import annotations

from acadl.errors import AcadlError


class CompressionError(AcadlError):
    """Weights that do not fit what is asked for, or a model that cannot be compressed."""
