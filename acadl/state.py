"""Registers and memories of an architecture: what instructions' functions read and write."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, MutableMapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from acadl.errors import SimulationError, nearest
from acadl.model import Architecture, MemoryInterface, RegisterFile
from acadl.operations import AddressRange

PAGE_BYTES = 4096


class ArchitecturalState:
    """The values of all registers and all bytes of memory; zero where nothing was written.

    Scalar registers hold Python integers in two's complement of the register file's ``data_width``; a value
    of another kind (a NumPy array, a float) is kept as it is. Registers of several lanes start as arrays.
    Memory is stored by page, so that address ranges of gibibytes cost nothing until they are written.
    """

    def __init__(self, arch: Architecture) -> None:
        self._arch = arch
        self._registers: MutableMapping[str, Any] = {}
        for file in arch.of_type(RegisterFile):
            for name, value in file.registers.items():
                wrapped = wrap(value, file.data_width)
                self._registers[name] = wrapped if file.lanes == 1 else np.full(file.lanes, wrapped, np.int64)
        self._memories = tuple(arch.of_type(MemoryInterface))
        self._pages: dict[int, NDArray[np.uint8]] = {}

    @property
    def architecture(self) -> Architecture:
        """The architecture whose state this is."""
        return self._arch

    def copy(self) -> ArchitecturalState:
        """An independent copy; costs as much as was written."""
        twin = ArchitecturalState(self._arch)
        twin._registers = {
            name: value.copy() if isinstance(value, np.ndarray) else value
            for name, value in self._registers.items()
        }
        twin._pages = {number: page.copy() for number, page in self._pages.items()}
        return twin

    # -- registers ------------------------------------------------------------------------------------------

    def read_register(self, name: str) -> Any:
        """Value of a register. Raises :class:`SimulationError` if there is none of that name."""
        if name not in self._registers:
            raise SimulationError(f"there is no register '{name}'{nearest(name, self._registers)}")
        return self._registers[name]

    def write_register(self, name: str, value: Any) -> None:
        """Set a register; integers are wrapped to the register's width."""
        self.read_register(name)
        if isinstance(value, (int, np.integer)):
            value = wrap(int(value), self._arch.register_file_of[name].data_width)
        self._registers[name] = value

    # -- memory ---------------------------------------------------------------------------------------------

    def read_memory(self, piece: AddressRange) -> NDArray[np.uint8]:
        """The bytes of a range, shape ``(rows, bytes)``; a copy."""
        self._check(piece)
        rows = [self._read(start, piece.bytes) for start in piece.row_starts()]
        return np.stack(rows)

    def write_memory(self, piece: AddressRange, array: Any) -> None:
        """Write an array's bytes, in C order, to a range of the same number of bytes."""
        self._check(piece)
        data = _bytes_of(array)
        if data.size != piece.total_bytes:
            raise SimulationError(
                f"{data.size} bytes cannot be written to a range of {piece.rows} × {piece.bytes} bytes"
            )
        for row, start in enumerate(piece.row_starts()):
            self._write(start, data[row * piece.bytes : (row + 1) * piece.bytes])

    def read_array(self, start: int, shape: int | Sequence[int], dtype: DTypeLike) -> NDArray[Any]:
        """An array that lies contiguously, in C order, from byte ``start`` on; little-endian."""
        kind = np.dtype(dtype).newbyteorder("<")
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        size = int(np.prod(shape, dtype=np.int64)) * kind.itemsize
        if size == 0:
            return np.zeros(shape, kind)
        return self.read_memory(AddressRange(start, size)).reshape(-1).view(kind).reshape(shape)

    def write_array(self, start: int, array: Any) -> None:
        """Write an array contiguously, in C order, from byte ``start`` on; little-endian."""
        data = _bytes_of(array)
        if data.size:
            self.write_memory(AddressRange(start, data.size), data)

    def _check(self, piece: AddressRange) -> None:
        if any(memory.holds(piece.start, piece.end) for memory in self._memories):
            return
        ranges = ", ".join(
            f"'{memory.name}' 0x{low:x} to 0x{high:x}"
            for memory in self._memories
            for low, high in memory.address_ranges
        )
        raise SimulationError(
            f"no memory holds addresses 0x{piece.start:x} to 0x{piece.end:x}; there are: {ranges or 'none'}"
        )

    def _read(self, start: int, size: int) -> NDArray[np.uint8]:
        """``size`` contiguous bytes."""
        data = np.zeros(size, np.uint8)
        for page, offset, position, length in _pieces(start, size):
            if page in self._pages:
                data[position : position + length] = self._pages[page][offset : offset + length]
        return data

    def _write(self, start: int, data: NDArray[np.uint8]) -> None:
        """Contiguous bytes."""
        for page, offset, position, length in _pieces(start, data.size):
            if page not in self._pages:
                self._pages[page] = np.zeros(PAGE_BYTES, np.uint8)
            self._pages[page][offset : offset + length] = data[position : position + length]


class PendingState(ArchitecturalState):
    """What a function on data sees: the state, and its own writes, which others see on :meth:`commit`.

    An instruction reads when its unit starts and its results appear when it is done, as in the machine.
    """

    def __init__(self, state: ArchitecturalState) -> None:
        self._arch = state._arch
        self._memories = state._memories
        self._base = state
        self._results: dict[str, Any] = {}
        self._registers = ChainMap(self._results, state._registers)
        self._writes: list[tuple[int, NDArray[np.uint8]]] = []

    def read_register(self, name: str) -> Any:
        """Value of a register; an array is a copy, so that changing it changes nothing before the commit."""
        value = super().read_register(name)
        return value.copy() if isinstance(value, np.ndarray) else value

    def copy(self) -> ArchitecturalState:
        """The state as the function sees it."""
        twin = self._base.copy()
        self._apply(twin)
        return twin

    def commit(self) -> None:
        """Make the writes visible."""
        self._apply(self._base)

    def _apply(self, state: ArchitecturalState) -> None:
        for name, value in self._results.items():
            state.write_register(name, value)
        for start, data in self._writes:
            state._write(start, data)

    def _read(self, start: int, size: int) -> NDArray[np.uint8]:
        data = self._base._read(start, size)
        for written, new in self._writes:
            low, high = max(start, written), min(start + size, written + new.size)
            if low < high:
                data[low - start : high - start] = new[low - written : high - written]
        return data

    def _write(self, start: int, data: NDArray[np.uint8]) -> None:
        self._writes.append((start, data.copy()))


def wrap(value: int, bits: int) -> int:
    """``value`` as a signed two's complement number of ``bits`` bits."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def _bytes_of(array: Any) -> NDArray[np.uint8]:
    """The array's bytes, little-endian, in C order."""
    values = np.ascontiguousarray(array)
    if values.dtype == object:
        raise SimulationError(f"{array!r} is no array of numbers")
    return values.astype(values.dtype.newbyteorder("<"), copy=False).reshape(-1).view(np.uint8)


def _pieces(start: int, size: int) -> Iterable[tuple[int, int, int, int]]:
    """(page, offset in it, position in the data, length) of every page that the bytes lie in."""
    position = 0
    while position < size:
        page, offset = divmod(start + position, PAGE_BYTES)
        length = min(PAGE_BYTES - offset, size - position)
        yield page, offset, position, length
        position += length
