"""Every event of a stretch of a program, however far into it: skipped to exactly, then watched.

Iterations before the window are skipped as in :mod:`aidg.recurrence`. From some way before the window on,
instructions are watched one by one, so that whatever is still under way when it begins has been seen coming.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from acadl.model import Architecture
from aidg.preparation import prepare
from aidg.prepared import (
    Block,
    Prepared,
    PreparedLoop,
    PreparedProgram,
    PreparedReplay,
    Row,
    instructions,
)
from aidg.recurrence import ExactRunner
from aidg.runner import Runner
from aidg.timeline_kernel import Passage, Watched
from mappings.program import LoopProgram

# Instructions that are watched before and after the window, at most.
FURTHEST = 50_000


@dataclass(frozen=True)
class Window:
    """A stretch of a program, watched.

    Attributes:
        program: What was run.
        passages: In program order: instructions that are under way when the window begins or were shortly
            before, those of the window, and those that follow before it ends.
        first, stop: Numbers of the window's first instruction and of the one after its last.
        begin, end: Cycle at which its first instruction is about to be read or enters the issue buffer, and
            cycle at which its last one is done.
        is_exact: Whether the state at its start is exact.
        notes: What the reader must know.
    """

    program: PreparedProgram
    passages: tuple[Passage, ...]
    first: int
    stop: int
    begin: int
    end: int
    is_exact: bool
    notes: tuple[str, ...]


def watch(arch: Architecture, program: LoopProgram, first: int, count: int, budget: int) -> Window:
    """The events of ``count`` instructions from number ``first`` on, all of which the program has.

    Args:
        budget: Instructions to propagate before a loop ahead of the window is extrapolated.

    Raises:
        AcadlError: As for :func:`aidg.estimate`.
    """
    reach = 0
    while True:
        prepared = prepare(arch, program)
        reach = reach or 2 * _places(prepared) + 2 * prepared.machine.fetch_width
        start = max(0, first - reach)
        watcher = _Watcher(Watched(prepared), budget, start, first, first + count)
        watcher.run()
        begin = watcher.begin
        if start == 0 or watcher.settled <= begin or reach >= FURTHEST:
            break
        reach = min(8 * reach, FURTHEST)
    notes = [
        f"loop '{loop}' before the window did not settle within the budget of {budget} instructions: the "
        "state at the window's start is extrapolated"
        for loop in watcher.unsettled
    ]
    if start and watcher.settled > begin:
        notes.append(
            f"more than {FURTHEST} instructions before the window something starts that is still under way "
            "at its start: it is not shown"
        )
    if not watcher.is_complete:
        notes.append(f"instructions from number {watcher.number} on start before its end; they are not shown")
    return Window(
        program=prepared,
        passages=tuple(watcher.passages),
        first=first,
        stop=first + count,
        begin=begin,
        end=watcher.end,
        is_exact=not watcher.unsettled,
        notes=tuple(notes),
    )


def _places(program: PreparedProgram) -> int:
    """Instructions that the machine holds at once, at most."""
    machine = program.machine
    return machine.arch.fetch_stage.issue_buffer_size + sum(p.capacity for p in machine.places.values())


class _Watcher(ExactRunner):
    """Skips to instruction ``start``, then watches until everything up to ``stop`` is over.

    Attributes:
        number: Number of the next instruction.
        settled: Cycle by which everything before ``start`` has left the machine.
        begin, end: See :class:`Window`.
        is_complete: Whether everything that starts before ``end`` has been seen.
    """

    def __init__(self, kernel: Watched, budget: int, start: int, first: int, stop: int) -> None:
        super().__init__(kernel, budget)
        self.watched = kernel
        self.number = 0
        self.settled = self.begin = self.end = 0
        self.is_complete = True
        self.passages: list[Passage] = []
        self._start, self._first, self._stop = start, first, stop
        self._parts: list[PreparedLoop] = []  # kept, since plans are found by identity
        self._is_over = False

    def run(self) -> int:
        """Latest ``done`` of the window."""
        self.kernel.forget_recent()
        if self._start == 0:
            self._begin()
        self._walk(self.kernel.program.body)
        return self.end

    def _walk(self, node: Prepared) -> None:
        """Run a node: skipped as far as it lies before the start, watched from there on."""
        ahead = max(0, self._start - self.number)
        if ahead and instructions(node) <= ahead:
            self.run_node(node)
            self._advance_to(self.number + instructions(node))
        elif isinstance(node, Block):
            self._watch_rows(node, ahead)
        elif isinstance(node, tuple):
            for child in node:
                if not self._is_over:
                    self._walk(child)
        elif isinstance(node, PreparedReplay):
            for block in node.run():
                if not self._is_over:
                    self._walk(block)
        else:
            self._walk_loop(node, ahead // node.instructions)

    def run_replay(self, node: PreparedReplay) -> None:
        Runner.run_replay(self, node)  # the state is watched: it cannot be replaced

    def _walk_loop(self, node: PreparedLoop, skipped: int) -> None:
        if skipped:
            part = replace(node, count=skipped)
            self._parts.append(part)
            self.plans.alias(part, node)
            self.run_loop(part)
            self._advance_to(self.number + skipped * node.instructions)
        for iteration in range(skipped, node.count):
            if self._is_over:
                return
            self.kernel.state.indices[node.level] = iteration
            self._walk(node.body)
        self.kernel.state.indices[node.level] = 0

    def _advance_to(self, number: int) -> None:
        self.number = number
        if number == self._start:
            self._begin()

    def _begin(self) -> None:
        self.settled = self.watched.last_leave()
        self.watched.watch()

    def _watch_rows(self, block: Block, ahead: int) -> None:
        """The first ``ahead`` rows of a block unseen, then the others one by one."""
        if ahead:
            before = block.rows[:ahead]
            has_queue = any(row.has_queue for row in before)
            self.kernel.run_block(Block(before, block.first, block.first + ahead, has_queue))
            self._advance_to(self.number + ahead)
        for offset in range(ahead, len(block.rows)):
            if self._is_over:
                return
            self._watch_row(block.rows[offset], block.first + offset)

    def _watch_row(self, row: Row, pc: int) -> None:
        passage = self.watched.run_row(row, pc, self.number)
        if self.number == self._first:
            self.begin = passage.visits[0].enter
        if self.number < self._stop:
            self.end = max(self.end, passage.visits[-1].done) if self.number >= self._first else 0
        elif passage.has_read and passage.visits[0].enter >= self.end:
            self._is_over = True  # whatever follows is read later
            return
        elif self.number >= self._stop + FURTHEST:
            self.is_complete = False
            self._is_over = True
            return
        self.number += 1
        self.passages.append(passage)
