"""Pruning methods on scikit-learn's digits: parameters, accuracy, and cycles on a described accelerator.

    python -m benchmarks.pruning [--write]

Networks are trained and pruned with three seeds, each with its own division into images to train with, to
decide by, and to be judged by. ``--write`` writes the table into docs/pruning.md.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from sklearn.datasets import load_digits

import platforms
from benchmarks.tables import Row, table, write_between
from mappings.compression.pruning import cnns, onnx_writer
from mappings.compression.pruning.coupling import couple, size
from mappings.compression.pruning.methods import METHODS, Settings
from mappings.compression.pruning.trace import Traced, trace
from mappings.compression.pruning.training import Data, Recipe, accuracy, train

PAGE = Path(__file__).parents[1] / "docs" / "pruning.md"
NAME = "python -m benchmarks.pruning"
SEEDS = range(3)
FAMILIES = {"si": "vgg", "hspg": "vgg", "ll": "vgg", "ihsopti": "resnet", "gcao": "resnet"}
PLATFORM = "gemmini"


@dataclass(frozen=True)
class Seen:
    """A network: trainable parameters, multiply-accumulates, cycles, accuracy on the test part."""

    parameters: int
    macs: int
    cycles: int
    accuracy: float


def rows() -> Iterator[Row]:
    """A row per method: means over the seeds."""
    torch.set_num_threads(1)
    dense = {(family, seed): _dense(family, seed) for family in ("vgg", "resnet") for seed in SEEDS}
    for method, family in FAMILIES.items():
        pairs = []
        for seed in SEEDS:
            data, network = dense[family, seed]
            small = METHODS[method](network, data, Settings(budget=0.005, seed=seed, cost=_cycles))
            pairs.append((_seen(network, data), _seen(small, data)))
            print(method, seed, *pairs[-1], file=sys.stderr)
        lost = [100 * (before.accuracy - after.accuracy) for before, after in pairs]
        yield {
            "method": method,
            "network": family,
            "parameters removed": f"{_part(pairs, 'parameters'):.1f} %",
            "MACs removed": f"{_part(pairs, 'macs'):.1f} %",
            f"cycles on {PLATFORM} removed": f"{_part(pairs, 'cycles'):.1f} %",
            "accuracy, dense": f"{100 * statistics.mean(a.accuracy for a, _ in pairs):.2f} %",
            "pruned": f"{100 * statistics.mean(b.accuracy for _, b in pairs):.2f} %",
            "points lost, by seed": ", ".join(f"{each:+.2f}" for each in lost),
        }


def _dense(family: str, seed: int) -> tuple[Data, Traced]:
    found = load_digits()
    x = torch.tensor(found.images[:, None] / 16 - 0.5, dtype=torch.float32)
    y = torch.tensor(found.target)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
    parts = [(x[each], y[each]) for each in (order[:1100], order[1100:1350], order[1350:])]
    data = Data(*parts)
    torch.manual_seed(seed)
    network = trace(cnns.NETWORKS[family](), (1, 1, 8, 8))
    train(network, data, Recipe(), seed)
    return data, network


def _cycles(traced: Traced) -> float:
    return float(platforms.estimate(PLATFORM, onnx_writer.network_of(traced)).total_cycles)


def _seen(traced: Traced, data: Data) -> Seen:
    found = size(traced, couple(traced))
    return Seen(found.parameters, found.macs, round(_cycles(traced)), accuracy(traced, data.test))


def _part(pairs: list[tuple[Seen, Seen]], what: str) -> float:
    """Percent removed, mean over the seeds."""
    return 100 * statistics.mean(1 - getattr(b, what) / getattr(a, what) for a, b in pairs)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write the table into the documentation")
    write = parser.parse_args().write
    text = table(list(rows()))
    print(text)
    if write:
        write_between(PAGE, NAME, text)


if __name__ == "__main__":
    main()
