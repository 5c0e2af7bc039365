"""The DRAM presets against recorded runs of other simulators, trace by trace.

    python -m benchmarks.dram_reference REFERENCE [--only ramulator2/ddr4_2400_1r] [--pattern micro] [--diff]
                                        [--with-mistakes] [--write] [--json OUT.json]

REFERENCE is a folder with ``traces/CONFIG/PATTERN_dev.csv.gz`` and ``results/SIMULATOR/latency/CONFIG/…``,
``results/SIMULATOR/commands/CONFIG/…``, ``results/SIMULATOR/summary_dev.csv``; variants of a simulator lie in
``results/variants/SIMULATOR__VARIANT``. One with short traces, without summaries, is ``tests/data/dram``.
Every trace runs through the shipped configuration of the same name.

Columns: error of the total cycles (last ``done``), of the mean read latency from arrival, of the number of
activations; share of reads that complete in the same cycle; first command that differs, by its place in the
trace; violations that the constraint checker finds in our commands. Refreshes after the last column command
are not compared: the recorded runs end at different times. Exits from power-down are not recorded.

``--with-mistakes`` runs only the configurations whose simulator has a known mistake in a timing rule that
matters, and puts the mistake in: what is exact then differs by this rule and nothing else. ``--write`` writes
the table into docs/dram_validation.md.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import numpy as np

import dram
from dram.checker import check
from dram.command_arrays import Commands
from dram.commands import COMMAND_NAMES
from dram.configurations import Configuration
from dram.errors import DramError
from dram.requests import Int64, Requests
from dram.result import Run
from dram.traces import read_requests
from dram.traces.commands_csv import read_commands

SPLIT = "_dev"
PAGE = Path(__file__).parents[1] / "docs" / "dram_validation.md"
# Columns of a command trace that say what the command did; the others are notes of the simulator.
PLACES = {
    "RANK": ("rank",),
    "BANK": ("rank", "bankgroup", "bank"),
    "ROW": ("rank", "bankgroup", "bank", "row"),
}
LEVEL = {"PREA": "RANK", "REF": "RANK", "PRE": "BANK", "REFPB": "BANK", "PDNA": "RANK", "PDNP": "RANK"}
EXITS = ("PDXA", "PDXP", "SREFX")  # from power-down and self-refresh; the recorded traces lack them
COLUMN_COMMANDS = ("RD", "RDA", "WR", "WRA")
# Rules in which the simulators differ from the standard, and what they have instead.
MISTAKES = {
    "ramulator2/ddr4_2400_2r": {"read_to_write_other_rank": "tBL + tRTRS"},
    "dramsys__closed/ddr4_2400_1r": {"tRC": "tRCD"},
    "dramsys__closedadaptive/ddr4_2400_1r": {"tRC": "tRCD"},
    "dramsys__openadaptive/ddr4_2400_1r": {"tRC": "tRCD"},
    "dramsim3__closepage/ddr4_2400_1r": {"tRC_refresh": "0"},
    "dramsys/ddr3_1600_1r": {"tWR_precharge_all": "0", "tWR_refresh": "0"},
    "dramsys__fifo_ddr3/ddr3_1600_1r": {"tWR_precharge_all": "0", "tWR_refresh": "0"},
}
LIMITS = {"cycles": 2.0, "latency": 5.0, "activations": 3.0}  # percent


@dataclass(frozen=True)
class Comparison:
    """One trace. Errors in percent, ours minus theirs.

    Attributes:
        config: ``SIMULATOR/CONFIG``.
        pattern: Name of the trace.
        cycles, latency, activations: Errors.
        same_reads: Share of reads with the same ``done``, in percent.
        accepted: Share of requests with the same ``accept``, in percent.
        commands: Commands of the recorded trace up to the last column command; ``None`` without one.
        first_difference: Place of the first command that differs; ``None`` if none does.
        violations: What the constraint checker finds in our commands.
    """

    config: str
    pattern: str
    cycles: float
    latency: float
    activations: float
    same_reads: float
    accepted: float
    commands: int | None
    first_difference: int | None
    violations: int
    context: str = ""


@dataclass(frozen=True)
class Case:
    """Files of one trace of one simulator."""

    simulator: str
    config: str
    pattern: str
    folder: Path

    @property
    def name(self) -> str:
        return f"{self.simulator}/{self.config}"


def cases(reference: Path) -> Iterator[Case]:
    """All traces with recorded results, in order."""
    results = reference / "results"
    folders = (*results.iterdir(), *(results / "variants").iterdir())
    for folder in sorted(folders, key=lambda path: ("__" in path.name, path.name)):
        for file in sorted(folder.glob(f"latency/*/*{SPLIT}.csv.gz")):
            yield Case(folder.name, file.parent.name, file.name.removesuffix(f"{SPLIT}.csv.gz"), folder)


def configured(name: str, with_mistakes: bool) -> Configuration:
    """The shipped configuration, on request with the simulator's mistakes."""
    chosen = dram.configuration(name)
    if not with_mistakes:
        return chosen
    rules = {**chosen.device.rules, **MISTAKES[name]}
    return chosen.model_copy(update={"device": chosen.device.model_copy(update={"rules": rules})})


def compare(
    case: Case, reference: Path, summary: dict[str, str] | None, with_mistakes: bool = False
) -> Comparison:
    """Run the trace and compare."""
    file = f"{case.config}/{case.pattern}{SPLIT}.csv.gz"
    requests = read_requests(reference / "traces" / file)
    config = configured(case.name, with_mistakes)
    run = dram.simulate(requests, config, record=True)
    accept, done = read_latencies(case.folder / "latency" / file, requests)
    reads = ~requests.is_write
    theirs = np.mean((done - requests.arrival)[reads]) if reads.any() else 1.0
    ours = np.mean((run.done - requests.arrival)[reads]) if reads.any() else 1.0
    count, place, context, recorded = None, None, "", None
    if (case.folder / "commands" / file).exists():
        recorded = read_commands(case.folder / "commands" / file)
        count, place, context = first_difference(recorded, run.commands)
    activations = activations_of(summary, recorded)
    made = run.commands.counts()
    return Comparison(
        case.name, case.pattern,
        percent(int(run.done.max()), int(done.max())),
        percent(float(ours), float(theirs)),
        percent(made.get("ACT", 0) + made.get("ACT1", 0), activations),
        100 * float(np.mean((run.done == done)[reads])) if reads.any() else 100.0,
        100 * float(np.mean(run.accept == accept)),
        count, place, violations(run, config), context,
    )  # fmt: skip


def activations_of(summary: dict[str, str] | None, recorded: Commands | None) -> int:
    """Activations of a recorded run, from its summary or its commands. Raises :class:`DramError`."""
    if summary:
        return int(summary["cmd_ACT"])
    if recorded is None:
        raise DramError("there is neither a summary nor a command trace")
    counts = recorded.counts()
    return counts.get("ACT", 0) + counts.get("ACT1", 0)


def violations(run: Run, config: Configuration) -> int:
    """What the constraint checker finds in our commands."""
    refresh = config.controller.refresh != "none"
    return sum(check(commands, run.device, refresh=refresh).total for commands in run.channels)


def percent(ours: float, theirs: float) -> float:
    """Relative error in percent; a missing count is 100 % each."""
    return 100 * (ours - theirs) / theirs if theirs else 100.0 * ours


def read_latencies(path: Path, requests: Requests) -> tuple[Int64, Int64]:
    """``accept`` and ``done`` in the order of the requests."""
    table = np.loadtxt(path, np.int64, delimiter=",", skiprows=1, ndmin=2)
    order = np.argsort(table[:, 0], kind="stable")
    places = order[np.searchsorted(table[order, 0], requests.ids)]
    return table[places, 1], table[places, 2]


def comparable(commands: Commands) -> list[tuple[object, ...]]:
    """Cycle, name and place of each command up to the last column command."""
    columns = {
        name: getattr(commands, name).tolist() for name in ("rank", "bankgroup", "bank", "row", "column")
    }
    found: list[tuple[object, ...]] = []
    end = 0
    for i, (cycle, number) in enumerate(zip(commands.cycle.tolist(), commands.command.tolist(), strict=True)):
        name = COMMAND_NAMES[number]
        if name in EXITS:
            continue
        places = (*PLACES["ROW"], "column") if name in COLUMN_COMMANDS else PLACES[LEVEL.get(name, "ROW")]
        found.append((cycle, name, *(columns[place][i] for place in places)))
        if name in COLUMN_COMMANDS:
            end = len(found)
    return found[:end]


def first_difference(recorded: Commands, made: Commands) -> tuple[int, int | None, str]:
    """Number of recorded commands; place of the first one that differs, with its neighbours."""
    theirs, ours = comparable(recorded), comparable(made)
    # commands of the same cycle on different buses have no order
    theirs.sort(key=lambda command: (command[0], str(command[1:])))
    ours.sort(key=lambda command: (command[0], str(command[1:])))
    place = next((i for i, (a, b) in enumerate(zip(theirs, ours, strict=False)) if a != b), None)
    if place is None:
        place = min(len(theirs), len(ours)) if len(theirs) != len(ours) else None
    if place is None:
        return len(theirs), None, ""
    lines = []
    for i in range(max(0, place - 5), place + 4):
        pair = ["-" if i >= len(side) else " ".join(map(str, side[i])) for side in (theirs, ours)]
        lines.append(f"    {'≠' if i >= place and pair[0] != pair[1] else ' '} {pair[0]:34} | {pair[1]}")
    return len(theirs), place, "\n".join(lines)


def read_summaries(folder: Path) -> dict[tuple[str, str], dict[str, str]]:
    """Rows of ``summary_dev.csv`` by configuration and pattern; none if there is no such file."""
    if not (folder / f"summary{SPLIT}.csv").exists():
        return {}
    with (folder / f"summary{SPLIT}.csv").open(encoding="utf-8", newline="") as file:
        return {(row["config"], row["trace"]): row for row in csv.DictReader(file)}


def show(row: Comparison) -> str:
    """One line."""
    commands = "-"
    if row.commands is not None:
        same = row.commands if row.first_difference is None else row.first_difference
        commands = "exact" if row.first_difference is None else f"{same}/{row.commands}"
    bad = "".join(name[0] for name, limit in LIMITS.items() if abs(getattr(row, name)) > limit)
    return (
        f"{row.config:34} {row.pattern:14} cycles {row.cycles:+7.2f} %  latency {row.latency:+8.2f} %  "
        f"ACT {row.activations:+7.2f} %  same reads {row.same_reads:6.1f} %  commands {commands:12} "
        f"violations {row.violations} {bad}"
    )


def table(rows: list[Comparison]) -> str:
    """The Markdown table of the documentation: one line per configuration."""
    lines = [
        "| configuration | traces | cycles: median, worst | read latency: median, worst | "
        "activations: worst | same cycle: `micro`, `idle_gaps`, all | command traces: exact | violations |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for config in dict.fromkeys(row.config for row in rows):
        group = [row for row in rows if row.config == config]
        traced = [row for row in group if row.commands is not None]
        exact = sum(row.first_difference is None for row in traced)
        close = {row.pattern: f"{row.same_reads:.1f} %" for row in group}
        same = sum(row.same_reads for row in group) / len(group)
        lines.append(
            f"| `{config}` | {len(group)} | {_middle(group, 'cycles')}, {_worst(group, 'cycles')} | "
            f"{_middle(group, 'latency')}, {_worst(group, 'latency')} | {_worst(group, 'activations')} | "
            f"{close.get('micro', '–')}, {close.get('idle_gaps', '–')}, {same:.1f} % | "
            f"{exact} of {len(traced)} | {sum(row.violations for row in group)} |"
        )
    return "\n".join(lines) + "\n"


def _middle(rows: list[Comparison], name: str) -> str:
    return f"{median(abs(getattr(row, name)) for row in rows):.2f} %"


def _worst(rows: list[Comparison], name: str) -> str:
    return f"{max((getattr(row, name) for row in rows), key=abs):+.2f} %"


def main() -> int:
    """All cases that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("reference", type=Path)
    parser.add_argument("--only", action="append", default=[], help="part of SIMULATOR/CONFIG; repeatable")
    parser.add_argument("--pattern", action="append", default=[], help="name of a trace; repeatable")
    parser.add_argument("--base", action="store_true", help="without the variants")
    parser.add_argument("--with-mistakes", action="store_true", help="put the simulators' mistakes in")
    parser.add_argument("--diff", action="store_true", help="show the neighbours of the first difference")
    parser.add_argument("--quiet", action="store_true", help="only the table")
    parser.add_argument("--write", action="store_true", help="write the table into the documentation")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if not (options.reference / "results").is_dir():
        parser.error(f"{options.reference} has no folder 'results'; tests/data/dram has some short runs")
    summaries: dict[Path, dict[tuple[str, str], dict[str, str]]] = {}
    rows: list[Comparison] = []
    for case in cases(options.reference):
        if options.only and not any(part in case.name for part in options.only):
            continue
        if (options.pattern and case.pattern not in options.pattern) or (
            options.base and "__" in case.simulator
        ):
            continue
        if options.with_mistakes and case.name not in MISTAKES:
            continue
        summary = summaries.setdefault(case.folder, {}) or read_summaries(case.folder)
        summaries[case.folder] = summary
        try:
            found = summary.get((case.config, case.pattern))
            row = compare(case, options.reference, found, options.with_mistakes)
        except DramError as error:
            print(f"{case.name:34} {case.pattern:14} {error}", flush=True)
            continue
        rows.append(row)
        if not options.quiet:
            print(show(row), flush=True)
            if options.diff and row.context:
                print(row.context, flush=True)
    text = table(rows)
    print(text)
    if options.write:
        from benchmarks.tables import write_between

        mistakes = " --with-mistakes" if options.with_mistakes else ""
        write_between(PAGE, f"python -m benchmarks.dram_reference REFERENCE{mistakes} --write", text.strip())
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
