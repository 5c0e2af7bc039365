"""Products that grow until nobody would simulate them: the exact count from a few hundred instructions.

Where full propagation is still possible it is shown beside; `fixed_point` is the published extrapolation.
"""

import aidg
import mappings
import platforms

arch = platforms.load("systolic_array")
print("     instructions      exact cycles  evaluated        full   fixed_point")
for tiles in (2, 8, 64, 1000):
    layer = mappings.Layer(
        name="product", op="gemm", gemm_M=128 * tiles, gemm_N=16 * tiles, gemm_K=16 * tiles
    )
    program = mappings.map_layer(layer, arch)
    exact = aidg.estimate(arch, program)
    full = aidg.estimate(arch, program, method="full").cycles if exact.instructions < 10_000 else None
    published = aidg.estimate(arch, program, method="fixed_point")
    error = 100 * (published.cycles / exact.cycles - 1)
    print(
        f"{exact.instructions:>17,} {exact.cycles:>17,} {exact.evaluated_instructions:>10,} "
        f"{full or '-':>11}   {error:+.2f} %"
    )
