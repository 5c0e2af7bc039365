"""RISC-V instructions for the nests of ``_scalar_nest``, as a compiler lays them out.

Every array has a pointer. A loop is

        addi end, pointer, bytes
        j    test
    body:   …
        addi pointer, pointer, step          (one for each pointer that moves)
    test:   bne  pointer, end, body

so its branch is taken as often as the loop runs, and not taken once. Innermost loops hold ``unroll``
iterations, whose operands lie at constant distances from the pointers; what is left over follows behind the
loop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mappings.library._scalar_nest import Level
from mappings.program import Affine, Node, Step, as_affine, index, loop, memory, sequence, step

INT8_MIN, INT8_MAX = -128, 127
ACCUMULATOR, LOW, HIGH = "t0", "s10", "s11"
# Of a mean: what makes the dividend positive, and the divisor.
BIASED, DIVISOR = "s8", "s9"
POINTERS = {"input": "a0", "weights": "a1", "output": "a2", "bias": "a3"}
FIRST_FURTHER, LAST_POINTER = 4, 7  # a4 to a7: second and further operands of a sum, the last ones share one
ENDS = "s"  # s0, s1, …: ends of the loops by depth


def pointer(array: str) -> str:
    """Register that points into an array."""
    if array in POINTERS:
        return POINTERS[array]
    number = int(array.removeprefix("input"))  # input1, input2, …
    return f"a{min(FIRST_FURTHER + number - 1, LAST_POINTER)}"


@dataclass
class RiscvCode:
    """See :class:`mappings.library._scalar_nest.Code`. ``depth``: loops around what is being written."""

    unroll: int
    depth: int = 0

    def prologue(self, arrays: list[str]) -> Node:
        """Pointers and limits into their registers."""
        registers = dict.fromkeys(map(pointer, arrays))
        starts = [step("li", dst=register, imm=0) for register in registers]
        limits = [step("li", dst=LOW, imm=INT8_MIN), step("li", dst=HIGH, imm=INT8_MAX)]
        return sequence(*starts, *limits)

    def loop(self, level: Level, body: Callable[[Affine], Node]) -> Node:
        """``body`` for every index."""
        if level.count == 1:
            return self._inside(lambda: body(as_affine(0)))
        copies = min(self.unroll, level.count) if level.innermost else 1
        rounds, left = divmod(level.count, copies)
        nodes: list[Node] = []
        if rounds > 1:
            nodes.append(self._rounds(level, rounds, copies, body))
        else:
            left = level.count
        done = level.count - left
        nodes += [self._inside(lambda i=i: body(as_affine(done + i))) for i in range(left)]  # type: ignore[misc]
        if left and level.pointers:
            nodes += self._advance(level)
        return sequence(*nodes)

    def _rounds(self, level: Level, rounds: int, copies: int, body: Callable[[Affine], Node]) -> Node:
        end, first = f"{ENDS}{self.depth}", pointer(level.pointers[0])
        counter = index(level.name)
        bodies = [
            self._inside(lambda i=i: body(counter * copies + i))  # type: ignore[misc]
            for i in range(copies)
        ]
        again = step("bne", a=first, b=end, taken=1)
        return sequence(
            step("addi", dst=end, a=first, imm=rounds),
            step("j", taken=1),
            loop(level.name, rounds, again, *bodies, *self._advance(level)),
            step("bne", a=first, b=end, taken=0),
        )

    def _advance(self, level: Level) -> list[Step]:
        registers = dict.fromkeys(pointer(array) for array in level.pointers)
        return [step("addi", dst=register, a=register, imm=1) for register in registers]

    def _inside(self, body: Callable[[], Node]) -> Node:
        self.depth += 1
        try:
            return body()
        finally:
            self.depth -= 1

    def _load(self, register: str, array: str, address: Affine, size: int = 1) -> Step:
        return step("lb" if size == 1 else "lw", dst=register, base=pointer(array), src=memory(address, size))

    def load(self, array: str, address: Affine) -> Node:
        """The accumulator becomes an int8."""
        return self._load(ACCUMULATOR, array, address)

    def start(self, value: int) -> Node:
        """The accumulator becomes a number."""
        return step("li", dst=ACCUMULATOR, imm=value)

    def start_from_bias(self, address: Affine) -> Node:
        """The accumulator becomes an int32."""
        return self._load(ACCUMULATOR, "bias", address, 4)

    def multiply(self, a: Affine, b: Affine) -> Node:
        """Add the product of an input and a weight."""
        return sequence(
            self._load("t1", "input", a),
            self._load("t2", "weights", b),
            step("mul", dst="t1", a="t1", b="t2"),
            step("add", dst=ACCUMULATOR, a=ACCUMULATOR, b="t1"),
        )

    def combine(self, operation: str, array: str, address: Affine) -> Node:
        """Add an int8 (``add``), or take the maximum with it (``max``)."""
        work = step(operation, dst=ACCUMULATOR, a=ACCUMULATOR, b="t1")
        return sequence(self._load("t1", array, address), work)

    def relu(self) -> Node:
        """The maximum with zero."""
        return step("max", dst=ACCUMULATOR, a=ACCUMULATOR, b="zero")

    def prepare_mean(self, taps: int) -> Node:
        """What :meth:`mean` needs in registers; 128 more in the quotient keep dividends positive."""
        return sequence(
            step("li", dst=BIASED, imm=taps + 2 * taps * -INT8_MIN), step("li", dst=DIVISOR, imm=2 * taps)
        )

    def mean(self, taps: int) -> Node:
        """(2 · sum + n) / 2n, rounded down."""
        return sequence(
            step("add", dst=ACCUMULATOR, a=ACCUMULATOR, b=ACCUMULATOR),
            step("add", dst=ACCUMULATOR, a=ACCUMULATOR, b=BIASED),
            step("divu", dst=ACCUMULATOR, a=ACCUMULATOR, b=DIVISOR),
            step("addi", dst=ACCUMULATOR, a=ACCUMULATOR, imm=INT8_MIN),
        )

    def store(self, address: Affine, in_range: bool) -> Node:
        """Write an int8, cut unless it is known to be in range."""
        write = step("sb", dst=memory(address, 1), base=pointer("output"), value=ACCUMULATOR)
        if in_range:
            return write
        return sequence(
            step("min", dst=ACCUMULATOR, a=ACCUMULATOR, b=HIGH),
            step("max", dst=ACCUMULATOR, a=ACCUMULATOR, b=LOW),
            write,
        )
