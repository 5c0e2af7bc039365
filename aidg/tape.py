"""The loop tree of a prepared program, and the tape that is the same in a row."""

from __future__ import annotations

from collections.abc import Mapping

from aidg.prepared import Block, Prepared, PreparedLoop, PreparedReplay, Row, instructions
from aidg.propagation import BEGIN, END, ROW
from mappings.program import Loop, Node, Replay, Sequence, Step


class Tree:
    """The loop tree with blocks as leaves, and the tape beside it.

    Attributes:
        tape: Entries so far.
    """

    def __init__(self, rows: tuple[Row, ...], levels: Mapping[str, int]) -> None:
        self.tape: list[tuple[int, int, int, int]] = []
        self._rows = rows
        self._levels = levels
        self._next = 0  # row

    def add(self, node: Node) -> Prepared:
        """The prepared tree of ``node``, whose rows come next."""
        nodes = self._flattened(node)
        made: list[Prepared] = []
        steps = 0
        for child in nodes:
            if isinstance(child, Step):
                steps += 1
                continue
            made += self._block(steps)
            steps = 0
            if isinstance(child, Loop):
                made += self._loop(child)
            elif isinstance(child, Replay):
                blocks = [block for piece in child.pieces for block in self._block(len(piece))]
                made.append(PreparedReplay(tuple(blocks), child.order, child.instruction_count))
        made += self._block(steps)
        return made[0] if len(made) == 1 else tuple(made)

    def _flattened(self, node: Node) -> list[Node]:
        if not isinstance(node, Sequence):
            return [node]
        return [leaf for child in node.nodes for leaf in self._flattened(child)]

    def _block(self, steps: int) -> list[Block]:
        if not steps:
            return []
        rows = self._rows[self._next : self._next + steps]
        self._next += steps
        first = len(self.tape)
        self.tape += ((ROW, row.number, 0, 0) for row in rows)
        return [Block(rows, first, len(self.tape), any(row.has_queue for row in rows))]

    def _loop(self, node: Loop) -> list[Prepared]:
        if node.count == 0:
            return []
        first, row, level = len(self.tape), self._next, self._levels[node.index]
        self.tape.append((BEGIN, level, 0, 0))
        body = self.add(node.body)
        if body == ():
            del self.tape[first:]
            return []
        self.tape.append((END, level, node.count, first + 1))
        rows = range(row, self._next)
        return [
            PreparedLoop(node.index, level, node.count, body, rows, instructions(body), first, len(self.tape))
        ]
