"""Windows along a row in pieces that fit a vector register."""

from __future__ import annotations

from dataclasses import dataclass

from mappings.library._split import Split, split


@dataclass(frozen=True, slots=True)
class Stretches:
    """Pieces of channels, of output pixels of a row, and of the taps of a kernel row."""

    channels: Split
    pixels: Split
    taps: Split


def stretches(
    channels: int, pixels: int, taps: int, *, step: int, tap_step: int, lanes: int, vector_bytes: int
) -> Stretches:
    """Pieces whose input fits a vector register; kernel rows are cut only where one does not fit alone.

    Args:
        step, tap_step: Pixels from one window to the next, and from one tap to the next.
        lanes: Channels that are worked on side by side.
    """
    positions = vector_bytes // lanes  # with as few channels as there are lanes
    reach = tap_step * (taps - 1) + 1
    if reach <= positions:
        tap_parts = split(taps, taps)
        pixel_parts = split(pixels, (positions - reach) // step + 1)
    else:
        tap_parts = split(taps, (positions - 1) // tap_step + 1)
        pixel_parts = split(pixels, 1)
    held = positions_seen(pixel_parts.tile, tap_parts.tile, step, tap_step)
    return Stretches(split(channels, positions // held * lanes, lanes), pixel_parts, tap_parts)


def positions_seen(pixels: int, taps: int, step: int, tap_step: int) -> int:
    """Positions of an input row that some pixels read at some taps."""
    return (pixels - 1) * step + tap_step * (taps - 1) + 1
