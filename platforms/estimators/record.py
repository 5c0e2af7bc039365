"""A growing table of measurements: a row is on disk before the next layer is measured.

A run that was interrupted goes on where it ended: layers whose rows are there are not measured again. A
last line that was cut off in the middle is dropped.
"""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from acadl.reading import read_text
from mappings.layers import Layer
from platforms.estimators.errors import EstimatorError
from platforms.estimators.layer_table import SIZES, from_layers
from platforms.estimators.targets import Target

COLUMNS = ("name", "op", *SIZES, "pad_h", "pad_w")


def record(
    target: Target,
    layers: Sequence[Layer],
    path: str | os.PathLike[str],
    done: Callable[[int, int, str], None] | None = None,
) -> tuple[int, int]:
    """Measure layers and append them to a table.

    Args:
        target: What is measured.
        layers: Different ones.
        path: The table; created, or continued.
        done: Told before each layer which one it is, how many there are, and its name.

    Returns:
        How many were measured now, and how many of them the target could not run (their time is empty).

    Raises:
        EstimatorError: The file is there and is no such table.
    """
    heading = (*COLUMNS, "noise", "repeats", f"latency_{target.unit}")
    there = _there(Path(path), heading)
    measured = unable = 0
    for number, layer in enumerate(layers):
        key = _cells(layer)
        if key[1:] in there:
            continue
        if done is not None:
            done(number, len(layers), layer.name)
        timing = target.measure(layer)
        able = math.isfinite(timing.latency)
        row = (*key, f"{timing.noise:.4g}", str(timing.repeats), f"{timing.latency:.9g}" if able else "")
        _append(Path(path), heading, row)
        measured, unable = measured + 1, unable + (not able)
    return measured, unable


def _cells(layer: Layer) -> tuple[str, ...]:
    table = from_layers([layer])
    sizes = (f"{table[name][0]:.0f}" for name in SIZES)
    return (layer.name, layer.op, *sizes, str(layer.pad_h), str(layer.pad_w))


def _there(path: Path, heading: tuple[str, ...]) -> set[tuple[str, ...]]:
    """Layers (without their names) that have a row; cuts off what follows the last whole line."""
    if not path.exists():
        return set()
    text = read_text(path)
    whole = text[: text.rfind("\n") + 1]
    rows = list(csv.reader(io.StringIO(whole)))
    if not rows or tuple(rows[0]) != heading:
        raise EstimatorError(
            f"{path}: is no table of measurements of this target; its first line would be {','.join(heading)}"
        )
    if whole != text:
        os.truncate(path, len(whole.encode()))
    return {tuple(row[1 : len(COLUMNS)]) for row in rows[1:]}


def _append(path: Path, heading: tuple[str, ...], row: tuple[str, ...]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if not path.exists():
        writer.writerow(heading)
    writer.writerow(row)
    with path.open("a", encoding="utf-8", newline="") as file:
        file.write(text.getvalue())
        file.flush()
