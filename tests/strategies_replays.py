"""Recorded runs on random machines: pieces of random programs in random orders, with repetitions."""

from __future__ import annotations

from hypothesis import strategies as st

from mappings.affine import as_affine
from mappings.program import (
    Affine,
    LoopProgram,
    Memory,
    OperandValue,
    Register,
    Replay,
    Step,
    _unrolled,
    sequence,
)
from tests.strategies import Case, cases


@st.composite
def replays(draw: st.DrawFn, most: int) -> Case:
    """A machine and a recorded run on it, perhaps between other instructions."""
    case = draw(cases(30, index_latencies=True))
    dynamic = [_fixed(step, dict(indices)) for step, indices in _unrolled(case.program.body, {})]
    pieces = []
    while dynamic:
        length = draw(st.integers(1, 6))
        pieces.append(tuple(dynamic[:length]))
        dynamic = dynamic[length:]
    runs = st.lists(st.integers(0, len(pieces) - 1), max_size=6)
    order = [number for run in draw(st.lists(runs, max_size=3)) for number in run * draw(st.integers(1, 12))]
    replay = Replay(tuple(pieces), tuple(order[:most]))
    body = sequence(case.program.body, replay, *pieces[0]) if draw(st.booleans()) else replay
    return Case(case.arch, LoopProgram(body, case.program.operations))


def _fixed(step: Step, indices: dict[str, int]) -> Step:
    """The step at certain loop indices, without any."""

    def fixed(value: OperandValue) -> OperandValue:
        match value:
            case Register():
                return Register(value.at(indices))
            case Memory(address, size, rows, pitch):
                return Memory(as_affine(address.at(indices)), size, rows, pitch)
            case Affine():
                return value.at(indices)
        return value

    return Step(step.operation, {name: fixed(value) for name, value in step.operands.items()})
