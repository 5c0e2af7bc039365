"""The two sides of ``acadl compare``, from what its arguments name."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from acadl.errors import AcadlError
from platforms.validation.alignment import Kind
from platforms.validation.comparison import Comparison, compare
from platforms.validation.event_map import EventMap, read_event_map
from platforms.validation.events import Event, TraceError, read_events
from platforms.validation.provenance import Provenance, description_file, provenance

if TYPE_CHECKING:
    from platforms.validation.model_events import ModelRun

Setting: TypeAlias = int | bool | str

WAVEFORMS = (".vcd", ".vcd.gz", ".fst")
LISTS = (".csv", ".csv.gz")
SHIPPED_MAPS = "maps"


class UsageMistake(AcadlError):
    """Arguments that do not go together."""


@dataclass(frozen=True)
class Inputs:
    """What is to be compared.

    Attributes:
        run: A description (a name or ``.acadl`` file), a list of events or a saved run.
        trace: A list of events or a waveform.
        map_file: What the events are; ``None``: what ships for the description.
        case: What to run on the description, as in a table of cases.
        settings: Parameters of the description.
    """

    run: str
    trace: str
    map_file: str | None
    case: Mapping[str, Setting]
    settings: Mapping[str, Setting]

    @property
    def title(self) -> str:
        """Of reports."""
        return f"{os.path.basename(self.run)} against {os.path.basename(self.trace)}"

    @cached_property
    def mapping(self) -> EventMap:
        """The mapping file, or the one that ships with the description.

        Raises:
            TraceError: It is no mapping file.
            UsageMistake: None ships.
        """
        if self.map_file is not None:
            return read_event_map(self.map_file)
        shipped = files("platforms.validation") / SHIPPED_MAPS / f"{self.run}.toml"
        if not self.run.isidentifier() or not shipped.is_file():
            raise UsageMistake(f"No mapping file ships for '{self.run}'; name yours with --events MAP.toml.")
        with as_file(shipped) as path:
            return read_event_map(path)

    def compare(self, start: int | None, until: int | None, origin: Kind | None) -> Comparison:
        """Read or predict both sides and compare them; see :func:`platforms.validation.comparison.compare`.

        Raises:
            AcadlError: One of them cannot be had.
        """
        measured = self.measured()
        if origin is None and self._needs_map:
            origin = self.mapping.origin
        model = self.model()
        if model is None:
            return compare(self.listed(), measured, origin=origin, start=start, until=until)
        end = _end(measured, origin) if until is None else until
        events, is_whole = model.predict(end, origin)
        found = compare(events, measured, origin=origin, start=start, until=until, waits=model.waits)
        notes = (*model.notes, *found.notes)
        if not is_whole and until is None:
            notes += (
                f"the run goes on long after the trace ends (cycle {end}); that part has not been looked at",
            )
        return replace(found, notes=notes)

    @property
    def _is_made(self) -> bool:
        return self.run.endswith((*LISTS, ".json"))

    @property
    def _needs_map(self) -> bool:
        return self.map_file is not None or not (self.run.endswith(LISTS) and self.trace.endswith(LISTS))

    def measured(self) -> list[Event]:
        """The events of the trace. Raises :class:`AcadlError`."""
        if self.trace.endswith(WAVEFORMS):
            from platforms.validation.wave_events import wave_events

            return list(wave_events(self.trace, self.mapping))
        if self.trace.endswith(LISTS):
            return _listed(self.trace)
        raise UsageMistake(f"'{self.trace}' is neither {', '.join(LISTS)} nor {', '.join(WAVEFORMS)}.")

    def listed(self) -> list[Event]:
        """The events of a run that was made before. Raises :class:`AcadlError`."""
        if self.case or self.settings:
            raise UsageMistake("--case and --set are for a description; this run has been made already.")
        if self.run.endswith(LISTS):
            return _listed(self.run)
        from platforms.validation.run_events import read_run, run_events

        return run_events(read_run(self.run), self.mapping)

    def model(self) -> ModelRun | None:
        """What predicts the events; ``None`` for a run that was made before. Raises :class:`AcadlError`."""
        if self._is_made:
            return None
        from platforms.single_case import single_case
        from platforms.validation.model_events import ModelRun

        if not self.case:
            raise UsageMistake("A description needs the case to run: --case M=16 --case N=16 --case K=16.")
        single = single_case(self.run, self.case, self.settings, self._folder)
        return ModelRun(single.arch, single.program, self.mapping, single.notes)

    @property
    def _folder(self) -> Path:
        """Where the case's programs are found, under ``programs/``: beside the trace, or here."""
        beside = Path(self.trace).parent
        return beside if (beside / "programs").is_dir() else Path.cwd()

    def provenance(self) -> Provenance:
        """What the comparison was made from. Raises :class:`AcadlError`."""
        return provenance({"run": self.run, **self.case, **self.settings}, self._files())

    def _files(self) -> Iterator[tuple[str, str | os.PathLike[str]]]:
        yield ("run", self.run) if self._is_made else ("description", description_file(self.run))
        yield "trace", self.trace
        if self._needs_map:
            yield "mapping file", self.mapping.file


def _end(measured: list[Event], origin: Kind | None) -> int:
    """The last measured cycle, counted from the origin."""
    first = next((event.cycle for event in measured if (event.unit, event.event) == origin), 0)
    return max((event.cycle for event in measured), default=0) - first


def _listed(path: str) -> list[Event]:
    found = list(read_events(path))
    if not found:
        raise TraceError(f"{path}: there is no event in the list")
    return found
