"""Orders in which few-bit weights lie in memory, so that vector instructions unpack many at once (TinyChat).

Every packing is a rule for where a weight goes, with a function each way; unpacking what was packed gives
the weights back bit by bit, for every shape: rows are padded with zeros to whole blocks, and unpacking is
told the number of weights.

- :func:`pack_simd`: for registers of 2^b bits. A register of B bytes holds 8 / n weights of n bits
  in each byte, byte j the weights j, j + B, j + 2 B, …; an AND, or a shift and an AND, unpack B
  weights. With 128 bits and n = 4 byte j is w[j] | w[j + 16] << 4: 32 weights in three vector
  operations.
- :func:`pack_gpu`: eight 4-bit weights in a 32-bit word, nibble i the weight (0, 2, 4, 6, 1, 3, 5,
  7)[i]; two masks on the word and on the word shifted by 8 give the pairs (0, 1), (2, 3), (4, 5),
  (6, 7) in 16-bit halves.
- :func:`pack_awq_gemm`: that order along the *outputs*, words [in, out / 8] (checkpoints of
  AutoAWQ).
- :func:`pack_awq_interleaved`: [out / 4, in] 16-bit words (checkpoints of llm-awq): within 32
  inputs the weights 0, 8, 16, 24, 1, 9, …; four rows take turns in strips of 64 inputs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from mappings.compression.errors import CompressionError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Integers: TypeAlias = NDArray[np.integer]

GPU_ORDER = (0, 2, 4, 6, 1, 3, 5, 7)
PACKED_BITS = (1, 2, 4, 8)
STRIP = 64  # inputs of a row before the next of four rows takes its turn
ROWS = 4  # that take turns


def pack_simd(weights: Integers, bits: int = 4, register_bits: int = 128) -> NDArray[np.uint8]:
    """Rows of weights, [rows, n] from 0 to 2^bits - 1, as bytes [rows, blocks of a register].

    ``bits`` of 3 lie in two parts, the lower two bits of all weights of a row before their upper bits.

    Raises:
        CompressionError: Weights out of range, bits or registers that this order does not have.
    """
    rows = _checked(weights, bits)
    if bits == 3:
        low, high = pack_simd(rows & 3, 2, register_bits), pack_simd(rows >> 2, 1, register_bits)
        return np.concatenate([low, high], axis=1)
    lanes, size = _lanes(bits, register_bits)
    blocks = _padded(rows, lanes * size).reshape(len(rows), -1, lanes, size).astype(np.uint8)
    packed = np.zeros((len(rows), blocks.shape[1], size), np.uint8)
    for lane in range(lanes):
        packed |= blocks[:, :, lane] << (lane * bits)
    return packed.reshape(len(rows), -1)


def unpack_simd(
    packed: NDArray[np.uint8], count: int, bits: int = 4, register_bits: int = 128
) -> NDArray[np.uint8]:
    """The first ``count`` weights of each row that :func:`pack_simd` packed."""
    if bits == 3:
        lanes, size = _lanes(2, register_bits)
        cut = -(-count // (lanes * size)) * size
        low = unpack_simd(packed[:, :cut], count, 2, register_bits)
        high = unpack_simd(packed[:, cut:], count, 1, register_bits)
        return (low | (high << 2)).astype(np.uint8)
    lanes, size = _lanes(bits, register_bits)
    blocks = packed.reshape(len(packed), -1, size)
    mask = np.uint8((1 << bits) - 1)
    rows = np.stack([(blocks >> (lane * bits)) & mask for lane in range(lanes)], axis=2)
    return rows.reshape(len(packed), -1)[:, :count]


def simd_unpack_operations(bits: int = 4) -> int:
    """Vector operations that unpack one register: AND for the first lane, shift and AND for every other.

    The last lane needs no AND where the shift brings in zeros, but vector units shift 16-bit lanes, not
    bytes.
    """
    if bits not in PACKED_BITS:
        raise CompressionError(f"{bits} bits do not divide a byte: there are {PACKED_BITS}")
    return 0 if bits == 8 else 1 + 2 * (8 // bits - 1)


def pack_gpu(weights: Integers) -> NDArray[np.uint32]:
    """Rows of 4-bit weights, [rows, n], as words [rows, ceil(n / 8)]."""
    rows = _padded(_checked(weights, 4), 8)
    blocks = rows.reshape(len(rows), -1, 8)[:, :, list(GPU_ORDER)].astype(np.uint32)
    words: NDArray[np.uint32] = np.bitwise_or.reduce(blocks << (4 * np.arange(8, dtype=np.uint32)), axis=2)
    return words


def unpack_gpu(packed: NDArray[np.uint32], count: int) -> NDArray[np.uint8]:
    """The first ``count`` weights of each row that :func:`pack_gpu` packed."""
    nibbles = (packed[:, :, None] >> (4 * np.arange(8, dtype=np.uint32))) & np.uint32(15)
    rows = np.empty(nibbles.shape, np.uint8)
    rows[:, :, list(GPU_ORDER)] = nibbles
    return rows.reshape(len(packed), -1)[:, :count]


def gpu_pairs(word: int) -> tuple[tuple[int, int], ...]:
    """The pairs of weights that two masks find in a word and in the word shifted by a byte, as a GPU does."""
    low, high = 0x000F000F, 0x00F000F0
    halves = []
    for part in (word, word >> 8):
        halves += [part & low, (part & high) >> 4]
    return tuple((half & 15, half >> 16) for half in halves)


def pack_awq_gemm(weights: Integers) -> NDArray[np.int32]:
    """4-bit weights [out, in] as words [in, ceil(out / 8)], the layout of AutoAWQ's ``qweight``."""
    return pack_gpu(np.asarray(weights).T).view(np.int32)


def unpack_awq_gemm(packed: NDArray[np.int32], outputs: int) -> NDArray[np.uint8]:
    """Weights [out, in] of an AutoAWQ ``qweight``; of its ``qzeros`` [in / G, out / 8]: [out, in / G]."""
    return np.ascontiguousarray(unpack_gpu(packed.view(np.uint32), outputs).T)


def pack_awq_interleaved(weights: Integers) -> NDArray[np.int16]:
    """4-bit weights [out, in] as words [ceil(out / 4), in rounded up to 64], the layout of llm-awq."""
    rows = _checked(weights, 4)
    rows = np.pad(_padded(rows, STRIP), ((0, -len(rows) % ROWS), (0, 0)))
    nibbles = _interleaved(rows).reshape(len(rows) // ROWS, -1, 4).astype(np.uint16)
    words: NDArray[np.uint16] = np.bitwise_or.reduce(nibbles << (4 * np.arange(4, dtype=np.uint16)), axis=2)
    return words.view(np.int16)


def unpack_awq_interleaved(packed: NDArray[np.int16], outputs: int, inputs: int) -> NDArray[np.uint8]:
    """The weights [out, in] that :func:`pack_awq_interleaved` packed."""
    words = packed.view(np.uint16)[:, :, None]
    nibbles = (words >> (4 * np.arange(4, dtype=np.uint16))) & np.uint16(15)
    strips = nibbles.reshape(len(packed), -1, ROWS, STRIP // 32, 8, 4)
    rows = strips.transpose(0, 2, 1, 3, 5, 4).reshape(len(packed) * ROWS, -1)
    return rows[:outputs, :inputs].astype(np.uint8)


def _interleaved(rows: Integers) -> Integers:
    """Nibbles in the order of memory: strips of four rows, and in 32 inputs the four eighths in turn."""
    blocks = rows.reshape(len(rows) // ROWS, ROWS, -1, STRIP // 32, 4, 8)
    return blocks.transpose(0, 2, 1, 3, 5, 4)


def _lanes(bits: int, register_bits: int) -> tuple[int, int]:
    """Weights in a byte, and bytes of a register."""
    if bits not in PACKED_BITS:
        raise CompressionError(f"{bits} bits do not divide a byte: there are 1, 2, 3, 4 and 8")
    if register_bits < 8 or register_bits & (register_bits - 1):
        raise CompressionError(f"a register of {register_bits} bits: a power of two from 8 on is expected")
    return 8 // bits, register_bits // 8


def _checked(weights: Integers, bits: int) -> Integers:
    rows = np.asarray(weights)
    if rows.ndim != 2 or not np.issubdtype(rows.dtype, np.integer):
        raise CompressionError(f"{rows.dtype} of shape {rows.shape}: rows of whole numbers are packed")
    if rows.size and (rows.min() < 0 or rows.max() >= 1 << bits):
        raise CompressionError(f"weights from {rows.min()} to {rows.max()} do not fit into {bits} bits")
    return rows


def _padded(rows: Integers, block: int) -> Integers:
    """Rows whose length is a multiple of a block."""
    return np.pad(rows, ((0, 0), (0, -rows.shape[1] % block)))
