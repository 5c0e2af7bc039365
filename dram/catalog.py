"""Devices by name."""

from __future__ import annotations

from collections.abc import Mapping

from dram.device import Device
from dram.errors import DramError, did_you_mean
from dram.standards import standard, standard_names

LONGEST_COMMAND = 64  # ticks


def device(
    name: str,
    organisation: str | None = None,
    *,
    ranks: int | None = None,
    timing: Mapping[str, int | str] | None = None,
    rules: Mapping[str, str] | None = None,
    sizes: Mapping[str, int] | None = None,
    ticks: Mapping[str, int] | None = None,
) -> Device:
    """The device ``STANDARD_BIN`` or ``STANDARD_RATE``, such as ``DDR4_2400R`` or ``DDR4_2400``.

    A hyphen instead of the underscore is as good.

    Args:
        name: Standard and speed bin.
        organisation: Density and device width, such as ``8Gb_x8``; the standard has a default.
        ranks: Ranks of the channel, or its pseudo channels.
        timing: Times that replace the bin's: cycles, or text such as ``"13.75ns"``.
        rules: Formulas that replace those of the constraints so named.
        sizes: Fields of the organisation that replace the standard's.
        ticks: Lengths of commands that replace the standard's.

    Raises:
        DramError: A name is unknown, or a value is impossible.
    """
    family, separator, speed = name.replace("-", "_").partition("_")
    family = family.upper()
    if not separator:
        known = [family] if family in standard_names() else standard_names()
        listed = ", ".join(one for one in device_names() if one.partition("_")[0] in known)
        raise DramError(
            f"'{name}' names no device",
            hint=f"write standard and speed bin, such as DDR4_2400R or DDR4_2400; there are {listed}",
        )
    found = standard(family)
    for command, length in (ticks or {}).items():
        if command not in found.commands:
            raise DramError(
                f"{found.standard} has no command '{command}'{did_you_mean(command, found.commands)}"
            )
        if not 1 <= length <= LONGEST_COMMAND:
            raise DramError(f"{command} takes {length} ticks, but a command takes 1 to {LONGEST_COMMAND}")
    found = found.model_copy(update={"commands": {**found.commands, **(ticks or {})}})
    return found.device(speed, organisation, ranks, timing, rules, sizes)


def device_names() -> tuple[str, ...]:
    """All shipped devices, standard by standard."""
    return tuple(f"{name}_{speed}" for name in standard_names() for speed in standard(name).bins)
