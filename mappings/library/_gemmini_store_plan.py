"""When the stores of a hardware loop can enter their queue, in terms of the pairs of preload and compute.

The unroller lets the execute queue go on while stores wait for a place in theirs, but in a program a store
that has to wait keeps all behind it waiting. So a store is put where there will be a place, reckoning with
pairs that run one after the other, ``dim`` cycles each, and enter the execute queue as early as it has
places.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import NamedTuple

# The store unit reads 5 rows of a block in 8 cycles.
CYCLES_PER_ROW = 8 / 5
# Pairs from the last compute until the sums can be moved out: they pass the array's rows and columns.
PAIRS_OF_DELAY = 4


class Store(NamedTuple):
    """One ``mvout``: up to ``wide`` blocks of row ``i``.

    Attributes:
        position: It goes after this pair. Pairs are numbered from 0 on, also past the tile's own.
        end: When it is done, in pairs since the first one of the tile started.
    """

    group_of_j: int
    i: int
    position: int
    end: float


def store_plan(
    blocks: tuple[int, int, int],
    wide: int,
    store_entries: int,
    pairs_ahead: int,
    earlier: Sequence[float] = (),
) -> tuple[Store, ...]:
    """The stores of a macro tile in their order.

    Args:
        blocks: Of M, N and K.
        wide: Blocks side by side in one command.
        store_entries: Places of the store queue.
        pairs_ahead: Pairs in the execute queue.
        earlier: When stores of the tile before are done, in their order.
    """
    rows, cols, depth = blocks
    ends = list(earlier)
    stores = []
    for group_of_j in range(ceil(cols / wide)):
        last = min(cols, (group_of_j + 1) * wide) - 1
        for i in range(rows):
            position = ready = ((depth - 1) * cols + last) * rows + i
            if len(ends) >= store_entries:
                position = max(ready, ceil(ends[-store_entries]) + pairs_ahead - 1)
            start = max(ends[-1] if ends else 0, ready + 1 + PAIRS_OF_DELAY)
            ends.append(start + (last + 1 - group_of_j * wide) * CYCLES_PER_ROW)
            stores.append(Store(group_of_j, i, position, ends[-1]))
    return tuple(stores)
