"""The networks that ship, against published counts and independently written tables."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from acadl.errors import AcadlError
from mappings.layers import KERNELS, MATRIX_PRODUCTS, OPERATORS, layer_problems
from mappings.network import Network, load_network, network_names

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
    "tcresnet8": (1.5e6, 0.1e6),  # the paper counts 3.0 M additions and multiplications
}

# Parameters as published; each batch normalisation has two per channel, which folding turns into one bias.
PUBLISHED_PARAMETERS = {
    "alexnet": (61_100_840, False),
    "vgg16": (138_357_544, False),
    "resnet18": (11_689_512, True),
    "resnet50": (25_557_032, True),
    "mobilenetv1": (4_231_976, True),
    "mobilenetv2": (3_504_872, True),
    "squeezenet1_1": (1_235_496, False),
}


def test_every_network_of_the_zoo_has_a_published_count():
    """A network that is added needs its reference here."""
    assert set(network_names()) == set(PUBLISHED_MACS)
    assert list(network_names()) == sorted(network_names())


@pytest.mark.parametrize("name", sorted(PUBLISHED_MACS))
def test_total_matches_the_published_count(name: str):
    """Within the rounding of the publication."""
    expected, tolerance = PUBLISHED_MACS[name]
    assert abs(load_network(name).macs - expected) <= tolerance


@pytest.mark.parametrize("name", sorted(PUBLISHED_PARAMETERS))
def test_parameters_match_the_published_count(name: str):
    """To the last one: weights, a bias per channel or two numbers of batch normalisation."""
    expected, normalised = PUBLISHED_PARAMETERS[name]
    per_channel = 2 if normalised else 1
    total = 0
    for layer in load_network(name).layers:
        if layer.op in KERNELS:
            total += layer.weight_elements + per_channel * layer.K
        elif layer.op in MATRIX_PRODUCTS:
            total += layer.weight_elements + layer.gemm_N
    assert total == expected


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


@pytest.mark.parametrize("name", sorted(PUBLISHED_MACS))
def test_layers_fit_together(name: str):
    """Every input is an earlier layer, and a layer reads as many elements as those make."""
    layers = {}
    for layer in load_network(name).layers:
        assert layer.op in OPERATORS
        assert layer_problems(layer) == ()
        made = [layers[x].output_elements for x in layer.inputs]
        assert not made or sum(made) == layer.input_elements
        assert layer.inputs or not layers, "only the first layer reads the network's input"
        layers[layer.name] = layer


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
