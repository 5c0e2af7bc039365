"""Loops that stream through a cache and open rows: exact, whatever their length.

What a cache holds and which rows are open decides how long an access takes. Both are part of the state that
has to recur, seen from where the loop's streams have moved to; then whole periods are skipped.
"""

from __future__ import annotations

from pathlib import Path

import acadl
import aidg
from acadl.model import Architecture
from mappings.program import LoopProgram, index, loop, memory, step

X, Y = 0x10_0000, 1 << 45  # addresses; elements are 4 bytes


def scaled_sum(arch: Architecture, elements: int) -> LoopProgram:
    """``y += a · x``: two streams that move alike."""
    i = index("i")
    x, y = memory(X + 4 * i, 4), memory(Y + 4 * i, 4)
    body = (
        step("load", dst="r1", src=x),
        step("load", dst="r2", src=y),
        step("mac", acc="r2", a="r0", b="r1"),
        step("store", dst=y, src="r2"),
    )
    return LoopProgram(loop(i, elements, *body), arch.operations)


def weighted_sum(arch: Architecture, elements: int, weights: int) -> LoopProgram:
    """``sum += w · x`` with weights that come again and again: one stream, and a table that stays."""
    i = index("i")
    body = (
        step("load", dst="r1", src=memory(X + 4 * i, 4)),
        step("load", dst="r2", src=memory(Y + 4 * (i % weights), 4)),
        step("mac", acc="r3", a="r1", b="r2"),
    )
    return LoopProgram(loop(i, elements, *body), arch.operations)


def strided(arch: Architecture, elements: int, stride: int) -> LoopProgram:
    """Sum of every element that lies ``stride`` bytes after the one before."""
    i = index("i")
    body = (step("load", dst="r1", src=memory(X + stride * i, 4)), step("mac", acc="r2", a="r1", b="r0"))
    return LoopProgram(loop(i, elements, *body), arch.operations)


def main() -> None:
    """Three kinds of loops."""
    arch = acadl.load(Path(__file__).with_name("cached_core.acadl"))
    print("y += a · x")
    for elements in (1000, 100_000, 10**12):
        report(arch, scaled_sum(arch, elements), f"{elements:,} elements")
    print("sum += w · x, 10^9 elements; the weights stay in the cache if they fit")
    for weights in (16, 1024, 6144):
        report(arch, weighted_sum(arch, 10**9, weights), f"{weights} weights")
    print("every n-th byte, 10^9 elements")
    for stride in (4, 64, 2048, 16384):
        report(arch, strided(arch, 10**9, stride), f"n = {stride}")


def report(arch: Architecture, program: LoopProgram, what: str) -> None:
    """Cycles per instruction, and how they were found out."""
    found = aidg.estimate(arch, program)
    print(
        f"  {what:>26}: {found.cycles / found.instructions:6.2f} cycles per instruction "
        f"({found.method}, {found.evaluated_instructions:,} of {found.instructions:,} evaluated)"
    )


if __name__ == "__main__":
    main()
