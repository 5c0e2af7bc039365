"""Loop nests as shallow as they can be: nested sequences flattened, perfect nests collapsed.

Two loops become one where every operand moves in the outer one as it would have moved after the last
iteration of the inner one, as rows of an unpadded image do. Shallow nests settle sooner and read better.
"""

from __future__ import annotations

from collections.abc import Iterator

from mappings.program import Affine, Loop, Memory, Node, OperandValue, Register, Replay, Sequence, Step, steps


def simplify(node: Node) -> Node:
    """An equivalent tree without nested sequences and without loops that could be one."""
    match node:
        case Step() | Replay():
            return node
        case Sequence(nodes):
            flat = tuple(_flattened(nodes))
            return flat[0] if len(flat) == 1 else Sequence(flat)
        case Loop(name, count, body):
            return _collapse(Loop(name, count, simplify(body)))


def _flattened(nodes: tuple[Node, ...]) -> Iterator[Node]:
    for node in map(simplify, nodes):
        if isinstance(node, Sequence):
            yield from node.nodes
        else:
            yield node


def _collapse(outer: Loop) -> Loop:
    inner = outer.body
    if not isinstance(inner, Loop):
        return outer
    for affine in _affines(inner.body):
        if not _continues(affine, outer.index, inner.index, inner.count):
            return outer
    return Loop(inner.index, outer.count * inner.count, _without(inner.body, outer.index))


def _affines(node: Node) -> Iterator[Affine]:
    """Everything in ``node`` that depends on indices."""
    for step in steps(node):
        for value in step.operands.values():
            if isinstance(value, Memory):
                yield value.address
            elif isinstance(value, Register) and value.index is not None:
                yield value.index
            elif isinstance(value, Affine):
                yield value


def _continues(affine: Affine, outer: str, inner: str, count: int) -> bool:
    """Whether one step of ``outer`` is worth ``count`` steps of ``inner``."""
    terms = dict(affine.terms)
    if terms.get(outer, 0) != count * terms.get(inner, 0):
        return False
    for rotation in affine.rotations:
        inside = dict(rotation.index.terms)
        if (inside.get(outer, 0) - count * inside.get(inner, 0)) % rotation.modulus:
            return False
    return True


def _without(node: Node, name: str) -> Node:
    """``node`` with the index ``name`` at 0."""
    match node:
        case Step(operation, operands):
            return Step(operation, {key: _operand_without(value, name) for key, value in operands.items()})
        case Sequence(nodes):
            return Sequence(tuple(_without(child, name) for child in nodes))
        case Loop(index, count, body):
            return Loop(index, count, _without(body, name))
        case Replay():  # stands in no loop
            return node


def _operand_without(value: OperandValue, name: str) -> OperandValue:
    match value:
        case Affine():
            return _affine_without(value, name)
        case Memory(address, size, rows, pitch):
            return Memory(_affine_without(address, name), size, rows, pitch)
        case Register(base, Affine() as position):
            return Register(base, _affine_without(position, name))
    return value


def _affine_without(affine: Affine, name: str) -> Affine:
    terms = tuple((key, c) for key, c in affine.terms if key != name)
    rotations = tuple(type(r)(r.scale, _affine_without(r.index, name), r.modulus) for r in affine.rotations)
    return Affine(affine.const, terms, rotations)
