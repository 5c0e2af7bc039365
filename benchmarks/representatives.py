"""Performance representatives against random layers, with described accelerators as black boxes.

    python -m benchmarks.representatives --work FOLDER [--only vta ultratrail] [--rows 10000] [--write]

The step widths of an accelerator are searched by measurements alone. Then two models of the same kind
(trees on step-wise terms) are fitted to as many layers: one to layers drawn at random, one to
representatives. Both are judged by layers drawn at random that neither has seen, and by whole networks:
the layers of the operator, summed. Measurements are kept in FOLDER row by row, so that a run can be
interrupted. ``--write`` writes the table into docs/estimators_validation.md.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

import platforms
from benchmarks.tables import Row, table, write_between
from mappings import load_network
from mappings.layers import Layer
from platforms.estimators.cross_validation import errors
from platforms.estimators.layer_table import from_layers
from platforms.estimators.measurements import Measurements, read_measurements
from platforms.estimators.record import record
from platforms.estimators.representatives import Representatives
from platforms.estimators.sampling.flat_steps import find_widths
from platforms.estimators.sampling.random_layers import Space, draw
from platforms.estimators.targets import PlatformTarget
from platforms.estimators.tree_model import TreeModel, fit_trees

PAGE = Path(__file__).parents[1] / "docs" / "estimators_validation.md"
NAME = "python -m benchmarks.representatives"
SIZES = (50, 100, 200, 500, 1000, 2000, 5000, 10_000)
JUDGED = 500  # layers
FOR_WIDTHS = 80  # layers from which widths are searched


@dataclass(frozen=True)
class Case:
    """An accelerator, layers it is measured with, networks it is judged by."""

    platform: str
    space: Space
    networks: tuple[str, ...]
    settings: Mapping[str, int] = field(default_factory=dict)


IMAGES = Space(channels=(1, 512), image=(7, 112), kernels=(1, 3, 5))
CASES = (
    Case("vta", IMAGES, ("resnet18", "resnet50")),
    Case("ultratrail", Space("conv1d", channels=(1, 64), image=(9, 101), kernels=(1, 3, 9)), ("tcresnet8",)),
    Case("systolic_array", IMAGES, ("resnet18", "resnet50")),
    Case("gemmini", IMAGES, ("resnet18", "resnet50")),
)


def rows_of(case: Case, folder: Path, most: int) -> Iterator[Row]:
    """A row per size of the training set, as far as there are measurements."""
    target = PlatformTarget(platforms.load(case.platform, **case.settings))
    widths = _widths(case, target, folder)
    judged = _measured(target, draw(case.space, JUDGED, 1), folder / f"{case.platform}_judged.csv")
    drawn = replace(case.space, widths=widths)
    random = _measured(target, draw(case.space, most, 2), folder / f"{case.platform}_random.csv")
    ends = random  # without steps every layer is its own representative
    if widths:
        ends = _measured(target, draw(drawn, most, 3), folder / f"{case.platform}_ends.csv")
    networks = [_network(case, target, name, folder) for name in case.networks]
    for size in SIZES:
        if size > most:
            break
        models = (_fit(random, size, {}), _fit(ends, size, widths))
        one, other = ([100 * abs(_whole(model, net) - 1) for net in networks] for model in models)
        single = [errors(m.predict(judged.layers)[0], judged.latency) for m in models]
        yield {
            "accelerator": case.platform,
            "steps": ", ".join(f"{name} {width}" for name, width in widths.items()) or "none",
            "layers measured": size,
            "random": round(single[0].mape, 6),
            "representatives": round(single[1].mape, 6),
            "random, 90 % within": round(single[0].p90, 6),
            "representatives, 90 % within": round(single[1].p90, 6),
            "networks, random": round(float(np.mean(one)), 6),
            "networks, representatives": round(float(np.mean(other)), 6),
        }


def _widths(case: Case, target: PlatformTarget, folder: Path) -> Mapping[str, int]:
    """Step widths, found once."""
    path = folder / f"{case.platform}_widths.json"
    if not path.exists():
        found = find_widths(target, draw(case.space, FOR_WIDTHS, 7))
        path.write_text(json.dumps(dict(found.widths)) + "\n", encoding="utf-8")
    widths: dict[str, int] = json.loads(path.read_text(encoding="utf-8"))
    return widths


def _measured(target: PlatformTarget, layers: list[Layer], path: Path) -> Measurements:
    record(target, layers, path)
    return read_measurements(path, f"latency_{target.unit}")


def _network(
    case: Case, target: PlatformTarget, name: str, folder: Path
) -> tuple[Measurements, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Different layers of a network that the operator has, and how often each occurs."""
    often: dict[Layer, int] = {}
    for layer in load_network(name).layers:
        if layer.op == case.space.op:
            alone = replace(layer, name="", inputs=(), count=1, bias=False, onnx_op="")
            often[alone] = often.get(alone, 0) + layer.count
    path = folder / f"{case.platform}_{name}.json"
    if not path.exists():
        cycles = [target.measure(layer).latency for layer in often]
        path.write_text(json.dumps(cycles) + "\n", encoding="utf-8")
    latency = np.array(json.loads(path.read_text(encoding="utf-8")), np.float64)
    able = np.isfinite(latency)
    measured = Measurements(from_layers(list(often)), latency, np.arange(len(often)), target.unit)
    return measured.rows(able), np.array(list(often.values()))[able]


def _whole(
    model: TreeModel, network: tuple[Measurements, np.ndarray[tuple[int], np.dtype[np.int64]]]
) -> float:
    """Predicted over measured cycles of a network."""
    measured, often = network
    predicted = model.predict(measured.layers)[0]
    return float(np.dot(predicted, often) / np.dot(measured.latency, often))


def _fit(measured: Measurements, size: int, widths: Mapping[str, int]) -> TreeModel:
    some = measured.rows(np.arange(min(size, len(measured))))
    ends = Representatives({"": widths}) if widths else None
    return fit_trees(some.layers, some.latency, mixed=True, stepped=True, representatives=ends)


def main() -> None:
    """Measure the accelerators that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder of the measurements; continued")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these accelerators; all by default")
    parser.add_argument("--rows", type=int, default=SIZES[-1], help="largest training set")
    parser.add_argument("--write", action="store_true", help="write the table into the documentation")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    for case in CASES:
        if not options.only or case.platform in options.only:
            print(case.platform, file=sys.stderr)
            rows += rows_of(case, options.work, options.rows)
    text = table(rows)
    print(text)
    if options.write:
        write_between(PAGE, NAME, text)


if __name__ == "__main__":
    main()
