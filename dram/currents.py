"""Supply currents of dies, as data sheets state them, and the choice of a set for a device."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from math import log2
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveFloat, ValidationError

from dram.device import Device
from dram.errors import DramError


class Rail(BaseModel):
    """A supply of one die. Currents in mA, by JEDEC's names: average currents under the standard's patterns.

    Attributes:
        volts: Supply voltage.
        IDD0: One bank activated and precharged every tRC.
        IDD2N, IDD3N: Standby with all banks precharged; with a bank active.
        IDD4R, IDD4W: Seamless reads; writes.
        IDD5: Refreshes every tRFC.
        IDD2P, IDD3P: Power-down with all banks precharged; with a bank active.
        IDD6: Self-refresh.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    volts: PositiveFloat
    IDD0: NonNegativeFloat
    IDD2N: NonNegativeFloat
    IDD3N: NonNegativeFloat
    IDD4R: NonNegativeFloat
    IDD4W: NonNegativeFloat
    IDD5: NonNegativeFloat
    IDD2P: NonNegativeFloat
    IDD3P: NonNegativeFloat
    IDD6: NonNegativeFloat


class Currents(BaseModel):
    """Currents of one die.

    Attributes:
        standard, density, width, rate: What the die is; the density in bits as ``8Gb``, the rate in MT/s.
        source: Where the numbers come from.
        rails: Its supplies.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    standard: str
    density: str = Field(pattern=r"^\d+Gb$")
    width: int = Field(gt=0)
    rate: int = Field(gt=0)
    source: str
    rails: tuple[Rail, ...] = Field(min_length=1)

    @property
    def name(self) -> str:
        """What the die is."""
        return f"{self.standard}-{self.rate} {self.density} x{self.width}"

    @property
    def bits(self) -> int:
        """Capacity."""
        return int(self.density[:-2]) << 30


@cache
def shipped_currents() -> tuple[Currents, ...]:
    """All sets that ship."""
    data = json.loads(resources.files("dram").joinpath("currents.json").read_text("utf-8"))
    columns = data["columns"]

    def rail(entry: Mapping[str, Any]) -> dict[str, Any]:
        named = dict(zip(columns, entry["currents"], strict=True))
        return {"name": entry["name"], "volts": entry["volts"], **named}

    return tuple(
        Currents(**{**entry, "rails": [rail(one) for one in entry["rails"]]}) for entry in data["sets"]
    )


def currents_for(device: Device) -> Currents:
    """The shipped set that is nearest to a device: width first, then density, then data rate.

    Raises:
        DramError: No currents ship for the standard.
    """
    found = [currents for currents in shipped_currents() if currents.standard == device.standard]
    if not found:
        known = sorted({currents.standard for currents in shipped_currents()})
        raise DramError(
            f"no currents ship for {device.standard}, so its energy is not known",
            hint=f"there are some for {', '.join(known)}; others can be given as a .json file",
        )
    shape = device.organisation
    bits = die_bits(device)

    def distance(currents: Currents) -> tuple[float, float, float]:
        width = abs(log2(currents.width / shape.device_width))
        return width, abs(log2(currents.bits / bits)), abs(currents.rate - rate(device))

    return min(found, key=distance)


def read_currents(path: str) -> Currents:
    """A set from a ``.json`` file with the fields of :class:`Currents`.

    Raises:
        DramError: It cannot be read or lacks something.
    """
    try:
        return Currents.model_validate_json(Path(path).read_bytes())
    except OSError as error:
        raise DramError(f"cannot be read: {error.strerror or error}", file=path) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise DramError(f"{place}: {first['msg']}" if place else first["msg"], file=path) from None


def differences(currents: Currents, device: Device) -> tuple[str, ...]:
    """What distinguishes the die that the currents are of from the device's; empty if nothing does."""
    shape = device.organisation
    found = []
    if currents.width != shape.device_width:
        found.append(f"width x{currents.width}, the device has x{shape.device_width}")
    if currents.bits != die_bits(device):
        found.append(f"density {currents.density}, the device has {die_bits(device) >> 30}Gb")
    if currents.rate != rate(device):
        found.append(f"{currents.rate} MT/s, the device has {rate(device)}")
    return tuple(found)


def die_bits(device: Device) -> int:
    """Capacity of a die, in bits."""
    shape = device.organisation
    return shape.bank_groups * shape.banks * shape.rows * shape.columns * shape.device_width


def rate(device: Device) -> int:
    """Data rate of a pin, in MT/s."""
    return device.timing["rate"]
