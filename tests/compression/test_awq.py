"""AWQ on small models: what must hold exactly, and what it wins with outlier channels."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from acadl.errors import AcadlError  # noqa: E402
from mappings.compression.awq import Settings, awq, quantized_copy  # noqa: E402
from mappings.compression.clipping import EACH_END, PUBLISHED, ClipSearch, clip_limits  # noqa: E402
from mappings.compression.folding import fold  # noqa: E402
from mappings.compression.language_model import (  # noqa: E402
    LanguageModel,
    Size,
    inject_outliers,
    losses,
    sequences,
    train,
)
from mappings.compression.quantizer import Scheme, quantize  # noqa: E402
from mappings.compression.scale_mappings import LLAMA, ScaleMapping  # noqa: E402

TEXT = b"".join(b"line %d: the quick brown fox jumps over %d lazy dogs\n" % (i, i * i) for i in range(2000))


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    torch.set_num_threads(1)
    return train(TEXT, Size(hidden=64, layers=2, heads=2, ffn=96), steps=60, tokens=256)


def blocks(model: LanguageModel) -> list[torch.nn.Module]:
    return list(model.blocks)


@pytest.mark.parametrize("mapping", LLAMA, ids=lambda m: m.layers[0])
def test_folding_scales_changes_nothing(model: LanguageModel, mapping: ScaleMapping) -> None:
    scaled = copy.deepcopy(model).double()
    tokens = sequences(TEXT, 4, 40, seed=1)
    before = scaled(tokens)
    block = scaled.blocks[0]
    width = block.get_submodule(mapping.layers[0]).weight.shape[1]
    with torch.no_grad():
        fold(block, mapping, torch.linspace(0.3, 3, width).double())
    assert torch.allclose(scaled(tokens), before, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("bits", [2, 3, 4])
@pytest.mark.parametrize("settings", [Settings, Settings.published])
def test_the_search_never_loses_to_rounding(
    model: LanguageModel, bits: int, settings: Callable[[Scheme], Settings]
) -> None:
    _, report = quantized_copy(model, blocks, sequences(TEXT, 8, 64, seed=2), settings(Scheme(bits, 32)))
    assert len(report) == len(LLAMA) * len(model.blocks)
    assert all(choice.loss <= choice.nearest_loss for choice in report)
    assert any(choice.alpha > 0 for choice in report)


def test_weights_are_values_that_hardware_holds(model: LanguageModel) -> None:
    scheme = Scheme(3, 16)
    other, _ = quantized_copy(model, blocks, sequences(TEXT, 4, 64, seed=3), Settings(scheme))
    for block in blocks(other):
        for name in ("attention.o_proj", "mlp.down_proj", "attention.q_proj"):
            weights = block.get_submodule(name).weight.detach().numpy()
            for row in weights.reshape(-1, 16):
                assert len(np.unique(row)) <= 8


def test_the_model_itself_is_left_alone(model: LanguageModel) -> None:
    before = {name: value.clone() for name, value in model.state_dict().items()}
    quantized_copy(model, blocks, sequences(TEXT, 2, 64, seed=4), Settings(Scheme(4, 32)))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("search", [PUBLISHED, EACH_END])
@pytest.mark.parametrize("symmetric", [False, True])
def test_limits_are_no_worse_than_none(search: ClipSearch, symmetric: bool) -> None:
    random = np.random.default_rng(0)
    weights, x = random.normal(size=(12, 50)), random.normal(size=(200, 50)) * random.exponential(size=50)
    scheme = Scheme(3, 16, symmetric)
    limits = clip_limits(weights, x, scheme, search)

    def errors(quantized: np.ndarray) -> np.ndarray:
        return np.array(
            [
                np.mean((x[:, g : g + 16] @ (quantized - weights)[:, g : g + 16].T) ** 2, axis=0)
                for g in range(0, 50, 16)
            ]
        )

    clipped = errors(quantize(weights, scheme, limits).weights)
    plain = errors(quantize(weights, scheme).weights)
    assert np.all(clipped <= plain * (1 + 1e-5)) and np.any(clipped < 0.9 * plain)


def test_outlier_channels_are_what_it_is_for(model: LanguageModel) -> None:
    injected = copy.deepcopy(model)
    inject_outliers(injected)
    held_out, calibration = sequences(TEXT, 32, 96, seed=5), sequences(TEXT, 16, 96, seed=6)
    full = float(losses(model, held_out).mean())
    assert float(losses(injected, held_out).mean()) == pytest.approx(full, abs=1e-4)
    scheme = Scheme(4, 64)
    nearest, _ = quantized_copy(injected, blocks, calibration, Settings(scheme, scales=False, clips=False))
    found, _ = quantized_copy(injected, blocks, calibration, Settings(scheme))
    lost, left = (float(losses(m, held_out).mean()) - full for m in (nearest, found))
    assert lost > 0 and left < 0.5 * lost


def test_mappings_are_checked(model: LanguageModel) -> None:
    tokens = sequences(TEXT, 2, 32, seed=7)
    other = copy.deepcopy(model)
    narrow = ScaleMapping("input_norm", ("mlp.down_proj",), "mlp.down_proj")
    (choice,) = awq(other, blocks(other)[:1], tokens, Settings(Scheme(4, 32)), [narrow])
    assert "64 outputs" in choice.note and choice.alpha == 0
    with pytest.raises(AcadlError, match="a block has no module"):
        awq(
            other,
            blocks(other)[:1],
            tokens,
            Settings(Scheme(4, 32)),
            [ScaleMapping("input_norm", ("attention.qkv",), "")],
        )


class PlusOneNorm(torch.nn.Module):
    """Multiplies by one more than its weight, as some models' norms do."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True)) * (1 + self.weight)


@pytest.mark.parametrize(
    ("before", "problem"),
    [
        (torch.nn.LayerNorm(8), ""),
        (torch.nn.RMSNorm(8), ""),
        (torch.nn.Linear(5, 8), ""),
        (torch.nn.Linear(5, 7), "7 outputs"),
        (torch.nn.PReLU(8), "no multiple of its weights"),
        (PlusOneNorm(8), "no multiple of its weights"),
        (torch.nn.GELU(), "it has no weights"),
        (torch.nn.LayerNorm(8, elementwise_affine=False), "it has no weights"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, torch.nn.Module) else None,
)
def test_only_what_multiplies_its_output_takes_up_scales(before: torch.nn.Module, problem: str) -> None:
    block = torch.nn.ModuleDict({"before": before, "fc": torch.nn.Linear(8, 4)})
    mapping = ScaleMapping("before", ("fc",), "fc")
    if problem:
        with pytest.raises(AcadlError, match=problem):
            fold(block, mapping, torch.full((8,), 2.0))
        return
    x = torch.randn(2, 3, 5 if isinstance(before, torch.nn.Linear) else 8)
    wanted = block["fc"](before(x))
    fold(block, mapping, torch.linspace(0.5, 2, 8))
    assert torch.allclose(block["fc"](before(x)), wanted, atol=1e-5)
