"""Recorded runs: each block is propagated once for each state in which it starts, then only looked up.

At the start of a block the state relative to the next possible start (:meth:`Kernel.normalised`, operands)
decides everything that follows, up to a shift in time, as at the boundaries of iterations
(``docs/extrapolation.md``). So states and blocks make an automaton: from one state, a block takes so many
cycles and leads to another state. It grows as the run asks for it; most of a long run is a walk through it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field, fields

from aidg.kernel import Busy, Kernel, relative_cells
from aidg.prepared import Block, PreparedReplay
from aidg.propagation import EVALUATED, State

# States that are kept; a run that comes to more of them goes on block by block.
LARGEST = 512
# Instructions of a run from which on looking at states pays.
WORTHWHILE = 64


@dataclass(slots=True)
class _Way:
    """What a block does from one state.

    Attributes:
        cycles: By which the earliest start moves on.
        latest: The latest ``done``, from the earliest start before it on.
        busy: What was busy.
        ways: Those from the state that it leads to.
        target: That state.
        uses: How often it was gone.
    """

    cycles: int
    latest: int
    busy: Busy
    ways: dict[int, _Way]
    target: _Situation
    uses: int = 0


@dataclass(slots=True, eq=False)
class _Situation:
    """A state at the start of a block, and what is known to follow: number of a block to what it does."""

    state: State
    ways: dict[int, _Way] = field(default_factory=dict)


def replay(kernel: Kernel, node: PreparedReplay) -> None:
    """Run all blocks of a recorded run; the result equals that of propagating each of them."""
    if kernel.has_queue or kernel.is_compiled or node.instructions < WORTHWHILE:
        _plainly(kernel, node.run())
        return
    before = kernel.recent
    walk = _Walk(kernel, node.blocks)
    done = walk.run(node)
    walk.settle()
    kernel.set_recent(max(before, walk.latest))
    if done < len(node.order):
        _plainly(kernel, (node.blocks[node.order[at]] for at in range(done, len(node.order))))


def _plainly(kernel: Kernel, blocks: Iterator[Block]) -> None:
    for block in blocks:
        kernel.run_block(block)


class _Walk:
    """The walk through the automaton.

    Attributes:
        latest: The latest ``done``, in cycles.
    """

    def __init__(self, kernel: Kernel, blocks: tuple[Block, ...]) -> None:
        self.kernel = kernel
        self._blocks = blocks
        base = kernel.base()
        self._now = base + kernel.offset  # the earliest start of what follows
        self._known: dict[Hashable, _Situation] = {}
        self._here = self._held = self._situation(base)  # where the run is, where the kernel is
        self._evaluated: list[_Way] = []
        self.latest = 0

    def run(self, node: PreparedReplay) -> int:
        """Go on block by block, until there are too many states: how many have run."""
        now, latest, ways = self._now, self.latest, self._here.ways
        way: _Way | None = None
        for done, number in enumerate(node.order):
            found = ways.get(number)
            if found is None:
                if len(self._known) > LARGEST or self.kernel.is_compiled:
                    self._now, self.latest = now, latest
                    self._here = self._here if way is None else way.target
                    return done
                self._now = now
                found = self._evaluate(self._here if way is None else way.target, number)
            way = found
            way.uses += 1
            if now + way.latest > latest:
                latest = now + way.latest
            now += way.cycles
            ways = way.ways
        self._now, self.latest = now, latest
        self._here = self._here if way is None else way.target
        return len(node.order)

    def settle(self) -> None:
        """Bring the kernel to where the run is, and count what was busy."""
        self._restore(self._here)
        for way in self._evaluated:
            self.kernel.add_busy(way.busy, way.uses - 1)

    def _evaluate(self, here: _Situation, number: int) -> _Way:
        """Propagate a block that has not been seen from here."""
        kernel = self.kernel
        self._restore(here)
        start, busy = self._now, kernel.busy()
        kernel.forget_recent()
        kernel.run_block(self._blocks[number])
        latest, base = kernel.recent, kernel.base()
        target = self._held = self._situation(base)
        way = _Way(base + kernel.offset - start, latest - start, kernel.busy() - busy, target.ways, target)
        here.ways[number] = way
        self._evaluated.append(way)
        return way

    def _restore(self, there: _Situation) -> None:
        """Let the kernel be in a state, with the earliest start where it is now."""
        kernel = self.kernel
        if self._held is not there:
            state = _copied(there.state)
            state.busy, state.port_busy = kernel.state.busy, kernel.state.port_busy
            state.control[EVALUATED] = kernel.state.control[EVALUATED]
            kernel.state = state
            self._held = there
        kernel.offset = self._now - kernel.base()

    def _situation(self, base: int) -> _Situation:
        """The kernel's state, known already or not."""
        key = self._key(base)
        if key not in self._known:
            self._known[key] = _Situation(_copied(self.kernel.state))
        return self._known[key]

    def _key(self, base: int) -> Hashable:
        kernel = self.kernel
        operands: list[Hashable] = []
        for number, group in enumerate(kernel.program.groups):
            if not group.cell:
                live = kernel.live_ranges(number, base)
                operands.append(tuple(sorted((*record[:-1], record[-1] - base) for record in live)))
            elif kernel.program.group_positions[number] < 0:
                operands.append(relative_cells(kernel.live_cells(number, base), 0, base))
        return kernel.normalised(base), tuple(operands)


def _copied(state: State) -> State:
    """A state that no longer changes with the original."""
    copies = {}
    for item in fields(state):
        values = getattr(state, item.name)
        copies[item.name] = [list(v) if isinstance(v, list) else v for v in values]
    return State(**copies)
