"""Decode steps of language models on three devices, beside a published table: half fitted, half predicted.

    python -m benchmarks.decode_latency [--write]

Rows are those of TinyChat's README (llm-awq, commit d6e797a). Within a device they take turns: the first is
fitted, the second predicted, and so on. The table does not say how long the contexts are: assumed are 128
tokens, 704 with an image of VILA (576 tokens), 256 with one of NVILA (128 tokens).
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.tables import Row, table, write_between
from mappings.compression.traffic import PRECISIONS
from mappings.network import load_network
from platforms.decode_latency import DecodeModel, Step, Work, fit

PAGE = Path(__file__).parents[1] / "docs" / "quantization.md"
MEASURED = Path(__file__).parent / "data" / "tinychat_decode_latency.csv"
BANDWIDTH = {"RTX4090": 1008e9, "JetsonOrin": 204.8e9, "A100": 2039e9}  # nominal, bytes per second
OLD = "(old release)"
COLUMNS = {"W16A16": "fp16_ms_per_token", "W4A16": "int4_ms_per_token"}
STEPS = {
    "LLaMA-3-8B": "llama3_8b_decode@128",
    "LLaMA-2-7B": "llama2_7b_decode@128",
    "LLaMA-2-13B": "llama2_13b_decode@128",
    "Vicuna-7B": "vicuna_7b_decode@128",
    "VILA-7B": "vila_7b_decode@704",
    "VILA-13B": "vila_13b_decode@704",
    "NVILA-2B": "qwen2_1_5b_decode@256",
    "NVILA-8B": "qwen2_7b_decode@256",
    "MPT-7B": "mpt_7b_decode@128",
    "MPT-30B": "mpt_30b_decode@128",
    "Falcon-7B": "falcon_7b_decode@128",
}


@dataclass(frozen=True)
class Entry:
    """A cell of the published table; ``use``: fitted, predicted, or of an earlier release."""

    device: str
    precision: str
    model: str
    use: str
    step: Step


def entries() -> list[Entry]:
    """All cells that hold a time."""
    with MEASURED.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    place: dict[str, int] = {}
    found = []
    for row in rows:
        device, old = row["device"].removesuffix(OLD), row["device"].endswith(OLD)
        place[device] = place.get(device, -1) + 1
        use = "earlier release" if old else ("fitted", "predicted")[place[device] % 2]
        network = load_network(STEPS[row["model"]])
        for precision, column in COLUMNS.items():
            if row[column] != "OOM":
                step = Step(Work.of(network, PRECISIONS[precision]), float(row[column]) / 1e3)
                found.append(Entry(device, precision, row["model"], use, step))
    return found


def models(cells: list[Entry]) -> dict[tuple[str, str], DecodeModel]:
    """Of each device and precision, from the half that is fitted."""
    return {
        (device, precision): fit(
            [
                cell.step
                for cell in cells
                if (cell.device, cell.precision, cell.use) == (device, precision, "fitted")
            ],
            BANDWIDTH[device],
        )
        for device in BANDWIDTH
        for precision in COLUMNS
    }


def error_percent(cell: Entry, model: DecodeModel) -> float:
    """Of the estimate, with its sign."""
    return 100 * (model.seconds(cell.step.work) / cell.step.seconds - 1)


def fits() -> Iterator[Row]:
    """What was fitted."""
    for (device, precision), model in models(entries()).items():
        yield {
            "device": device,
            "precision": precision,
            "nominal GB/s": f"{model.bandwidth / 1e9:g}",
            "efficiency": f"{model.efficiency:.2f}",
            "launch, ms a layer": f"{1e3 * model.launch:.3f}",
        }


def compared() -> Iterator[Row]:
    """Every cell beside its estimate."""
    cells = entries()
    fitted = models(cells)
    for cell in sorted(
        cells, key=lambda cell: (list(BANDWIDTH).index(cell.device), cell.precision == "W4A16")
    ):
        model = fitted[cell.device, cell.precision]
        yield {
            "device": cell.device,
            "precision": cell.precision,
            "model": cell.model,
            "row": cell.use,
            "published, ms": f"{1e3 * cell.step.seconds:.2f}",
            "estimated, ms": f"{1e3 * model.seconds(cell.step.work):.2f}",
            "error": f"{error_percent(cell, model):+.1f} %",
            "bound by": model.bound_by(cell.step.work),
        }


def main() -> None:
    """Fit, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write the tables into the documentation")
    options = parser.parse_args()
    text = f"{table(list(fits()))}\n\n{table(list(compared()))}"
    print(text)
    if options.write:
        write_between(PAGE, "python -m benchmarks.decode_latency", text)


if __name__ == "__main__":
    main()
