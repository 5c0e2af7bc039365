"""Exact against published extrapolation: error and evaluated share, layer by layer.

    python benchmarks/fixed_point.py [--write docs/fixed_point.md]

Prints a Markdown table. With ``--write`` it replaces the part of the page between the markers.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import mappings
import platforms
from acadl.model import Architecture
from aidg.estimation import estimate
from mappings.program import LoopProgram

BEGIN, END = "<!-- begin: benchmarks/fixed_point.py -->", "<!-- end: benchmarks/fixed_point.py -->"
NETWORKS = ("alexnet", "mobilenetv1", "tcresnet8")
SHOWN = 15
PLATFORMS = ("oma", "systolic_array", "gemmini")


def workloads(platform: str, arch: Architecture) -> Iterator[tuple[str, LoopProgram]]:
    """Every distinct layer of the networks."""
    for network in NETWORKS:
        seen = set()
        for layer in mappings.load_network(network).layers:
            program = mappings.map_layer(layer, arch)
            shape = (layer.op, program.instruction_count, layer.macs)
            if shape not in seen:
                seen.add(shape)
                yield f"{platform} | {network} | {layer.name}", program


def table() -> Iterator[str]:
    """Rows of the table, worst error first, then a summary."""
    yield "| platform | network | layer | instructions | cycles | evaluated | published: error | evaluated |"
    yield "|---|---|---|--:|--:|--:|--:|--:|"
    rows: list[tuple[float, str]] = []
    evaluated = [0, 0]
    for platform in PLATFORMS:
        arch = platforms.load(platform)
        for name, program in workloads(platform, arch):
            exact = estimate(arch, program)
            published = estimate(arch, program, method="fixed_point")
            error = 100 * (published.cycles / exact.cycles - 1) if exact.cycles else 0.0
            evaluated[0] += exact.evaluated_instructions
            evaluated[1] += published.evaluated_instructions
            text = (
                f"| {name} | {exact.instructions:,} | {exact.cycles:,} | {exact.evaluated_instructions:,} "
                f"| {error:+.4f} % | {published.evaluated_instructions:,} |"
            )
            rows.append((abs(error), text))
            print(text, file=sys.stderr)
    rows.sort()
    yield from (text for _, text in reversed(rows[-SHOWN:]))
    wrong = sum(error > 0 for error, _ in rows)
    mean = sum(error for error, _ in rows) / len(rows)
    yield ""
    yield (
        f"{len(rows)} programs ({SHOWN} with the largest error are shown): the published method is off in "
        f"{wrong} of them, by {mean:.3f} % on average and {rows[-1][0]:.2f} % at most. "
        f"It evaluated {evaluated[1]:,} instructions in all, the exact method {evaluated[0]:,}."
    )


def main() -> None:
    """Print the table, or write it into a page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", type=Path)
    page: Path | None = parser.parse_args().write
    text = "\n".join(table())
    if page is None:
        print(text)
        return
    before, rest = page.read_text(encoding="utf-8").split(BEGIN)
    page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.split(END)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()
