"""The public designs whose RTL was simulated: where their data lies, and which run a trace shows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mappings.cases import Case
from platforms.validation.case_table import read_cases

TABLE = "cycles_dev.csv"
WAVEFORMS = (".vcd", ".vcd.gz")
DATA = Path(__file__).parents[1] / "tests" / "data" / "rtl"


@dataclass(frozen=True)
class Design:
    """A design, and the shipped description that models it.

    Attributes:
        name: Of the description and its mapping file.
        folders: Names that its folder may have.
        groups: Columns by which errors are summed up.
        needed: Columns without which a case is another run: where the mapping reads none of them, there is
            no model of this machine yet.
        trace: What the name of a trace says: columns of the case, as named groups.
        defaults: Columns of a traced run that its name does not say.
    """

    name: str
    folders: tuple[str, ...]
    groups: tuple[str, ...]
    needed: tuple[str, ...]
    trace: re.Pattern[str]
    defaults: Mapping[str, str] = field(default_factory=dict)

    def folder(self, data: Path) -> Path | None:
        """Its folder, if it has a table of cases."""
        return next((data / name for name in self.folders if (data / name / TABLE).exists()), None)

    def traces(self, folder: Path) -> Iterator[tuple[Path, Case]]:
        """The traces and waveforms of a folder, by name, with the case that each shows."""
        table = read_cases(folder / TABLE).cases
        for file in sorted(folder.iterdir()):
            said = self.trace.match(file.name)
            if said and file.name.endswith((".csv", *WAVEFORMS)):
                yield file, self._case(said, table, folder)

    def _case(self, said: re.Match[str], table: tuple[Case, ...], folder: Path) -> Case:
        """A row of the table that agrees with the name, or what the name says where there is none."""
        cells = {name: text for name, text in said.groupdict().items() if text is not None}
        sizes = cells.pop("sizes", "")
        cells |= {f"p{place}": text for place, text in enumerate(sizes.split("x")) if text}
        wanted = {**self.defaults, **cells}
        row = next((row.cells for row in table if _agree(row.cells, wanted)), {})
        return Case({**wanted, **row}, folder)


def _agree(row: Mapping[str, str], cells: Mapping[str, str]) -> bool:
    return all(row.get(name) == text for name, text in cells.items())


_SHAPE = r"(?P<M>\d+)x(?P<N>\d+)x(?P<K>\d+)"

DESIGNS = (
    Design(
        "axis_sa",
        ("axis_sa",),
        ("rows", "in_period", "out_period", "tile_gap"),
        ("M", "in_period"),
        re.compile(
            rf"(?:trace_|sa)(?P<rows>\d+)x(?P<cols>\d+)_{_SHAPE}"
            r"(?:_in(?P<in_period>\d+))?(?:_out(?P<out_period>\d+))?(?:_gap(?P<tile_gap>\d+))?\."
        ),
        {"in_period": "1", "out_period": "1", "tile_gap": "0"},
    ),
    Design(
        "picorv32",
        ("picorv32",),
        ("core_config", "mem_latency", "program"),
        ("program", "core_config"),
        re.compile(
            r"(?:trace_)?(?P<program>[a-z]\w*?)_(?P<sizes>\d+(?:x\d+)*)_(?P<isa>rv32im?)_"
            r"(?P<core_config>[a-z]+)_lat(?P<mem_latency>\d+)\."
        ),
    ),
    Design(
        "gemmini",
        ("gemmini", "gemmini16"),
        ("variant", "mem_latency", "cmd_gap"),
        ("variant",),
        re.compile(rf"(?:trace_)?(?P<variant>[a-z]+)_{_SHAPE}_lat(?P<mem_latency>\d+)\."),
        {"cmd_gap": "0"},
    ),
)
