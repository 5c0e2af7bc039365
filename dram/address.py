"""Address mapping: which bits of a byte address select channel, rank, bank group, bank, row and column."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dram.device import Organisation
from dram.errors import DramError, did_you_mean

Int64 = NDArray[np.int64]

MOST_BITS = 62  # of an address
FIELDS = ("channel", "rank", "bank_group", "bank", "row", "column")
ABBREVIATIONS = {"ch": "channel", "ra": "rank", "bg": "bank_group", "ba": "bank", "ro": "row", "co": "column"}


class Place(NamedTuple):
    """Where addresses are, one array per field; ``bank`` counts within its group, ``column`` bursts."""

    channel: Int64
    rank: Int64
    bank_group: Int64
    bank: Int64
    row: Int64
    column: Int64


@dataclass(frozen=True, slots=True)
class AddressMapping:
    """A bijection between addresses of whole bursts and places.

    Attributes:
        bits: Per field of ``FIELDS``: for each of its bits, lowest first, the address bits whose exclusive or
            it is.
        offset_bits: Lowest address bits, those within a burst; they select nothing.
    """

    bits: tuple[tuple[tuple[int, ...], ...], ...]
    offset_bits: int

    def __post_init__(self) -> None:
        for sources in (sources for field in self.bits for sources in field):
            twice = [bit for bit in sources if sources.count(bit) > 1]
            if twice:
                raise DramError(f"address bit {twice[0]} is twice in one exclusive or, which cancels it")
        used = sorted({bit for field in self.bits for sources in field for bit in sources})
        count = sum(len(field) for field in self.bits)
        if any(bit < self.offset_bits for bit in used):
            raise DramError(f"address bit {used[0]} is within a burst of {1 << self.offset_bits} bytes")
        if used != list(range(self.offset_bits, self.offset_bits + count)):
            raise DramError(
                f"the mapping uses the address bits {used}, but its {count} bits have to be those from "
                f"{self.offset_bits} to {self.offset_bits + count - 1}"
            )
        if self.address_bits > MOST_BITS:
            raise DramError(f"addresses have {self.address_bits} bits, but there are at most {MOST_BITS}")
        self._inverse()

    @property
    def address_bits(self) -> int:
        """Bits of an address."""
        return self.offset_bits + sum(len(field) for field in self.bits)

    @property
    def channels(self) -> int:
        """Channels that the mapping tells apart."""
        return 1 << len(self.bits[0])

    def decode(self, addresses: Int64) -> Place:
        """Where byte addresses are; the bits above ``address_bits`` are ignored."""
        return Place(*(_gather(addresses, field) for field in self.bits))

    def decoder(self) -> Callable[[int], tuple[int, ...]]:
        """Function that says where one byte address is: numbers in the order of ``FIELDS``."""
        fields = [_shift(field) for field in self.bits]

        def decode(address: int) -> tuple[int, ...]:
            return tuple(
                [
                    address >> how & mask if isinstance(how, int) else _gather_one(address, how)
                    for how, mask in fields
                ]
            )

        return decode

    def encode(self, place: Place) -> Int64:
        """The lowest byte address of the burst at each place."""
        packed = np.zeros(np.shape(place.row), np.int64)
        shift = 0
        for values, field in zip(place, self.bits, strict=True):
            packed |= np.asarray(values, np.int64) << shift
            shift += len(field)
        addresses = np.zeros_like(packed)
        for bit, sources in enumerate(self._inverse()):
            addresses |= _parity(packed, sources) << (bit + self.offset_bits)
        return addresses

    def _inverse(self) -> list[tuple[int, ...]]:
        """For each address bit above the offset, the place bits whose exclusive or it is."""
        rows = [
            sum(1 << (bit - self.offset_bits) for bit in sources) for field in self.bits for sources in field
        ]
        results = [1 << number for number in range(len(rows))]
        for column in range(len(rows)):
            pivot = next((number for number in range(column, len(rows)) if rows[number] >> column & 1), None)
            if pivot is None:
                raise DramError("the mapping sends two addresses to one place")
            rows[column], rows[pivot] = rows[pivot], rows[column]
            results[column], results[pivot] = results[pivot], results[column]
            for number in range(len(rows)):
                if number != column and rows[number] >> column & 1:
                    rows[number] ^= rows[column]
                    results[number] ^= results[column]
        return [tuple(bit for bit in range(len(rows)) if result >> bit & 1) for result in results]


def ordered(
    organisation: Organisation,
    order: Sequence[str] = ("co", "ra", "bg", "ba", "ro"),
    channels: int = 1,
    hashed: Mapping[str, Sequence[Sequence[int]]] | None = None,
) -> AddressMapping:
    """A mapping whose fields follow each other.

    Args:
        organisation: Gives the fields their sizes.
        order: ``co ra bg ba ro``, from the lowest address bits to the highest; ``ch`` with channels.
        channels: Number of channels.
        hashed: Per field, per bit of it, further address bits that are joined by exclusive or, such as
            ``{"bg": [[17], [18]]}``.

    Raises:
        DramError: A field is missing, unknown or there twice, or the mapping is no bijection.
    """
    widths = field_widths(organisation, channels)
    names = [_field(name) for name in order]
    missing = [field for field in FIELDS if widths[field] and field not in names]
    if missing or len(set(names)) != len(names):
        short = {field: name for name, field in ABBREVIATIONS.items()}
        listed = ", ".join(f"{field} ('{short[field]}')" for field in missing)
        raise DramError(f"the mapping lacks {listed}" if missing else "the mapping has a field twice")
    next_bit = (organisation.burst_bytes - 1).bit_length()
    offset_bits = next_bit
    fields: dict[str, list[tuple[int, ...]]] = {field: [] for field in FIELDS}
    for field in names:
        fields[field] = [(next_bit + number,) for number in range(widths[field])]
        next_bit += widths[field]
    for name, extra in (hashed or {}).items():
        field = _field(name)
        if len(extra) > widths[field]:
            raise DramError(f"{field} has {widths[field]} bits, but {len(extra)} are hashed")
        for number, bits in enumerate(extra):
            fields[field][number] += tuple(bits)
    return AddressMapping(tuple(tuple(fields[field]) for field in FIELDS), offset_bits)


def of_bits(
    organisation: Organisation, bits: Mapping[str, Sequence[int | Sequence[int]]], channels: int = 1
) -> AddressMapping:
    """A mapping from lists of address bits, lowest bit of each field first.

    Args:
        organisation: Gives the fields their sizes.
        bits: Per field (``rank`` or ``ra``, …) one entry per bit: an address bit, or a list of those whose
            exclusive or it is.
        channels: Number of channels.

    Raises:
        DramError: A field has another number of bits than the organisation, or the mapping is no bijection.
    """
    widths = field_widths(organisation, channels)
    given = {_field(name): [_sources(entry) for entry in entries] for name, entries in bits.items()}
    for field, width in widths.items():
        if len(given.get(field, ())) != width:
            raise DramError(f"{field} needs {width} address bits, but {len(given.get(field, ()))} are given")
    return AddressMapping(
        tuple(tuple(given.get(field, ())) for field in FIELDS), (organisation.burst_bytes - 1).bit_length()
    )


def field_widths(organisation: Organisation, channels: int) -> dict[str, int]:
    """Bits of each field."""
    if channels < 1 or channels & (channels - 1):
        raise DramError(f"there are {channels} channels, but their number is a power of two")
    sizes = {
        "channel": channels, "rank": organisation.ranks, "bank_group": organisation.bank_groups,
        "bank": organisation.banks, "row": organisation.rows, "column": organisation.bursts,
    }  # fmt: skip
    return {field: size.bit_length() - 1 for field, size in sizes.items()}


def _field(name: str) -> str:
    field = ABBREVIATIONS.get(name, name)
    if field not in FIELDS:
        known = (*ABBREVIATIONS, *FIELDS)
        raise DramError(f"an address has no field '{name}'{did_you_mean(name, known)}")
    return field


def _sources(entry: int | Iterable[int]) -> tuple[int, ...]:
    return (entry,) if isinstance(entry, int) else tuple(entry)


def _shift(field: tuple[tuple[int, ...], ...]) -> tuple[int | tuple[tuple[int, ...], ...], int]:
    """Shift and mask of a field whose bits follow each other, else its bits."""
    mask = (1 << len(field)) - 1
    if not field:
        return 0, mask
    first = field[0][0]
    follow = all(sources == (first + number,) for number, sources in enumerate(field))
    return (first, mask) if follow else (field, mask)


def _gather_one(address: int, field: tuple[tuple[int, ...], ...]) -> int:
    """The value of a field of one address, bit by bit."""
    value = 0
    for number, sources in enumerate(field):
        bit = 0
        for source in sources:
            bit ^= address >> source
        value |= (bit & 1) << number
    return value


def _gather(addresses: Int64, field: tuple[tuple[int, ...], ...]) -> Int64:
    """The value of a field: a shift where its bits follow each other, else bit by bit."""
    if not field:
        return np.zeros_like(addresses)
    first = field[0][0]
    if all(sources == (first + number,) for number, sources in enumerate(field)):
        return (addresses >> first) & ((1 << len(field)) - 1)
    value = np.zeros_like(addresses)
    for number, sources in enumerate(field):
        value |= _parity(addresses, sources) << number
    return value


def _parity(values: Int64, bits: Iterable[int]) -> Int64:
    result = np.zeros_like(values)
    for bit in bits:
        result ^= values >> bit & 1
    return result
