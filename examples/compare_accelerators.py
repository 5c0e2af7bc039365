"""AlexNet on two shipped accelerators: totals, and the layer that costs most on each."""

import platforms

for name in ("gemmini", "systolic_array"):
    report = platforms.estimate(name, "alexnet")
    milliseconds = 1000 * report.latency_s
    print(f"{name}: {report.total_cycles:,} cycles, {milliseconds:.2f} ms at {report.clock_hz / 1e6:g} MHz")
    print(f"  {report.reason}")
    for layer in sorted(report.layers, key=lambda layer: -layer.cycles)[:3]:
        print(f"  {layer.name:6} {layer.macs_per_cycle:6.1f} MAC/cycle  {layer.bound_by}")
