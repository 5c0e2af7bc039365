"""Loop nests of UltraTrail: blocks of output channels, blocks of input channels, positions; taps inside.

Positions near the ends see fewer taps than others and are steps of their own; those between are a loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from mappings.library._memory import Array
from mappings.library._split import repeat
from mappings.library._ultratrail_shape import Windows1D
from mappings.program import Affine, Node, Register, memory, sequence, step

SUM_BYTES = 4


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive positions that see the same taps: ``count`` of them from ``begin`` on."""

    begin: int
    count: int
    inside: range


def stretches(windows: Windows1D) -> Iterator[Stretch]:
    """Positions by the taps that lie inside the input, in order."""
    by_taps = groupby(range(windows.positions), windows.inside)
    for inside, positions in by_taps:
        run = list(positions)
        yield Stretch(run[0], len(run), inside)


@dataclass(frozen=True)
class ConvolutionNest:
    """A convolution over arrays ``input, weights, output`` and, where there is one, ``bias``."""

    windows: Windows1D
    array: int
    at: Mapping[str, Array]

    @property
    def input_blocks(self) -> int:
        """Blocks of input channels."""
        return -(-self.windows.inputs // self.array)

    @property
    def output_blocks(self) -> int:
        """Blocks of output channels."""
        return -(-self.windows.outputs // self.array)

    def lower(self) -> Node:
        """Sequences one after the other."""
        return repeat("n", self.windows.batch, lambda n: repeat(
            "k", self.output_blocks, lambda k: self._block(n, k)
        ))  # fmt: skip

    def _block(self, n: Affine, k: Affine) -> Node:
        """A block of output channels: the last block of input channels completes the sums."""
        last = self.input_blocks - 1
        return sequence(
            repeat("c", last, lambda c: self._positions(n, k, c, None)),
            self._positions(n, k, Affine(last), lambda x: self._out(n, k, x)),
        )

    def _positions(self, n: Affine, k: Affine, c: Affine, finish: Callable[[Affine], Node] | None) -> Node:
        nodes: list[Node] = []
        for number, part in enumerate(stretches(self.windows)):

            def body(i: Affine, part: Stretch = part) -> Node:
                x = i + part.begin
                work = self._multiply(n, k, c, x, part.inside)
                return sequence(work, finish(x)) if finish else work

            nodes.append(repeat(f"x{number}", part.count, body))
        return sequence(*nodes)

    def _multiply(self, n: Affine, k: Affine, c: Affine, x: Affine, inside: range) -> Node:
        windows, row = self.windows, self.array
        padded = windows.taps - len(inside)
        if not inside:
            return step("zeros", config="config", taps=0, padded=padded)
        block = (n * self.input_blocks + c) * windows.length
        features = (block + x * windows.stride - windows.before + inside.start) * row
        tap = (k * self.input_blocks + c) * windows.taps + inside.start
        return step(
            "mac",
            acc=Register("sums", x),
            w=memory(tap * (row * row) + self.at["weights"].address, len(inside) * row * row),
            x=memory(features + self.at["input"].address, len(inside) * row),
            config="config",
            taps=len(inside),
            padded=padded,
        )

    def _out(self, n: Affine, k: Affine, x: Affine) -> Node:
        place = ((n * self.output_blocks + k) * self.windows.positions + x) * self.array
        target = memory(place + self.at["output"].address, self.array)
        sums = Register("sums", x)
        if "bias" not in self.at:
            return step("out", dst=target, acc=sums)
        wide = SUM_BYTES * self.array
        bias = memory(k * wide + self.at["bias"].address, wide)
        return step("out_biased", dst=target, acc=sums, bias=bias)


def lower_values(op: str, windows: Windows1D, array: int, at: Mapping[str, Array]) -> Node:
    """ReLU, a residual sum or means, which the output unit makes."""
    blocks = windows.batch * -(-windows.inputs // array)
    places: dict[str, int | str] = {"config": "config", "dst": at["output"].address}
    source = at["input"].address
    if op == "relu":
        return step("relu", src=source, rows=blocks * windows.length, **places)
    if op == "add":
        return step("add", a=source, b=at["input1"].address, rows=blocks * windows.length, **places)
    return step(
        "mean", src=source, rows=blocks * sum(len(windows.inside(x)) for x in range(windows.positions)),
        blocks=blocks, length=windows.length, positions=windows.positions, taps=windows.taps,
        stride=windows.stride, before=windows.before, **places,
    )  # fmt: skip
