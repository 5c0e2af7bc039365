"""ONNX import: a model file to layers with shapes. Weights are not needed; only their shapes are read.

    file ──read──▶ ModelProto ──choose sizes, order nodes, infer shapes──▶ Graph ──lower──▶ layers, notes

The package ``onnx`` is an optional dependency; it is imported when the first model is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from acadl.errors import AcadlError
from mappings.network import Network


def import_onnx(path: Path, *, batch: int | None = None, dims: Mapping[str, int] | None = None) -> Network:
    """The network of an ONNX model; its name is the stem of the file's.

    Args:
        path: The model. Weights kept in other files beside it are not opened.
        batch: Size of the first dimension of every input. Default: what the model says, 1 where it is open.
        dims: Sizes of open dimensions by name, or of any input's dimension as ``INPUT:AXIS``.

    Raises:
        AcadlError: ``onnx`` is not installed, the file is missing, damaged or not a model, the graph is not
            valid, a size is open, or the shapes of a node do not fit.
    """
    try:
        import onnx  # noqa: F401 - asked here once, so that the rest can rely on it
    except ImportError:
        raise AcadlError("reading ONNX models needs the package onnx: pip install 'acadl[onnx]'") from None
    from mappings.onnx_import.file import read_model
    from mappings.onnx_import.infer import infer
    from mappings.onnx_import.lower import lower

    model, digest = read_model(path)
    try:
        graph = infer(model, batch=batch, dims=dict(dims or {}))
        layers, notes = lower(graph)
        return Network(path.stem, layers, notes, str(path), digest)
    except AcadlError as error:
        raise AcadlError(f"{path}: {error}", error.diagnostics) from None
