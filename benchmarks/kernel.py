"""Speed of the kernel: instructions and nodes per second, full propagation, in one process.

    python benchmarks/kernel.py

A node is an instruction at an object: the fetch stage, every stage on the way, the unit.
"""

from __future__ import annotations

import time

import mappings
import platforms
from acadl.routing import route
from aidg.estimation import estimate
from mappings.layers import Layer

LAYERS = {
    "oma": Layer(name="gemm", op="gemm", gemm_M=24, gemm_N=24, gemm_K=24),
    "systolic_array": Layer(name="gemm", op="gemm", gemm_M=4096, gemm_N=512, gemm_K=512),
    "gemmini": Layer(name="gemm", op="gemm", gemm_M=512, gemm_N=512, gemm_K=512),
}


def main() -> None:
    """One line per platform."""
    for platform, layer in LAYERS.items():
        arch = platforms.load(platform)
        program = mappings.map_layer(layer, arch)
        nodes = sum(2 + len(route(arch, instruction).stages) for instruction in program)
        begin = time.process_time()
        full = estimate(arch, program, method="full")
        middle = time.process_time()
        exact = estimate(arch, program)
        end = time.process_time()
        assert exact.cycles == full.cycles
        print(
            f"{platform:16} {full.instructions:>9,} instructions, {nodes:>9,} nodes: "
            f"full {middle - begin:.2f} s CPU, {nodes / (middle - begin):>9,.0f} nodes/s; "
            f"exact {end - middle:.3f} s CPU, "
            f"{exact.evaluated_instructions:,} instructions evaluated"
        )


if __name__ == "__main__":
    main()
