"""Two Gemmini cores on one memory against their RTL: tables of docs/soc.md.

    python -m benchmarks.soc_reference [REFERENCE] [--write] [--jobs N]

REFERENCE is a folder with ``cycles_dev.csv`` and traces ``trace_p<core0>_p<core1>_PAIR….csv``, perhaps packed
(``.gz``); by default what ships in ``tests/data/rtl/gemmini_pair``. Traces whose condition is not among
``CONDITIONS`` are left out. ``--write`` writes the tables into the page.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from benchmarks.tables import Row, table, write_between
from platforms import validate
from platforms.soc.replay import differences, read_recorded, replay
from platforms.soc.shared_memory import SharedMemoryParameters

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "soc.md"
DATA = ROOT / "tests" / "data" / "rtl" / "gemmini_pair"
COMMAND = "python -m benchmarks.soc_reference"
CONDITIONS = {
    "p16_p16_same_phased": SharedMemoryParameters(),
    "p16_p16_same_wreuse": SharedMemoryParameters(mem_latency=50, cycles_per_beat=2),
    "p16_p16_stream_phased": SharedMemoryParameters(arbitration="prio"),
    "p16_p16_tiny": SharedMemoryParameters(),
    "p16_p16_diff_loop_wreuse_cache4K": SharedMemoryParameters(
        mem_latency=50, cycles_per_beat=4, cache_bytes=4096, cache_ways=2, cache_hit_latency=10
    ),
}


def traces(reference: Path) -> Iterator[Row]:
    """A row per trace: its requests through the shared memory."""
    for path in sorted(reference.glob("trace_*.csv*")):
        name = path.name.split(".")[0].removeprefix("trace_")
        condition = CONDITIONS.get(name.removesuffix("_alone0").removesuffix("_alone1"))
        if condition is None:
            continue
        recorded = read_recorded(str(path))
        messages = replay(condition, recorded, (16, 16))
        yield {
            "trace": f"`{name}`",
            "messages": len(messages),
            "accepted and answered in their cycles": len(messages) - len(differences(recorded, messages)),
        }


def classes(reference: Path, jobs: int) -> tuple[str, list[Row]]:
    """What there is to say about all cases, and a row per kind of pair."""
    report = validate("gemmini_pair", reference / "cycles_dev.csv", group="class", workers=jobs)
    rows: list[Row] = [
        {
            "class": name,
            "cases": found.cases,
            "MAPE": f"{found.mape:.2f} %",
            "largest error": f"{found.max_error_percent:.2f} %",
            "bias": f"{found.bias_percent:+.2f} %",
        }
        for name, found in report.groups.items()
    ]
    text = (
        f"{len(report.cases)} cases, {report.exact} exact, MAPE {report.mape:.2f} %, largest error "
        f"{report.max_error_percent:.2f} %; {len(report.failed)} without a prediction."
    )
    return text, rows


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog=COMMAND)
    parser.add_argument("reference", type=Path, nargs="?", default=DATA)
    parser.add_argument("--write", action="store_true", help="write the tables into docs/soc.md")
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    about, rows = classes(options.reference, options.jobs)
    text = f"{about}\n\n{table(rows)}\n\n{table(list(traces(options.reference)))}"
    print(text)
    if options.write:
        write_between(PAGE, f"{COMMAND} --write", text)


if __name__ == "__main__":
    main()
