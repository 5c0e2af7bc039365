"""Measures, prints tables, and writes them where they are wanted.

    python -m benchmarks                        # everything about speed
    python -m benchmarks networks --json out.json
    python -m benchmarks --write                # also into docs/benchmarks.md
    python -m benchmarks fixed_point --write    # the published method's errors, into docs/fixed_point.md

Accelerators and networks are found by looking. Compiled code needs the extra ``fast``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import caches, estimators, fixed_point, growth, kernel, memory, networks, rtl
from benchmarks.tables import Row, describe, machine, table, write_between

DOCS = Path(__file__).parents[1] / "docs"
PARTS: dict[str, tuple[str, Callable[[], str], Callable[[], Sequence[Row]]]] = {
    "kernel": ("Nodes per second", kernel.about, lambda: list(kernel.measure())),
    "networks": ("Whole networks", networks.about, lambda: list(networks.measure())),
    "rtl": ("Beside simulations of RTL", rtl.about, lambda: list(rtl.measure())),
    "memory": ("Main memories", memory.about, lambda: list(memory.measure())),
    "caches": ("Caches", caches.about, lambda: list(caches.measure())),
    "estimators": ("Estimators", estimators.about, lambda: list(estimators.measure())),
    "trips": ("Growth with the trip count", growth.about_trips, lambda: list(growth.measure_trips())),
    "sizes": ("Growth with the architecture", growth.about_sizes, lambda: list(growth.measure_sizes())),
}
ACCURACY = "fixed_point"


def main() -> None:
    """Run the parts that were asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    choice = f"{', '.join(PARTS)} (default: these) or {ACCURACY}"
    parser.add_argument("parts", nargs="*", metavar="PART", help=choice)
    parser.add_argument("--json", type=Path, help="write all rows to this file")
    parser.add_argument("--write", action="store_true", help="write the tables into docs/")
    options = parser.parse_args()
    unknown = [part for part in options.parts if part not in (*PARTS, ACCURACY)]
    if unknown:
        parser.error(f"unknown part '{unknown[0]}'; parts: {', '.join([*PARTS, ACCURACY])}")
    found: dict[str, object] = {"machine": machine()}
    for part in options.parts or PARTS:
        rows, text = _accuracy() if part == ACCURACY else _speed(part, found)
        found[part] = rows
        print(text, end="\n\n")
        if options.write:
            page = "fixed_point.md" if part == ACCURACY else "benchmarks.md"
            write_between(DOCS / page, f"python -m benchmarks {part}", text)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _speed(part: str, found: dict[str, object]) -> tuple[Sequence[Row], str]:
    title, about, measure = PARTS[part]
    rows = measure()
    return rows, f"## {title}\n\n{about()} {describe(found['machine'])}\n\n{table(rows)}"  # type: ignore[arg-type]


def _accuracy() -> tuple[Sequence[Row], str]:
    rows = fixed_point.measure()
    return rows, f"{table(rows[: fixed_point.SHOWN])}\n\n{fixed_point.summary(rows)}"


if __name__ == "__main__":
    main()
