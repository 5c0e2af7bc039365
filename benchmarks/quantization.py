"""Quantized language models: perplexity on text they have not seen, by method, bits and groups.

    python -m benchmarks.quantization [--steps 785] [--seeds 3] [--write]

Trains a model over bytes on the sources of Python's own standard library, which are on every machine that can
run this; every twelfth file is held out. Needs the extra ``train``; a minute of training, then some seconds
for each row.
"""

from __future__ import annotations

import argparse
import copy
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.tables import Row, table, write_between
from mappings.compression.awq import Settings, quantized_copy
from mappings.compression.language_model import LanguageModel, inject_outliers, losses, sequences, train
from mappings.compression.quantizer import Scheme

PAGE = Path(__file__).parents[1] / "docs" / "quantization.md"
HELD_OUT = 12  # one file of so many
SLICES, LENGTH = 96, 128
CASES = ((3, 128), (3, 32), (4, 128))
METHODS = {
    "nearest": Settings(Scheme(), scales=False, clips=False),
    "clipped": Settings(Scheme(), scales=False),
    "scaled": Settings(Scheme(), clips=False),
    "scaled and clipped": Settings(Scheme()),
}


def texts() -> tuple[bytes, bytes]:
    """Training text and held-out text."""
    files = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))
    parts = [file.read_bytes() for file in files]
    held = b"\n".join(part for i, part in enumerate(parts) if i % HELD_OUT == 0)
    return b"\n".join(part for i, part in enumerate(parts) if i % HELD_OUT), held


def measure(steps: int, seeds: int) -> Iterator[Row]:
    """A row for each model and scheme."""
    training, held = texts()
    print(f"training on {len(training):,} bytes", file=sys.stderr)
    natural = train(training, steps=steps)
    injected = copy.deepcopy(natural)
    inject_outliers(injected)
    test = sequences(held, SLICES, LENGTH + 1, seed=1000)
    full = losses(natural, test).numpy()
    for name, model in (("natural", natural), ("outlier channels", injected)):
        for bits, group in CASES:
            print(f"{name}: {bits} bits, groups of {group}", file=sys.stderr)
            yield _row(name, model, Scheme(bits, group), training, test, full, seeds)


def _row(
    name: str,
    model: LanguageModel,
    scheme: Scheme,
    training: bytes,
    test: object,
    full: np.ndarray,
    seeds: int,
) -> Row:
    found: dict[str, list[np.ndarray]] = {method: [] for method in METHODS}
    for seed in range(seeds):
        calibration = sequences(training, 16, LENGTH, seed=seed)
        for method, settings in METHODS.items():
            chosen = Settings(scheme, settings.scales, settings.clips)
            other, _ = quantized_copy(model, lambda m: list(m.blocks), calibration, chosen)
            found[method].append(losses(other, test).numpy())  # type: ignore[arg-type]
    perplexity = {method: float(np.exp(np.mean(runs))) for method, runs in found.items()}
    gain = np.mean(found["nearest"], axis=0) - np.mean(found["scaled and clipped"], axis=0)
    lost, won = float(np.mean(found["nearest"]) - full.mean()), float(gain.mean())
    error = float(gain.std(ddof=1) / np.sqrt(len(gain)))
    return {
        "model": name,
        "bits": scheme.bits,
        "group": scheme.group,
        "unquantized": f"{np.exp(full.mean()):.4f}",
        **{method: f"{value:.4f}" for method, value in perplexity.items()},
        "gain, nats": f"{won:.4f} ± {error:.4f}",
        "of the loss": f"{100 * won / lost:.0f} %",
    }


def main() -> None:
    """Train, quantize, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--steps", type=int, default=785, help="updates of the training")
    parser.add_argument("--seeds", type=int, default=3, help="sets of calibration text")
    parser.add_argument("--write", action="store_true", help="write the table into the documentation")
    options = parser.parse_args()
    text = table(list(measure(options.steps, options.seeds)))
    print(text)
    if options.write:
        write_between(PAGE, "python -m benchmarks.quantization", text)


if __name__ == "__main__":
    main()
