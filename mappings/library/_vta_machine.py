"""VTA as its mapping sees it: buffers, and the tokens by which modules wait for each other.

Every buffer is used in halves: while one is worked on, the other one is filled or emptied. A token stands
for a half; so there are two of each kind, and a module that pops one waits until the half is loaded, or free
again.
"""

from __future__ import annotations

from dataclasses import dataclass

from acadl.model import Architecture, MemoryInterface
from mappings.library._memory import parameter
from mappings.library._split import rotating
from mappings.program import Affine, Memory, Register, memory
from mappings.registry import MappingError

HALVES = 2
LEAST_DEPTH = {"acc_depth": 2 * HALVES}  # a result and its bias in each half; HALVES of the others
UOP_BYTES = 4
ACC_BYTES = 4  # of one element
UOP_BITS = {"acc_depth": 11, "inp_depth": 11, "wgt_depth": 10}  # fields of a micro-operation

MINIMUM, MAXIMUM, SUM, SHIFT = range(4)  # opcodes of the ALU


@dataclass(frozen=True, slots=True)
class Buffer:
    """A buffer of ``depth`` tensors of ``tensor`` bytes, from ``address`` on."""

    address: int
    depth: int
    tensor: int

    @property
    def half(self) -> int:
        """Tensors of a half."""
        return self.depth // HALVES

    def place(self, number: Affine, tensors: int, offset: int = 0) -> Memory:
        """``tensors`` tensors from ``offset`` on of the half of the ``number``-th use."""
        base = rotating(number, HALVES) * (self.half * self.tensor)
        return memory(base + (self.address + offset * self.tensor), tensors * self.tensor)


@dataclass(frozen=True, slots=True)
class Machine:
    """Sizes of the machine; ``block`` is the number of channels of a tensor."""

    block: int
    uop: Buffer
    inp: Buffer
    wgt: Buffer
    acc: Buffer
    bus_bytes: int
    memory_latency: int


def machine(arch: Architecture) -> Machine:
    """The machine that a description of VTA describes.

    Raises:
        MappingError: A parameter or buffer is missing, or a micro-operation could not name all tensors.
    """
    block = parameter(arch, "block_in")
    for name, bits in UOP_BITS.items():
        if parameter(arch, name) > 1 << bits:
            raise MappingError(
                f"a micro-operation of 'vta' names {1 << bits} tensors at most; "
                f"'{name}' is {arch.parameters[name]}"
            )
    return Machine(
        block=block,
        uop=_buffer(arch, "uop", UOP_BYTES),
        inp=_buffer(arch, "inp", block),
        wgt=_buffer(arch, "wgt", block * block),
        acc=_buffer(arch, "acc", ACC_BYTES * block),
        bus_bytes=parameter(arch, "bus_bytes"),
        memory_latency=max(1, int(arch.parameters.get("memory_latency", 1))),
    )


def _buffer(arch: Architecture, kind: str, tensor: int) -> Buffer:
    found = arch.objects.get(f"{kind}_buffer")
    depth = parameter(arch, f"{kind}_depth")
    least = LEAST_DEPTH.get(f"{kind}_depth", HALVES)
    if not isinstance(found, MemoryInterface) or depth < least:
        raise MappingError(
            f"the mapping for 'vta' needs a memory '{kind}_buffer' of at least {least} tensors; "
            f"'{kind}_depth' is {depth}"
        )
    return Buffer(found.address_ranges[0][0], depth, tensor)


ALWAYS = Register("always")
NOBODY = Register("nobody")


def token(kind: str, number: Affine) -> Register:
    """The token for the half of the ``number``-th use; ``kind`` is a pair of modules, as ``ld2cmp``."""
    return Register(kind, rotating(number, HALVES))
