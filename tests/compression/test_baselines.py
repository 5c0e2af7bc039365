"""Baselines on a small model: what they keep, and what they change."""

from __future__ import annotations

import copy

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from acadl.errors import AcadlError  # noqa: E402
from mappings.compression.awq import Settings, quantized_copy  # noqa: E402
from mappings.compression.baselines import bits_with_kept, gptq_model, keep_channels  # noqa: E402
from mappings.compression.calibration import linear_layers  # noqa: E402
from mappings.compression.language_model import (  # noqa: E402
    LanguageModel,
    Size,
    divergences,
    sequences,
    train,
)
from mappings.compression.quantizer import Scheme  # noqa: E402

TEXT = b"".join(b"item %d costs %d coins, said the old man\n" % (i, 7 * i % 91) for i in range(2000))
SCHEME = Scheme(3, 32)


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    torch.set_num_threads(1)
    return train(TEXT, Size(hidden=64, layers=2, heads=2, ffn=96), steps=150, tokens=256)


@pytest.fixture(scope="module")
def tokens() -> torch.Tensor:
    return sequences(TEXT, 16, 64, seed=1)


def nearest(model: LanguageModel, tokens: torch.Tensor) -> LanguageModel:
    found, _ = quantized_copy(
        model, lambda m: list(m.blocks), tokens, Settings(SCHEME, scales=False, clips=False)
    )
    return found


def test_gptq_changes_predictions_less_than_rounding(model: LanguageModel, tokens: torch.Tensor) -> None:
    found = copy.deepcopy(model)
    gptq_model(found, list(found.blocks), tokens, SCHEME)
    test = sequences(TEXT, 16, 64, seed=2)
    before = float(divergences(model, nearest(model, tokens), test).mean())
    assert 0 < float(divergences(model, found, test).mean()) < 0.7 * before


def test_kept_channels_are_as_they_were(model: LanguageModel, tokens: torch.Tensor) -> None:
    found = copy.deepcopy(model)
    keep_channels(found, list(found.blocks), tokens, SCHEME, part=0.05, by="weight")
    layers = zip(linear_layers(model.blocks[0]), linear_layers(found.blocks[0]), strict=True)
    for (_, before), (_, after) in layers:
        kept = (before.weight == after.weight).all(dim=0)
        strength = before.weight.abs().mean(dim=0)
        assert int(kept.sum()) >= -(-before.in_features // 20)
        assert kept[strength.topk(-(-before.in_features // 20)).indices].all()


def test_to_keep_none_is_rounding_and_to_keep_all_is_nothing(
    model: LanguageModel, tokens: torch.Tensor
) -> None:
    for part, wanted in ((0.0, nearest(model, tokens)), (1.0, model)):
        found = copy.deepcopy(model)
        keep_channels(found, list(found.blocks), tokens, SCHEME, part=part)
        for (_, a), (_, b) in zip(linear_layers(found.blocks), linear_layers(wanted.blocks), strict=True):
            assert torch.allclose(a.weight, b.weight)


def test_chosen_by_activation(model: LanguageModel, tokens: torch.Tensor) -> None:
    """A channel with large activations is among those that are kept."""
    loud = copy.deepcopy(model)
    with torch.no_grad():
        loud.blocks[0].input_norm.weight[5] *= 50
    keep_channels(loud, list(loud.blocks), tokens, SCHEME, by="activation")
    kept = loud.blocks[0].attention.q_proj.weight[:, 5]
    assert torch.equal(kept, model.blocks[0].attention.q_proj.weight[:, 5])


def test_bits_of_kept_channels() -> None:
    assert bits_with_kept(Scheme(3, 128), 4096) == pytest.approx(3.1484375 + 41 / 4096 * 16)
    assert np.isclose(bits_with_kept(Scheme(4, 0), 100, part=0), 4.2)


def test_parts_are_checked(model: LanguageModel, tokens: torch.Tensor) -> None:
    with pytest.raises(AcadlError, match="from 0 to 1"):
        keep_channels(model, list(model.blocks), tokens, SCHEME, part=2)
