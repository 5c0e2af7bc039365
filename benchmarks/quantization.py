"""Quantized language models: perplexity on text they have not seen, by method, bits and groups.

    python -m benchmarks.quantization [--steps 1400] [--seeds 3] [--write]

Trains models over bytes on the sources of Python's own standard library, which are on every machine that can
run this; every twelfth file is held out and used for the table only, calibration text is training text. Needs
the extra ``train``; a minute for each model, and some minutes for the table.
"""

from __future__ import annotations

import argparse
import copy
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from benchmarks.tables import Row, table, write_between
from mappings.compression.awq import Settings, awq
from mappings.compression.baselines import gptq_model, keep_channels
from mappings.compression.language_model import (
    LanguageModel,
    divergences,
    inject_outliers,
    losses,
    sequences,
    train,
)
from mappings.compression.quantizer import Scheme
from mappings.compression.texts import library_texts

if TYPE_CHECKING:
    from torch import Tensor

PAGE = Path(__file__).parents[1] / "docs" / "quantization.md"
SLICES, LENGTH = 192, 128
CALIBRATION = 64  # sequences
CASES = ((3, 128), (3, 32), (4, 128))
STEPS, SEEDS = 1400, 3

Method: TypeAlias = Callable[[LanguageModel, "Tensor", Scheme], object]


def _awq(settings: Callable[..., Settings], **given: bool) -> Method:
    return lambda model, tokens, scheme: awq(model, list(model.blocks), tokens, settings(scheme, **given))


def _kept(by: str) -> Method:
    return lambda model, tokens, scheme: keep_channels(model, list(model.blocks), tokens, scheme, by=by)  # type: ignore[arg-type]


METHODS: Mapping[str, Method] = {
    "nearest": _awq(Settings, scales=False, clips=False),
    "1 % kept: random": _kept("random"),
    "by weight": _kept("weight"),
    "by activation": _kept("activation"),
    "AWQ, published": _awq(Settings.published),
    "limits alone": _awq(Settings, scales=False),
    "AWQ": _awq(Settings),
    "GPTQ": lambda model, tokens, scheme: gptq_model(model, list(model.blocks), tokens, scheme),
}


@dataclass(frozen=True)
class Found:
    """Losses and divergences [seeds, slices] of a method."""

    losses: np.ndarray
    divergences: np.ndarray


def measure(steps: int, seeds: int) -> Iterator[Row]:
    """A row for each kind of model and scheme."""
    training, held = library_texts()
    test = sequences(held, SLICES, LENGTH + 1, seed=1000)
    models = []
    for seed in range(seeds):
        print(f"training on {len(training):,} bytes, seed {seed}", file=sys.stderr)
        models.append(train(training, steps=steps, seed=seed))
    for name in ("natural", "outlier channels"):
        for bits, group in CASES:
            print(f"{name}: {bits} bits, groups of {group}", file=sys.stderr)
            yield _row(name, models, Scheme(bits, group), training, test)
        for seed, model in enumerate(models):
            inject_outliers(model, seed=seed)


def _row(name: str, models: list[LanguageModel], scheme: Scheme, training: bytes, test: Tensor) -> Row:
    full = np.array([losses(model, test).numpy() for model in models])
    found = {method: _tried(models, run, scheme, training, test) for method, run in METHODS.items()}
    return {
        "model": name,
        "bits": scheme.bits,
        "group": scheme.group,
        "unquantized": f"{np.exp(full.mean()):.3f}",
        **{method: f"{np.exp(each.losses.mean()):.3f}" for method, each in found.items()},
        **{f"{method} wins": _share(found, method, full) for method in ("AWQ, published", "AWQ", "GPTQ")},
        **{f"{method}: less change": _less(found, method) for method in ("AWQ", "GPTQ")},
    }


def _tried(models: list[LanguageModel], run: Method, scheme: Scheme, training: bytes, test: Tensor) -> Found:
    """One method on every model, each calibrated with text of its own."""
    lost, changed = [], []
    for seed, model in enumerate(models):
        other = copy.deepcopy(model)
        run(other, sequences(training, CALIBRATION, LENGTH, seed=seed), scheme)
        lost.append(losses(other, test).numpy())
        changed.append(divergences(model, other, test).numpy())
    return Found(np.array(lost), np.array(changed))


def _share(found: Mapping[str, Found], method: str, full: np.ndarray) -> str:
    """What is won of what rounding to nearest loses, with standard errors over slices and over seeds."""
    lost, won = found["nearest"].losses - full, found["nearest"].losses - found[method].losses
    share, by_slice, by_seed = shares(won, lost)
    return f"{share:.0f} ± {by_slice:.0f} ± {by_seed:.0f} %"


def shares(won: np.ndarray, lost: np.ndarray) -> tuple[float, float, float]:
    """Percent won of what was lost, [seeds, slices], and its standard errors over slices and over seeds."""
    share = won.mean() / lost.mean()
    rest = (won - share * lost) / lost.mean()
    errors = [
        float(each.std(ddof=1) / np.sqrt(len(each))) if len(each) > 1 else float("nan")
        for each in (rest.mean(axis=0), rest.mean(axis=1))
    ]
    return 100 * float(share), 100 * errors[0], 100 * errors[1]


def _less(found: Mapping[str, Found], method: str) -> str:
    """How much smaller the divergence is than that of rounding to nearest."""
    before, after = (found[name].divergences for name in ("nearest", method))
    share, by_slice, _ = shares(before - after, before)
    return f"{share:.0f} ± {by_slice:.0f} %"


def main() -> None:
    """Train, quantize, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--steps", type=int, default=STEPS, help="updates of the training")
    parser.add_argument(
        "--seeds", type=int, default=SEEDS, help="models, each with calibration text of its own"
    )
    parser.add_argument("--write", action="store_true", help="write the table into the documentation")
    options = parser.parse_args()
    text = table(list(measure(options.steps, options.seeds)))
    print(text)
    if options.write:
        write_between(PAGE, "python -m benchmarks.quantization", text)


if __name__ == "__main__":
    main()
