"""A systolic array described element by element: simulate a GEMM on data, then estimate a much longer one.

Every processing element is a box with three registers and a multiply-accumulate unit; operands move from
element to element by instructions' register operands. Nothing says when an element works: that follows from
the data.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

import acadl
import aidg
from acadl.model import Architecture
from acadl.operations import Instruction
from acadl.state import ArchitecturalState
from mappings.program import LoopProgram, Node, Step, index, loop, memory, sequence, step

A, B, C = 0x1_0000, 0x4_0000, 0x8_0000  # addresses of the matrices, elements are 4 bytes


def mac(r: int, c: int, rows: int, cols: int) -> Step:
    """One step of the element in row ``r`` and column ``c``."""
    here = f"grid[{r}][{c}]"
    operands = {"acc": f"{here}.acc", "a": f"{here}.a", "b": f"{here}.b"}
    if c + 1 < cols:
        operands["east"] = f"grid[{r}][{c + 1}].a"
    if r + 1 < rows:
        operands["south"] = f"grid[{r + 1}][{c}].b"
    kind = {5: "mac", 4: "mac_last_row" if "east" in operands else "mac_last_column", 3: "mac_corner"}
    return step(kind[len(operands)], **operands)


def gemm(arch: Architecture, depth: int) -> LoopProgram:
    """``C[rows, cols] = A[rows, depth] · B[depth, cols]``, A stored column by column, B row by row."""
    rows, cols = int(arch.parameters["rows"]), int(arch.parameters["cols"])
    k = index("k")
    elements = [(r, c) for r in range(rows) for c in range(cols)]
    clear: list[Node] = [step("clear", acc=f"grid[{r}][{c}].acc") for r, c in elements]
    feed: list[Node] = [
        *(step("load_a", dst=f"grid[{r}][0].a", src=memory(A + 4 * (k * rows + r), 4)) for r in range(rows)),
        *(step("load_b", dst=f"grid[0][{c}].b", src=memory(B + 4 * (k * cols + c), 4)) for c in range(cols)),
    ]
    work: list[Node] = [mac(r, c, rows, cols) for r, c in elements]
    store: list[Node] = [
        step("store", dst=memory(C + 4 * (r * cols + c), 4), src=f"grid[{r}][{c}].acc") for r, c in elements
    ]
    nest = sequence(*clear, loop(k, depth, *feed, *work), *store)
    functions = dict.fromkeys(("mac", "mac_last_row", "mac_last_column"), multiply)
    return LoopProgram(nest, arch.operations, functions=functions)


def multiply(state: ArchitecturalState, instruction: Instruction) -> None:
    """acc += a · b, and the operands go on."""
    acc, a, b = (state.read_register(name) for name in instruction.read_registers)
    state.write_register(instruction.write_registers[0], acc + a * b)
    for name in instruction.write_registers[1:]:
        state.write_register(name, a if name.endswith(".a") else b)


def main() -> None:
    """A 4 × 4 array on data, a 16 × 16 array on a reduction of a million."""
    text = Path(__file__).with_name("systolic_grid.acadl")
    arch = acadl.load(text, rows=4, cols=4)
    random = np.random.default_rng(1)
    left, right = (random.integers(-9, 9, shape, dtype=np.int32) for shape in ((4, 6), (6, 4)))
    program = gemm(arch, 6)
    run = acadl.simulate(arch, program, data={A: left.T.copy(), B: right})
    result = run.state.read_array(C, (4, 4), np.int32)
    print("the simulation computes NumPy's product:", bool((result == left @ right).all()))
    print("simulated cycles:", run.cycles, "- estimated:", aidg.estimate(arch, program).cycles)

    arch = acadl.load(text)
    for depth in (16, 64, 4096):
        estimate = aidg.estimate(arch, gemm(arch, depth))
        print(
            f"16 x 16, reduction of {depth}: {estimate.cycles:,} cycles ({estimate.method}, "
            f"{estimate.evaluated_instructions:,} of {estimate.instructions:,} instructions evaluated)"
        )


if __name__ == "__main__":
    main()
