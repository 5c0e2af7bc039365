"""Whole networks on shipped accelerators: wall time of the process, evaluated share, peak memory.

    python benchmarks/networks.py [--json OUT.json]

Every line is a process of its own: ``acadl estimate PLATFORM --network NETWORK --json``.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import mappings
from platforms.catalog import platform_names


def measure(platform: str, network: str) -> dict[str, object]:
    """One process."""
    command = [sys.executable, "-m", "platforms.cli", "estimate", platform, "--network", network, "--json"]
    begin = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    wall = time.perf_counter() - begin
    report = json.loads(done.stdout)
    instructions = sum(layer["instructions"] for layer in report["layers"])
    evaluated = sum(layer["evaluated_instructions"] for layer in report["layers"])
    return {
        "platform": platform,
        "network": network,
        "total_cycles": report["total_cycles"],
        "methods": sorted({layer["method"] for layer in report["layers"]}),
        "instructions": instructions,
        "evaluated_instructions": evaluated,
        "wall_s": round(wall, 3),
        # the largest child so far: grows only when this process was the largest
        "peak_children_mib": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
    }


def main() -> None:
    """All pairs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    out: Path | None = parser.parse_args().json
    rows = []
    for platform in platform_names():
        for network in mappings.network_names():
            row = measure(platform, network)
            rows.append(row)
            print(
                f"{platform:16} {network:14} {row['total_cycles']:>16,} cycles  {row['wall_s']:>7} s  "
                f"{row['evaluated_instructions']:>9,} of {row['instructions']:>16,} instructions  "
                f"{'/'.join(row['methods'])}"
            )
    if out:
        out.write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
