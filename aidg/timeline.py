"""Time lines: what happens in every cycle of a stretch of a program, to look at.

>>> import aidg
>>> line = aidg.timeline(arch, program, iteration=1000, iterations=3)      # doctest: +SKIP
>>> line.write("layer.json.gz")          # open it in https://ui.perfetto.dev    # doctest: +SKIP
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any, Literal

from acadl.errors import AcadlError
from acadl.files import replacing
from acadl.model import Architecture
from aidg.estimation import DEFAULT_BUDGET
from aidg.timeline_chrome import events_of, origin_of, trace_text
from aidg.timeline_drawing import Drawing
from aidg.timeline_lanes import draw
from aidg.timeline_place import locate
from aidg.timeline_svg import to_svg
from aidg.timeline_window import watch
from mappings.program import LoopProgram

DEFAULT_INSTRUCTIONS = 200
# Instructions of a window, at most: a viewer gets slow with more.
MOST_INSTRUCTIONS = 20_000
# Slices of a picture, at most: browsers get slow with more.
MOST_DRAWN = 10_000
FORMATS = (".json", ".json.gz", ".svg")


@dataclass(frozen=True)
class Timeline:
    """A stretch of a program, cycle by cycle.

    Attributes:
        architecture, program: Names.
        clock_hz: Clock of the architecture.
        first_instruction: Number of the first instruction, from 0.
        instructions: How many.
        first_cycle, last_cycle: When the first one is about to be read or enters the issue buffer, and when
            the last one is done. Whatever else is under way in between is shown too.
        method: ``exact``; ``fixed_point`` where a loop before the window had to be extrapolated.
        drawing: Lanes of slices, fill levels, and arrows along the critical path.
        notes: What the reader must know.
    """

    architecture: str
    program: str
    clock_hz: int
    first_instruction: int
    instructions: int
    first_cycle: int
    last_cycle: int
    method: Literal["exact", "fixed_point"]
    drawing: Drawing = field(repr=False)
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The program on the architecture."""
        return f"{self.program} on {self.architecture}" if self.program else self.architecture

    def summary(self) -> dict[str, object]:
        """What the time line shows, without it."""
        return {
            "architecture": self.architecture,
            "program": self.program,
            "clock_hz": self.clock_hz,
            "first_instruction": self.first_instruction,
            "instructions": self.instructions,
            "first_cycle": self.first_cycle,
            "last_cycle": self.last_cycle,
            "method": self.method,
            "lanes": len(self.drawing.lanes),
            "slices": sum(len(lane.slices) for lane in self.drawing.lanes),
            "arrows": len(self.drawing.arrows),
            "notes": list(self.notes),
        }

    def to_dict(self) -> dict[str, Any]:
        """The Chrome trace: ``displayTimeUnit, otherData, traceEvents``."""
        events = list(events_of(self.drawing, self.title, self._origin))
        return {"displayTimeUnit": "ns", "otherData": self._other(), "traceEvents": events}

    def to_json(self) -> str:
        """:meth:`to_dict` as JSON, one event per line."""
        return "".join(self._pieces())

    def to_svg(self) -> str:
        """A picture: lanes from top to bottom, time from left to right.

        Raises:
            AcadlError: There are more than 10,000 slices.
        """
        slices = sum(len(lane.slices) for lane in self.drawing.lanes)
        if slices > MOST_DRAWN:
            raise AcadlError(
                f"a picture of {slices:,} slices would be too large to look at (at most {MOST_DRAWN:,}); "
                "show fewer instructions, or write a trace (.json.gz)"
            )
        return to_svg(self.drawing, self.title, self.first_cycle, self.last_cycle)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write a Chrome trace (``.json``, ``.json.gz``) or a picture (``.svg``), in one step.

        Raises:
            AcadlError: The name has another ending, or the file cannot be written.
        """
        check_format(path)
        with replacing(path) as file:
            if os.fspath(path).endswith(".svg"):
                file.write(self.to_svg().encode("utf-8"))
            elif os.fspath(path).endswith(".gz"):
                # neither name nor time in it: equal time lines are equal files
                with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
                    for piece in self._pieces():
                        packed.write(piece.encode("utf-8"))
            else:
                for piece in self._pieces():
                    file.write(piece.encode("utf-8"))

    @property
    def _origin(self) -> int:
        return origin_of(self.drawing, self.first_cycle)

    def _other(self) -> dict[str, Any]:
        return {"time unit": "1 µs is 1 cycle", "cycle at 0 µs": self._origin, **self.summary()}

    def _pieces(self) -> Any:
        return trace_text(events_of(self.drawing, self.title, self._origin), self._other())

    def _repr_html_(self) -> str:
        notes = "".join(f"<p>{escape(note)}</p>" for note in self.notes)
        try:
            return f"{self.to_svg()}{notes}"
        except AcadlError as error:
            return f"<p>{escape(f'{self.title}: {error}')}</p>{notes}"


def check_format(path: str | os.PathLike[str]) -> None:
    """Raise :class:`AcadlError` unless the file's ending is one that :meth:`Timeline.write` knows."""
    if not os.fspath(path).endswith(FORMATS):
        raise AcadlError(f"'{os.fspath(path)}' ends in none of {', '.join(FORMATS)}")


def timeline(
    arch: Architecture,
    program: LoopProgram,
    *,
    first: int | None = None,
    iteration: int | Mapping[str, int] | None = None,
    instructions: int | None = None,
    iterations: int | None = None,
    budget: int = DEFAULT_BUDGET,
) -> Timeline:
    """What happens in every cycle of a stretch of ``program`` on ``arch``.

    The stretch may lie anywhere: iterations before it are skipped as by :func:`aidg.estimate`, so that its
    start is exact and costs no more than an estimate.

    Args:
        first: Number of the first instruction, from 0; the start without it and without ``iteration``.
        iteration: Start instead at this iteration of the outermost loop (of several one after the other, the
            one with most instructions), or where loops have these index values: ``{"i": 7, "k": 0}``.
        instructions: How many; 200 unless ``iterations`` is given; fewer where the program ends before.
        iterations: How many iterations of the loop that ``iteration`` names (of several, the innermost).
        budget: As for :func:`aidg.estimate`, for what lies before.

    Raises:
        AcadlError: The program has no such instruction or iteration, or the stretch is empty or longer than
            20,000 instructions; as for :func:`aidg.estimate`.
    """
    if first is not None and iteration is not None:
        raise AcadlError("give 'first' or 'iteration', not both: each says where to start")
    if instructions is not None and iterations is not None:
        raise AcadlError("give 'instructions' or 'iterations', not both: each says how much to show")
    per_iteration = 0
    if iteration is not None or iterations is not None:
        start, per_iteration = locate(program, 0 if iteration is None else iteration)
        first = start if first is None else first
    count = DEFAULT_INSTRUCTIONS if instructions is None else instructions
    if iterations is not None:
        count = iterations * per_iteration
    first = first or 0
    count = _checked(first, count, program.instruction_count)
    window = watch(arch, program, first, count, budget)
    return Timeline(
        architecture=arch.name,
        program=program.name,
        clock_hz=arch.clock_hz,
        first_instruction=first,
        instructions=count,
        first_cycle=window.begin,
        last_cycle=window.end,
        method="exact" if window.is_exact else "fixed_point",
        drawing=draw(window, program),
        notes=window.notes,
    )


def _checked(first: int, count: int, total: int) -> int:
    """How many instructions there are to show. Raises :class:`AcadlError`."""
    if not 0 <= first < total:
        has = f"its {total:,} instructions are numbered from 0" if total else "it has no instructions"
        raise AcadlError(f"the program has no instruction {first:,}; {has}")
    if count < 1:
        raise AcadlError(f"a window of {count} instructions shows nothing; give at least 1")
    count = min(count, total - first)
    if count > MOST_INSTRUCTIONS:
        raise AcadlError(
            f"a window of {count:,} instructions is too long to look at; choose at most {MOST_INSTRUCTIONS:,}"
        )
    return count
