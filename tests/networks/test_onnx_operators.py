"""Operators of ONNX models without a window: layers, folding, views, constants, unknown ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from acadl.errors import AcadlError
from mappings.layers import Layer
from mappings.network import Network

onnx = pytest.importorskip("onnx")
np = pytest.importorskip("numpy")
helper, numpy_helper, FLOAT, INT64 = (
    onnx.helper,
    onnx.numpy_helper,
    onnx.TensorProto.FLOAT,
    onnx.TensorProto.INT64,
)
OneNode = Callable[..., Network]
ImportModel = Callable[..., Network]


def model(
    nodes: list[Any],
    inputs: dict[str, list[Any]],
    constants: dict[str, Any] | None = None,
    *,
    opset: int = 13,
    outputs: tuple[str, ...] = ("y",),
    **more: Any,
) -> Any:
    """A model of some nodes; arrays are initializers."""
    values = [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in inputs.items()]
    results = [onnx.ValueInfoProto(name=name) for name in outputs]
    initializers = [numpy_helper.from_array(value, name) for name, value in (constants or {}).items()]
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("com.example", 1)]
    return helper.make_model(
        helper.make_graph(nodes, "g", values, results, initializers, **more), opset_imports=opsets
    )


def node(op: str, inputs: str, output: str = "y", **attributes: Any) -> Any:
    """A node that is called like its output."""
    outputs = output.split()
    return helper.make_node(op, inputs.split(), outputs, name=outputs[0], **attributes)


def ones(*shape: int) -> Any:
    """A constant tensor of floats."""
    return np.ones(shape, dtype=np.float32)


def ints(*values: int) -> Any:
    """A constant shape or list of axes."""
    return np.array(values, dtype=np.int64)


def ops(network: Network) -> list[tuple[str, str]]:
    """Names and operators of the layers."""
    return [(layer.name, layer.op) for layer in network.layers]


def notes(network: Network) -> list[tuple[str, str]]:
    """Kinds and nodes of the notes, constants left out."""
    return [(note.kind, note.node) for note in network.notes if note.kind != "constant"]


# -------------------- matrix products --------------------


@pytest.mark.parametrize(
    ("a", "b", "attributes", "expected"),
    [
        ([2, 8], [8, 5], {}, (2, 5, 8)),
        ([8, 2], [8, 5], {"transA": 1}, (2, 5, 8)),
        ([2, 8], [5, 8], {"transB": 1}, (2, 5, 8)),
        ([8, 2], [5, 8], {"transA": 1, "transB": 1}, (2, 5, 8)),
    ],
)
def test_gemm(
    one_node: OneNode, a: list[int], b: list[int], attributes: dict[str, int], expected: tuple[int, ...]
):
    """Either matrix may be transposed; constant weights make it a fully connected layer."""
    for weights, op in (([1], "fc"), ([], "gemm")):
        (layer,) = one_node("Gemm", [a, b], weights=weights, **attributes).layers
        assert (layer.gemm_M, layer.gemm_N, layer.gemm_K) == expected
        assert (layer.op, layer.bias, layer.macs) == (op, False, 80)


def test_gemm_bias(one_node: OneNode):
    """The third input is a bias unless beta removes it."""
    (layer,) = one_node("Gemm", [[2, 8], [8, 5], [5]], weights=[1, 2]).layers
    assert layer.bias
    (layer,) = one_node("Gemm", [[2, 8], [8, 5], [5]], weights=[1, 2], beta=0.0).layers
    assert not layer.bias


def test_a_constant_first_matrix_becomes_the_weight(one_node: OneNode):
    """Computed as the transpose: the same multiply-accumulates, weights and activations told apart."""
    (layer,) = one_node("Gemm", [[2, 8], [8, 5]], weights=[0]).layers
    assert (layer.weight_elements, layer.input_elements, layer.output_elements, layer.macs) == (
        16,
        40,
        10,
        80,
    )
    (layer,) = one_node("MatMul", [[2, 8], [3, 8, 5]], weights=[0]).layers
    assert (layer.weight_elements, layer.input_elements, layer.output_elements) == (16, 120, 30)


@pytest.mark.parametrize(
    ("a", "b", "weights", "expected"),
    [
        ([4, 8], [8, 5], [1], (4, 5, 8, 1)),
        ([2, 3, 4, 8], [8, 5], [1], (24, 5, 8, 1)),
        ([2, 3, 4, 8], [8, 5], [], (24, 5, 8, 1)),
        ([2, 3, 4, 8], [1, 1, 8, 5], [1], (24, 5, 8, 1)),
        ([2, 3, 4, 8], [2, 3, 8, 5], [], (4, 5, 8, 6)),
        ([2, 1, 4, 8], [3, 8, 5], [], (4, 5, 8, 6)),
        ([8], [8, 5], [1], (1, 5, 8, 1)),
        ([4, 8], [8], [1], (4, 1, 8, 1)),
        ([8], [3, 8, 5], [], (1, 5, 8, 3)),
    ],
)
def test_matmul(one_node: OneNode, a: list[int], b: list[int], weights: list[int], expected: tuple[int, ...]):
    """Leading dimensions of the first matrix become rows, those of both repeat the product."""
    network = one_node("MatMul", [a, b], weights=weights)
    (layer,) = network.layers
    assert (layer.gemm_M, layer.gemm_N, layer.gemm_K, layer.count) == expected
    assert layer.op == "gemm"
    reference = np.matmul(np.ones(a), np.ones(b))
    assert network.macs == int(reference.sum())  # a product of ones counts its terms


def test_inner_dimensions_must_agree(one_node: OneNode):
    """The node and both shapes are named."""
    with pytest.raises(AcadlError, match=r"node 'node' \(MatMul\): .*x0: \[2, 8\], x1: \[7, 5\]"):
        one_node("MatMul", [[2, 8], [7, 5]])


def test_quantised_products_and_convolutions(import_model: ImportModel):
    """QLinearConv, QLinearMatMul, ConvInteger, MatMulInteger count like the others; views do not."""
    types = onnx.TensorProto
    nodes = [
        node("QuantizeLinear", "x s z", "q"),
        node("QLinearConv", "q s z w s z s z b", "c", pads=[1, 1, 1, 1]),
        node("DequantizeLinear", "c s z", "d"),
        node("QuantizeLinear", "d s z", "e"),
        node("ConvInteger", "e w2", "i"),
        node("Cast", "i", "f", to=types.UINT8),
        node("Reshape", "f shape", "r"),
        node("QLinearMatMul", "r s z v s z s z", "m"),
        node("MatMulInteger", "m u", "y"),
    ]
    constants = {
        "s": np.array(0.5, np.float32), "z": np.array(0, np.uint8), "w": np.ones((4, 3, 3, 3), np.uint8),
        "b": np.ones(4, np.int32), "w2": np.ones((2, 4, 1, 1), np.uint8), "shape": ints(1, -1),
        "v": np.ones((128, 10), np.uint8), "u": np.ones((10, 6), np.uint8),
    }  # fmt: skip
    network = import_model(model(nodes, {"x": [1, 3, 8, 8]}, constants))
    assert ops(network) == [("c", "conv"), ("i", "conv"), ("m", "gemm"), ("y", "gemm")]
    assert [layer.macs for layer in network.layers] == [64 * 4 * 27, 64 * 2 * 4, 1280, 60]
    assert [layer.bias for layer in network.layers] == [True, False, False, False]
    assert [layer.inputs for layer in network.layers] == [(), ("c",), ("i",), ("m",)]
    assert notes(network) == [("view", name) for name in ["q", "d", "e", "f", "r"]]


# -------------------- element-wise --------------------


@pytest.mark.parametrize(
    ("op", "shapes", "layer", "elements"),
    [
        ("Add", [[1, 8, 4, 4], [1, 8, 4, 4]], ("add", 8, 4, 4, 2), 256),
        ("Sum", [[1, 8, 4, 4]] * 3, ("add", 8, 4, 4, 3), 384),
        ("Mul", [[1, 8, 4, 4], [1, 8, 1, 1]], ("mul", 8, 4, 4, 2), 136),
        ("Add", [[8, 1], [1, 6]], ("add", 6, 1, 1, 2), 14),
        ("Sub", [[1, 5, 6], [6]], ("sub", 5, 1, 6, 2), 36),
    ],
)
def test_sums_and_products(one_node: OneNode, op: str, shapes: Any, layer: tuple[Any, ...], elements: int):
    """The result's shape; what is read counts smaller operands once."""
    (found,) = one_node(op, shapes).layers
    assert (found.op, found.C, found.H, found.W, found.operands) == layer
    assert found.input_elements == elements
    assert found.output_elements == found.N * found.C * found.H * found.W


@pytest.mark.parametrize(
    ("constant", "operands", "elements", "parameters"),
    [((1, 8, 4, 4), 2, 256, 0), ((8, 1, 1), 1, 128, 8), ((1,), 1, 128, 0), ((), 1, 128, 0)],
)
def test_sums_with_constants(one_node: OneNode, constant: Any, operands: int, elements: int, parameters: int):
    """As large as the result: an operand; per channel: parameters; one number: part of the instruction."""
    (layer,) = one_node("Add", [[1, 8, 4, 4], [1]], constants={1: ones(*constant)}).layers
    assert (layer.op, layer.operands) == ("add", operands)
    assert (layer.input_elements, layer.param_elements) == (elements, parameters)


@pytest.mark.parametrize(
    ("opset", "shapes", "constants", "attributes", "op"),
    [
        (6, [[1, 8]], {}, {"min": 0.0, "max": 6.0}, "relu"),
        (6, [[1, 8]], {}, {"min": -1.0, "max": 1.0}, "clip"),
        (13, [[1, 8], [], []], {1: np.float32(0), 2: np.float32(6)}, {}, "relu"),
        (13, [[1, 8], [], []], {1: np.float32(-1), 2: np.float32(1)}, {}, "clip"),
        (13, [[1, 8]], {}, {}, "clip"),
    ],
)
def test_clip(one_node: OneNode, opset: int, shapes: Any, constants: Any, attributes: Any, op: str):
    """From zero up it is a ReLU, with limits as attributes or as inputs."""
    arrays = {i: np.asarray(value) for i, value in constants.items()}
    (layer,) = one_node("Clip", shapes, constants=arrays, opset=opset, **attributes).layers
    assert (layer.op, layer.input_elements, layer.param_elements) == (op, 8, 0)


@pytest.mark.parametrize(
    ("op", "opset", "shape", "attributes", "rows"),
    [
        ("Softmax", 9, [2, 3, 4, 5], {}, (2, 60)),
        ("Softmax", 9, [2, 3, 4, 5], {"axis": 3}, (24, 5)),
        ("Softmax", 13, [2, 3, 4, 5], {}, (24, 5)),
        ("Softmax", 13, [2, 3, 4, 5], {"axis": 1}, (40, 3)),
        ("LogSoftmax", 13, [2, 3], {}, (2, 3)),
    ],
)
def test_softmax(
    one_node: OneNode, op: str, opset: int, shape: list[int], attributes: Any, rows: tuple[int, int]
):
    """Rows and their length; from operator set 13 on the axis is a row, before that all axes from it on."""
    (layer,) = one_node(op, [shape], opset=opset, **attributes).layers
    assert (layer.op, layer.N, layer.C) == (op.lower(), *rows)
    assert layer.output_elements == np.prod(shape)


def test_layer_normalisation(one_node: OneNode):
    """Rows and their length, scale and shift as parameters."""
    (layer,) = one_node("LayerNormalization", [[2, 7, 64], [64], [64]], weights=[1, 2], opset=17).layers
    assert (layer.op, layer.N, layer.C, layer.param_elements) == ("layernorm", 14, 64, 128)


def test_local_response_normalisation(one_node: OneNode):
    """The window is a number of channels."""
    (layer,) = one_node("LRN", [[1, 8, 4, 4]], size=5).layers
    assert (layer.op, layer.window, layer.C, layer.output_elements) == ("lrn", 5, 8, 128)


def test_concatenation(one_node: OneNode):
    """Equal parts by their shape, unequal ones by their sum."""
    (even,) = one_node("Concat", [[1, 8, 4, 4]] * 2, axis=1).layers
    assert (even.op, even.C, even.operands, even.in_elements, even.output_elements) == (
        "concat",
        8,
        2,
        None,
        256,
    )
    (uneven,) = one_node(
        "Concat", [[1, 8, 4, 4], [1, 4, 4, 4], [1, 4, 4, 4]], axis=1, constants={2: ones(1, 4, 4, 4)}
    ).layers
    assert (uneven.operands, uneven.input_elements, uneven.output_elements) == (3, 256, 256)


@pytest.mark.parametrize(
    ("op", "shapes", "constants", "attributes", "expected"),
    [
        ("Transpose", [[1, 2, 4, 3, 3]], {}, {"perm": [0, 2, 1, 3, 4]}, ("transpose", 72, 72)),
        (
            "Slice",
            [[1, 8, 4, 4], [1], [1], [1]],
            {1: ints(0), 2: ints(2), 3: ints(2)},
            {},
            ("slice", 128, 64),
        ),
        ("Split", [[1, 8, 4, 4]], {}, {"axis": 1}, ("split", 128, 128)),
        ("Pad", [[1, 2, 4, 4], [8]], {1: ints(0, 0, 1, 1, 0, 0, 1, 1)}, {}, ("pad", 32, 72)),
        ("Gather", [[2, 3], [50, 4]], {}, {}, ("gather", 24, 24)),
        ("Sigmoid", [[2, 3]], {}, {}, ("sigmoid", 6, 6)),
        ("PRelu", [[1, 8, 4, 4], [8, 1, 1]], {1: ones(8, 1, 1)}, {}, ("prelu", 128, 128)),
    ],
)
def test_other_operators_carry_their_name_and_elements(
    import_model: ImportModel,
    op: str,
    shapes: Any,
    constants: Any,
    attributes: Any,
    expected: tuple[str, int, int],
):
    """Lower-case ONNX name, elements read and written, so that a general-purpose unit can run them."""
    names = [f"x{i}" for i in range(len(shapes))]
    inputs = {
        name: shape for i, (name, shape) in enumerate(zip(names, shapes, strict=True)) if i not in constants
    }
    arrays = {f"x{i}": value for i, value in constants.items()}
    order = " ".join(reversed(names)) if op == "Gather" else " ".join(names)
    if op == "Gather":  # a table of 50 rows and six positions in it
        arrays["x1"] = ones(*inputs.pop("x1"))
    result = node(op, order, "y y2" if op == "Split" else "y", **attributes)
    graph = model([result], inputs, arrays)
    if op == "Gather":
        graph.graph.input[0].type.tensor_type.elem_type = INT64
    network = import_model(graph)
    (layer,) = network.layers
    assert (layer.op, layer.input_elements, layer.output_elements) == expected
    assert network.unsupported == ()


# -------------------- folding, views, constants --------------------


def convolution_then(*more: Any, extra_outputs: tuple[str, ...] = (), **constants: Any) -> Any:
    """A convolution of eight channels to ``c``, and nodes behind it."""
    weights = {"w": ones(8, 3, 3, 3), "k": ones(8), "e": ones(8, 1, 1), "s": ones(), "p": ones(1, 1, 4, 1)}
    used = {name for n in more for name in n.input}
    constants = {name: value for name, value in (weights | constants).items() if name == "w" or name in used}
    return model(
        [node("Conv", "x w", "c"), *more], {"x": [1, 3, 6, 6]}, constants, outputs=("y", *extra_outputs)
    )


@pytest.mark.parametrize(
    ("nodes", "folded", "bias"),
    [
        ([node("BatchNormalization", "c k k k k", "y")], ["y"], True),
        (
            [node("BatchNormalization", "c k k k k", "b"), node("Mul", "b e", "m"), node("Add", "e m")],
            ["b", "m", "y"],
            True,
        ),
        ([node("Mul", "c e")], ["y"], False),
        ([node("Div", "c s")], ["y"], False),
        ([node("Sub", "c s")], ["y"], True),
        ([node("Identity", "c", "i"), node("Add", "i e")], ["y"], True),
        ([node("Unsqueeze", "k axes", "u"), node("Add", "c u")], ["y"], True),
    ],
)  # fmt: skip
def test_scales_and_shifts_go_into_the_convolution(
    import_model: ImportModel, nodes: Any, folded: list[str], bias: bool
):
    """Batch normalisation, Mul, Div, Add, Sub by constants per channel or by one number."""
    network = import_model(convolution_then(*nodes, axes=ints(1, 2)))
    assert ops(network) == [("c", "conv")]
    assert [note.node for note in network.notes_of("folded")] == folded
    assert all(note.text == "part of 'c'" for note in network.notes_of("folded"))
    assert network.layers[0].bias is bias


@pytest.mark.parametrize(
    ("graph", "expected"),
    [
        (convolution_then(node("Add", "c p")), "add"),  # varies along the height
        (convolution_then(node("Div", "s c")), "div"),  # the data divides
        (convolution_then(node("Relu", "c", "r"), node("Mul", "r e")), "mul"),  # not linear in between
        (
            convolution_then(node("Mul", "c e"), node("Relu", "c", "z"), extra_outputs=("z",)),
            "mul",
        ),  # used twice
        (convolution_then(node("Mul", "c e"), extra_outputs=("c",)), "mul"),  # an output of the network
        (convolution_then(node("Mul", "c x2", "y"), x2=ones(1, 8, 4, 4)), "mul"),  # one factor per element
    ],
)
def test_what_does_not_fit_stays_a_layer(import_model: ImportModel, graph: Any, expected: str):
    """The convolution keeps its own result."""
    network = import_model(graph)
    assert network.notes_of("folded") == ()
    assert not network.layers[0].bias
    assert expected in [layer.op for layer in network.layers]


def test_a_convolution_with_computed_weights_takes_nothing_in(import_model: ImportModel):
    """There is no constant to scale."""
    nodes = [node("Conv", "x w", "c"), node("BatchNormalization", "c k k k k")]
    network = import_model(model(nodes, {"x": [1, 3, 6, 6], "w": [8, 3, 3, 3]}, {"k": ones(8)}))
    assert ops(network) == [("c", "conv"), ("y", "batchnorm")]
    assert network.layers[1].param_elements == 16


def test_a_matrix_product_takes_a_bias_per_column(import_model: ImportModel):
    """As exporters write linear layers; a constant per row stays."""
    nodes = [node("MatMul", "x w", "m"), node("Add", "b m", "a"), node("Add", "a r")]
    network = import_model(model(nodes, {"x": [2, 7, 16]}, {"w": ones(16, 5), "b": ones(5), "r": ones(7, 1)}))
    assert ops(network) == [("m", "gemm"), ("y", "add")]
    assert network.layers[0].bias
    assert (network.layers[1].param_elements, network.layers[1].inputs) == (7, ("m",))


def test_old_broadcasting_names_its_axis(import_model: ImportModel):
    """Before operator set 7 a constant per channel came with an attribute."""
    nodes = [node("Conv", "x w", "c"), node("Add", "c k", "y", broadcast=1, axis=1)]
    network = import_model(model(nodes, {"x": [1, 3, 6, 6]}, {"w": ones(8, 3, 3, 3), "k": ones(8)}, opset=6))
    assert ops(network) == [("c", "conv")]
    assert network.layers[0].bias


def test_views_connect_what_is_around_them(import_model: ImportModel):
    """No layers, but notes with a reason; the flattened result feeds the classifier."""
    nodes = [
        node("Conv", "x w", "c"),
        node("Flatten", "c", "f"),
        node("Unsqueeze", "f axes", "u"),
        node("Squeeze", "u axes", "v"),
        node("Reshape", "v shape", "r"),
        node("Dropout", "r", "d"),
        node("Identity", "d", "i"),
        node("Transpose", "i", "t", perm=[1, 0]),
        node("Transpose", "t", "t2", perm=[1, 0]),
        node("Gemm", "t2 m", "y"),
    ]
    constants = {"w": ones(8, 3, 3, 3), "axes": ints(0), "shape": ints(1, -1), "m": ones(128, 10)}
    network = import_model(model(nodes, {"x": [1, 3, 6, 6]}, constants))
    assert ops(network) == [("c", "conv"), ("y", "fc")]
    assert network.layers[1].inputs == ("c",)
    assert notes(network) == [("view", name) for name in ["f", "u", "v", "r", "d", "i", "t", "t2"]]
    assert {note.op: note.text for note in network.notes_of("view")}[
        "Transpose"
    ] == "it only moves dimensions of size one"


def test_constants_are_computed_before_inference(import_model: ImportModel):
    """Weights from ConstantOfShape, Constant and a chain of operators; nothing of it is a layer."""
    nodes = [
        node("ConstantOfShape", "shape", "w"),
        node("Constant", "", "scale", value=numpy_helper.from_array(ones(4))),
        node("Unsqueeze", "scale axes", "scale3"),
        node("Mul", "w scale3", "w2"),
        node("Conv", "x w2"),
    ]
    constants = {"shape": ints(4, 3, 3, 3), "axes": ints(1, 2, 3)}
    network = import_model(model(nodes, {"x": [1, 3, 8, 8]}, constants))
    assert ops(network) == [("y", "conv")]
    assert [note.node for note in network.notes_of("constant")] == ["w", "scale", "scale3", "w2"]


@pytest.mark.parametrize("opset", [11, 13, 18])
def test_shapes_computed_by_the_graph_are_followed(import_model: ImportModel, opset: int):
    """``x.view(x.size(0), -1)`` as exporters write it, in old and new operator sets; with any batch size."""
    unsqueeze = node("Unsqueeze", "n axes", "u") if opset >= 13 else node("Unsqueeze", "n", "u", axes=[0])
    nodes = [
        node("Shape", "x", "s"),
        node("Gather", "s zero", "n"),
        unsqueeze,
        node("Concat", "u rest", "t", axis=0),
        node("Reshape", "x t", "r"),
        node("Gemm", "r w"),
    ]
    constants = {"zero": np.array(0), "axes": ints(0), "rest": ints(-1), "w": ones(30, 10)}
    graph = model(nodes, {"x": ["N", 10, 3]}, constants, opset=opset)
    for batch in (1, 4):
        (layer,) = import_model(graph, batch=batch).layers
        assert (layer.gemm_M, layer.gemm_N, layer.gemm_K) == (batch, 10, 30)


# Nodes from the input's shape ``s`` = [2, 2, 3, 4] or from constants to a shape ``t``.
SHAPES = [
    ([node("Slice", "s a b", "k"), node("ReduceProd", "k", "t")], {"a": ints(1), "b": ints(4)}, [24]),
    (
        [node("Slice", "s a b z m", "t")],
        {"a": ints(-2), "b": ints(-9), "z": ints(0), "m": ints(-1)},
        [3, 2, 2],
    ),
    ([node("Split", "s sizes", "t rest")], {"sizes": ints(3, 1)}, [2, 2, 3]),
    ([node("Split", "s", "t rest")], {}, [2, 2]),
    ([node("Div", "s a", "d"), node("Mul", "d a", "t")], {"a": ints(2, 1, 2, 1)}, [2, 2, 2, 4]),
    (
        [
            *(node("Cast", "s", "f", to=1), node("Mul", "f h", "g")),
            *(node("Floor", "g", "e"), node("Cast", "e", "t", to=7)),
        ],
        {"h": ones(4) * np.float32(1.5)},
        [3, 3, 4, 6],
    ),
    ([node("Range", "a b c", "t")], {"a": np.array(2), "b": np.array(5), "c": np.array(1)}, [2, 3, 4]),
    (
        [node("Equal", "s a", "q"), node("Where", "q b s", "t")],
        {"a": ints(2, 2, 2, 2), "b": ints(9, 9, 9, 9)},
        [9, 9, 3, 4],
    ),
    ([node("Size", "x", "z"), node("Unsqueeze", "z a", "t")], {"a": ints(0)}, [48]),
    (
        [node("Transpose", "m", "n", perm=[1, 0]), node("Reshape", "n a", "t")],
        {"m": np.array([[1, 2], [3, 4]]), "a": ints(-1)},
        [1, 3, 2, 4],
    ),
    (
        [
            *(node("Equal", "s a", "q"), node("Not", "q", "p")),
            *(node("NonZero", "p", "o"), node("Squeeze", "o", "t")),
        ],
        {"a": ints(2, 0, 2, 0)},
        [1, 2, 3],
    ),
    ([node("Tile", "a b", "t")], {"a": ints(2, 3), "b": ints(2)}, [2, 3, 2, 3]),
    (
        [
            *(node("Neg", "s", "m"), node("Abs", "m", "p")),
            *(node("Max", "p a", "u"), node("Min", "u b", "t")),
        ],
        {"a": ints(3), "b": ints(3)},
        [3, 3, 3, 3],
    ),
]


@pytest.mark.parametrize(("nodes", "constants", "expected"), SHAPES)
def test_arithmetic_on_shapes(import_model: ImportModel, nodes: Any, constants: Any, expected: list[int]):
    """Each operator that exporters compute shapes with; the result is the shape of the network's output."""
    needs_shape = any("s" in n.input for n in nodes)
    chain = [*([node("Shape", "x", "s")] if needs_shape else []), *nodes, node("Expand", "q0 t", "y")]
    graph = model(chain, {"x": [2, 2, 3, 4], "q0": [1]}, constants)
    (layer,) = import_model(graph).layers
    assert layer.output_elements == np.prod(expected)
    assert layer.op == "expand"


# -------------------- unknown operators --------------------


def test_an_operator_of_another_domain_is_a_layer_by_its_shapes(import_model: ImportModel):
    """With the shapes that the model declares; reported, and never taken for an operator of ONNX."""
    nodes = [helper.make_node("Conv", ["x"], ["c"], name="c", domain="com.example"), node("Relu", "c")]
    declared = [helper.make_tensor_value_info("c", FLOAT, ["N", 8, 2, 2])]
    network = import_model(model(nodes, {"x": ["N", 3, 4, 4]}, value_info=declared), batch=2)
    assert ops(network) == [("c", "com.example.conv"), ("y", "relu")]
    assert (network.layers[0].input_elements, network.layers[0].output_elements, network.macs) == (96, 64, 0)
    assert network.layers[1].inputs == ("c",)
    assert [(note.op, note.text) for note in network.unsupported] == [
        ("com.example.Conv", "a layer by its shapes; multiply-accumulates inside it are not counted")
    ]


def test_an_operator_without_shapes_is_reported(import_model: ImportModel):
    """Where the rest does not need them; the layers behind it stay connected."""
    nodes = [
        node("Relu", "x", "r"),
        helper.make_node("Strange", ["r"], ["s"], name="s", domain="com.example"),
        node("Sigmoid", "s"),
    ]
    network = import_model(model(nodes, {"x": [1, 8]}))
    assert ops(network) == [("r", "relu")]
    assert [(note.node, note.op) for note in network.unsupported] == [
        ("s", "com.example.Strange"),
        ("y", "Sigmoid"),
    ]
    assert "unknown: s (com.example.Strange): not imported: its shapes depend on data" in network.report()


def test_a_matrix_product_behind_it_cannot_be_left_out(import_model: ImportModel):
    """A total without it would mislead."""
    nodes = [helper.make_node("Strange", ["x"], ["s"], name="s", domain="com.example"), node("MatMul", "s w")]
    with pytest.raises(
        AcadlError, match=r"node 'y' \(MatMul\): the shape of tensor 's' is not known; give it in"
    ):
        import_model(model(nodes, {"x": [1, 8]}, {"w": ones(8, 4)}))


def test_recurrent_layers_are_reported_as_not_counted(one_node: OneNode):
    """A layer of its name has elements, but no multiply-accumulates."""
    network = one_node("LSTM", [[5, 1, 8], [1, 64, 8], [1, 64, 16]], weights=[1, 2], hidden_size=16)
    assert [layer.op for layer in network.layers] == ["lstm"]
    assert [note.op for note in network.unsupported] == ["LSTM"]


def test_control_flow_is_reported_and_its_captures_are_uses(import_model: ImportModel):
    """The convolution's result is also read inside the branch, so nothing is folded into it."""
    inner = helper.make_graph([node("Relu", "c", "o")], "b", [], [onnx.ValueInfoProto(name="o")])
    nodes = [
        node("Conv", "x w", "c"),
        node("Mul", "c e", "y"),
        node("If", "cond", "z", then_branch=inner, else_branch=inner),
    ]
    graph = model(
        nodes,
        {"x": [1, 3, 6, 6], "cond": []},
        {"w": ones(8, 3, 3, 3), "e": ones(8, 1, 1)},
        outputs=("y", "z"),
    )
    network = import_model(graph)
    assert ops(network) == [("c", "conv"), ("y", "mul")]
    assert [note.op for note in network.unsupported] == ["If"]


def test_functions_of_the_model_are_expanded(import_model: ImportModel):
    """A function of the model's own is its body."""
    body = [node("Conv", "a w", "c"), node("Relu", "c", "r")]
    function = helper.make_function(
        "com.example", "ConvRelu", ["a", "w"], ["r"], body, [helper.make_opsetid("", 13)]
    )
    call = helper.make_node("ConvRelu", ["x", "w"], ["y"], name="y", domain="com.example")
    graph = model([call], {"x": [1, 3, 6, 6]}, {"w": ones(8, 3, 3, 3)})
    graph.functions.append(function)
    network = import_model(graph)
    assert [layer.op for layer in network.layers] == ["conv", "relu"]
    assert network.macs == 16 * 8 * 27


def test_unsorted_nodes_are_put_in_order(import_model: ImportModel):
    """ONNX asks for sorted nodes; not every tool writes them."""
    network = import_model(model([node("Relu", "c"), node("Sigmoid", "x", "c")], {"x": [1, 8]}))
    assert ops(network) == [("c", "sigmoid"), ("y", "relu")]
    assert network.layers[1].inputs == ("c",)


def test_names_are_unique(import_model: ImportModel):
    """Nodes without a name are called like their output, a name that is taken gets a number."""
    nodes = [
        helper.make_node("Relu", [a], [b], name=n)
        for a, b, n in (("x", "a", "r"), ("a", "b", ""), ("b", "y", "r"))
    ]
    assert ops(import_model(model(nodes, {"x": [1, 8]}))) == [("r", "relu"), ("b", "relu"), ("r_2", "relu")]


def test_results_of_an_add_with_itself_are_listed_twice(import_model: ImportModel):
    """One name for each operand."""
    network = import_model(model([node("Relu", "x", "r"), node("Add", "r r")], {"x": [1, 8]}))
    assert network.layers[1] == Layer(name="y", op="add", C=8, operands=2, inputs=("r", "r"), onnx_op="Add")


def attention_schema() -> bool:
    """Whether the installed onnx knows the operator."""
    onnx = pytest.importorskip("onnx")
    return bool(onnx.defs.has("Attention", "") and onnx.defs.onnx_opset_version() >= 23)


@pytest.mark.skipif(not attention_schema(), reason="this onnx has no operator Attention")
@pytest.mark.parametrize(
    ("shapes", "heads"),
    [
        ([[2, 8, 5, 16], [2, 2, 7, 16], [2, 2, 7, 12]], {}),
        ([[2, 5, 128], [2, 7, 32], [2, 7, 24]], {"q_num_heads": 8, "kv_num_heads": 2}),
    ],
)
def test_an_attention_is_its_scores_softmax_and_context(one_node, shapes, heads) -> None:
    """Heads that share keys are rows of one product; the layers follow each other."""
    network = one_node("Attention", shapes, opset=23, **heads)
    scores, softmax, context = network.layers
    assert [layer.name for layer in network.layers] == ["node.scores", "node.softmax", "node.context"]
    assert (scores.gemm_batch, scores.gemm_M, scores.gemm_K, scores.gemm_N) == (4, 20, 16, 7)
    assert (softmax.N, softmax.C, softmax.inputs) == (2 * 8 * 5, 7, ("node.scores",))
    assert (context.gemm_batch, context.gemm_M, context.gemm_K, context.gemm_N) == (4, 20, 7, 12)
    assert network.macs == 2 * 8 * 5 * 7 * (16 + 12)
    assert network.unsupported == ()


@pytest.mark.skipif(not attention_schema(), reason="this onnx has no operator Attention")
def test_an_attention_whose_shapes_do_not_fit_is_refused(one_node) -> None:
    with pytest.raises(AcadlError, match="do not fit"):
        one_node("Attention", [[2, 8, 5, 16], [2, 3, 7, 16], [2, 3, 7, 12]], opset=23)


@pytest.mark.parametrize(
    ("shape", "perm", "expected"),
    [
        ([2, 3, 4, 5], [0, 2, 3, 1], (0, 2, 3, 1)),
        ([2, 3, 5], [0, 2, 1], (0, 3, 2, 1)),
        ([4, 5], [1, 0], (1, 0, 2, 3)),
        ([2, 3, 4, 5, 6], [0, 2, 1, 3, 4], ()),
    ],
)
def test_a_transposition_keeps_the_order_of_its_axes(
    one_node: Callable[..., Network], shape: list[int], perm: list[int], expected: tuple[int, ...]
) -> None:
    """Axes of the layer's N, C, H, W; with more than four there is no order."""
    (layer,) = one_node("Transpose", [shape], perm=perm).layers
    assert layer.perm == expected
