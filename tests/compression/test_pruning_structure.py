"""Coupled channels, slimming, folding and blocks: what must hold exactly, on networks of every family."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from acadl.errors import AcadlError  # noqa: E402
from mappings.compression.pruning import blocks, cnns, coupling, slim  # noqa: E402
from mappings.compression.pruning.trace import Traced, trace  # noqa: E402

SHAPE = (1, 1, 8, 8)
SMALL = {
    "vgg": lambda: cnns.vgg((4, 6, "M", 8)),
    "resnet": lambda: cnns.resnet((4, 6), depth=2),
    "mobilenet": lambda: cnns.mobilenet((4, 6, 8)),
}


def randomized(model: nn.Module, seed: int) -> nn.Module:
    """With statistics and norms that are nobody's defaults."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in (*model.parameters(), *model.buffers()):
            if tensor.is_floating_point():
                tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.1)
                if tensor.dim() != 1:
                    tensor -= 0.6
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.bias -= 0.5
    return model.eval()


def agree(a: Traced | nn.Module, b: Traced) -> bool:
    x = torch.randn((16, *SHAPE[1:]), generator=torch.Generator().manual_seed(1))
    first = (a.module if isinstance(a, Traced) else a).eval()
    with torch.no_grad():
        y, z = first(x), b.module.eval()(x)
    return bool((y - z).abs().max() <= 1e-4 * max(1.0, float(y.abs().max())))


@settings(max_examples=30, deadline=None)
@given(family=st.sampled_from(sorted(SMALL)), seed=st.integers(0, 1000), share=st.floats(0, 1))
def test_slimmed_equals_masked(family: str, seed: int, share: float) -> None:
    traced = trace(randomized(SMALL[family](), seed), SHAPE)
    groups = coupling.couple(traced)
    keep = groups.fixed | (np.random.default_rng(seed).random(groups.count) < share)
    coupling.zero(traced, groups, keep)
    smaller = slim.slim(traced)
    assert agree(traced, smaller)
    left = coupling.couple(smaller)
    gone = groups.count - left.count
    assert gone >= (~keep).sum() - len(traced.operators)  # no layer loses its last channel
    assert sum(p.numel() for p in smaller.module.parameters()) == coupling.size(smaller, left).parameters


@settings(max_examples=30, deadline=None)
@given(family=st.sampled_from(sorted(SMALL)), seed=st.integers(0, 1000), share=st.floats(0, 1))
def test_constants_are_folded_exactly(family: str, seed: int, share: float) -> None:
    """Channels whose scale alone is zero are constants, which padded readers see the border of."""
    traced = trace(randomized(SMALL[family](), seed), SHAPE)
    generator = np.random.default_rng(seed)
    constant = 0
    with torch.no_grad():
        for op in traced.operators:
            if op.kind == "batchnorm":
                off = generator.random(op.channels) < share
                traced.weights(op).weight[torch.from_numpy(off)] = 0
                constant += int(off.sum())
    smaller = slim.slim(traced)
    assert agree(traced, smaller)
    if share == 1 and family == "vgg":  # nothing depends on the input any more
        assert coupling.size(smaller, coupling.couple(smaller)).parameters < 100


def test_a_padded_reader_keeps_one_of_many_constants() -> None:
    traced = trace(randomized(cnns.vgg((6, 5)), 3), SHAPE)
    norm = next(op for op in traced.operators if op.kind == "batchnorm")
    with torch.no_grad():
        traced.weights(norm).weight[:4] = 0
        traced.weights(norm).bias[:4] = torch.tensor([0.3, 0.7, 0.2, -1.0])  # the last one is cut to zero
    smaller = slim.slim(traced)
    assert [op.channels for op in smaller.operators if op.kind == "conv"] == [3, 5]  # 2 that vary and 1
    assert agree(traced, smaller)


def test_an_unpadded_reader_keeps_none() -> None:
    model = nn.Sequential(nn.Conv2d(1, 6, 3), nn.ReLU(), nn.Conv2d(6, 3, 3), nn.Flatten(), nn.Linear(48, 2))
    traced = trace(model, SHAPE)
    with torch.no_grad():
        model_conv = traced.weights(traced.operators[1])
        model_conv.weight[:4], model_conv.bias[:4] = 0, 0.5
        traced.weights(traced.operators[5]).weight[:, 16:32] = 0  # nobody reads the second channel
    smaller = slim.slim(traced)
    assert [op.channels for op in smaller.operators if op.kind in ("conv", "linear")] == [2, 2, 2]
    assert agree(traced, smaller)


def test_sums_couple_and_depthwise_convolutions_pass_on() -> None:
    residual = coupling.couple(trace(cnns.resnet((4, 6), depth=2), SHAPE))
    assert residual.count == 1 + (4 + 2 * 4) + (6 + 2 * 6) + 10  # input, trunks, inner channels, classes
    depthwise = coupling.couple(trace(cnns.mobilenet((4, 6, 8)), SHAPE))
    assert depthwise.count == 1 + 4 + 6 + 8 + 10


def test_size_of_a_choice_is_that_of_the_slimmed_network() -> None:
    for build in SMALL.values():
        traced = trace(randomized(build(), 5), SHAPE)
        groups = coupling.couple(traced)
        keep = groups.fixed | (np.arange(groups.count) % 2 == 0)
        said = coupling.size(traced, groups, keep)
        coupling.zero(traced, groups, keep)
        smaller = slim.slim(traced)
        assert said == coupling.size(smaller, coupling.couple(smaller))


def test_idle_blocks_are_found_and_removed() -> None:
    traced = trace(randomized(cnns.resnet((4, 6), depth=3), 7), SHAPE)
    found = blocks.blocks(traced)
    assert [block.identity for block in found] == [True, True, True, False, True, True]
    norms = [op for op in traced.operators if op.kind == "batchnorm" and op.name in found[1].main]
    with torch.no_grad():
        traced.weights(norms[-1]).weight.zero_()
        traced.weights(norms[-1]).bias.zero_()
    assert blocks.idle(traced) == (found[1].name,)
    x = torch.randn(4, *SHAPE[1:])
    effects = blocks.effects(traced, x)
    assert effects[found[1].name] == 0 < min(v for k, v in effects.items() if k != found[1].name)
    shorter = blocks.without(traced, blocks.idle(traced))
    assert agree(traced, shorter) and len(blocks.blocks(shorter)) == 5
    with pytest.raises(AcadlError, match="no residual block 'nine'; blocks: "):
        blocks.without(traced, ("nine",))


def test_shortcuts_make_empty_layers_removable() -> None:
    traced = blocks.with_shortcuts(trace(randomized(cnns.vgg((4, 4, "M", 6, 6)), 2), SHAPE))
    assert len(blocks.blocks(traced)) == 2  # the convolutions that keep their shape
    norm = [op for op in traced.operators if op.kind == "batchnorm"][1]
    with torch.no_grad():
        traced.weights(norm).weight.zero_()
        traced.weights(norm).bias.zero_()
    shorter = blocks.without(traced, blocks.idle(traced))
    assert len([op for op in shorter.operators if op.kind == "conv"]) == 3 and agree(traced, shorter)


class Functional(nn.Module):
    """Functions and methods instead of modules, gates and concatenations."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(1, 3, 1)
        self.gate, self.c = nn.Conv2d(7, 7, 1), nn.Conv2d(7, 5, 3, padding=1)
        self.out = nn.Linear(5 * 4, 3)

    def forward(self, x: Any) -> Any:
        y = torch.cat([torch.relu(self.a(x)), self.b(x).relu()], 1)
        y = y * torch.sigmoid(self.gate(nn.functional.adaptive_avg_pool2d(y, 1)))
        y = nn.functional.max_pool2d(nn.functional.avg_pool2d(self.c(y), 2), 2)
        return self.out(y.view(y.size(0), -1))


@pytest.mark.parametrize("seed", range(6))
def test_functions_gates_and_concatenations(seed: int) -> None:
    traced = trace(Functional(), SHAPE)
    groups = coupling.couple(traced)
    keep = groups.fixed | (np.random.default_rng(seed).random(groups.count) < 0.5)
    coupling.zero(traced, groups, keep)
    smaller = slim.slim(traced)
    assert agree(traced, smaller)
    assert coupling.couple(smaller).count < groups.count


class Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 1)

    def forward(self, x: Any) -> Any:
        return self.conv(self.conv(x))


class Branches(nn.Module):
    def forward(self, x: Any) -> Any:
        return x if x.sum() > 0 else -x


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (nn.Sequential(nn.Conv2d(1, 4, 3), nn.PixelShuffle(2)), "'_1': PixelShuffle cannot be pruned"),
        (nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3, groups=2)), "Conv2d with 2 groups"),
        (nn.Sequential(nn.Conv2d(1, 4, 3), nn.GroupNorm(2, 4)), "GroupNorm cannot be pruned"),
        (nn.Sequential(nn.Conv2d(1, 4, 9)), "does not run on an input of shape"),
        (Twice(), "weights of 'conv' a second time"),
        (Branches(), "cannot be traced"),
    ],
)
def test_structure_that_cannot_be_pruned_is_named(model: nn.Module, message: str) -> None:
    with pytest.raises(AcadlError, match=message):
        trace(model, SHAPE)


@pytest.mark.parametrize("family", sorted(SMALL))
def test_onnx_computes_the_same(family: str, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    from mappings.compression.pruning.onnx_writer import network_of, write_onnx
    from mappings.network import load_network

    traced = trace(randomized(SMALL[family](), 9), SHAPE)
    write_onnx(traced, tmp_path / "net.onnx")
    assert list(tmp_path.iterdir()) == [tmp_path / "net.onnx"]
    network = network_of(traced)
    assert network.layers == load_network(tmp_path / "net.onnx").layers
    assert network.macs == coupling.size(traced, coupling.couple(traced)).macs
    assert "batchnorm" not in {layer.op for layer in network.layers}
    runtime = pytest.importorskip("onnxruntime")
    x = torch.randn(SHAPE)
    y = runtime.InferenceSession(str(tmp_path / "net.onnx")).run(None, {traced.operators[0].name: x.numpy()})[
        0
    ]
    with torch.no_grad():
        assert np.allclose(y, traced.module.eval()(x).numpy(), atol=1e-4)


def test_the_original_is_left_alone() -> None:
    model = randomized(SMALL["vgg"](), 1)
    before = copy.deepcopy(model.state_dict())
    traced = trace(model, SHAPE)
    groups = coupling.couple(traced)
    coupling.zero(traced, groups, groups.fixed)
    slim.slim(traced)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
