"""Bytes of a token, against independently written tables and by hand."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from acadl.errors import AcadlError
from mappings.compression.quantizer import Scheme
from mappings.compression.traffic import PRECISIONS, Precision, layer_traffic, precision, traffic
from mappings.network import load_network
from mappings.zoo.llm import models

TABLE = Path(__file__).parent / "data" / "llm_linear_layers.csv"
NAMES = {model.model: model.name for model in models()}


def rows() -> list[dict[str, str]]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row['model']}.{row['op']}")
def test_bytes_of_linear_layers_match_an_independent_table(row: dict[str, str]) -> None:
    """Falcon's rows end in half a group, which has a scale and a zero point like any other."""
    network = load_network(f"{NAMES[row['model']]}_decode@16")
    name = row["op"] if row["op"] == "lm_head" else f"block.{row['op']}"
    layer = network.layer(name)
    count = int(row["count"])
    assert layer.count == count
    assert layer_traffic(layer, PRECISIONS["W16A16"]).weights == int(row["bytes_fp16"]) * count
    four = layer_traffic(layer, PRECISIONS["W4A16"])
    expected = int(row["bytes_w4_g128"] or row["bytes_fp16"])  # the output layer stays at 16 bits
    assert four.weights + four.scales + four.zeros == expected * count


@pytest.mark.parametrize(
    ("name", "bytes_of_a_position"),
    [("llama2_7b", 524_288), ("llama2_70b", 327_680), ("falcon_7b", 8_192), ("starcoder", 20_480)],
)
def test_the_cache_grows_by_keys_and_values(name: str, bytes_of_a_position: int) -> None:
    short, long = (
        traffic(load_network(f"{name}_decode@{n}").layers, PRECISIONS["W4A16"]) for n in (100, 164)
    )
    assert long.cache - short.cache == 64 * bytes_of_a_position
    assert short.cache == 100 * bytes_of_a_position
    assert long.parameters == short.parameters


def test_a_prompt_reads_weights_once() -> None:
    one, many = (load_network(f"llama2_7b_prefill@{n}").layers for n in (1, 256))
    at = PRECISIONS["W4A16"]
    assert traffic(one, at).weights == traffic(many, at).weights
    assert traffic(many, at).activations > 100 * traffic(one, at).activations


def test_the_weights_of_llama_at_four_bits() -> None:
    """6,476,005,376 in blocks at 4.15625 bits, 131,072,000 of the output layer at 16."""
    found = traffic(load_network("llama2_7b_decode").layers, PRECISIONS["W4A16"])
    assert found.weights + found.scales + found.zeros == 6_476_005_376 * 4.15625 / 8 + 2 * 131_072_000
    assert found.scales == 6_476_005_376 // 128 * 2 and found.zeros == found.scales // 4


def test_eight_bits_halve_the_cache_and_the_activations() -> None:
    layers = load_network("llama2_7b_decode@200").layers
    half, eight = traffic(layers, PRECISIONS["W16A16"]), traffic(layers, PRECISIONS["W8A8"])
    assert eight.cache * 2 == half.cache and eight.activations * 2 == half.activations


def test_the_output_layer_can_be_quantized_too() -> None:
    layer = load_network("llama3_8b_decode").layer("lm_head")
    kept, packed = (Precision("x", Scheme(4, 128), kept=kept) for kept in (("lm_head",), ()))
    assert layer_traffic(layer, packed).weights * 4 == layer_traffic(layer, kept).weights


def test_an_unknown_precision_is_answered_with_the_nearest() -> None:
    with pytest.raises(AcadlError, match=r"'w4a6'; did you mean 'W4A16'"):
        precision("w4a6")
