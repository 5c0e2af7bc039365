"""Reading an ONNX file: bytes to a model whose large weights are dropped."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from hashlib import sha256
from math import prod
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError

from acadl.errors import AcadlError, reason_of, shortened

SMALL = 1024
"""Tensors of at most so many elements keep their values: shapes, axes and limits are computed from them."""

_DATA_FIELDS = (
    "raw_data",
    "float_data",
    "int32_data",
    "int64_data",
    "double_data",
    "uint64_data",
    "string_data",
)


def read_model(path: Path) -> tuple[onnx.ModelProto, str]:
    """The model in a file, and the SHA-256 of the file's bytes.

    Raises:
        AcadlError: The file is missing, unreadable, damaged or not an ONNX model.
    """
    data = _read(path)
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError:
        raise AcadlError(f"{path} {_damage(data)}") from None
    if not model.graph.node:
        raise AcadlError(f"{path} holds no graph: it is not an ONNX model, or a damaged one")
    if not all(isinstance(name, str) for name in _names(model)):  # protobuf hands out bytes instead
        raise AcadlError(f"{path} is damaged: a name in it is not UTF-8 text")
    _drop_weights(model)
    return _without_functions(path, model), sha256(data).hexdigest()


def _read(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        there = [p.name for p in path.parent.glob("*.onnx")] if path.parent.is_dir() else []
        near = difflib.get_close_matches(path.name, there, n=1)
        raise AcadlError(
            f"there is no file {shortened(str(path))}" + (f"; did you mean '{near[0]}'?" if near else "")
        ) from None
    except (OSError, ValueError) as error:
        raise AcadlError(f"{shortened(str(path))} cannot be read: {reason_of(error)}") from None
    if not data:
        raise AcadlError(f"{path} is empty")
    if data.startswith(b"version https://git-lfs"):
        raise AcadlError(f"{path} is a Git LFS pointer, not the model; fetch it with: git lfs pull")
    return data


def _damage(data: bytes) -> str:
    """Why bytes are not a message: cut off at the end, or something else altogether."""
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        field, wire = tag >> 3, tag & 7
        if not 1 <= field <= 25 or wire not in (0, 2):  # all that a ModelProto has
            break
        length, position = _varint(data, position)
        if wire == 2:
            position += length
        if position > len(data):
            return (
                f"is cut off: {position} bytes are announced, {len(data)} are there; fetch or export it again"
            )
    return "is not an ONNX model (not a protocol buffer of that type)"


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """The number at a position and the position after it; beyond the end where the bytes run out."""
    value = shift = 0
    while position < len(data) and shift < 64:
        byte = data[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return value, position
    return value, len(data) + 1


def _names(model: onnx.ModelProto) -> Iterator[object]:
    """Every text of the model that the import looks at."""
    graph = model.graph
    yield from (item.domain for item in model.opset_import)
    for function in model.functions:
        yield from (function.name, function.domain)
    nodes = [*graph.node, *(node for function in model.functions for node in function.node)]
    for node in _nodes(nodes):
        yield from (node.op_type, node.domain, node.name, *node.input, *node.output)
        yield from (attribute.name for attribute in node.attribute)
    for value in (*graph.input, *graph.output, *graph.value_info):
        yield value.name
        yield from (dim.dim_param for dim in value.type.tensor_type.shape.dim)
    yield from (tensor.name for tensor in graph.initializer)
    yield from (tensor.values.name for tensor in graph.sparse_initializer)


def _drop_weights(model: onnx.ModelProto) -> None:
    """Clear the values of large tensors in place; only their shapes are needed from here on."""
    tensors: list[onnx.TensorProto] = list(model.graph.initializer)
    for node in model.graph.node:
        tensors += [attribute.t for attribute in node.attribute if attribute.HasField("t")]
    for tensor in tensors:
        if min(tensor.dims, default=0) < 0:
            raise AcadlError(f"tensor '{tensor.name}' has a negative dimension: {list(tensor.dims)}")
        if prod(tensor.dims) > SMALL:
            for name in _DATA_FIELDS:
                tensor.ClearField(name)


def _without_functions(path: Path, model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with calls of its own functions replaced by their bodies."""
    if not model.functions:
        return model
    import onnx.inliner

    _refuse_recursion(path, model)
    try:
        return onnx.inliner.inline_local_functions(model)
    except (RuntimeError, ValueError, TypeError) as error:
        raise AcadlError(f"{path}: the model's functions cannot be expanded: {error}") from None


def _refuse_recursion(path: Path, model: onnx.ModelProto) -> None:
    calls = {(f.domain, f.name): {(n.domain, n.op_type) for n in _nodes(f.node)} for f in model.functions}
    done: set[tuple[str, str]] = set()
    while ready := {
        name for name, callees in calls.items() if name not in done and callees & calls.keys() <= done
    }:
        done |= ready
    if rest := sorted(name for _, name in calls.keys() - done):
        raise AcadlError(f"{path}: the model's functions call themselves: {', '.join(rest)}")


def _nodes(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.NodeProto]:
    """Nodes and the nodes of their subgraphs."""
    for node in nodes:
        yield node
        for attribute in node.attribute:
            for graph in (attribute.g, *attribute.graphs):
                yield from _nodes(graph.node)
