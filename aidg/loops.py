"""What moves in each loop: the part of exact extrapolation that depends on the program alone."""

from __future__ import annotations

from dataclasses import dataclass

from aidg.prepare import Prepared, PreparedLoop, PreparedProgram


@dataclass(frozen=True, slots=True)
class LoopPlan:
    """What moves in one loop.

    Attributes:
        moves: Per group: bytes its operands move per iteration; ``None`` where they differ.
        coefficients: Per access inside the loop: bytes it moves per iteration.
        residues: (coefficient, modulus) of the rotations that the loop turns.
        levels: Loop indices of this loop and the loops inside it.
        has_moving_state: A storage with a state of its own is accessed at addresses that move.
        frame: Where the loop's operands are, as a function of the loops around it. ``None`` where there are
            none, where a group's operands do not move together with them, or where a storage with a state of
            its own is accessed, be it the instruction memory.
    """

    moves: tuple[int | None, ...]
    coefficients: dict[int, int]
    residues: tuple[tuple[int, int], ...]
    levels: frozenset[int]
    has_moving_state: bool
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
            group: sum(coefficient * indices[level] for level, coefficient in terms)
            for group, terms in self.offsets
        }

    def residues(self, indices: list[int]) -> tuple[int, ...]:
        """Positions of the rotations at the current indices."""
        return tuple(
            (const + sum(coefficient * indices[level] for level, coefficient in terms)) % modulus
            for const, terms, modulus in self.rotations
        )


def plan_loops(program: PreparedProgram) -> dict[int, LoopPlan]:
    """Plan per loop, by the identity of its node."""
    plans: dict[int, LoopPlan] = {}
    pending: list[tuple[Prepared, bool]] = [(program.body, False)]
    while pending:
        node, is_inner = pending.pop()
        if isinstance(node, tuple):
            pending += ((child, is_inner) for child in node)
        elif isinstance(node, PreparedLoop):
            plans[id(node)] = _plan(program, node, is_inner)
            pending.append((node.body, True))
    return plans


def _plan(program: PreparedProgram, node: PreparedLoop, is_inner: bool) -> LoopPlan:
    inside = [
        number for number, row in enumerate(program.access_rows) if node.first_row <= row < node.last_row
    ]
    coefficients = {number: dict(program.access_plans[number].terms).get(node.level, 0) for number in inside}
    residues = {
        (coefficient, modulus)
        for number in inside
        for _, _, terms, modulus in program.access_plans[number].rotations
        for level, coefficient in terms
        if level == node.level and coefficient % modulus
    }
    moving = any(
        access.latency < 0 and node.level in dict(access.address.terms)
        for row in program.rows[node.first_row : node.last_row]
        for access in (*row.reads, *row.writes)
    )
    levels = frozenset(_levels(node))
    return LoopPlan(
        moves=tuple(_common_move(group.members, coefficients) for group in program.groups),
        coefficients=coefficients,
        residues=tuple(sorted(residues)),
        levels=levels,
        has_moving_state=moving,
        frame=_frame(program, node, inside, levels) if is_inner else None,
    )


def _frame(
    program: PreparedProgram, node: PreparedLoop, inside: list[int], levels: frozenset[int]
) -> Frame | None:
    rows = program.rows[node.first_row : node.last_row]
    machine = program.machine
    memory = machine.instruction_storage
    if memory >= 0 and not machine.storages[memory].model.is_fixed:
        return None
    if any(access.latency < 0 for row in rows for access in (*row.reads, *row.writes)):
        return None
    members = set(inside)
    offsets = []
    for number, group in enumerate(program.groups):
        around = {
            tuple(term for term in program.access_plans[member].terms if term[0] not in levels)
            for member in group.members
            if member in members
        }
        if len(around) > 1:
            return None
        if around:
            offsets.append((number, around.pop()))
    rotations = {
        (const % modulus, tuple(term for term in terms if term[0] not in levels), modulus)
        for number in inside
        for _, const, terms, modulus in program.access_plans[number].rotations
    }
    return Frame(tuple(offsets), tuple(sorted(r for r in rotations if r[1])))


def _common_move(members: list[int], coefficients: dict[int, int]) -> int | None:
    distinct = {coefficients[member] for member in members if member in coefficients}
    if len(distinct) > 1:
        return None
    return distinct.pop() if distinct else 0


def _levels(node: Prepared) -> set[int]:
    if isinstance(node, PreparedLoop):
        return {node.level} | _levels(node.body)
    if isinstance(node, tuple):
        return set().union(*map(_levels, node))
    return set()


def sweep(program: PreparedProgram, plan: LoopPlan, number: int, indices: list[int]) -> tuple[int, int]:
    """Range that an operand sweeps while the loop runs, the loops around it standing still."""
    access, address = program.accesses[number], program.access_plans[number]
    low = high = address.const
    for level, coefficient in address.terms:
        if level in plan.levels:
            reach = coefficient * (access.scope[program.level_names[level]] - 1)
            low, high = low + min(0, reach), high + max(0, reach)
        else:
            low += coefficient * indices[level]
            high += coefficient * indices[level]
    for scale, _, _, modulus in address.rotations:
        reach = scale * (modulus - 1)
        low, high = low + min(0, reach), high + max(0, reach)
    return low, high + access.extent
