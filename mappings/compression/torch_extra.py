"""PyTorch is needed for compressing models, and comes with the extra ``train``."""

from __future__ import annotations

from importlib.util import find_spec

from mappings.compression.errors import CompressionError


def need_torch() -> None:
    """Raise :class:`CompressionError` where PyTorch is not installed."""
    if find_spec("torch") is None:
        raise CompressionError(
            "compressing models needs PyTorch, which is not installed; install the extra: "
            "pip install 'acadl[train]'"
        )
