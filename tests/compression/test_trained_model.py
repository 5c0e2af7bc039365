"""A language model trained as the documentation says: what quantization loses, and what AWQ wins back.

A minute of training and some seconds for each method. Changes of predictions (divergences) have a tenth of
the noise that losses have; the table of the documentation has both, with errors over seeds and slices.
"""

from __future__ import annotations

import copy

import pytest

torch = pytest.importorskip("torch")

from benchmarks.quantization import METHODS  # noqa: E402
from mappings.compression.language_model import (  # noqa: E402
    LanguageModel,
    divergences,
    inject_outliers,
    losses,
    sequences,
    train,
)
from mappings.compression.quantizer import Scheme  # noqa: E402
from mappings.compression.texts import library_texts  # noqa: E402

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def texts() -> tuple[bytes, bytes]:
    return library_texts()


@pytest.fixture(scope="module")
def model(texts: tuple[bytes, bytes]) -> LanguageModel:
    torch.set_num_threads(1)
    return train(texts[0])


def quantized(model: LanguageModel, method: str, scheme: Scheme, training: bytes) -> LanguageModel:
    other = copy.deepcopy(model)
    METHODS[method](other, sequences(training, 64, 128, seed=0), scheme)
    return other


def changes(
    model: LanguageModel, methods: list[str], scheme: Scheme, texts: tuple[bytes, bytes]
) -> list[float]:
    """Mean divergence by each method on held-out text."""
    test = sequences(texts[1], 96, 129, seed=1000)
    return [
        float(divergences(model, quantized(model, method, scheme, texts[0]), test).mean())
        for method in methods
    ]


def test_it_has_learned(model: LanguageModel, texts: tuple[bytes, bytes]) -> None:
    """A uniform guess has a loss of 5.5 nats."""
    assert float(losses(model, sequences(texts[1], 96, 129, seed=1000)).mean()) < 1.75


def test_three_bits(model: LanguageModel, texts: tuple[bytes, bytes]) -> None:
    """Each step helps: limits alone, AWQ as published, AWQ, GPTQ."""
    nearest, published, ours, gptq = changes(
        model, ["nearest", "AWQ, published", "AWQ", "GPTQ"], Scheme(3, 128), texts
    )
    assert published < 0.9 * nearest
    assert ours < 0.75 * nearest and ours < published
    assert gptq < 0.5 * nearest


def test_outlier_channels_at_four_bits(model: LanguageModel, texts: tuple[bytes, bytes]) -> None:
    """The same function with three loud channels behind every norm: at least half of the loss comes back."""
    loud = copy.deepcopy(model)
    inject_outliers(loud)
    test = sequences(texts[1], 96, 129, seed=1000)
    full = float(losses(model, test).mean())
    assert float(losses(loud, test).mean()) == pytest.approx(full, abs=1e-4)
    nearest, ours = (
        float(losses(quantized(loud, method, Scheme(4, 128), texts[0]), test).mean()) - full
        for method in ("nearest", "AWQ")
    )
    assert nearest > 0 and ours < 0.5 * nearest
