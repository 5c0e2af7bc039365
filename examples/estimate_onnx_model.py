"""A network from an ONNX file. Needs the extra `onnx` (pip install 'acadl[onnx]')."""

import tempfile
from pathlib import Path

import onnx
from onnx import TensorProto, helper

import mappings
import platforms

weights = [
    helper.make_tensor("w1", TensorProto.FLOAT, (8, 3, 3, 3), [0.1] * 216),
    helper.make_tensor("w2", TensorProto.FLOAT, (10, 8), [0.1] * 80),
]
nodes = [
    helper.make_node("Conv", ["image", "w1"], ["features"], name="conv", auto_pad="SAME_UPPER"),
    helper.make_node("Relu", ["features"], ["positive"], name="relu"),
    helper.make_node("GlobalAveragePool", ["positive"], ["mean"], name="mean"),
    helper.make_node("Flatten", ["mean"], ["flat"], name="flatten"),
    helper.make_node("Gemm", ["flat", "w2"], ["scores"], name="classes", transB=1),
    helper.make_node("Erf", ["scores"], ["result"], name="squash"),
]
image = helper.make_tensor_value_info("image", TensorProto.FLOAT, (1, 3, 16, 16))
result = helper.make_tensor_value_info("result", TensorProto.FLOAT, (1, 10))
graph = helper.make_graph(nodes, "small", [image], [result], weights)

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder, "small.onnx")
    onnx.save(helper.make_model(graph), path)
    network = mappings.load_network(path)
for note in network.notes:
    print(f"{note.kind}: {note.node} ({note.op}): {note.text}")
report = platforms.estimate("systolic_array", network)
for layer in report.layers:
    print(f"{layer.name:8} {layer.op:14} {layer.macs:>7,} MACs {layer.cycles:>6,} cycles")
print(f"total {report.total_cycles:,} cycles; not mapped: {[layer.name for layer in report.unmapped]}")
