"""Convolutions and matrix products on VTA's matrix core.

The nest is, from outside: products of a batch, groups, blocks of output channels (k), images (n), rows and
columns of pixels (y, x), and the reduction over blocks of input channels and taps (c, r, s). Each piece of
the reduction is ``load_inp, load_wgt, gemm``; weights that serve all pixels are loaded once, before them.
Then the ALU adds the bias and cuts to int8, and ``store`` follows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby, product

from mappings.layers import KERNELS, MATRIX_PRODUCTS, Layer
from mappings.library._channel_blocks import block_count, geometry
from mappings.library._memory import Array
from mappings.library._split import Tile, over, repeat
from mappings.library._vta_machine import ALWAYS, MAXIMUM, MINIMUM, NOBODY, SUM, Machine, token
from mappings.library._vta_tiling import Tiling, tiling, window
from mappings.library._vta_uops import SINGLE, Kernels, Uop
from mappings.library._windows import Windows
from mappings.program import Affine, Memory, Node, Register, as_affine, memory, sequence, step

INT8_MIN, INT8_MAX = -128, 127


@dataclass(frozen=True, slots=True)
class Series:
    """``count`` runs of ``outputs`` output blocks that see the same ``inputs`` input blocks.

    Attributes:
        output, input: First blocks of the first run.
        output_step, input_step: From one run to the next.
    """

    outputs: int
    inputs: int
    output: int
    input: int
    count: int = 1
    output_step: int = 0
    input_step: int = 0


def connections(layer: Layer, block: int) -> list[Series]:
    """Which input blocks the output blocks see: all of them, or with groups those of their groups."""
    channels, outputs = (layer.gemm_K, layer.gemm_N) if layer.op in MATRIX_PRODUCTS else (layer.C, layer.K)
    if layer.op in MATRIX_PRODUCTS or layer.groups == 1:
        return [Series(block_count(outputs, block), block_count(channels, block), 0, 0)]
    return _in_series(_runs(layer, block))


def _runs(layer: Layer, block: int) -> list[Series]:
    """Neighbouring output blocks that see the same input blocks."""
    inputs, outputs = layer.C // layer.groups, layer.K // layer.groups

    def seen(output: int) -> tuple[int, int]:
        first = output * block // outputs
        last = (min(layer.K, (output + 1) * block) - 1) // outputs
        begin = first * inputs // block
        return begin, ((last + 1) * inputs - 1) // block + 1 - begin

    runs = []
    for (begin, count), blocks in groupby(range(block_count(layer.K, block)), seen):
        members = list(blocks)
        runs.append(Series(len(members), count, members[0], begin))
    return runs


def _in_series(runs: list[Series]) -> list[Series]:
    """Runs of one shape at constant distances as one series."""
    found: list[Series] = []
    for run in runs:
        last = found[-1] if found else None
        if last and (last.outputs, last.inputs) == (run.outputs, run.inputs):
            steps = (
                run.output - last.output - (last.count - 1) * last.output_step,
                run.input - last.input - (last.count - 1) * last.input_step,
            )
            if last.count == 1 or steps == (last.output_step, last.input_step):
                found[-1] = Series(run.outputs, run.inputs, last.output, last.input, last.count + 1, *steps)
                continue
        found.append(run)
    return found


def pairs(series: Series) -> Iterator[tuple[int, int]]:
    """Output block and input block of every block of weights, in the order in which they lie in memory."""
    for run in range(series.count):
        for k, c in product(range(series.outputs), range(series.inputs)):
            yield series.output + run * series.output_step + k, series.input + run * series.input_step + c


def weight_blocks(layer: Layer, block: int) -> int:
    """Blocks of weights of the layer, of all products of a batch."""
    taps = layer.R * layer.S if layer.op in KERNELS else 1
    return layer.gemm_batch * taps * sum(s.count * s.outputs * s.inputs for s in connections(layer, block))


def lower_product(layer: Layer, at: Mapping[str, Array], sizes: Machine, kernels: Kernels) -> Node:
    """The layer's nest over arrays ``input, weights, output, uops`` and, where there is one, ``bias``."""
    view = geometry(layer)
    matrix = layer.op in MATRIX_PRODUCTS
    parts = connections(layer, sizes.block)
    nests, blocks = [], 0
    for part in parts:
        tiles = tiling(view, part.outputs, part.inputs, sizes)
        nests.append(_Nest(view, part, tiles, sizes, at, kernels, blocks, 1 if matrix else view.batch))
        blocks += part.count * part.outputs * part.inputs * view.kernel_h * view.kernel_w

    def one(b: Affine) -> Node:
        return sequence(*(nest.lower(b, b * blocks) for nest in nests))

    return repeat("b", view.batch if matrix else 1, one)


@dataclass(frozen=True, slots=True)
class _Spot:
    """A tile of pixels of an image: its number among all so far, and where it begins."""

    number: Affine
    image: Affine
    rows: Tile
    columns: Tile


@dataclass(frozen=True)
class _Nest:
    view: Windows
    series: Series
    tiles: Tiling
    sizes: Machine
    at: Mapping[str, Array]
    kernels: Kernels
    first_weight: int
    images: int

    def lower(self, product: Affine, weight: Affine) -> Node:
        """``weight``: number of the first block of weights of this product."""
        return repeat("g", self.series.count, lambda g: over(
            "k", self.tiles.outputs, lambda k: self._outputs(product, weight, g, k)
        ))  # fmt: skip

    def _outputs(self, product: Affine, weight: Affine, g: Affine, k: Tile) -> Node:
        """A tile of output blocks: bias and, if they stay, weights; then all pixels."""
        number = (product * self.series.count + g) * self.tiles.outputs.tiles + k.number
        nodes: list[Node] = []
        if "bias" in self.at:
            source = (self._output_block(g) + k.offset) * self.sizes.acc.tensor + self.at["bias"].address
            place = self._bias(number, k.size)
            nodes.append(step("load_acc", dst=place, src=memory(source, place.bytes)))
        run = weight + g * (self.series.outputs * self.series.inputs * self._taps) + self.first_weight
        if self.tiles.steps == 1:
            nodes.append(
                self._load_weights(run, k, _whole(self.series.inputs), (_whole(1), _whole(1)), number, None)
            )

        def spot(n: Affine, y: Tile, x: Tile) -> Node:
            image = product + n
            count = (number * self.images + n) * self.tiles.rows.tiles + y.number
            here = _Spot(count * self.tiles.columns.tiles + x.number, image, y, x)
            return self._tile(here, run, g, k, number)

        return sequence(*nodes, repeat("n", self.images, lambda n: over(
            "y", self.tiles.rows, lambda y: over("x", self.tiles.columns, lambda x: spot(n, y, x))
        )))  # fmt: skip

    @property
    def _taps(self) -> int:
        return self.view.kernel_h * self.view.kernel_w

    def _output_block(self, g: Affine) -> Affine:
        return g * self.series.output_step + self.series.output

    def _bias(self, number: Affine, blocks: int) -> Memory:
        """The end of a half of the accumulator."""
        return self.sizes.acc.place(number, blocks, self.sizes.acc.half - blocks)

    def _tile(self, spot: _Spot, run: Affine, g: Affine, k: Tile, number: Affine) -> Node:
        """One tile of sums: empty, reduced, finished and stored."""
        pixels = spot.rows.size * spot.columns.size
        sums = self.sizes.acc.place(spot.number, k.size * pixels)
        blocks = [(block * pixels, 0, 0) for block in range(k.size)]
        load, uop = self.kernels.use(blocks, self.at["uops"].address)
        empty = step(
            "reset", acc=sums, uop=uop, pop_next=token("st2cmp", spot.number),
            lp0=1, lp1=pixels, acc_f0=0, acc_f1=1,
        )  # fmt: skip

        def piece(c: Tile, r: Tile, s: Tile) -> Node:
            steps = self.tiles
            count = (spot.number * steps.inputs.tiles + c.number) * steps.tap_rows.tiles + r.number
            return self._piece(
                spot, run, (g, k, c), (r, s), count * steps.tap_columns.tiles + s.number, sums, number
            )

        reduction = over("c", self.tiles.inputs, lambda c: over(
            "r", self.tiles.tap_rows, lambda r: over("s", self.tiles.tap_columns, lambda s: piece(c, r, s))
        ))  # fmt: skip
        finish = finishing(
            self.kernels,
            self.at,
            sums,
            token("cmp2st", spot.number),
            (k.size, pixels),
            self._bias_of(number, k),
        )
        return sequence(*load, empty, reduction, *finish, self._store(spot, g, k))

    def _bias_of(self, number: Affine, k: Tile) -> Memory | None:
        return self._bias(number, k.size) if "bias" in self.at else None

    def _piece(
        self,
        spot: _Spot,
        run: Affine,
        blocks: tuple[Affine, Tile, Tile],
        taps: tuple[Tile, Tile],
        count: Affine,
        sums: Memory,
        number: Affine,
    ) -> Node:
        """One piece of the reduction: loads, and the matrix instruction."""
        g, k, c = blocks
        pixels = (spot.rows.size, spot.columns.size)
        rows, columns = window(self.view, self.tiles, pixels, (taps[0].size, taps[1].size))
        nodes: list[Node] = [self._load_inputs(spot, g, c, taps, (rows, columns), count)]
        if self.tiles.steps > 1:
            nodes.append(self._load_weights(run, k, c, taps, count, token("ld2cmp", count)))
        uops = self._uops(pixels, (k.size, c.size), (taps[0].size, taps[1].size), (rows, columns))
        load, uop = self.kernels.use(uops, self.at["uops"].address)
        weights = k.size * c.size * taps[0].size * taps[1].size
        place = count if self.tiles.steps > 1 else number
        gemm = step(
            "gemm", acc=sums, inp=self.sizes.inp.place(count, c.size * rows * columns),
            wgt=self.sizes.wgt.place(place, weights), uop=uop,
            pop_prev=token("ld2cmp", count), push_prev=token("cmp2ld", count),
            lp0=pixels[0], lp1=pixels[1], acc_f0=pixels[1], acc_f1=1,
            inp_f0=self.view.stride_h * columns, inp_f1=self.view.stride_w,
        )  # fmt: skip
        return sequence(*nodes, *load, gemm)

    def _uops(
        self, pixels: tuple[int, int], blocks: tuple[int, int], taps: tuple[int, int], size: tuple[int, int]
    ) -> Iterator[Uop]:
        """For each pair of blocks and each tap: sums, corner of the window, block of weights."""
        rows, columns = size
        order = product(range(blocks[0]), range(blocks[1]), range(taps[0]), range(taps[1]))
        for number, (k, c, r, s) in enumerate(order):
            corner = (c * rows + r * self.view.dilation_h) * columns + s * self.view.dilation_w
            yield k * pixels[0] * pixels[1], corner, number

    def _load_inputs(
        self, spot: _Spot, g: Affine, c: Tile, taps: tuple[Tile, Tile], size: tuple[int, int], count: Affine
    ) -> Node:
        """Rows and columns under the tile, block by block; in one go where they follow one another."""
        view, block = self.view, self.sizes.block
        rows, columns = size
        plane = view.height * view.width * block
        channel = spot.image * block_count(view.channels, block) + c.offset
        channel = channel + g * self.series.input_step + self.series.input
        top = spot.rows.offset * view.stride_h + taps[0].offset * view.dilation_h
        left = spot.columns.offset * view.stride_w + taps[1].offset * view.dilation_w
        corner = channel * plane + top * (view.width * block) + left * block + self.at["input"].address
        tokens = {"pop_next": token("cmp2ld", count), "push_next": token("ld2cmp", count)}
        place = self.sizes.inp.place(count, c.size * rows * columns)
        if columns == view.width:
            source = memory(corner, rows * columns * block, c.size, plane)
            return step("load_inp", dst=place, src=source, **tokens)
        part = rows * columns * block
        return repeat("d", c.size, lambda d: step(
            "load_inp", dst=memory(place.address + d * part, part),
            src=memory(corner + d * plane, columns * block, rows, view.width * block), **tokens,
        ))  # fmt: skip

    def _load_weights(
        self, run: Affine, k: Tile, c: Tile, taps: tuple[Tile, Tile], count: Affine, pushed: Register | None
    ) -> Node:
        """Blocks of weights: for each output block those of some input blocks, or of some taps of one.

        ``pushed``: the token to push; without it the weights stay and the inputs behind them push it.
        """
        size = self.sizes.wgt.tensor
        each = c.size * (taps[0].size * taps[1].size if pushed else self._taps)
        tap = taps[0].offset * self.view.kernel_w + taps[1].offset
        first = run + (k.offset * self.series.inputs + c.offset) * self._taps + tap
        source = memory(
            first * size + self.at["weights"].address,
            each * size,
            k.size,
            self.series.inputs * self._taps * size,
        )
        return step(
            "load_wgt", dst=self.sizes.wgt.place(count, k.size * each), src=source,
            pop_next=token("cmp2ld", count) if pushed else ALWAYS, push_next=pushed or NOBODY,
        )  # fmt: skip

    def _store(self, spot: _Spot, g: Affine, k: Tile) -> Node:
        view, block = self.view, self.sizes.block
        plane = view.out_h * view.out_w * block
        blocks = self.at["output"].bytes // (view.batch * plane)
        channel = spot.image * blocks + self._output_block(g) + k.offset
        corner = channel * plane + spot.rows.offset * (view.out_w * block) + spot.columns.offset * block
        corner = corner + self.at["output"].address
        pixels = spot.rows.size * spot.columns.size
        tokens = {"pop_prev": token("cmp2st", spot.number), "push_prev": token("st2cmp", spot.number)}
        if spot.columns.size == view.out_w:
            target = memory(corner, pixels * block, k.size, plane)
            return step("store", dst=target, src=self.sizes.acc.place(spot.number, k.size * pixels), **tokens)
        tensors = self.sizes.acc.place(spot.number, k.size * pixels)
        part = pixels * self.sizes.acc.tensor
        return repeat("d", k.size, lambda d: step(
            "store", dst=memory(corner + d * plane, pixels * block),
            src=memory(tensors.address + d * part, part), **tokens,
        ))  # fmt: skip


def _whole(size: int) -> Tile:
    return Tile(as_affine(0), as_affine(0), size)


def finishing(
    kernels: Kernels, at: Mapping[str, Array], sums: Memory, pushed: Register, shape: tuple[int, int],
    bias: Memory | None,
) -> list[Node]:  # fmt: skip
    """Add a bias for each block of sums, if there is one, and cut to int8; the last one pushes the token."""
    blocks, pixels = shape
    load, uop = kernels.use(SINGLE, at["uops"].address)
    loops = {"lp0": blocks, "lp1": pixels, "acc_f0": pixels, "acc_f1": 1}
    nodes: list[Node] = [*load]
    if bias is not None:
        nodes.append(step(
            "alu", acc=sums, src=bias, uop=uop, push_next=NOBODY, opcode=SUM, src_f0=1, src_f1=0, **loops
        ))  # fmt: skip
    nodes.append(step("alu_imm", acc=sums, uop=uop, push_next=NOBODY, opcode=MINIMUM, imm=INT8_MAX, **loops))
    nodes.append(step("alu_imm", acc=sums, uop=uop, push_next=pushed, opcode=MAXIMUM, imm=INT8_MIN, **loops))
    return nodes
