"""Small ONNX models for the tests of the import."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from mappings.network import Network, load_network


@pytest.fixture
def import_model(tmp_path: Path) -> Callable[..., Network]:
    """Function: save a model and load it as a network."""
    pytest.importorskip("onnx")

    def run(model: Any, **sizes: Any) -> Network:
        path = tmp_path / "model.onnx"
        path.write_bytes(model.SerializeToString())
        return load_network(path, **sizes)

    return run


@pytest.fixture
def one_node(import_model: Callable[..., Network]) -> Callable[..., Network]:
    """Function: the network of one node; ``constants`` names inputs that are initializers."""
    onnx = pytest.importorskip("onnx")

    def run(
        op: str,
        shapes: Sequence[Sequence[int | str]],
        *,
        constants: dict[int, Any] | None = None,
        weights: Sequence[int] = (),
        opset: int = 13,
        load: dict[str, Any] | None = None,
        **attributes: Any,
    ) -> Network:
        helper, numpy_helper = onnx.helper, onnx.numpy_helper
        names = [f"x{i}" for i in range(len(shapes))]
        inputs, initializers = [], []
        for i, (name, shape) in enumerate(zip(names, shapes, strict=True)):
            if constants and i in constants:
                initializers.append(numpy_helper.from_array(constants[i], name))
            elif i in weights:
                initializers.append(large_constant(onnx, name, shape))
            else:
                inputs.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape))
        node = helper.make_node(op, names, ["y"], name="node", **attributes)
        output = onnx.ValueInfoProto()
        output.name = "y"
        graph = helper.make_graph([node], "g", inputs, [output], initializers)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
        return import_model(model, **(load or {}))

    return run


def large_constant(onnx: Any, name: str, shape: Sequence[int | str]) -> Any:
    """An initializer of a shape whose values lie in another file."""
    tensor = onnx.TensorProto()
    tensor.name, tensor.data_type = name, onnx.TensorProto.FLOAT
    tensor.dims.extend(shape)
    tensor.data_location = onnx.TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "weights.bin"
    return tensor
