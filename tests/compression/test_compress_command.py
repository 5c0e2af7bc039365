"""``acadl compress awq``: a model whose step meets a target, and what users may get wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

torch = pytest.importorskip("torch")

from mappings.compression.language_model import LanguageModel, Size, sequences, train  # noqa: E402
from mappings.compression.quantizer import Scheme  # noqa: E402
from mappings.compression.sensitivity import sensitivities  # noqa: E402
from mappings.compression.weights_file import load_weights, save_weights  # noqa: E402
from platforms.command_group import cli  # noqa: E402
from platforms.commands.compress import _model  # noqa: E402

SIZE = Size(hidden=32, layers=2, heads=2, ffn=64)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A text, and weights of a small model trained on it."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("compress")
    text = b"".join(b"item %d costs %d coins, said the old man\n" % (i, 7 * i % 91) for i in range(3000))
    (folder / "text").write_bytes(text)
    save_weights(train(text, SIZE, steps=120, tokens=256), folder / "weights.pt")
    return str(folder / "text"), str(folder / "weights.pt")


def run(*arguments: str, status: int = 0) -> str:
    result = CliRunner().invoke(cli, ["compress", "awq", *arguments])
    assert result.exit_code == status, result.output
    return result.output


def found(files: tuple[str, str], *arguments: str) -> dict[str, dict[str, float]]:
    text, weights = files
    shown = run("simd", "--set", "bus_bytes=2", "--text", text, "--weights", weights, "--json", *arguments)
    result: dict[str, dict[str, float]] = json.loads(shown)
    return result


def test_the_target_is_met_at_the_least_loss(files: tuple[str, str]) -> None:
    free = found(files, "--target-latency", "1s")
    assert free["after"] == free["before"]
    before, least = free["before"]["latency_s"], free["curve"][0]["latency_s"]
    middle = found(files, "--target-latency", f"{1e6 * (before + least) / 2:.3f}us")
    assert least < middle["after"]["latency_s"] <= (before + least) / 2
    layers = middle["layers"]
    assert {layer["bits"] for layer in layers} <= {2, 4, 8} and len(layers) == 14
    saved = free["before"]["cycles"] - middle["after"]["cycles"]
    assert saved == sum(layer["cycles"] for layer in free["layers"]) - sum(
        layer["cycles"] for layer in layers
    )
    lost = sum(layer["loss"] for layer in layers)
    assert all(p["loss"] >= lost for p in middle["curve"] if p["cycles"] <= middle["after"]["cycles"])
    assert middle["unquantized"] == pytest.approx(free["before"]["perplexity"], rel=0.01)


def test_memory_can_be_the_target(files: tuple[str, str]) -> None:
    """12,288 weights a block at 8 bits are 24 KiB, and their scales."""
    result = found(files, "--target-memory", "16KiB")
    assert result["before"]["weight_bytes"] == 2 * (4 * 1024 + 3 * 2048) + 2 * 2 * (4 * 32 + 2 * 64 + 32)
    assert result["after"]["weight_bytes"] <= 16 * 1024
    assert result["after"]["perplexity"] > result["before"]["perplexity"] * 0.99


def test_text_output_names_every_layer(files: tuple[str, str]) -> None:
    text, weights = files
    shown = run("simd", "--text", text, "--weights", weights, "--target-memory", "15KiB")
    assert "block1.mlp.down_proj" in shown and "The least loss for each cost:" in shown


def test_narrower_layers_change_predictions_more(files: tuple[str, str]) -> None:
    model = load_weights(files[1])
    assert model is not None
    tokens = sequences(Path(files[0]).read_bytes(), 8, 64, seed=0)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    schemes = {bits: Scheme(bits, 0, symmetric=True) for bits in (2, 4, 8)}
    losses = sensitivities(model, list(model.blocks), tokens, schemes)
    assert len(losses) == 14
    assert all(each[2] > each[4] > each[8] >= 0 for each in losses.values())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_weights_are_the_same_after_a_round_trip(tmp_path: Path) -> None:
    model = LanguageModel(SIZE)
    save_weights(model, tmp_path / "w.pt")
    again = load_weights(tmp_path / "w.pt")
    assert again is not None and again.size == SIZE
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in model.state_dict().items())
    assert load_weights(tmp_path / "none.pt") is None


def test_training_is_kept(files: tuple[str, str], tmp_path: Path) -> None:
    """The first run writes the weights, the second one reads them."""
    weights = tmp_path / "new.pt"
    first, *_ = _model(files[0], 2, 0, str(weights), None)
    kept = weights.read_bytes()
    second, *_ = _model(files[0], 50, 0, str(weights), None)
    assert weights.read_bytes() == kept
    assert torch.equal(first.head.weight, second.head.weight)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (("--target-memory", "1KiB"), "1,024 bytes of weights cannot be met: the least is 129,792 bytes"),
        (("--target-latency", "1us"), r"a latency of 1.0 µs (500 cycles) cannot be met"),
    ],
)
def test_a_target_out_of_reach_is_said_before_the_training(target: tuple[str, str], message: str) -> None:
    assert message in run("simd", *target, "--steps", "1000000", status=1)


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["simd"], 2, "either --target-latency or --target-memory"),
        (["simd", "--target-latency", "5"], 2, "'5' is no time such as 250us; units: s, ms"),
        (["simd", "--target-memory", "5 parsec"], 2, "is no size such as 200KiB"),
        (["gemmini", "--target-memory", "5KiB"], 1, "the mapping of 'gemmini' knows weights of 8 bits only"),
        (["simd", "--target-memory", "1MiB", "--text", "none.txt"], 1, "cannot read 'none.txt'"),
    ],
)
def test_wrong_use(arguments: list[str], status: int, message: str) -> None:
    assert message in run(*arguments, status=status)


def test_files_that_are_no_weights(files: tuple[str, str], tmp_path: Path) -> None:
    for content in (b"", b"no weights", b"PK\x03\x04 broken"):
        (tmp_path / "w.pt").write_bytes(content)
        shown = run(
            "simd",
            "--text",
            files[0],
            "--weights",
            str(tmp_path / "w.pt"),
            "--target-memory",
            "5KiB",
            status=1,
        )
        assert "holds no weights of this model" in shown
