"""A DRAM standard as its data file states it, and devices made from it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dram.commands import COLUMN_COMMANDS, COMMAND_NUMBERS
from dram.device import SCOPES, CommandInfo, Constraint, Device, Organisation
from dram.errors import DramError, did_you_mean
from dram.formula import cycles, evaluate

Positive = Annotated[int, Field(gt=0)]


LONGEST = 1 << 18  # cycles; of all times
# What formulas may use, but is no time that can be replaced, and how it is chosen.
CHOSEN = {
    "rate": "the clock is tCK_ps, in picoseconds",
    "bank_groups": "it is one of the sizes of the organisation",
    "banks": "it is one of the sizes of the organisation",
}


class Table(BaseModel):
    """A parameter that depends on density, device width or data rate.

    ``values`` is nested in the order of ``by``; where a level has no branches, its value counts for all.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    parameter: str
    by: tuple[str, ...]
    values: Any

    def value(self, keys: Mapping[str, str]) -> int | str | None:
        """The entry for an organisation and a rate; ``None`` if there is none."""
        found = self.values
        for name in self.by:
            if not isinstance(found, dict):
                break
            found = found.get(keys[name])
        return None if isinstance(found, dict) else found


class Standard(BaseModel):
    """Contents of a file in ``dram/standards``. Times are clock cycles, or text with a unit (``"7.8us"``).

    Attributes:
        standard: Its name.
        source: Where the numbers come from.
        burst_length: Columns of one access.
        ticks_per_clock: Ticks of a clock cycle.
        commands: Ticks that each command takes on the bus.
        column_bus: Whether column commands have a bus of their own.
        parameters: Times common to all bins; a formula may use other ones.
        minimum: Lower limits of times, in cycles.
        derived: Formulas, evaluated in this order.
        tables: Times that depend on density, width or rate.
        read_data, write_data: Formulas: cycles from the command to the first of its data.
        data_from: The tick of the command that they count from.
        constraints: Rows of name, scope, earlier commands, later commands, distance[, window].
        organisations: Channel width, device width, bank groups, banks, rows, columns[, ranks].
        default_organisation: Used where none is named.
        columns_of_bins: Names of the numbers of a bin.
        bins: Speed bins.
        default_bins: The bin of a data rate that is named without one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    standard: str
    source: str
    burst_length: Positive
    ticks_per_clock: Positive = 1
    commands: dict[str, Positive]
    column_bus: bool = False
    parameters: dict[str, int | str]
    minimum: dict[str, int] = {}
    derived: dict[str, str]
    tables: tuple[Table, ...] = ()
    read_data: str
    write_data: str
    data_from: Literal["first", "last"] = "last"
    constraints: tuple[tuple[str, str, str, str, str] | tuple[str, str, str, str, str, Positive], ...]
    organisations: dict[str, tuple[Positive, ...]]
    default_organisation: str
    columns_of_bins: tuple[str, ...]
    bins: dict[str, tuple[int | str, ...]]
    default_bins: dict[str, str]

    @staticmethod
    def parse(text: str, file: str) -> Standard:
        """From the text of a data file. Raises :class:`DramError`."""
        try:
            return Standard.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise DramError(f"{place}: {first['msg']}" if place else first["msg"], file=file) from None

    def bin_name(self, name: str) -> str:
        """The bin that ``2400R`` or ``2400`` names. Raises :class:`DramError`."""
        found = self.default_bins.get(name, name)
        if found not in self.bins:
            known = [*self.bins, *self.default_bins]
            raise DramError(
                f"{self.standard} has no speed bin '{name}'{did_you_mean(name, known)}",
                hint=f"there are {', '.join(self.bins)}",
            )
        return found

    def device(
        self,
        bin_name: str,
        organisation: str | None = None,
        ranks: int | None = None,
        timing: Mapping[str, int | str] | None = None,
        rules: Mapping[str, str] | None = None,
        sizes: Mapping[str, int] | None = None,
    ) -> Device:
        """A device of this standard.

        Args:
            bin_name: A speed bin, or a data rate for its default bin.
            organisation: Density and width, such as ``8Gb_x8``.
            ranks: Ranks or pseudo channels.
            timing: Times that replace those of the bin, in cycles or with a unit.
            rules: Formulas that replace those of the constraints so named.
            sizes: Fields of :class:`Organisation` that replace those of the organisation.

        Raises:
            DramError: A name is unknown, or a time is impossible.
        """
        found = self.bin_name(bin_name)
        chosen = organisation or self.default_organisation
        shape = self._organisation(chosen, ranks, sizes or {})
        values = self._timing(found, chosen, shape, timing or {})
        commands = {
            name: CommandInfo(ticks, int(self.column_bus and COMMAND_NUMBERS[name] in COLUMN_COMMANDS))
            for name, ticks in self.commands.items()
        }
        return Device(
            f"{self.standard}_{found}",
            self.standard,
            shape,
            values["tCK_ps"],
            self.ticks_per_clock,
            MappingProxyType(values),
            MappingProxyType(commands),
            self._rows(values, rules or {}),
            self._data("RD", self.read_data, values),
            self._data("WR", self.write_data, values),
        )

    def _data(self, command: str, latency: str, values: Mapping[str, int]) -> tuple[int, int]:
        """Ticks from the start of a command to the start and the end of its data."""
        start = evaluate(latency, values)
        last = self.commands[command] - 1 if self.data_from == "last" else 0
        per_clock = self.ticks_per_clock
        return start * per_clock + last, (start + values["tBL"]) * per_clock + last

    def _organisation(self, name: str, ranks: int | None, sizes: Mapping[str, int]) -> Organisation:
        if name not in self.organisations:
            raise DramError(
                f"{self.standard} has no organisation '{name}'{did_you_mean(name, self.organisations)}",
                hint=f"there are {', '.join(self.organisations)}",
            )
        width, device_width, groups, banks, rows, columns, *default_ranks = self.organisations[name]
        fields = {
            "channel_width": width, "device_width": device_width, "ranks": ranks or (*default_ranks, 1)[0],
            "bank_groups": groups, "banks": banks, "rows": rows, "columns": columns,
            "burst_length": self.burst_length,
        }  # fmt: skip
        for field, value in sizes.items():
            if field not in fields:
                raise DramError(f"an organisation has no '{field}'{did_you_mean(field, fields)}")
            fields[field] = value
        for field, value in fields.items():
            if value < 1 or value & (value - 1):
                raise DramError(f"{field} is {value}, but sizes are powers of two")
        if fields["columns"] < fields["burst_length"]:
            raise DramError(
                f"a row of {fields['columns']} columns holds no burst of {fields['burst_length']}"
            )
        return Organisation(**fields)

    def _timing(
        self, bin_name: str, organisation: str, shape: Organisation, timing: Mapping[str, int | str]
    ) -> dict[str, int]:
        """All times in cycles: of the bin, of the tables, common ones, overridden ones, derived ones."""
        sizes = {"bank_groups": shape.bank_groups, "banks": shape.banks}
        raw: dict[str, int | str] = {**sizes, **self.parameters}
        raw.update(zip(self.columns_of_bins, self.bins[bin_name], strict=True))
        density, _, width = organisation.partition("_")
        keys = {"density": density, "width": width, "rate": str(raw["rate"])}
        for table in self.tables:
            value = table.value(keys)
            if value is not None:
                raw[table.parameter] = value
        known = {*raw, *(table.parameter for table in self.tables), *self.derived}
        self._check_names(timing, known)
        bin_clock_ps = raw["tCK_ps"]
        raw.update(timing)
        clock_ps = raw["tCK_ps"]
        if not isinstance(clock_ps, int) or clock_ps <= 0:
            raise DramError(f"tCK_ps is {clock_ps}, but a clock has a positive integer number of picoseconds")
        if clock_ps != bin_clock_ps:
            raw["rate"] = round(int(raw["rate"]) * int(bin_clock_ps) / clock_ps)
        values = self._in_cycles(raw, clock_ps)
        for name, formula in self.derived.items():
            if name not in timing:
                values[name] = _evaluate(name, formula, values)
        for name, value in values.items():
            if value < 0:
                raise DramError(f"{name} is {value} cycles, but no time is negative")
            if value > LONGEST:
                raise DramError(f"{name} is {value} cycles, but no time is longer than {LONGEST}")
        return values

    def _check_names(self, timing: Mapping[str, int | str], known: set[str]) -> None:
        """Raise :class:`DramError` for names of which there is no time to replace."""
        known = known - {*CHOSEN}
        for name in timing:
            if name in CHOSEN:
                raise DramError(f"'{name}' is no time that can be replaced", hint=CHOSEN[name])
            if name not in known:
                parts = [one for one in sorted(known) if one.startswith(f"{name}_")]  # tCCD: tCCD_L, tCCD_S
                near = f"; did you mean {' or '.join(parts)}?" if parts else did_you_mean(name, known)
                listed = ", ".join(sorted(known))
                raise DramError(f"{self.standard} has no time '{name}'{near}", hint=f"there are {listed}")

    def _in_cycles(self, raw: Mapping[str, int | str], clock_ps: int) -> dict[str, int]:
        values: dict[str, int] = {}
        formulas: dict[str, str] = {}
        for name, time in raw.items():
            if isinstance(time, str) and not time.lstrip("+- ")[:1].isdigit():
                formulas[name] = time
            else:
                down = name.startswith("tREFI")  # an interval that may not be exceeded
                found = cycles(time, clock_ps, down, name)
                values[name] = max(found, self.minimum.get(name, found))
        for name, formula in formulas.items():
            values[name] = _evaluate(name, formula, values)
        return values

    def _rows(self, values: Mapping[str, int], rules: Mapping[str, str]) -> tuple[Constraint, ...]:
        names = [row[0] for row in self.constraints]
        for name in rules:
            if name not in names:
                raise DramError(f"{self.standard} has no constraint '{name}'{did_you_mean(name, names)}")
        return tuple(self._row(row, values, rules) for row in self.constraints)

    def _row(self, row: tuple[Any, ...], values: Mapping[str, int], rules: Mapping[str, str]) -> Constraint:
        name, scope, before, after, formula, window = (*row, 1)[:6]
        if scope not in SCOPES:
            raise DramError(f"constraint '{name}': no scope is called '{scope}'{did_you_mean(scope, SCOPES)}")
        formula = rules.get(name, formula)
        pairs = [(a, b) for a in before.split() for b in after.split()]
        for command in {command for pair in pairs for command in pair}:
            if command not in self.commands:
                raise DramError(f"constraint '{name}': {self.standard} has no command '{command}'")
        distance = _evaluate(f"constraint '{name}'", formula, values)
        if abs(distance) > LONGEST:
            raise DramError(f"constraint '{name}' asks for a distance beyond {LONGEST} cycles")
        ticks = distance * self.ticks_per_clock
        distances = {(a, b): ticks + self.commands[a] - self.commands[b] for a, b in pairs}
        return Constraint(
            name,
            scope,
            tuple(before.split()),
            tuple(after.split()),
            formula,
            window,
            MappingProxyType(distances),
        )


def _evaluate(name: str, formula: str, values: Mapping[str, int]) -> int:
    """The value of a formula; errors say of what."""
    try:
        return evaluate(formula, values)
    except DramError as error:
        raise DramError(f"{name}: {error.message}", hint=error.hint) from None
