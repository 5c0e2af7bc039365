"""Estimators against measured devices, on rows that were left out, group by group.

    python -m benchmarks.estimator_data REFERENCE [--only pixel4] [--write]

REFERENCE is a folder with the tables of measurements named in docs/estimators_validation.md. Every kind of
estimator is fitted to four fifths of the groups and judged by the rest, five times; no group (a network, or
measurements of the same layer) is on both sides. ``--write`` writes the table into
docs/estimators_validation.md.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.tables import Row, table, write_between
from platforms.estimators.cross_validation import OutOfFold, errors, folds, out_of_fold
from platforms.estimators.fitting import recipes
from platforms.estimators.intervals import calibrate
from platforms.estimators.measurements import Measurements, read_measurements

PAGE = Path(__file__).parents[1] / "docs" / "estimators_validation.md"
CONFIDENCE = 0.9
BEST_TIMES = "best_of_device == 1 and dup_result == 0"
# Mean error and 90th percentile of a random forest over sizes and their products, as given with the data.
PHONES = {
    "pixel4_adreno640": (10.3, 27.8),
    "s10_mali_g76": (10.8, 24.7),
    "mi8se_adreno616": (9.3, 27.1),
    "a03s_powervr_ge8320": (8.3, 21.3),
    "iphone7_a10gpu": (7.3, 17.7),
    "iphonexs_a12gpu": (7.6, 19.2),
}
TUNED = {
    "jetson_nano_gpu": 59.4,
    "jetson_tx2_gpu": 20.1,
    "vta_pynq_4x8": 13.3,
    "vta_pynq_1x16": 42.5,
    "rpi3b_bcm2837_cpu": 13.2,
    "rk3399_cpu": 13.2,
    "snapdragon835_cpu": 16.2,
    "kirin970_cpu": 16.8,
    "pynq_zynq7020_a9_cpu": 14.7,
    "rk3399_mali_t860_gpu": 24.6,
    "adreno_gpu": 33.7,
}


@dataclass(frozen=True)
class Device:
    """Measurements of a device: ``baseline`` is the mean error and 90th percentile of a plain forest."""

    name: str
    file: str
    target: str
    where: str | None
    baseline: tuple[float, float | None]


def devices() -> Iterator[Device]:
    """All that are measured."""
    for name, mean in TUNED.items():
        where = f'device == "{name}" and {BEST_TIMES}'
        yield Device(name, "tophub_layers_dev.csv", "latency_ms", where, (mean, None))
    yield Device("cpu_ort", "cpu_ort_layers_dev.csv", "latency_min_us", "repro_pct <= 3", (15.1, 35.6))
    for name, both in PHONES.items():
        yield Device(name, "mobilegpu_tflite_layers_dev.csv", f"{name}_us", None, both)


def row_of(device: Device, measured: Measurements) -> Row:
    """The best way of fitting of each kind, and how well its intervals hold."""
    found: dict[str, tuple[float, float, OutOfFold]] = {}
    for recipe in recipes("auto", 0):
        apart = out_of_fold(measured, recipe.fit)
        now = errors(apart.predicted, measured.latency)
        if recipe.kind not in found or now.score < found[recipe.kind][0]:
            found[recipe.kind] = (now.score, now.mape, apart)
    kind, (_, _, apart) = min(found.items(), key=lambda item: item[1][0])
    best = errors(apart.predicted, measured.latency)
    mean, p90 = device.baseline
    return {
        "device": device.name,
        "rows": len(measured),
        **{name.replace("_", " "): f"{mape:.1f}" for name, (_, mape, _) in found.items()},
        "best": kind.replace("_", " "),
        "median": f"{best.median:.1f}",
        "90 % within": f"{best.p90:.1f}",
        "inside 90 % bounds": f"{coverage(measured, apart):.1f}",
        "plain forest": f"{mean:.1f}",
        "its 90 %": "" if p90 is None else f"{p90:.1f}",
    }


def coverage(measured: Measurements, apart: OutOfFold) -> float:
    """Percent of rows inside bounds that were calibrated without their fold."""
    fold = folds(measured.groups, seed=1)
    inside = np.zeros(len(measured), bool)
    for number in np.unique(fold):
        mine = fold == number
        rest = OutOfFold(apart.predicted[~mine], apart.spread[~mine])
        bounds = calibrate(measured.rows(~mine), rest)
        low, high = bounds.around(apart.predicted[mine], apart.spread[mine], CONFIDENCE)
        inside[mine] = (measured.latency[mine] >= low) & (measured.latency[mine] <= high)
    return 100 * float(inside.mean())


def main() -> None:
    """Measure the devices that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("reference", type=Path)
    parser.add_argument("--only", help="devices whose name holds this")
    parser.add_argument(
        "--keep", type=Path, help="rows that are done, so that a run can be interrupted (.json)"
    )
    parser.add_argument("--write", action="store_true", help="write the table into the documentation")
    options = parser.parse_args()
    kept: dict[str, Row] = {}
    if options.keep and options.keep.exists():
        kept = json.loads(options.keep.read_text(encoding="utf-8"))
    rows = []
    for device in devices():
        if options.only and options.only not in device.name:
            continue
        if device.name not in kept:
            print(device.name, file=sys.stderr)
            path = options.reference / device.file
            measured = read_measurements(path, device.target, None, device.where)
            kept[device.name] = row_of(device, measured)
            if options.keep:
                options.keep.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        rows.append(kept[device.name])
    text = table(rows)
    print(text)
    if options.write:
        write_between(PAGE, "python -m benchmarks.estimator_data", text)


if __name__ == "__main__":
    main()
