"""Why a program takes as long as it does, over its whole run: the exact critical path, without unrolling.

The exact evaluator runs on times that know what they waited for (:mod:`aidg.traced`) and writes down what
it skipped (:mod:`aidg.path_segments`). The path is then followed back from the last instruction's end to
cycle 0, through the skipped periods as well: they pass the same way, so they are counted, not walked.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from html import escape
from typing import Any

from acadl.model import Architecture, DataStorage
from acadl.routing import instruction_memory
from aidg.estimation import Estimate, exact_result
from aidg.path_runner import PathRunner
from aidg.path_segments import Cost, Costs, PathFinder
from aidg.preparation import prepare
from aidg.reasons import describe
from aidg.traced import TracedKernel
from mappings.program import Loop, LoopProgram, Node, Replay, Sequence, Step

# Instructions that are traced before unsettled loops are extrapolated; a traced one takes about a kilobyte.
DEFAULT_BUDGET = 100_000


@dataclass(frozen=True, slots=True)
class PathShare:
    """Cycles on the critical path that are spent alike.

    Attributes:
        kind: What for: the kind of the edge by which the path goes on (``forward, structural, raw, war, waw,
            buffer, storage``), or ``extrapolated`` for the iterations of loops that did not settle.
        object: Where they are spent; for ``extrapolated``, the loop's index.
        operation: Mnemonic of the instruction that spends them; empty for ``extrapolated``.
    """

    kind: str
    object: str
    operation: str
    cycles: int


@dataclass(frozen=True)
class Explanation:
    """The critical path of a whole run, summed up; the cycles of its shares add up to the estimate's.

    Attributes:
        estimate: The estimate that is explained.
        shares: Where the cycles go, most first.
    """

    estimate: Estimate
    shares: tuple[PathShare, ...]
    _fetching: frozenset[str] = frozenset()

    @property
    def cycles(self) -> int:
        """Cycles of the program."""
        return self.estimate.cycles

    @property
    def by_kind(self) -> Mapping[str, int]:
        """Cycles for each kind of edge, most first."""
        return self._total(lambda share: share.kind)

    @property
    def by_object(self) -> Mapping[str, int]:
        """Cycles for each object, most first."""
        return self._total(lambda share: share.object)

    @property
    def by_kind_and_object(self) -> Mapping[tuple[str, str], int]:
        """Cycles for each kind of edge and object, most first."""
        return self._total(lambda share: (share.kind, share.object))

    def _total(self, key: Any) -> dict[Any, int]:
        totals: Counter[Any] = Counter()
        for share in self.shares:
            totals[key(share)] += share.cycles
        return dict(totals.most_common())

    def describe(self, reasons: int = 3) -> str:
        """One line: the weightiest reasons with their share of the cycles."""

        def reason(share: PathShare) -> tuple[str, str]:
            fetches = share.kind == "forward" and share.object in self._fetching
            return "fetch" if fetches else share.kind, share.object

        return describe(self._total(reason), self.cycles, reasons)

    def to_dict(self) -> dict[str, Any]:
        """Keys ``cycles, method, by_kind, by_object, shares, estimate``."""
        return {
            "cycles": self.cycles,
            "method": self.estimate.method,
            "by_kind": dict(self.by_kind),
            "by_object": dict(self.by_object),
            "shares": [asdict(share) for share in self.shares],
            "estimate": self.estimate.to_dict(),
        }

    def to_json(self) -> str:
        """:meth:`to_dict` as one JSON object."""
        return json.dumps(self.to_dict())

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{escape(s.kind)}</td><td>{escape(s.object)}</td><td>{escape(s.operation)}</td>"
            f"<td>{s.cycles:,}</td><td>{100 * s.cycles / max(self.cycles, 1):.1f} %</td></tr>"
            for s in self.shares
        )
        head = "<tr><th>Kind</th><th>Object</th><th>Operation</th><th>Cycles</th><th>Share</th></tr>"
        return f"<p>{escape(self.describe())}</p><table>{head}{rows}</table>"


def explain(arch: Architecture, program: LoopProgram, *, budget: int = DEFAULT_BUDGET) -> Explanation:
    """The critical path of ``program`` on ``arch``, over the whole run.

    It goes back from the end of the last instruction, always along a constraint that binds. Where several do,
    the instruction's own way comes first, then structural hazards, storages, data and the issue buffer, as in
    :func:`aidg.critical_path`. Cycles that pass within an object count for the kind of the edge by which the
    path goes on from there.

    Args:
        budget: Instructions that are propagated before loops that have not settled are extrapolated.

    Raises:
        RoutingError, ProgramError: As for :func:`aidg.estimate`.
    """
    kernel = TracedKernel(prepare(arch, program))
    runner = PathRunner(kernel, budget)
    cycles = runner.run()
    storages = {storage.name for storage in arch.of_type(DataStorage)}
    costs = PathFinder(storages).costs(runner.items)
    missing = cycles - sum(costs.values())
    if missing and runner.unsettled:  # what was extrapolated ends later than all that was evaluated
        costs[Cost("extrapolated", next(iter(runner.unsettled)), -1)] += missing
    elif missing:
        raise AssertionError(f"{missing} of {cycles} cycles are not on the path")  # a mistake of this package
    reader, memory = instruction_memory(arch)
    fetching = frozenset({reader.name, memory.name})
    return Explanation(exact_result(runner, cycles), _shares(costs, _mnemonics(program.body)), fetching)


def _shares(costs: Costs, mnemonics: list[str]) -> tuple[PathShare, ...]:
    totals: Counter[tuple[str, str, str]] = Counter()
    for cost, cycles in costs.items():
        totals[cost.kind, cost.where, mnemonics[cost.row] if cost.row >= 0 else ""] += cycles
    ordered = sorted(totals.items(), key=lambda entry: (-entry[1], entry[0]))
    return tuple(PathShare(*key, cycles) for key, cycles in ordered)


def _mnemonics(node: Node) -> list[str]:
    """Operations of the static instructions that run at all, in order: those of the prepared rows."""
    match node:
        case Sequence(nodes):
            return [name for child in nodes for name in _mnemonics(child)]
        case Loop(_, count, body):
            return _mnemonics(body) if count else []
        case Step():
            return [node.operation]
        case Replay(pieces=pieces):
            return [step.operation for piece in pieces for step in piece]
    return []
