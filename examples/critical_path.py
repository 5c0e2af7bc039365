"""The instruction dependency graph of a small product, and its critical path: where the cycles go."""

from collections import Counter

import aidg
import mappings
import platforms

arch = platforms.load("systolic_array", rows=4, cols=4, stream=8)
layer = mappings.Layer(name="product", op="gemm", gemm_M=16, gemm_N=8, gemm_K=12)
graph = aidg.build(arch, mappings.map_layer(layer, arch))
kinds = Counter(kind for _, _, kind in graph.edges(data="kind"))
size = f"{graph.number_of_nodes()} nodes"
print(f"{graph.graph['instructions']} instructions, {size}, {graph.graph['cycles']} cycles")
print("edges: " + ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())))

path = aidg.critical_path(graph)
print(path.describe())
for name, cycles in path.by_object.items():
    print(f"  {cycles:4} cycles in {name}")
