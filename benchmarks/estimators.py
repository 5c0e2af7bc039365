"""Time of an estimate by a fitted model: a network, and a thousand of them at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from benchmarks.tables import Row
from mappings import load_network
from mappings.layers import Layer
from platforms.estimators import fit
from platforms.estimators.layer_table import from_layers
from platforms.estimators.measurements import Measurements
from platforms.estimators.model import KINDS
from platforms.estimators.sampling.random_layers import Space, draw

RUNS = 7
TRAINED = 3000  # layers that the models are fitted to
BATCH = 1000  # networks


def about() -> str:
    """What the table shows."""
    return (
        f"ResNet-50 by a model that is fitted to {TRAINED:,} layers, from the network to its latency and "
        f"bounds, and {BATCH:,} networks of different widths in one call; CPU time, best of {RUNS} runs."
    )


def measure() -> Iterator[Row]:
    """A row per kind."""
    measured = _measurements()
    network = load_network("resnet50")
    batch = list(_batch(network.layers))
    for kind in KINDS:
        model = fit(kind, measured)
        one = _best(lambda model=model: model.predict_network(network))  # type: ignore[misc]
        many = _best(lambda model=model: model.predict_networks(batch), 3)  # type: ignore[misc]
        yield {
            "kind": kind.replace("_", " "),
            "layers of ResNet-50": len(network.layers),
            "a network, ms": 1000 * one,
            "layers of the batch": sum(map(len, batch)),
            f"{BATCH} networks, s": many,
        }


def _measurements() -> Measurements:
    layers = [*draw(Space(), TRAINED // 2, 1), *draw(Space("dwconv"), TRAINED // 4, 2)]
    layers += draw(Space("gemm", channels=(1, 1000)), TRAINED - len(layers), 3)
    table = from_layers(layers)
    noise = np.exp(np.random.default_rng(0).normal(0, 0.1, len(table)))
    latency = (20 + table.operations / 4000 + table.elements / 100) * noise
    return Measurements(table, latency, np.arange(len(table)), "latency_us")


def _batch(layers: Sequence[Layer]) -> Iterator[list[Layer]]:
    """Networks like ResNet-50 with other numbers of channels."""
    random = np.random.default_rng(5)
    for _ in range(BATCH):
        factor = float(random.uniform(0.3, 1.5))
        yield [
            replace(layer, C=max(int(layer.C * factor), 1), K=max(int(layer.K * factor), 1), groups=1)
            if layer.op == "conv"
            else layer
            for layer in layers
        ]


def _best(run: Callable[[], object], runs: int = RUNS) -> float:
    run()
    times = []
    for _ in range(runs):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return min(times)
