"""The network graphs that the onnx package ships, against counts taken from the graphs themselves.

The counts use the shapes of the package's own inference over the whole model and the definition of each
operator; nothing of the import is used.
"""

from __future__ import annotations

import time
from math import prod
from pathlib import Path
from typing import Any

import pytest

from mappings.network import Network, load_network

onnx = pytest.importorskip("onnx")

FOLDER = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
MODELS = sorted(FOLDER.glob("light_*.onnx"))
NAMES = [
    *(
        "light_bvlc_alexnet",
        "light_densenet121",
        "light_inception_v1",
        "light_inception_v2",
        "light_resnet50",
    ),
    *("light_shufflenet", "light_squeezenet", "light_vgg19", "light_zfnet512"),
]

# Published multiply-accumulates of the same networks (torchvision, papers), and how precisely.
PUBLISHED = {
    "light_densenet121": (2.83e9, 0.005e9),
    "light_resnet50": (4.09e9, 0.005e9),
    "light_squeezenet": (0.35e9, 0.005e9),
    "light_vgg19": (19.6e9, 0.05e9),
}

each_model = pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def networks() -> dict[str, Network]:
    """Every model imported once."""
    return {path.stem: load_network(path) for path in MODELS}


def shapes_of(model: Any) -> dict[str, tuple[int, ...]]:
    """Shape of every tensor by the package's inference over the whole model."""
    full = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True).graph
    shapes = {
        value.name: tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)
        for value in (*full.input, *full.value_info, *full.output)
    }
    shapes.update((tensor.name, tuple(tensor.dims)) for tensor in full.initializer)
    return shapes


def counted_macs(node: Any, shapes: dict[str, tuple[int, ...]]) -> int:
    """Multiply-accumulates of a node by the operator's definition."""
    attributes = {a.name: a.i for a in node.attribute}
    if node.op_type == "Conv":  # each output is a sum over the weights of its channel
        return prod(shapes[node.output[0]]) * prod(shapes[node.input[1]][1:])
    if node.op_type == "Gemm":
        inner = shapes[node.input[0]][0 if attributes.get("transA") else 1]
        return prod(shapes[node.output[0]]) * inner
    if node.op_type == "MatMul":
        return prod(shapes[node.output[0]]) * shapes[node.input[0]][-1]
    return 0


def constants_of(model: Any) -> set[str]:
    """Tensors that depend on no input of the network."""
    constants = {tensor.name for tensor in model.graph.initializer}
    for node in model.graph.node:
        if all(name in constants for name in node.input):
            constants.update(node.output)
    return constants


def test_all_nine_models_are_there():
    """A release of onnx without them would make the other tests pass unseen."""
    assert [path.stem for path in MODELS] == NAMES


@each_model
def test_macs_of_every_layer_equal_an_independent_count(path: Path, networks: dict[str, Network]):
    """Layer by layer, and none is missing."""
    model = onnx.load(path)
    shapes = shapes_of(model)
    expected = {node.name: counted_macs(node, shapes) for node in model.graph.node}
    found = {layer.name: layer.macs * layer.count for layer in networks[path.stem].layers}
    assert {name: macs for name, macs in found.items() if macs} == {n: m for n, m in expected.items() if m}
    assert networks[path.stem].macs == sum(expected.values())


@each_model
def test_elements_of_every_layer_equal_the_tensors_of_its_node(path: Path, networks: dict[str, Network]):
    """Inputs, outputs and weights, for operators of every kind."""
    model = onnx.load(path)
    shapes, constants = shapes_of(model), constants_of(model)
    nodes = {node.name: node for node in model.graph.node}
    for layer in networks[path.stem].layers:
        node = nodes[layer.name]
        read = [name for name in node.input if name not in constants]
        assert layer.input_elements == sum(prod(shapes[name]) for name in read), layer
        assert layer.output_elements == prod(shapes[node.output[0]]), layer
        if node.op_type in ("Conv", "Gemm"):
            assert layer.weight_elements == prod(shapes[node.input[1]]), layer


@each_model
def test_every_node_is_a_layer_or_a_note(path: Path, networks: dict[str, Network]):
    """Nothing is dropped: each node is found once."""
    network = networks[path.stem]
    nodes = [node.name or node.output[0] for node in onnx.load(path).graph.node]
    layers = [layer.name for layer in network.layers]
    notes = [note.node for note in network.notes]
    assert sorted(layers + notes) == sorted(nodes)
    assert network.unsupported == ()


@each_model
def test_layers_come_after_their_inputs(path: Path, networks: dict[str, Network]):
    """And only the layers at the network's input have none."""
    seen: set[str] = set()
    for layer in networks[path.stem].layers:
        assert set(layer.inputs) <= seen
        assert layer.inputs or not seen
        seen.add(layer.name)


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_totals_match_published_counts(name: str, networks: dict[str, Network]):
    """Within the rounding of the publication."""
    expected, tolerance = PUBLISHED[name]
    assert abs(networks[name].macs - expected) <= tolerance


def test_batch_normalisation_goes_into_the_convolution_before_it(networks: dict[str, Network]):
    """ResNet-50 has one behind each convolution, which has a bias afterwards."""
    network = networks["light_resnet50"]
    assert len(network.notes_of("folded")) == 53
    assert all(layer.bias for layer in network.layers if layer.op == "conv")
    assert not [layer for layer in network.layers if layer.op == "batchnorm"]


def test_scales_before_a_convolution_stay_layers(networks: dict[str, Network]):
    """DenseNet normalises what it concatenates: 62 of 121 follow no convolution; Mul and Add join them."""
    network = networks["light_densenet121"]
    alone = [layer for layer in network.layers if layer.op == "batchnorm"]
    assert len(alone) == 62
    assert alone[0].param_elements == 2 * alone[0].C
    assert len(network.notes_of("folded")) == 121 - 62 + 2 * 121
    assert not [layer for layer in network.layers if layer.op in ("mul", "add")]


def test_groups_and_depthwise_convolutions(networks: dict[str, Network]):
    """AlexNet's two towers; ShuffleNet's grouped, depthwise and shuffling layers."""
    assert [layer.groups for layer in networks["light_bvlc_alexnet"].layers if layer.op == "conv"] == [
        1,
        2,
        1,
        2,
        2,
    ]
    shuffle = networks["light_shufflenet"].layers
    depthwise = [layer for layer in shuffle if layer.op == "dwconv"]
    assert len(depthwise) == 16
    assert all(layer.groups == layer.C == layer.K for layer in depthwise)
    assert len([layer for layer in shuffle if layer.op == "transpose"]) == 16


def test_views_are_reported_with_their_reason(networks: dict[str, Network]):
    """Reshape and Dropout move nothing; the layers around them are connected."""
    network = networks["light_bvlc_alexnet"]
    assert [(note.op, note.text) for note in network.notes_of("view")] == [
        ("Reshape", "the data stays as it lies"),
        ("Dropout", "no effect at inference"),
        ("Dropout", "no effect at inference"),
    ]
    classifier = [layer for layer in network.layers if layer.op == "fc"]
    assert network.layer(classifier[0].inputs[0]).op == "maxpool"
    assert network.layer(classifier[1].inputs[0]).op == "relu"


def test_the_zoo_and_the_models_agree(networks: dict[str, Network]):
    """Four networks exist as both: the same multiply-accumulates, convolution by convolution.

    The model of Inception v1 rounds the sizes of poolings down, the paper up: there, the same weights.
    """
    for model, name in (
        ("light_resnet50", "resnet50"),
        ("light_squeezenet", "squeezenet1_1"),
        ("light_densenet121", "densenet121"),
    ):
        shipped, imported = load_network(name), networks[model]
        assert sorted(layer.macs for layer in shipped.layers if layer.macs) == sorted(
            layer.macs for layer in imported.layers if layer.macs
        )
    shipped, imported = load_network("inception_v1"), networks["light_inception_v1"]
    assert sorted(layer.weight_elements for layer in shipped.layers) == sorted(
        layer.weight_elements for layer in imported.layers if layer.op != "softmax"
    )


def test_import_takes_less_than_a_second():
    """Beyond loading the onnx package itself."""
    start = time.process_time()
    load_network(FOLDER / "light_resnet50.onnx")
    assert time.process_time() - start < 1.0
