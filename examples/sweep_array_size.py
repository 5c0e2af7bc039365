"""How the size of a systolic array changes the latency of AlexNet: soon memory is the limit."""

import platforms

print("array      cycles  MAC/cycle   of peak  slowest layer, bound by")
for size in (8, 16, 32, 64):
    arch = platforms.load("systolic_array", rows=size, cols=size)
    report = platforms.estimate(arch, "alexnet")
    rate = report.total_macs / report.total_cycles
    slowest = report.slowest
    print(
        f"{size:2} × {size:2} {report.total_cycles:>11,} {rate:>9.1f} {100 * rate / size**2:>8.1f} %  "
        f"{slowest.name}, {slowest.bound_by}"
    )
