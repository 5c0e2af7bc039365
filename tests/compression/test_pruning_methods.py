"""The pruning methods: planted redundancy is found, what is needed stays, and digits are still read."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from mappings.compression.pruning import blocks, cnns, half_space, polarization, sparsity  # noqa: E402
from mappings.compression.pruning.coupling import couple, norms, zero  # noqa: E402
from mappings.compression.pruning.lossless import merged, tidy  # noqa: E402
from mappings.compression.pruning.methods import METHODS, Settings, parameters  # noqa: E402
from mappings.compression.pruning.trace import Traced, trace  # noqa: E402
from mappings.compression.pruning.training import Data, Recipe, accuracy, train  # noqa: E402

SHAPE = (1, 1, 8, 8)
WIDTH, EACH = 40, 8  # channels of a layer, and how many of each kind are redundant
NO_TRAINING = Recipe(epochs=0)


def noise(count: int, seed: int = 1) -> torch.Tensor:
    return torch.randn((count, *SHAPE[1:]), generator=torch.Generator().manual_seed(seed))


def some_data(count: int = 96) -> Data:
    """Two classes: whether the left half is brighter than the right one."""

    def part(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        x = noise(count, seed)
        return x, (x[..., :4].mean((1, 2, 3)) > x[..., 4:].mean((1, 2, 3))).long()

    return Data(part(1), part(2), part(3))


def plain(seed: int) -> Traced:
    """A network with statistics of its own."""
    torch.manual_seed(seed)
    traced = trace(cnns.vgg((WIDTH, WIDTH, "M", WIDTH)), SHAPE)
    train(traced, some_data(), Recipe(epochs=1), seed)
    return traced


def residual(seed: int) -> Traced:
    torch.manual_seed(seed)
    traced = trace(cnns.resnet((12, 16), depth=3), SHAPE)
    train(traced, some_data(), Recipe(epochs=1), seed)
    return traced


def plant(traced: Traced) -> int:
    """Make channels of each layer multiples of others, dead and constant; how many."""
    planted = 0
    with torch.no_grad():
        for op in traced.operators:
            if op.kind != "batchnorm":
                continue
            norm = traced.weights(op)
            conv = traced.weights(traced[op.inputs[0]])
            for number in range(EACH):
                other = 3 * EACH + number
                conv.weight[number] = conv.weight[other]
                norm.running_mean[number] = norm.running_mean[other]
                norm.running_var[number] = norm.running_var[other]
                norm.bias[other] = 0.3  # so that it is not dead by chance
                norm.weight[number], norm.bias[number] = 2 * norm.weight[other], 2 * norm.bias[other]
            norm.weight[EACH : 3 * EACH] = 0
            norm.bias[EACH : 2 * EACH] = -0.5
            norm.bias[2 * EACH : 3 * EACH] = torch.linspace(0.2, 0.9, EACH)
            planted += 3 * EACH
    return planted


def outputs(traced: Traced) -> torch.Tensor:
    with torch.no_grad():
        result: torch.Tensor = traced.module.eval()(noise(64, 9))
    return result


@pytest.mark.parametrize("method", METHODS)
def test_planted_redundancy_goes_and_nothing_else(method: str) -> None:
    """Of the constants of a layer one stays where a padded convolution reads them; see docs/pruning.md."""
    traced = plain(0)
    planted = plant(traced)
    before = couple(traced)
    if method == "ll":  # shortcuts change what a plain network computes; without them it is hspg
        method = "hspg"
    settings = Settings(target=0.0, budget=-1.0, recipe=NO_TRAINING)
    small = METHODS[method](traced, some_data(), settings)
    gone = before.count - couple(small).count
    assert 0.95 * planted <= gone <= planted
    assert torch.allclose(outputs(traced), outputs(small), atol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_blocks_that_do_nothing_go(method: str) -> None:
    traced = residual(0)
    found = blocks.blocks(traced)
    with torch.no_grad():
        for block in (found[1], found[2], found[4]):
            norm = traced.weights(traced[block.end])
            norm.weight.zero_()
            norm.bias.zero_()
    settings = Settings(target=0.0, budget=-1.0, recipe=NO_TRAINING)
    small = METHODS[method](traced, some_data(), settings)
    assert len(blocks.blocks(small)) == len(found) - 3
    assert torch.allclose(outputs(traced), outputs(small), atol=1e-4)


def test_a_multiple_is_read_through_the_channel_that_stays() -> None:
    traced = plain(2)
    plant(traced)
    assert torch.allclose(outputs(traced), outputs(merged(traced, noise(256))), atol=1e-4)
    clean = plain(3)
    assert parameters(tidy(clean, noise(256))) == parameters(clean)  # nothing is redundant


@pytest.mark.parametrize("method", METHODS)
def test_methods_reach_their_target_and_repeat_to_the_bit(method: str) -> None:
    traced, data = residual(1), some_data()
    settings = Settings(target=0.5, budget=0.9, recipe=Recipe(epochs=1))
    first, second = (METHODS[method](traced, data, settings) for _ in range(2))
    assert parameters(first) <= 0.5 * parameters(traced)
    assert torch.equal(outputs(first), outputs(second))
    assert torch.equal(outputs(traced), outputs(residual(1)))  # the dense one is as it was


def test_the_half_space_step_empties_what_it_presses() -> None:
    traced = plain(4)
    groups = couple(traced)
    pressed = half_space.weakest(traced, groups, 0.25)
    step = half_space.HalfSpace(traced, groups, pressed, strength=1.0)
    others = norms(traced, groups)[~pressed]
    for _ in range(1000):
        step.after_step(0.05)
    assert (norms(traced, groups)[pressed] == 0).all() and (step.empty == pressed).all()
    assert (norms(traced, groups)[~pressed] == others).all()


def test_polarized_scales_gather_at_both_ends() -> None:
    traced = plain(5)
    polarization.prepare(traced)
    gammas = [traced.weights(op).weight for op in traced.operators if op.kind == "batchnorm"]
    with torch.no_grad():
        for gamma in gammas:
            gamma.add_(torch.linspace(-0.05, 0.05, len(gamma)))
    optimizer = torch.optim.SGD(gammas, 0.02)
    for _ in range(400):
        optimizer.zero_grad()
        polarization.penalty(traced, 1.0, 0.0).backward()
        optimizer.step()
        polarization.clamp(traced)
    for gamma in gammas:
        at_zero, at_one = (gamma < 0.05).float().mean(), (gamma > 0.95).float().mean()
        assert at_zero + at_one > 0.95 and abs(float(at_one) - 0.5) < 0.1  # 1/2 - t/4 of them, t = 0
    assert polarization.off(traced, couple(traced)).sum() > 0


def test_scores_of_si_know_zeros_and_scales() -> None:
    traced = plain(6)
    groups = couple(traced)
    norm = next(traced.weights(op) for op in traced.operators if op.kind == "batchnorm")
    with torch.no_grad():
        norm.bias[0] = -100.0  # always zero behind the activation
    empty = sparsity.zeros(traced, groups, noise(64))
    first = next(op for op in traced.operators if op.kind == "batchnorm")
    assert empty[groups.groups[first.name][0]] == 1.0
    assert sparsity.dispensable(traced, groups, noise(64))[groups.groups[first.name][0]]


def digits(seed: int) -> Data:
    """scikit-learn's digits in three parts."""
    datasets = pytest.importorskip("sklearn.datasets")
    found = datasets.load_digits()
    x = torch.tensor(found.images[:, None] / 16 - 0.5, dtype=torch.float32)
    y = torch.tensor(found.target)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
    a, b, c = order[:1100], order[1100:1350], order[1350:]
    return Data((x[a], y[a]), (x[b], y[b]), (x[c], y[c]))


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_digits_are_read_with_a_tenth_of_the_parameters(method: str) -> None:
    """At most one point less than the dense network on the mean of three seeds; masked equals slimmed."""
    torch.set_num_threads(1)
    lost = []
    for seed in range(3):
        data = digits(seed)
        torch.manual_seed(seed)
        family = cnns.vgg if method in ("si", "hspg", "ll") else cnns.resnet
        dense = trace(family(), SHAPE)
        train(dense, data, Recipe(), seed)
        small = METHODS[method](dense, data, Settings(budget=0.005, seed=seed))
        assert parameters(small) <= 0.1 * parameters(dense)
        lost.append(accuracy(dense, data.test) - accuracy(small, data.test))
    assert sum(lost) / 3 <= 0.01, lost


def test_masks_and_slim_networks_agree_behind_the_half_space() -> None:
    traced = residual(7)
    groups = couple(traced)
    zero(traced, groups, ~half_space.weakest(traced, groups, 0.5))
    assert torch.allclose(outputs(traced), outputs(tidy(traced, noise(128))), atol=1e-4)
