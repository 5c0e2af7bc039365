"""The exact run that also writes down what was evaluated, repeated and recalled, in order."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from aidg.holding import Held
from aidg.kernel import Busy
from aidg.loops import Frame as RunFrame
from aidg.loops import LoopPlan
from aidg.memory import Entry, RunMemory
from aidg.path_segments import Gap, Item, Recall, Repeat, Segment
from aidg.prepared import PreparedLoop, PreparedReplay
from aidg.recurrence import Boundaries, ExactRunner
from aidg.runner import Runner
from aidg.traced import Frame, TracedKernel


class PathRunner(ExactRunner):
    """An :class:`ExactRunner` on a traced kernel.

    Two states count as equal only if the same one of two constraints holds up the next read of instructions,
    so that the copies of a period pass the same way. Loops may settle a little later than without a trace.

    Attributes:
        items: What has happened so far.
    """

    kernel: TracedKernel

    def __init__(self, kernel: TracedKernel, budget: int) -> None:
        super().__init__(kernel, budget)
        self.items: list[Item] = []
        self._looks: list[dict[int, int]] = []  # per loop that runs: iteration to number of items before it

    def run(self) -> int:
        cycles = super().run()
        self.cut(Frame(lambda group: 0, lambda group, access: 0))
        return cycles

    def cut(self, frame: Frame) -> None:
        """End the current segment."""
        latest = self.kernel.latest
        self.items.append(Segment(self.kernel.cut(frame), latest, self.kernel.offset))

    def run_replay(self, node: PreparedReplay) -> None:
        """Nothing of it is skipped, so that the path through it is known."""
        Runner.run_replay(self, node)

    # -- looks ---------------------------------------------------------------------------------------------

    def _iterate(self, node: PreparedLoop) -> int:
        self._looks.append({})
        latest = super()._iterate(node)
        self._looks.pop()
        return latest

    def _key(self, plan: LoopPlan, iteration: int, base: int, held: tuple[Held, ...]) -> Hashable:
        key = super()._key(plan, iteration, base, held), self.kernel.fetch_order()
        self.cut(self._frame(plan, iteration))
        self._looks[-1][iteration] = len(self.items)
        return key

    def _frame(self, plan: LoopPlan, iteration: int) -> Frame:
        groups = self.kernel.program.groups

        def cells(group: int) -> int:
            return (plan.moves[group] or 0) * iteration // groups[group].cell

        def moved(group: int, access: int) -> int:
            move = plan.moves[group]
            return (plan.coefficients.get(access, 0) if move is None else move) * iteration

        return Frame(cells, moved)

    # -- skips ---------------------------------------------------------------------------------------------

    def _skip(
        self, node: PreparedLoop, base: int, boundaries: Boundaries, past: tuple[int, Busy]
    ) -> tuple[int, int]:
        first, now = boundaries.looks[past[0]], boundaries.looks[-1]
        period = self.items[self._looks[-1][first.iteration] :]
        skipped, latest = super()._skip(node, base, boundaries, past)
        if skipped:
            count = skipped // (now.iteration - first.iteration)
            self.items.append(Repeat(tuple(period), count, now.base - first.base))
        return skipped, latest

    def _extrapolate(
        self, node: PreparedLoop, iteration: int, base: int, boundaries: Boundaries
    ) -> tuple[int, int]:
        plan, offset = self.plans[id(node)], self.kernel.offset
        self.cut(self._frame(plan, iteration))
        skipped, latest = super()._extrapolate(node, iteration, base, boundaries)
        self.items.append(Gap(node.name, self.kernel.offset - offset))
        self.kernel.rename_ready()
        return skipped, latest

    def _memory(self, frame: RunFrame) -> RunMemory:
        return _PathMemory(self, frame)


@dataclass(frozen=True, slots=True)
class _PathEntry(Entry):
    """A run that is about to start, and the number of items before it."""

    first: int


class _PathMemory(RunMemory):
    """Remembers the items of a run, too."""

    kernel: TracedKernel

    def __init__(self, runner: PathRunner, frame: RunFrame) -> None:
        super().__init__(runner.kernel, frame)
        self._runner = runner
        self._items: dict[Hashable, tuple[tuple[Item, ...], int]] = {}  # items, and where `base` was

    def enter(self) -> Entry:
        entry = super().enter()
        key = entry.key, self.kernel.fetch_order()
        self._runner.cut(self._frame(entry))
        first = len(self._runner.items)
        return _PathEntry(key, entry.base, entry.offset, entry.displacements, entry.busy, first)

    def _frame(self, entry: Entry) -> Frame:
        groups, displacements = self.kernel.program.groups, entry.displacements
        return Frame(
            lambda group: displacements.get(group, 0) // groups[group].cell,
            lambda group, access: displacements.get(group, 0),
        )

    def remember(self, entry: Entry, latest: int) -> None:
        assert isinstance(entry, _PathEntry)
        self._runner.cut(self._frame(entry))
        super().remember(entry, latest)
        items = tuple(self._runner.items[entry.first :])
        self._items[entry.key] = items, entry.base + entry.offset
        self._items = {key: kept for key, kept in self._items.items() if key in self.runs}

    def recall(self, entry: Entry) -> int | None:
        before = self._ranges_apart(entry)
        latest = super().recall(entry)
        if latest is None:
            return None
        items, base = self._items[entry.key]
        now = {name: row[position] for name, row, position in self.kernel.slots(self._frame(entry))}
        apart = [name for name in now if self._is_apart(name, entry)]
        passed: dict[Hashable, Hashable] = {name: name for name in apart}  # cells keep their names
        ranges = (name for name in apart if name[0] == "range")
        passed.update(zip(ranges, before, strict=True))
        self._runner.items.append(Recall(items, entry.base + entry.offset - base, passed))
        self.kernel.cut(self._frame(entry))
        return latest

    def _is_apart(self, name: tuple[Any, ...], entry: Entry) -> bool:
        """Whether it is the time of an operand that the run has nothing to do with."""
        return name[0] in ("written", "read", "range") and name[1] not in entry.displacements

    def _ranges_apart(self, entry: Entry) -> list[Hashable]:
        """Names of the live ranges that the run has nothing to do with, in their order."""
        return [
            name
            for name, row, position in self.kernel.slots(self._frame(entry))
            if name[0] == "range" and self._is_apart(name, entry) and row[position] > entry.base
        ]
