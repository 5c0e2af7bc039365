"""One layer with a long transient: published and exact extrapolation, after how much work.

    python benchmarks/long_transient.py [--write docs/images/measured/long_transient.svg]

The layer is AlexNet's fc7 on the systolic array with deep queues and a memory that answers late. The
published method stops each loop after a prolog; here the prolog is varied. With ``--write`` it draws the
figure of the documentation (extra ``plot``).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

import aidg
import mappings
import platforms
from acadl.model import Architecture
from aidg.fixed_point import FixedPointRunner
from aidg.kernel import Kernel
from aidg.preparation import prepare
from mappings.program import LoopProgram

MACHINE = {"memory_latency": 1000, "queue_depth": 128, "outstanding": 64, "a_tiles": 32, "b_tiles": 32}
PROLOGS = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)


class Point(NamedTuple):
    """What a method says, and the instructions that it evaluated for it."""

    prolog: int
    evaluated: int
    cycles: int


class _Prolog(FixedPointRunner):
    """The published extrapolation after a given number of iterations of every loop."""

    def __init__(self, kernel: Kernel, iterations: int) -> None:
        super().__init__(kernel, tolerance=0.0)
        self.iterations = iterations

    def _is_settled(self, blocks: list[object]) -> bool:  # type: ignore[override]
        return len(blocks) >= self.iterations


def published(arch: Architecture, program: LoopProgram, prolog: int) -> Point:
    """The published extrapolation after ``prolog`` iterations of every loop."""
    kernel = Kernel(prepare(arch, program))
    cycles = _Prolog(kernel, prolog).run()
    return Point(prolog, kernel.evaluated, cycles)


def draw(points: list[Point], stopped: aidg.Estimate, exact: aidg.Estimate, path: Path) -> None:
    """Cycles over evaluated instructions, as SVG."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "acadl", "font.size": 10, "svg.fonttype": "none"})
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7.6, 4.2))
    axes.axhline(exact.cycles / 1e6, color="#1a7f37", linewidth=1, linestyle="--")
    evaluated = [point.evaluated for point in points]
    axes.plot(evaluated, [p.cycles / 1e6 for p in points], "o-", color="#9a6700", markersize=4, linewidth=1.2)
    for point in points[::2]:
        axes.annotate(
            f"{point.prolog} iterations",
            (point.evaluated, point.cycles / 1e6),
            xytext=(-4, 7),
            textcoords="offset points",
            ha="right" if point.prolog > 4 else "center",
            fontsize=8,
            color="#57606a",
        )
    where = (stopped.evaluated_instructions, stopped.cycles / 1e6)
    axes.plot(*where, "X", color="#cf222e", markersize=9)
    error = 100 * (stopped.cycles / exact.cycles - 1)
    axes.annotate(
        f"published, tolerance 0.1 %:\nstops here, {error:+.1f} %",
        where,
        xytext=(8, -26),
        textcoords="offset points",
        color="#cf222e",
    )
    where = (exact.evaluated_instructions, exact.cycles / 1e6)
    axes.plot(*where, "*", color="#1a7f37", markersize=15)
    axes.annotate(
        f"exact: {exact.cycles:,} cycles\nfrom {exact.evaluated_instructions:,} instructions",
        where,
        xytext=(0, 10),
        textcoords="offset points",
        ha="center",
        color="#1a7f37",
    )
    axes.axvline(exact.instructions, color="#57606a", linewidth=1, linestyle=":")
    axes.annotate(
        "whole layer",
        (exact.instructions, 0.1),
        rotation=90,
        xytext=(-12, 0),
        textcoords="offset points",
        color="#57606a",
    )
    axes.set_xscale("log")
    axes.set_ylim(0, 1.25 * exact.cycles / 1e6)
    axes.set_xlabel("evaluated instructions (published: by length of the prolog in each loop)")
    axes.set_ylabel("estimated million cycles")
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None, "Creator": None})


def main() -> None:
    """Print the points, or draw them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", type=Path)
    target: Path | None = parser.parse_args().write
    arch = platforms.load("systolic_array", **MACHINE)
    layer = next(layer for layer in mappings.load_network("alexnet").layers if layer.name == "fc7")
    program = mappings.map_layer(layer, arch)
    exact = aidg.estimate(arch, program)
    assert exact.method == "exact"
    stopped = aidg.estimate(arch, program, method="fixed_point")
    points = [published(arch, program, prolog) for prolog in PROLOGS]
    print(f"{exact.instructions:,} instructions; parameters: {MACHINE}")
    rows = [("exact", exact.cycles, exact.evaluated_instructions)]
    rows += [(f"prolog of {p.prolog} iterations", p.cycles, p.evaluated) for p in points]
    rows.append(("tolerance 0.1 %", stopped.cycles, stopped.evaluated_instructions))
    for name, cycles, evaluated in rows:
        error = 100 * (cycles / exact.cycles - 1)
        print(f"{name:24} {cycles:>9,} cycles, {evaluated:>7,} evaluated, {error:+.2f} %")
    if target:
        draw(points, stopped, exact, target)


if __name__ == "__main__":
    main()
