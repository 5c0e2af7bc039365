"""Layers that a device carries out as one, by rules and by decision trees."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mappings import load_network
from mappings.layers import Layer
from mappings.network import Network
from platforms.estimators.errors import EstimatorError
from platforms.estimators.fusion import ALWAYS, Fusion, Rule, fit_fusion, is_fused, load_fusion


def conv(name: str, *inputs: str, size: int = 8, kernel: int = 3, channels: int = 4) -> Layer:
    sides = {"H": size, "W": size, "R": kernel, "S": kernel, "pad_h": kernel // 2, "pad_w": kernel // 2}
    return Layer(name=name, op="conv", C=channels, K=4, inputs=inputs, **sides)


def simple(name: str, op: str, *inputs: str, size: int = 8) -> Layer:
    return Layer(name=name, op=op, C=4, H=size, W=size, operands=max(1, len(inputs)), inputs=inputs)


CHAIN = Network(
    "chain",
    (
        conv("a"),
        simple("r", "relu", "a"),
        conv("b", "r"),
        simple("s", "add", "b", "r"),
        simple("t", "relu", "s"),
    ),
)


def test_an_activation_behind_a_convolution_is_part_of_it() -> None:
    fused = ALWAYS.apply(CHAIN)
    assert [layer.name for layer in fused.network.layers] == ["a", "b", "s", "t"]
    assert fused.merged == {"a": (("relu", "r"),)}
    assert [layer.inputs for layer in fused.network.layers] == [(), ("a",), ("b", "a"), ("s",)]
    assert list(fused.table()["act"]) == [1, 0, 0, 0]


def test_chains_are_merged_by_repetition_and_stand_behind_what_they_read() -> None:
    rules = Fusion((Rule("conv", "relu"), Rule("conv", "add"), Rule("conv", "relu")))
    fused = rules.apply(CHAIN)
    assert [layer.name for layer in fused.network.layers] == ["a", "b"]
    assert fused.merged["b"] == (("add", "s"), ("relu", "t"))
    assert fused.network.layers[1].inputs == ("a", "a")


def test_a_layer_with_two_readers_keeps_its_result() -> None:
    net = Network("n", (conv("a"), simple("r", "relu", "a"), simple("s", "add", "a", "r")))
    assert ALWAYS.apply(net).network.layers == net.layers


def test_networks_lose_no_work_by_fusion() -> None:
    net = load_network("resnet18")
    fused = ALWAYS.apply(net)
    assert fused.network.macs == net.macs
    dropped = {name for names in fused.merged.values() for _, name in names}
    assert {layer.name for layer in net.layers} == dropped | {layer.name for layer in fused.network.layers}
    assert len(dropped) >= 9
    known: set[str] = set()
    for layer in fused.network.layers:  # still in an order in which they can be computed
        assert set(layer.inputs) <= known
        known.add(layer.name)


def seen(first: Layer, second: Layer) -> bool:
    """As on the device that ANNETTE was fitted to: 3 × 3 convolutions of images of limited width."""
    return first.R == 3 and first.W <= 640


def test_a_tree_learns_for_which_sizes_layers_are_fused(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    rng = np.random.default_rng(3)

    def pairs(count: int) -> list[tuple[Layer, Layer, bool]]:
        found = []
        for _ in range(count):
            size, kernel = int(rng.integers(8, 1200)), int(rng.choice([1, 3, 5]))
            first = conv("a", size=size, kernel=kernel, channels=int(rng.integers(1, 256)))
            second = simple("p", "maxpool", "a", size=size)
            found.append((first, second, seen(first, second)))
            found.append((first, simple("r", "relu", "a", size=size), True))
            found.append((first, simple("g", "softmax", "a", size=size), False))
        return found

    learned = fit_fusion(pairs(600))
    assert [(rule.second, rule.tree is None) for rule in learned.rules] == [
        ("maxpool", False),
        ("relu", True),
    ]
    learned.write(tmp_path / "f.json")
    again = load_fusion(tmp_path / "f.json")
    fresh = [(a, b, fused) for a, b, fused in pairs(200) if b.op == "maxpool"]
    right = [again.rules[0].holds(a, b) == fused for a, b, fused in fresh]
    assert np.mean(right) > 0.97
    assert again.to_dict() == learned.to_dict()


def test_latencies_tell_whether_two_layers_were_one() -> None:
    assert is_fused(together=10.4, first=10, second=4)
    assert not is_fused(together=13.9, first=10, second=4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "line 1: no JSON"),
        ("[]", "no rules of fusion"),
        ('{"schema": "acadl-fusion/1", "rules": [{"first": "conv"}]}', "rule 1: expected"),
        ('{"schema": "acadl-fusion/1", "rules": [{"first": "a", "second": "b", "tree": {}}]}', "have no"),
    ],
)
def test_damaged_files_are_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "f.json"
    path.write_text(text)
    with pytest.raises(EstimatorError, match=message):
        load_fusion(path)


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(EstimatorError, match="cannot read 'nowhere"):
        load_fusion("nowhere.json")


def test_rules_are_written_as_they_are(tmp_path: Path) -> None:
    ALWAYS.write(tmp_path / "f.json")
    assert load_fusion(tmp_path / "f.json") == ALWAYS
    assert json.loads((tmp_path / "f.json").read_text())["schema"] == "acadl-fusion/1"
