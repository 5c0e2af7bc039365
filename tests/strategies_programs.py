"""Hypothesis strategies for small loop programs on the machines of ``tests.strategies_machines``."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

from mappings.program import Affine, LoopProgram, Memory, Node, Register, index, loop, memory, sequence, step
from tests.strategies_machines import INSTRUCTIONS, MEMORY_BYTES, OPERATIONS, REGISTERS

# Bytes that an operand may move over in one loop; far less than a memory, so that all loops together fit.
SPAN = MEMORY_BYTES // 8
STRIDES = [1, 4, 4, 8, 12, 32, 64, -1, -4, -8, -32]
BODY = 4  # steps of a body, at most


@dataclass(frozen=True)
class Scope:
    """The loops around a step, and what its operands may do.

    Attributes:
        counts: Trip counts by index, outermost loop first.
        unified: Loads may read the instruction memory.
        index_latencies: Immediates may depend on the indices.
    """

    counts: dict[str, int]
    unified: bool = False
    index_latencies: bool = False

    def outside(self, level: int) -> Scope:
        """The scope of code beside the loop at ``level``."""
        names = list(self.counts)[:level]
        return Scope({name: self.counts[name] for name in names}, self.unified, self.index_latencies)


@st.composite
def programs(draw: st.DrawFn, max_instructions: int, unified: bool, index_latencies: bool) -> LoopProgram:
    """A nest of up to three loops with code before, between and after, rotating buffers and ragged edges."""
    scope = Scope(draw(_counts(max_instructions // BODY)), unified, index_latencies)
    body: Node = draw(bodies(scope, 1, BODY))
    for level, name in reversed(list(enumerate(scope.counts))):
        parts: list[Node] = [loop(name, scope.counts[name], body)]
        if draw(st.booleans()):
            parts.insert(0, draw(bodies(scope.outside(level), 0, 2)))
        if draw(st.booleans()):
            parts.append(draw(bodies(scope.outside(level), 0, 2)))
        body = sequence(*parts)
    return LoopProgram(body, OPERATIONS)


@st.composite
def _counts(draw: st.DrawFn, iterations: int) -> dict[str, int]:
    """Trip counts of one to three loops; any of them may be the long one."""
    depth = draw(st.integers(1, 3))
    names = ["i", "j", "k"][:depth]
    counts = dict.fromkeys(names, 1)
    order = draw(st.permutations(names))
    for name in order[:-1]:
        counts[name] = draw(st.integers(1, {2: 16, 3: 7}[depth]))
        iterations //= counts[name]
    counts[order[-1]] = draw(st.integers(1, max(1, iterations)))
    return counts


@st.composite
def bodies(draw: st.DrawFn, scope: Scope, low: int, high: int) -> Node:
    """``low`` to ``high`` steps."""
    return sequence(*draw(st.lists(_steps(scope), min_size=low, max_size=high)))


@st.composite
def _steps(draw: st.DrawFn, scope: Scope) -> Node:
    mnemonic = draw(st.sampled_from(list(OPERATIONS)))
    n = draw(immediates(scope))
    if mnemonic.startswith("compute"):
        registers = {name: draw(_registers(scope)) for name in "dab"}
        return step(mnemonic, **registers, n=n)
    if mnemonic == "load":
        return step("load", d=draw(_registers(scope)), s=draw(ranges(scope, scope.unified)), n=n)
    if mnemonic == "store":
        return step("store", d=draw(ranges(scope)), s=draw(_registers(scope)), n=n)
    return step("copy", d=draw(ranges(scope)), s=draw(ranges(scope)), n=n)


@st.composite
def immediates(draw: st.DrawFn, scope: Scope) -> Affine | int:
    """An immediate from 0 on; with index latencies perhaps rotating, growing or falling."""
    n: Affine | int = draw(st.integers(0, 4))
    if not scope.index_latencies:
        return n
    for name, count in scope.counts.items():
        kind = draw(st.sampled_from(["none", "rotating", "growing", "falling"]))
        if kind == "rotating":
            turning = index(name) * draw(st.integers(1, 3)) + draw(st.integers(0, 2))
            n = n + draw(st.integers(1, 3)) * (turning % draw(st.integers(2, 5)))
        elif kind != "none":
            n = n + (index(name) if kind == "growing" else count - 1 - index(name))
    return n


@st.composite
def _registers(draw: st.DrawFn, scope: Scope) -> Register:
    if not scope.counts or draw(st.booleans()):
        return Register(f"r{draw(st.integers(0, 5))}")
    turning = index(draw(st.sampled_from(list(scope.counts)))) * draw(st.integers(1, 2))
    modulus = draw(st.one_of(st.integers(2, 6), st.sampled_from([7, 11, 13, REGISTERS])))
    return Register("r", (turning + draw(st.integers(0, 3))) % modulus)


@st.composite
def ranges(draw: st.DrawFn, scope: Scope, instructions: bool = False) -> Memory:
    """Address ranges near one another that move up, down, in circles, or not at all in each loop."""
    size = draw(st.sampled_from([1, 4, 4, 8, 20]))
    rows = draw(st.sampled_from([1, 1, 1, 2, 3]))
    pitch = max(draw(st.sampled_from([size, 24, 32])), size) if rows > 1 else 0
    address: Affine | int = draw(st.sampled_from([0, 4, 64, 200, 512]))
    for name, count in scope.counts.items():
        kind = draw(st.sampled_from(["none", "stride", "stride", "rotate"]))
        if kind == "stride":
            stride = draw(st.sampled_from(STRIDES))
            if abs(stride) * count <= SPAN:
                address = address + index(name) * stride + max(0, -stride) * (count - 1)
        elif kind == "rotate":
            slot = (index(name) * draw(st.integers(1, 3)) + draw(st.integers(0, 2))) % draw(st.integers(2, 4))
            address = address + slot * draw(st.sampled_from([4, 8, 32]))
    if instructions and draw(st.booleans()):
        address = address + INSTRUCTIONS
    elif draw(st.booleans()):
        address = address + MEMORY_BYTES  # the scratchpad
    return memory(address, size, rows, pitch)
