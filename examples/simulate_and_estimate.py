"""A small product on the systolic array: four evaluators, one number.

The event-driven simulation is the reference; the explicit graph, full propagation and the exact extrapolation
agree with it to the cycle.
"""

import acadl
import aidg
import mappings
import platforms

arch = platforms.load("systolic_array", rows=4, cols=4, stream=8)
layer = mappings.Layer(name="product", op="gemm", gemm_M=20, gemm_N=10, gemm_K=14)
program = mappings.map_layer(layer, arch)

exact = aidg.estimate(arch, program)
print(f"{program.name}: {program.instruction_count} instructions")
print(f"simulation        {acadl.simulate(arch, program).cycles} cycles")
print(f"explicit graph    {aidg.build(arch, program).graph['cycles']} cycles")
print(f"full propagation  {aidg.estimate(arch, program, method='full').cycles} cycles")
print(f"exact             {exact.cycles} cycles, bound by {exact.bound_by}")
