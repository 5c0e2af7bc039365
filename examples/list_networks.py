"""Networks of the zoo: layers, multiply-accumulates, weights and the operators that they consist of."""

from collections import Counter

import mappings

for name in ("alexnet", "mobilenetv2", "resnet50"):
    network = mappings.load_network(name)
    weights = sum(layer.weight_elements * layer.count for layer in network.layers)
    operators = Counter(layer.op for layer in network.layers)
    print(f"{name}: {len(network.layers)} layers, {network.macs:,} MACs, {weights:,} weights")
    print("  " + ", ".join(f"{count} {operator}" for operator, count in sorted(operators.items())))
