"""What moves in each loop: the part of exact extrapolation that depends on the program alone."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from math import gcd, lcm

from aidg.prepared import (
    AddressPlan,
    Block,
    Prepared,
    PreparedLoop,
    PreparedProgram,
    PreparedReplay,
    QueuedLatency,
    Row,
)
from aidg.propagation import QUEUED

# Stands for the reads of the instruction memory among the accesses of a component.
FETCH = -1


@dataclass(frozen=True, slots=True)
class Component:
    """Storages with a state of their own that can influence each other, as one loop uses them.

    Attributes:
        models: Their names, caches and what is behind them.
        steps: Per access: bytes it moves per iteration; ``FETCH`` for instructions.
        pace: The commonest step: sets are looked at in a frame that moves with it.
        widest_line: Bytes of the longest line (row) of any of them.
        line_bytes: Moving by a multiple of it moves whole lines of all of them.
        period_bytes: Moving by a multiple of it changes no set in any of them.
    """

    models: tuple[str, ...]
    steps: dict[int, int]
    pace: int
    widest_line: int
    line_bytes: int
    period_bytes: int

    def phase(self, iteration: int, rests: bool) -> tuple[int, ...]:
        """Where the streams are relative to lines and sets; ``rests``: some lines do not move."""
        others = {*self.steps.values(), 0} if rests else set(self.steps.values())
        return (
            self.pace * iteration % self.line_bytes,
            *((step - self.pace) * iteration % self.period_bytes for step in sorted(others)),
        )

    @property
    def period(self) -> int:
        """Iterations after which all streams are at the same places of lines and sets again."""
        return lcm(
            _turns(self.pace, self.line_bytes),
            *(_turns(step - self.pace, self.period_bytes) for step in set(self.steps.values())),
        )

    @property
    def turn(self) -> int:
        """Iterations after which every stream has been at all sets that it comes to."""
        return lcm(*(_turns(step, self.period_bytes) for step in set(self.steps.values())))


@dataclass(frozen=True, slots=True)
class LoopPlan:
    """What moves in one loop.

    Attributes:
        moves: Per group: bytes its operands move per iteration; ``None`` where they differ.
        coefficients: Per access inside the loop: bytes it moves per iteration.
        residues: (coefficient, modulus) of the rotations that the loop turns.
        inner: Loops inside this one: index number to count.
        components: Storages with a state that the loop uses.
        varying: Latencies that depend on this loop's index other than through a rotation.
        period: Iterations that lie between equal states are a multiple of it: rotations, fetch groups, lines
            and sets of storages are at the same place again.
        frame: Where the loop's operands are, as a function of the loops around it. ``None`` where there are
            none, where a group's operands do not move together with them, where latencies depend on them, or
            where a storage with a state of its own is accessed, be it the instruction memory.
    """

    moves: tuple[int | None, ...]
    coefficients: dict[int, int]
    residues: tuple[tuple[int, int], ...]
    inner: dict[int, int]
    components: tuple[Component, ...]
    varying: tuple[QueuedLatency, ...]
    period: int
    frame: Frame | None


@dataclass(frozen=True, slots=True)
class Frame:
    """What a run of a loop depends on of the loops around it.

    Attributes:
        offsets: Per group that the loop accesses: (group, its displacement as (level, bytes) terms).
        rotations: (const, (level, coefficient) terms, modulus) of rotations that the loops around it turn.
    """

    offsets: tuple[tuple[int, tuple[tuple[int, int], ...]], ...]
    rotations: tuple[tuple[int, tuple[tuple[int, int], ...], int], ...]

    def displacements(self, indices: list[int]) -> dict[int, int]:
        """Bytes by which each group is displaced at the current indices."""
        return {
            group: sum(coefficient * int(indices[level]) for level, coefficient in terms)
            for group, terms in self.offsets
        }

    def residues(self, indices: list[int]) -> tuple[int, ...]:
        """Positions of the rotations at the current indices."""
        return tuple(
            (const + sum(coefficient * int(indices[level]) for level, coefficient in terms)) % modulus
            for const, terms, modulus in self.rotations
        )


class LoopPlans:
    """Plans of the loops of a program, each made when it is first asked for, by the identity of its node."""

    def __init__(self, program: PreparedProgram) -> None:
        self._program = program
        self._group_of = {
            member: number for number, group in enumerate(program.groups) for member in group.members
        }
        self._nodes: dict[int, tuple[PreparedLoop, bool]] = {}
        self._plans: dict[int, LoopPlan] = {}
        pending: list[tuple[Prepared, bool]] = [(program.body, False)]
        while pending:
            node, is_inner = pending.pop()
            if isinstance(node, tuple):
                pending += ((child, is_inner) for child in node)
            elif isinstance(node, PreparedLoop):
                self._nodes[id(node)] = node, is_inner
                pending.append((node.body, True))

    def __getitem__(self, node: int) -> LoopPlan:
        plan = self._plans.get(node)
        if plan is None:
            plan = self._plans[node] = _plan(self._program, self._group_of, *self._nodes[node])
        return plan

    def alias(self, part: PreparedLoop, node: PreparedLoop) -> None:
        """Let ``part``, fewer iterations of ``node``, have the plan of ``node``."""
        self._plans[id(part)] = self[id(node)]


def _plan(program: PreparedProgram, group_of: dict[int, int], node: PreparedLoop, is_inner: bool) -> LoopPlan:
    rows = program.rows[node.rows.start : node.rows.stop]
    inside = range(
        bisect_left(program.access_rows, node.rows.start), bisect_left(program.access_rows, node.rows.stop)
    )
    coefficients = {number: dict(program.access_plans[number].terms).get(node.level, 0) for number in inside}
    members: dict[int, list[int]] = {}
    for number in inside:
        if number in group_of:
            members.setdefault(group_of[number], []).append(number)
    turned = _turning(program, inside, rows)
    residues = {
        (coefficient, modulus)
        for _, terms, modulus in turned
        for level, coefficient in terms
        if level == node.level and coefficient % modulus
    }
    inner = _counts(node.body)
    components = _components(program, rows, coefficients)
    moves: list[int | None] = [0] * len(program.groups)
    for group, accesses in members.items():
        distinct = {coefficients[access] for access in accesses}
        moves[group] = distinct.pop() if len(distinct) == 1 else None
    return LoopPlan(
        moves=tuple(moves),
        coefficients=coefficients,
        residues=tuple(sorted(residues)),
        inner=inner,
        components=components,
        varying=tuple(
            latency
            for row in rows
            for latency in row.queued
            if any(node.level in dict(plan.terms) for _, plan in latency.varying)
        ),
        period=lcm(
            _turns(node.instructions, program.machine.fetch_width),
            *(_turns(coefficient, modulus) for coefficient, modulus in residues),
            *(component.period for component in components),
        ),
        frame=_frame(program, rows, inside, members, {*inner, node.level}) if is_inner else None,
    )


def _turns(step: int, length: int) -> int:
    """Steps until a walk around a circle of ``length`` is back where it started."""
    return length // gcd(step, length)


def _turning(
    program: PreparedProgram, inside: Iterable[int], rows: Iterable[Row]
) -> list[tuple[int, tuple[tuple[int, int], ...], int]]:
    """Rotations of addresses, registers and latencies: (const, terms, modulus)."""
    plans = [program.access_plans[number] for number in inside]
    plans += [plan for row in rows for latency in row.queued for _, plan in latency.varying]
    return [rotation[1:] for plan in plans for rotation in plan.rotations]


def _components(
    program: PreparedProgram, rows: Iterable[Row], coefficients: dict[int, int]
) -> tuple[Component, ...]:
    """Storages with a state that the rows use, those with a common part together."""
    machine = program.machine
    users = [
        (access.storage, access.access, coefficients[access.access])
        for row in rows
        for access in row.accesses
        if access.latency == QUEUED
    ]
    fetched = machine.instruction_storage
    if fetched >= 0 and not machine.storages[fetched].model.is_fixed:
        users.append((fetched, FETCH, 0))
    parts: list[tuple[set[str], dict[int, int]]] = []
    for storage, access, step in users:
        names, steps = set(machine.storages[storage].path), {access: step}
        apart = []
        for part in parts:
            if part[0] & names:
                names, steps = names | part[0], steps | part[1]
            else:
                apart.append(part)
        parts = [*apart, (names, steps)]
    return tuple(_component(program, names, steps) for names, steps in parts)


def _component(program: PreparedProgram, names: set[str], steps: dict[int, int]) -> Component:
    models = {name: program.machine.models[name] for name in sorted(names)}
    return Component(
        models=tuple(name for name, model in models.items() if not model.is_fixed),
        steps=steps,
        pace=Counter(steps.values()).most_common(1)[0][0],
        widest_line=max(model.line_bytes for model in models.values()),
        line_bytes=lcm(*(model.line_bytes for model in models.values())),
        period_bytes=lcm(*(model.period_bytes for model in models.values())),
    )


def _frame(
    program: PreparedProgram,
    rows: tuple[Row, ...],
    inside: Iterable[int],
    members: dict[int, list[int]],
    levels: set[int],
) -> Frame | None:
    machine = program.machine
    memory = machine.instruction_storage
    if memory >= 0 and not machine.storages[memory].model.is_fixed:
        return None
    if any(access.latency == QUEUED for row in rows for access in row.accesses):
        return None
    latencies = [plan for row in rows for latency in row.queued for _, plan in latency.varying]
    if any(level not in levels for plan in latencies for level, _ in plan.terms):
        return None
    offsets = []
    for number, accesses in sorted(members.items()):
        around = {
            tuple(term for term in program.access_plans[access].terms if term[0] not in levels)
            for access in accesses
        }
        if len(around) > 1:
            return None
        offsets.append((number, around.pop()))
    rotations = {
        (const % modulus, tuple(term for term in terms if term[0] not in levels), modulus)
        for const, terms, modulus in _turning(program, inside, rows)
    }
    return Frame(tuple(offsets), tuple(sorted(r for r in rotations if r[1])))


def _counts(node: Prepared) -> dict[int, int]:
    """Loops of a tree: number of the index to the largest count."""
    if isinstance(node, Block | PreparedReplay):
        return {}
    if isinstance(node, tuple):
        found: dict[int, int] = {}
        for child in node:
            for level, count in _counts(child).items():
                found[level] = max(count, found.get(level, 0))
        return found
    return _counts(node.body) | {node.level: node.count}


def plan_bounds(plan: AddressPlan, indices: list[int], ranges: dict[int, tuple[int, int]]) -> tuple[int, int]:
    """Lowest and highest value of an address plan.

    Args:
        indices: Values of the loop indices that stand still.
        ranges: Lowest and highest value of those that do not.
    """
    low = high = plan.const
    for level, coefficient in plan.terms:
        first, last = ranges[level] if level in ranges else (int(indices[level]), int(indices[level]))
        ends = (coefficient * first, coefficient * last)
        low, high = low + min(ends), high + max(ends)
    for scale, _, _, modulus in plan.rotations:
        reach = scale * (modulus - 1)
        low, high = low + min(0, reach), high + max(0, reach)
    return low, high


def sweep(
    program: PreparedProgram,
    plan: LoopPlan,
    number: int,
    indices: list[int],
    ranges: dict[int, tuple[int, int]],
) -> tuple[int, int]:
    """Range that an operand sweeps while the loops inside run, and the indices of ``ranges`` over them."""
    if number == FETCH:
        address = program.machine.instruction_address
        return address, address + 1
    access, scope = program.accesses[number], program.accesses[number].scope
    inside = {
        level: (0, scope[name] - 1) for level in plan.inner if (name := program.level_names[level]) in scope
    }
    low, high = plan_bounds(program.access_plans[number], indices, {**inside, **ranges})
    return low, high + access.extent
