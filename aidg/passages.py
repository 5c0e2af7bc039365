"""Every event of a whole program, instruction by instruction: nothing is skipped, nothing is kept."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from aidg.prepared import Block, Prepared, PreparedProgram, PreparedReplay
from aidg.timeline_kernel import Passage, Watched


def passages(program: PreparedProgram) -> Iterator[Passage]:
    """The way of each instruction through the machine, in program order, on the kernel.

    Some 20 thousand instructions a second; whoever has seen enough stops asking.
    """
    kernel = Watched(program)
    kernel.forget_recent()
    kernel.watch()
    yield from _passages(kernel, program.body, count())


def _passages(kernel: Watched, node: Prepared, numbers: Iterator[int]) -> Iterator[Passage]:
    if isinstance(node, Block):
        for offset, row in enumerate(node.rows):
            yield kernel.run_row(row, node.first + offset, next(numbers))
    elif isinstance(node, tuple):
        for child in node:
            yield from _passages(kernel, child, numbers)
    elif isinstance(node, PreparedReplay):
        for block in node.run():
            yield from _passages(kernel, block, numbers)
    else:
        for iteration in range(node.count):
            kernel.state.indices[node.level] = iteration
            yield from _passages(kernel, node.body, numbers)
        kernel.state.indices[node.level] = 0
