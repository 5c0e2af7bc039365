"""Convolutions and pooling of ONNX models: every attribute, against the package's own shape inference."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acadl.errors import AcadlError
from mappings.layers import Layer
from mappings.network import Network, load_network

onnx = pytest.importorskip("onnx")
OneNode = Callable[..., Network]


def only(network: Network) -> Layer:
    """The one layer of a network."""
    assert len(network.layers) == 1
    return network.layers[0]


@pytest.mark.parametrize(
    ("channels", "group", "outputs", "op"),
    [(6, 1, 4, "conv"), (6, 3, 9, "conv"), (6, 6, 6, "dwconv"), (6, 6, 12, "dwconv"), (1, 1, 4, "conv")],
)
def test_groups(one_node: OneNode, channels: int, group: int, outputs: int, op: str):
    """One group per channel is depthwise, also with several outputs per channel; one channel alone is not."""
    weights = [outputs, channels // group, 3, 3]
    layer = only(one_node("Conv", [[2, channels, 9, 8], weights], weights=[1], group=group))
    assert (layer.op, layer.groups, layer.C, layer.K, layer.N) == (op, group, channels, outputs, 2)
    assert (layer.OH, layer.OW, layer.bias) == (7, 6, False)
    assert layer.macs == 2 * outputs * 7 * 6 * prod(weights[1:])


def test_asymmetric_padding_strides_dilations_and_bias(one_node: OneNode):
    """Each lands in its own field; end paddings equal to the begin ones are left open."""
    layer = only(
        one_node(
            "Conv", [[1, 3, 20, 30], [8, 3, 3, 5], [8]], weights=[1, 2], pads=[1, 2, 3, 2], strides=[2, 3],
            dilations=[3, 2],
        )
    )  # fmt: skip
    assert layer == Layer(
        name="node", op="conv", C=3, H=20, W=30, K=8, R=3, S=5, stride_h=2, stride_w=3, pad_h=1, pad_w=2,
        pad_h_end=3, dilation_h=3, dilation_w=2, bias=True, onnx_op="Conv",
    )  # fmt: skip
    assert (layer.OH, layer.OW) == (9, 9)


@pytest.mark.parametrize(
    ("mode", "begin", "end", "outputs"),
    [("SAME_UPPER", 1, 2, 4), ("SAME_LOWER", 2, 1, 4), ("VALID", 0, None, 2), ("NOTSET", 0, None, 2)],
)
def test_auto_pad(one_node: OneNode, mode: str, begin: int, end: int | None, outputs: int):
    """Seven positions, window 4, stride 2: three rows of padding, the odd one at the end or the beginning."""
    layer = only(one_node("Conv", [[1, 1, 7, 7], [1, 1, 4, 4]], weights=[1], auto_pad=mode, strides=[2, 2]))
    assert (layer.pad_h, layer.pad_h_end, layer.OH) == (begin, end, outputs)
    assert (layer.pad_w, layer.pad_w_end, layer.OW) == (begin, end, outputs)


def test_one_dimension_runs_along_the_width(one_node: OneNode):
    """Conv over [N, C, W]; depthwise is told from the groups as before."""
    layer = only(one_node("Conv", [[1, 40, 101], [16, 40, 9]], weights=[1], pads=[4, 3], strides=[2]))
    assert layer == Layer(
        name="node", op="conv1d", C=40, W=101, K=16, S=9, stride_w=2, pad_w=4, pad_w_end=3, onnx_op="Conv"
    )
    assert layer.OW == 50
    assert only(one_node("Conv", [[1, 8, 20], [8, 1, 3]], weights=[1], group=8)).op == "dwconv"


def test_three_dimensions_join_depth_and_channels(one_node: OneNode):
    """The same multiply-accumulates, weights and outputs as over three dimensions."""
    layer = only(one_node("Conv", [[2, 4, 7, 9, 9], [6, 2, 3, 3, 3]], weights=[1], group=2, pads=[1] * 6))
    assert layer.op == "conv"
    assert layer.macs == 2 * 6 * 7 * 9 * 9 * 2 * 27
    assert layer.weight_elements == 6 * 2 * 27
    assert (layer.input_elements, layer.output_elements) == (2 * 4 * 7 * 81, 2 * 6 * 7 * 81)


@pytest.mark.parametrize(
    ("attributes", "size"),
    [
        ({}, (7, 7)),
        ({"strides": [2, 2]}, (11, 11)),
        ({"strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 0]}, (10, 9)),
        ({"strides": [2, 2], "auto_pad": "SAME_UPPER"}, (10, 10)),
        ({"strides": [2, 2], "auto_pad": "SAME_LOWER"}, (10, 10)),
        ({"strides": [2, 2], "output_shape": [12, 9]}, (12, 9)),
        ({"dilations": [2, 1]}, (9, 7)),
    ],
)
def test_transposed_convolutions(one_node: OneNode, attributes: dict[str, Any], size: tuple[int, int]):
    """Output size by every way of saying it; multiply-accumulates by the input's positions."""
    layer = only(one_node("ConvTranspose", [[1, 4, 5, 5], [4, 3, 3, 3]], weights=[1], group=2, **attributes))
    assert (layer.op, layer.K, layer.groups) == ("convtranspose", 6, 2)
    assert size == (layer.OH, layer.OW)
    assert layer.macs == 25 * 4 * 3 * 9


def test_transposed_convolutions_of_other_ranks(one_node: OneNode):
    """One dimension along the width, three with the depth joined to the outputs."""
    line = only(one_node("ConvTranspose", [[1, 4, 10], [4, 6, 4]], weights=[1], strides=[2], pads=[1, 1]))
    assert (line.H, line.OH, line.OW, line.macs) == (1, 1, 20, 10 * 4 * 6 * 4)
    cube = only(one_node("ConvTranspose", [[1, 4, 3, 5, 5], [4, 6, 2, 3, 3]], weights=[1]))
    assert cube.macs == 3 * 25 * 4 * 6 * 2 * 9
    assert cube.output_elements == 6 * 4 * 7 * 7


@pytest.mark.parametrize(("op", "name"), [("MaxPool", "maxpool"), ("AveragePool", "avgpool")])
@pytest.mark.parametrize(("ceil_mode", "size"), [(0, 3), (1, 4)])
def test_pooling(one_node: OneNode, op: str, name: str, ceil_mode: int, size: int):
    """Eight positions, window 3, stride 2: the last one is partial."""
    layer = only(one_node(op, [[1, 5, 8, 8]], kernel_shape=[3, 3], strides=[2, 2], ceil_mode=ceil_mode))
    assert (layer.op, layer.C, layer.K, layer.OH, layer.OW) == (name, 5, 5, size, size)
    assert layer.output_elements == 5 * size * size


def test_pooling_of_other_ranks(one_node: OneNode):
    """One dimension along the width; three are known by their elements."""
    line = only(one_node("MaxPool", [[1, 5, 8]], kernel_shape=[2], strides=[2]))
    assert (line.op, line.H, line.R, line.OW) == ("maxpool", 1, 1, 4)
    cube = only(one_node("AveragePool", [[1, 2, 4, 4, 4]], kernel_shape=[2, 2, 2]))
    assert (cube.op, cube.input_elements, cube.output_elements) == ("averagepool3d", 128, 54)


@pytest.mark.parametrize(
    ("op", "shape", "attributes", "expected"),
    [
        ("GlobalAveragePool", [2, 8, 5, 7], {}, ("globalavgpool", 5, 7)),
        ("GlobalAveragePool", [2, 8, 7], {}, ("globalavgpool", 1, 7)),
        ("GlobalAveragePool", [2, 8, 3, 5, 7], {}, ("globalavgpool", 15, 7)),
        ("GlobalMaxPool", [2, 8, 5, 7], {}, ("maxpool", 5, 7)),
        ("ReduceMean", [2, 8, 5, 7], {"axes": [2, 3], "keepdims": 0}, ("globalavgpool", 5, 7)),
        ("ReduceMean", [2, 8, 5, 7], {"axes": [-1, -2]}, ("globalavgpool", 5, 7)),
    ],
)
def test_global_pooling(
    one_node: OneNode, op: str, shape: list[int], attributes: dict[str, Any], expected: Any
):
    """Also written as a mean over all spatial dimensions."""
    layer = only(one_node(op, [shape], **attributes))
    assert (layer.op, layer.H, layer.W) == expected
    assert (layer.R, layer.S, layer.OH, layer.OW) == (layer.H, layer.W, 1, 1)
    assert layer.output_elements == 16


def test_a_mean_over_other_dimensions_is_no_pooling(one_node: OneNode):
    """Over the channels, with the elements that it reads and writes."""
    layer = only(one_node("ReduceMean", [[2, 8, 5, 7]], axes=[1]))
    assert (layer.op, layer.input_elements, layer.output_elements) == ("reducemean", 560, 70)


@pytest.mark.parametrize(
    ("shapes", "attributes", "text"),
    [
        (
            [[1, 3, 8, 8], [4, 2, 3, 3]],
            {},
            r"3 channels, 1 groups and weights of shape \[4, 2, 3, 3\] do not fit",
        ),
        ([[1, 4, 8, 8], [3, 2, 3, 3]], {"group": 2}, "groups is 2, which does not divide K = 3"),
        (
            [[1, 3, 4, 4], [4, 3, 7, 7]],
            {},
            r"its output would have the shape \[1, 4, -2, -2\]: .*larger than the padded",
        ),
        ([[1, 3, 8, 8], [4, 3, 3, 3]], {"kernel_shape": [5, 5]}, "kernel_shape differs from the weights"),
        ([[1, 3, 8, 8], [4, 3, 3, 3]], {"strides": [2]}, "strides has incorrect size"),
        ([[1, 3, 8, 8], [4, 3, 3, 3]], {"auto_pad": "SOME"}, "auto_pad is 'SOME'"),
        ([[1, 3, 8], [4, 3, 3, 3]], {}, "its input has 3 dimensions, its weights 4"),
    ],
)
def test_convolutions_that_do_not_fit(one_node: OneNode, shapes: Any, attributes: dict[str, Any], text: str):
    """The error names the node and what differs."""
    with pytest.raises(AcadlError, match=f"node 'node' \\(Conv\\): .*{text}"):
        one_node("Conv", shapes, weights=[1], **attributes)


@pytest.fixture(scope="module")
def model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where generated models are written, over and over."""
    return tmp_path_factory.mktemp("models") / "generated.onnx"


@st.composite
def windows(draw: st.DrawFn) -> tuple[str, list[list[int]], dict[str, Any]]:
    """Operator, shapes and attributes of a convolution or pooling in one or two dimensions."""
    rank = draw(st.integers(1, 2))
    each = st.lists(st.integers(1, 4), min_size=rank, max_size=rank)
    kernel, strides, dilations = draw(each), draw(each), draw(each)
    sizes = draw(st.lists(st.integers(1, 24), min_size=rank, max_size=rank))
    attributes: dict[str, Any] = {"kernel_shape": kernel, "strides": strides}
    op = draw(st.sampled_from(["Conv", "MaxPool", "AveragePool"]))
    attributes["dilations"] = dilations
    mode = draw(st.sampled_from(["NOTSET", "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"]))
    attributes["auto_pad"] = mode
    if mode == "NOTSET":
        # ONNX wants pooling padding below the kernel size
        most = 3 if op == "Conv" else min(kernel) - 1
        attributes["pads"] = draw(st.lists(st.integers(0, most), min_size=2 * rank, max_size=2 * rank))
    if op != "Conv":
        attributes["ceil_mode"] = draw(st.integers(0, 1))
    shapes = [[2, 3, *sizes], [5, 3, *kernel]] if op == "Conv" else [[2, 3, *sizes]]
    return op, shapes, attributes


@settings(max_examples=400, deadline=None)
@given(windows())
def test_output_sizes_equal_shape_inference(
    model_path: Path, window: tuple[str, list[list[int]], dict[str, Any]]
):
    """Every mixture of padding, stride, dilation and rounding; where no window fits, an error says so."""
    op, shapes, attributes = window
    helper = onnx.helper
    inputs = [helper.make_tensor_value_info(f"x{i}", 1, shape) for i, shape in enumerate(shapes)]
    node = helper.make_node(op, [x.name for x in inputs], ["y"], name="node", **attributes)
    output = onnx.ValueInfoProto(name="y")
    model = helper.make_model(
        helper.make_graph([node], "g", inputs, [output]), opset_imports=[helper.make_opsetid("", 22)]
    )
    dims = (
        onnx.shape_inference.infer_shapes(model, strict_mode=True).graph.output[0].type.tensor_type.shape.dim
    )
    expected = [dim.dim_value for dim in dims]
    model_path.write_bytes(model.SerializeToString())
    reach = [
        d * (k - 1) + 1 for d, k in zip(attributes["dilations"], attributes["kernel_shape"], strict=True)
    ]
    pads = attributes.get("pads", [0] * 2 * len(reach))
    room = [s + b + e for s, b, e in zip(shapes[0][2:], pads[: len(reach)], pads[len(reach) :], strict=True)]
    same = attributes["auto_pad"].startswith("SAME")
    if not same and any(r > size for r, size in zip(reach, room, strict=True)):
        with pytest.raises(AcadlError, match="node 'node'"):
            load_network(model_path)
        return
    layer = load_network(model_path).layers[0]
    assert (expected[2:] if len(expected) == 4 else [1, *expected[2:]]) == [layer.OH, layer.OW]
    assert layer.output_elements == prod(expected)
