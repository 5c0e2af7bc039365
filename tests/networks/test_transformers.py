"""Transformers of the zoo, against independently written tables and published counts of parameters."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from acadl.errors import AcadlError
from mappings.layers import Layer
from mappings.network import Network, load_network
from mappings.zoo.llm import Model, models

DATA = Path(__file__).parent / "data"

PUBLISHED_PARAMETERS = {
    "llama2_7b": 6_738_415_616,
    "llama2_13b": 13_015_864_320,
    "llama2_70b": 68_976_648_192,
    "llama3_8b": 8_030_261_248,
    "mistral_7b": 7_241_732_096,
    "opt_125m": 125_239_296,
    "opt_6_7b": 6_658_473_984,
    "opt_13b": 12_853_473_280,
    "opt_30b": 29_974_540_288,
    "falcon_7b": 6_921_720_704,
    "mpt_7b": 6_649_286_656,
    "mpt_30b": 29_957_200_896,  # published as 29.95 billion
    "starcoder": 15_517_456_384,
    "qwen2_1_5b": 1_543_714_304,
    "qwen2_7b": 7_615_616_512,
}

each_model = pytest.mark.parametrize("model", models(), ids=lambda model: model.name)


def products(network: Network) -> Counter[tuple[int, int, int]]:
    """How often each shape of product occurs."""
    found: Counter[tuple[int, int, int]] = Counter()
    for layer in network.layers:
        if layer.macs:
            found[layer.gemm_M, layer.gemm_N, layer.gemm_K] += layer.count
    return found


def table(name: str) -> Counter[tuple[int, int, int]]:
    found: Counter[tuple[int, int, int]] = Counter()
    with (DATA / f"workload_{name}.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found[int(row["gemm_M"]), int(row["gemm_N"]), int(row["gemm_K"])] += int(row["count"])
    return found


def test_products_of_bert_match_an_independent_table():
    """All but the pooler, which the table leaves out."""
    expected = table("bert_base_seq128") + Counter({(1, 768, 768): 1})
    assert products(load_network("bert_base@128")) == expected


def test_products_of_llama_match_an_independent_table():
    """A token of Llama-2-7B after 511 others."""
    assert products(load_network("llama2_7b_decode@512")) == table("llama2_7b_decode_ctx512")


def tables_of(model: Model) -> int:
    """Parameters that no layer holds: words, learned positions."""
    positions = 2050 if model.name.startswith("opt") else {"starcoder": 8192}.get(model.name, 0)
    return (model.vocab + positions) * model.hidden


def held(layer: Layer) -> int:
    if layer.op == "fc":
        return layer.count * (layer.weight_elements + layer.gemm_N * layer.bias)
    return layer.count * layer.param_elements


@each_model
@pytest.mark.parametrize("step", ["decode", "prefill"])
def test_parameters_match_the_published_count(model: Model, step: str):
    """To the last one. Where the words' table is the output layer's matrix it counts once."""
    network = load_network(f"{model.name}_{step}@16")
    total = sum(map(held, network.layers)) + tables_of(model)
    if not model.name.startswith(("llama", "mistral", "qwen2_7b")):  # the others tie the two
        total -= model.vocab * model.hidden
    assert total == PUBLISHED_PARAMETERS[model.name]


@each_model
def test_a_prompt_of_one_token_is_a_context_of_one(model: Model):
    """The two steps meet where nothing has been cached yet."""
    assert load_network(f"{model.name}_decode@1").layers == load_network(f"{model.name}_prefill@1").layers


@each_model
def test_multiply_accumulates_follow_the_formula(model: Model):
    """Weights once per token, two products of tokens × context for each head, one output layer."""
    head = model.vocab * model.hidden
    for batch, tokens, context, name in ((3, 1, 40, "decode@40"), (2, 24, 24, "prefill@24")):
        network = load_network(f"{model.name}_{name},batch={batch}".replace("@", _first(name)))
        weights = sum(x.weight_elements * x.count for x in network.layers if x.op == "fc") - head
        attention = 2 * model.layers * model.heads * model.head_dim * tokens * context
        assert network.macs == batch * (tokens * weights + attention + head)


def _first(name: str) -> str:
    return "@context=" if name.startswith("decode") else "@prompt="


@each_model
def test_steps_of_a_block_follow_each_other(model: Model):
    """Within a block every layer reads as many elements as the layer before it makes."""
    network = load_network(f"{model.name}_decode@32")
    layers = {layer.name: layer for layer in network.layers}
    for layer in network.layers:
        assert all(name in layers for name in layer.inputs)
        if layer.op != "fc" or not layer.name.startswith("block"):
            continue
        (source,) = layer.inputs
        made = layers[source].output_elements * layers[source].count
        assert made == layer.input_elements * layer.count


def test_keys_that_heads_share_are_read_once():
    """48 heads of StarCoder with one key: 48 rows of one product."""
    scores = load_network("starcoder_decode@100").layer("block.scores")
    assert (scores.gemm_M, scores.gemm_N, scores.gemm_K, scores.count) == (48, 100, 128, 40)


def test_a_context_beyond_the_model_is_refused():
    """At the last position it still works."""
    assert load_network("opt_6_7b_decode@2048").macs
    with pytest.raises(AcadlError, match=r"OPT-6\.7B has 2048 positions; 2049 is too long"):
        load_network("opt_6_7b_decode@2049")


def test_the_tower_of_vila_has_the_parameters_of_clip():
    """303,507,456: without the norm behind the class, and with the tables of class and positions."""
    network = load_network("vila_7b_vision")
    total = sum(map(held, network.layers)) + 3 * 14 * 14 * 1024 + (1 + 577) * 1024 + 2 * 1024
    assert total - (1024 + 1) * 4096 == 303_507_456
    assert network.layer("projector").gemm_M == 576


def test_visual_models_speak_with_llama():
    """VILA and Vicuna are Llama 2 with other weights."""
    assert load_network("vila_7b_decode@700").layers == load_network("llama2_7b_decode@700").layers
    assert load_network("vicuna_13b_prefill@64").layers == load_network("llama2_13b_prefill@64").layers
