"""The networks that ship, against published counts and independently written tables."""

from __future__ import annotations

import csv
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from acadl.errors import AcadlError
from mappings.layers import KERNELS, OPERATORS, Layer, layer_problems
from mappings.network import Network, load_network, network_names
from mappings.zoo.llm import NETWORKS as LLM_NETWORKS
from mappings.zoo.vila import NETWORKS as VILA_NETWORKS

DATA = Path(__file__).parent / "data"

# Multiply-accumulates per input: torchvision's table ("GFLOPS") and the papers, to the digits that they give.
PUBLISHED_MACS = {
    "alexnet": (0.71e9, 0.005e9),
    "vgg16": (15.47e9, 0.005e9),
    "resnet18": (1.81e9, 0.005e9),
    "resnet50": (4.09e9, 0.005e9),
    "mobilenetv1": (569e6, 0.5e6),
    "mobilenetv2": (300e6, 1e6),
    "squeezenet1_1": (0.35e9, 0.005e9),
    "squeezenet1_0": (0.82e9, 0.005e9),
    "tcresnet8": (1.5e6, 0.1e6),  # the paper counts 3.0 M additions and multiplications
    "densenet121": (2.834e9, 0.0005e9),
    "efficientnet_b0": (0.386e9, 0.0005e9),
    "vit_b16": (17.564e9, 0.0005e9),
    "inception_v1": (3_168_570_904 / 2, 0.002e9),  # d2l counts both operations, biases and pooling with them
    "yolov3_tiny": (5.56e9 / 2, 0.005e9),  # Darknet counts additions and multiplications: 5.56 BFLOPs
    "ds_cnn": (2.66e6, 0.01e6),  # Hello Edge: 5.4 M operations with biases and pooling; MLPerf Tiny: 2.7 M
}

# Parameters as published, and how many of them there are for each output channel of a convolution: one is its
# bias; a batch normalisation has a scale and a shift (2), and where it is counted, a mean and a variance (4).
PUBLISHED_PARAMETERS = {
    "alexnet": (61_100_840, 1),
    "vgg16": (138_357_544, 1),
    "resnet18": (11_689_512, 2),
    "resnet50": (25_557_032, 2),
    "mobilenetv1": (4_231_976, 2),
    "mobilenetv2": (3_504_872, 2),
    "squeezenet1_0": (1_248_424, 1),
    "squeezenet1_1": (1_235_496, 1),
    "densenet121": (7_978_856, 2),
    "efficientnet_b0": (5_288_548, 2),
    "inception_v1": (6_998_552, 1),
    # the file of weights has 35,434,956 bytes: a header of 20, then 4 for each; the outputs have a bias only
    "yolov3_tiny": ((35_434_956 - 20) // 4 + 3 * 2 * 255, 4),
    "ds_cnn": (24_908, 5),  # Keras: four of the normalisation and a bias
    # tables: the class and the positions; words, positions and types of tokens
    "vit_b16": (86_567_656 - 198 * 768, 1),
    "bert_base": (109_482_240 - (30_522 + 512 + 2) * 768, 1),
}

# Additions and multiplications are not published for these; tables of their own check their products.
TRANSFORMERS = ("bert_base", *LLM_NETWORKS, *VILA_NETWORKS)


def test_every_network_of_the_zoo_has_a_published_count():
    """A network that is added needs its reference here."""
    assert set(network_names()) == {*PUBLISHED_MACS, *TRANSFORMERS}
    assert list(network_names()) == sorted(network_names())


@pytest.mark.parametrize("name", sorted(PUBLISHED_MACS))
def test_total_matches_the_published_count(name: str):
    """Within the rounding of the publication."""
    expected, tolerance = PUBLISHED_MACS[name]
    assert abs(load_network(name).macs - expected) <= tolerance


@pytest.mark.parametrize("name", sorted(PUBLISHED_PARAMETERS))
def test_parameters_match_the_published_count(name: str):
    """To the last one: weights, a bias per channel or two numbers of batch normalisation."""
    expected, per_channel = PUBLISHED_PARAMETERS[name]
    assert sum(map(partial(parameters, per_channel=per_channel), load_network(name).layers)) == expected


def parameters(layer: Layer, per_channel: int) -> int:
    """Trained parameters of a layer, with as many per output channel as given where there is a bias."""
    if layer.op in KERNELS:
        return layer.weight_elements + per_channel * layer.K * layer.bias
    if layer.op == "fc":
        return (layer.weight_elements + layer.gemm_N * layer.bias) * layer.count
    return layer.param_elements * layer.count


@pytest.mark.parametrize("name", ["alexnet", "resnet18", "mobilenetv1", "mobilenetv2", "tcresnet8"])
def test_shapes_match_an_independent_table(name: str):
    """Every layer with multiply-accumulates: shape, stride, padding, groups, outputs, counts."""
    rows = list(csv.DictReader((DATA / f"workload_{name}.csv").open(encoding="utf-8")))
    network = load_network(name)
    with_macs = [layer for layer in network.layers if layer.macs]
    assert len(with_macs) == len(rows)
    columns = "N C H W K R S stride_h stride_w pad_h pad_w groups OH OW".split()  # noqa: SIM905 - a row
    for row in rows:
        layer = network.layer(row["layer"])
        assert layer.macs == int(row["macs"])
        if layer.op == "fc":
            shape = [layer.gemm_M, layer.gemm_N, layer.gemm_K]
            assert shape == [int(row[f"gemm_{x}"]) for x in "MNK"]
        else:
            assert [getattr(layer, x) for x in columns] == [int(row[x]) for x in columns]


@pytest.mark.parametrize("name", [*sorted(PUBLISHED_MACS), "bert_base"])
def test_layers_fit_together(name: str):
    """Every input is an earlier layer, and a layer reads as many elements as those make."""
    layers: dict[str, Layer] = {}
    for layer in load_network(name).layers:
        assert layer.op in OPERATORS
        assert layer_problems(layer) == ()
        assert layer.inputs or not layers, "only the first layer reads the network's input"
        made = [layers[x].output_elements * layers[x].count for x in layer.inputs]
        if layer.op == "gemm":
            assert made == [layer.input_elements * layer.count, layer.weight_elements * layer.count]
        elif made and layer.name not in READ_OTHERS:
            assert sum(made) == layer.input_elements
        layers[layer.name] = layer


# Layers that read a table beside their input, or a part of their input: the first token.
READ_OTHERS = ("class", "positions", "head", "embeddings.add", "pooler")


def test_batch_multiplies_the_work():
    """Four inputs are four times the multiply-accumulates and outputs, with the same weights."""
    one, four = load_network("mobilenetv2"), load_network("mobilenetv2", batch=4)
    assert four.macs == 4 * one.macs
    assert [x.weight_elements for x in four.layers] == [x.weight_elements for x in one.layers]
    assert [x.output_elements for x in four.layers] == [4 * x.output_elements for x in one.layers]
    assert load_network("mobilenetv2", dims={"batch": 4}).layers == four.layers


def test_a_batch_given_twice_must_be_one_size():
    """As an argument and among the dimensions."""
    assert load_network("alexnet", batch=2, dims={"batch": 2}).macs == 2 * 714188480
    with pytest.raises(AcadlError, match="batch is given twice: 2 and 3"):
        load_network("alexnet", batch=2, dims={"batch": 3})


@pytest.mark.parametrize("spelling", ["ResNet-18", "resnet18", "RESNET_18", "resnet 18"])
def test_common_spellings_are_accepted(spelling: str):
    """Case and punctuation do not matter."""
    assert load_network(spelling).name == "resnet18"


def test_a_typing_error_gets_the_nearest_name():
    """And the list of all names."""
    with pytest.raises(
        AcadlError, match=r"no network 'restnet18'; did you mean 'resnet18'\?; the zoo has alexnet, "
    ):
        load_network("restnet18")


@pytest.mark.parametrize(
    ("batch", "shown"), [(0, "0"), (-1, "-1"), (2.0, "2.0"), (True, "True"), ("4", "'4'")]
)
def test_a_batch_that_is_no_size_is_refused(batch: object, shown: str):
    """Zero, negative, and things that are not integers."""
    with pytest.raises(AcadlError, match=f"'batch' is {shown}; a size is an integer of at least 1"):
        load_network("alexnet", batch=batch)  # type: ignore[arg-type]


def test_other_open_dimensions_are_refused():
    """A zoo network has a batch size and nothing else to choose."""
    with pytest.raises(AcadlError, match="'alexnet' has no open dimension but batch; got height"):
        load_network("alexnet", dims={"height": 128})
    with pytest.raises(AcadlError, match="'bert_base' has no open dimension but batch, tokens; got prompt"):
        load_network("bert_base@prompt=3")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("ViT-B/16", "vit_b16"), ("GoogLeNet", "inception_v1"), ("squeezenet", "squeezenet1_1"),
        ("BERT base@64", "bert_base@tokens=64"), ("alexnet@2", "alexnet@batch=2"),
        ("Llama-2-7B decode@context=9,batch=2", "llama2_7b_decode@context=9,batch=2"),
    ],
)  # fmt: skip
def test_names_may_carry_sizes(text: str, name: str):
    """Other spellings, other names, and sizes after an @."""
    assert load_network(text).name == name
    assert load_network(name).name == name


def test_sizes_in_the_name_are_those_given_beside_it():
    """Both ways make the same layers; the source says all sizes."""
    written = load_network("llama2_7b_decode@64")
    assert written.layers == load_network("llama2_7b_decode", dims={"context": 64}).layers
    assert load_network("llama2_7b_decode").source == "zoo:llama2_7b_decode@context=512"
    assert load_network("alexnet@3").layers == load_network("alexnet", batch=3).layers


@pytest.mark.parametrize("sizes", ["", "x", "0", "-1", "1.5", "tokens=", "tokens=4,tokens=5", "4,5"])
def test_what_is_no_size_after_a_name_is_refused(sizes: str):
    """With an example of what would be one."""
    with pytest.raises(AcadlError, match="are no sizes; write bert_base@tokens=64"):
        load_network(f"bert_base@{sizes}")


def test_a_size_given_twice_is_refused():
    """In the name and beside it."""
    with pytest.raises(AcadlError, match="tokens is given twice"):
        load_network("bert_base@4", dims={"tokens": 4})
    with pytest.raises(AcadlError, match="batch is given twice: 3 and 2"):
        load_network("alexnet@2", batch=3)


def test_the_source_hash_follows_the_layers():
    """Equal for equal layers, different for another batch."""
    assert load_network("alexnet").source_sha256 == load_network("AlexNet").source_sha256
    assert load_network("alexnet").source_sha256 != load_network("alexnet", batch=2).source_sha256


def test_an_unknown_layer_gets_the_nearest_name():
    """Lookup by name in a network."""
    with pytest.raises(AcadlError, match=r"network 'alexnet' has no layer 'fc_8'; did you mean 'fc8'\?"):
        load_network("alexnet").layer("fc_8")


def test_a_network_of_ones_own_is_checked():
    """Names must be unique and shapes must mean something."""
    layer = load_network("alexnet").layers[0]
    with pytest.raises(AcadlError, match="network 'mine' is not usable: 2 layers are named 'conv1'"):
        Network("mine", (layer, layer))


def test_the_zoo_needs_no_heavy_package():
    """Neither NumPy nor onnx are loaded for a network of the zoo."""
    code = (
        "import sys, mappings; mappings.load_network('alexnet');"
        "print(sorted({'numpy', 'onnx', 'networkx', 'simpy', 'lark'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_documented_counts_are_the_networks():
    """Both tables of the page: every network, and its multiply-accumulates."""
    page = (Path(__file__).parents[2] / "docs" / "networks.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in page.splitlines()
        if line[:3] == "| `"
    ]
    networks = {row[0].strip("`"): row[2] for row in rows if len(row) == 4}
    models = {row[0].strip("`"): row[4] for row in rows if len(row) == 6}
    found = {name.partition("@")[0] for name in networks} | {f"{name}_decode" for name in models}
    assert found | {f"{name}_prefill" for name in models} == set(network_names())
    for name, macs in networks.items():
        assert macs == f"{load_network(name).macs:,}", name
    for name, macs in models.items():
        assert macs == f"{load_network(f'{name}_decode@512').macs:,}", name
