"""How long programs of cores take, without a simulation: phases share the memory's bandwidth like fluids."""

from __future__ import annotations

from collections.abc import Sequence

from platforms.soc.phases import Finished, Phase


def predict(programs: Sequence[Sequence[Phase]], bytes_per_cycle: float) -> float:
    """Cycles until all is done.

    Each phase would move its bytes evenly over its cycles. Where those under way ask for more than there is,
    the bandwidth is shared max-min fairly and their time stretches; caches and latencies are left out.
    """
    ends: set[Finished] = set()
    position = [0] * len(programs)
    left: dict[int, float] = {}  # of the present phase of each core, as a share
    now = 0.0
    while True:
        for core, program in enumerate(programs):
            while core not in left and position[core] < len(program):
                phase = program[position[core]]
                if any(which not in ends for which in phase.after):
                    break
                left[core] = 1.0
        if not left:
            return now
        speeds = _speeds({core: programs[core][position[core]] for core in left}, bytes_per_cycle)
        step = min(left[core] / speeds[core] for core in left)
        now += step
        for core in list(left):
            left[core] -= step * speeds[core]
            if left[core] <= 1e-12:
                del left[core]
                ends.add((core, position[core]))
                position[core] += 1


def _speeds(phases: dict[int, Phase], bytes_per_cycle: float) -> dict[int, float]:
    """Shares of each phase that are done in a cycle."""
    sizes = {core: each.read_bytes + each.weight_bytes + each.write_bytes for core, each in phases.items()}
    wanted = {core: size / max(1, phases[core].cycles) for core, size in sizes.items()}
    room, speeds = bytes_per_cycle, {}
    for count, core in enumerate(sorted(wanted, key=lambda core: (wanted[core], core))):
        given = min(wanted[core], room / (len(wanted) - count))
        room -= given
        alone = 1 / max(phases[core].cycles, 1e-9) if phases[core].cycles else 1e9
        speeds[core] = min(alone, given / sizes[core]) if sizes[core] else alone
    return speeds
