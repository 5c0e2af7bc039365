"""Where an iteration of a loop starts, in instructions from the start of the program."""

from __future__ import annotations

from collections.abc import Mapping

from acadl.errors import AcadlError, nearest
from mappings.program import Loop, LoopProgram, Node, Sequence, count_instructions


def locate(program: LoopProgram, iteration: int | Mapping[str, int]) -> tuple[int, int]:
    """Number of the first instruction of an iteration, and instructions of one iteration.

    Args:
        iteration: Of the outermost loop (of several one after the other, the one with most instructions); or
            index values by loop: the first place in program order at which these loops have these values,
            the others starting. The instructions are then those of an iteration of the innermost loop named.

    Raises:
        AcadlError: There is no such loop or no such iteration.
    """
    if isinstance(iteration, int):
        loops = _outermost(program.body, 0)
        if not loops:
            raise AcadlError("the program has no loop; choose the first instruction by its number")
        start, node = max(loops, key=lambda found: count_instructions(found[1]))
        _check(node, iteration)
        size = count_instructions(node.body)
        return start + iteration * size, size
    if not iteration:
        raise AcadlError("no loop is named; give an iteration, or index values by loop")
    loops_by_name = _loops(program.body, {})
    for name in iteration:
        if name not in loops_by_name:
            known = ", ".join(loops_by_name) or "none"
            raise AcadlError(
                f"the program has no loop '{name}'{nearest(name, loops_by_name)} (its loops: {known})"
            )
    found = _find(program.body, dict(iteration), 0, 0)
    if found is None:
        if len(iteration) == 1:
            ((name, value),) = iteration.items()
            _check(max(loops_by_name[name], key=lambda node: node.count), value)
        text = ", ".join(f"{name}={value}" for name, value in iteration.items())
        raise AcadlError(
            f"no instruction runs in iteration {text}: the loops are not all around one another, or run less "
            "often"
        )
    return found


def _check(node: Loop, iteration: int) -> None:
    if not 0 <= iteration < node.count:
        raise AcadlError(
            f"loop '{node.index}' has no iteration {iteration}; it runs from 0 to {node.count - 1}"
        )


def _outermost(node: Node, start: int) -> list[tuple[int, Loop]]:
    """Loops around which there is no other one and that run at all, with the instructions before them."""
    match node:
        case Loop():
            return [(start, node)] if count_instructions(node) else []
        case Sequence(nodes):
            found = []
            for child in nodes:
                found += _outermost(child, start)
                start += count_instructions(child)
            return found
    return []


def _loops(node: Node, found: dict[str, list[Loop]]) -> dict[str, list[Loop]]:
    """All loops by the names of their indices."""
    match node:
        case Loop(name, _, body):
            found.setdefault(name, []).append(node)
            _loops(body, found)
        case Sequence(nodes):
            for child in nodes:
                _loops(child, found)
    return found


def _find(node: Node, wanted: dict[str, int], start: int, size: int) -> tuple[int, int] | None:
    """First instruction below ``node`` at which the wanted indices have their values."""
    total = count_instructions(node)
    if not wanted:
        return (start, size) if total else None
    match node:
        case Loop(name, count, body):
            if name not in wanted:
                return _find(body, wanted, start, size) if count else None
            value = wanted[name]
            if not 0 <= value < count:
                return None
            per_iteration = count_instructions(body)
            rest = {other: at for other, at in wanted.items() if other != name}
            return _find(body, rest, start + value * per_iteration, per_iteration)
        case Sequence(nodes):
            for child in nodes:
                found = _find(child, wanted, start, size)
                if found is not None:
                    return found
                start += count_instructions(child)
    return None
