"""Exact against published extrapolation: error and evaluated share, layer by layer."""

from __future__ import annotations

import sys

from aidg.estimation import estimate
from benchmarks.tables import Row
from benchmarks.workloads import accelerators, zoo_layers

NETWORKS = ("alexnet", "mobilenetv1", "tcresnet8")
SHOWN = 15


def measure() -> list[Row]:
    """A row per accelerator and distinct layer, worst error first."""
    rows: list[dict[str, object]] = []
    for name, arch in accelerators():
        for network, layer, program in zoo_layers(arch, NETWORKS):
            print(f"fixed_point: {name} {network} {layer}", file=sys.stderr)
            exact = estimate(arch, program)
            published = estimate(arch, program, method="fixed_point")
            error = 100 * (published.cycles / exact.cycles - 1) if exact.cycles else 0.0
            rows.append(
                {
                    "platform": name,
                    "network": network,
                    "layer": layer,
                    "instructions": exact.instructions,
                    "cycles": exact.cycles,
                    "evaluated": exact.evaluated_instructions,
                    "published: error, %": round(error, 4),
                    "evaluated ": published.evaluated_instructions,
                }
            )
    return sorted(rows, key=lambda row: -abs(float(str(row["published: error, %"]))))


def summary(rows: list[Row]) -> str:
    """All rows in a sentence."""
    errors = [abs(float(str(row["published: error, %"]))) for row in rows]
    wrong = [error for error in errors if error]
    exact, published = (sum(int(str(row[name])) for row in rows) for name in ("evaluated", "evaluated "))
    return (
        f"{len(rows)} programs ({SHOWN} with the largest error are shown): the published method is off in "
        f"{len(wrong)} of them, there by {sum(wrong) / max(len(wrong), 1):.2f} % on average and "
        f"{max(errors):.2f} % at most. "
        f"It evaluated {published:,} instructions in all, the exact method {exact:,}."
    )
