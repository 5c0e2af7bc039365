"""Real network graphs, as the onnx package ships them, on the command line: none lost, none too fast."""

from __future__ import annotations

import json
from collections import Counter
from math import prod
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from platforms.command_group import cli

onnx = pytest.importorskip("onnx")
MODELS = sorted((Path(onnx.__file__).parent / "backend/test/data/light").glob("light_*.onnx"))
SMALL = ("light_bvlc_alexnet", "light_squeezenet")
PLATFORMS = ("gemmini", "systolic_array")  # with the same peak and bus
PEAK_MACS = 256  # per cycle
BUS_BYTES = 16  # per cycle


def counted(path: Path) -> tuple[Counter[int], int]:
    """Multiply-accumulates of every Conv and Gemm node, and the bytes of their int8 weights."""
    graph = onnx.shape_inference.infer_shapes(onnx.load(str(path))).graph
    shapes: dict[str, list[int]] = {item.name: list(item.dims) for item in graph.initializer}
    for value in (*graph.input, *graph.value_info, *graph.output):
        shapes.setdefault(value.name, [dim.dim_value for dim in value.type.tensor_type.shape.dim])
    macs: Counter[int] = Counter()
    weights: dict[str, int] = {}
    for node in graph.node:
        if node.op_type not in ("Conv", "Gemm"):
            continue
        weight = shapes[node.input[1]]
        weights[node.input[1]] = prod(weight)
        if node.op_type == "Conv":
            macs[prod(shapes[node.output[0]]) * prod(weight[1:])] += 1
        else:  # every weight is used once for each row of the result
            macs[prod(weight) * shapes[node.output[0]][0]] += 1
    return macs, sum(weights.values())


def estimate(path: Path, platform: str) -> dict[str, Any]:
    result = CliRunner().invoke(cli, ["estimate", platform, "--network", str(path), "--json"])
    assert result.exit_code == 0, result.stderr
    data: dict[str, Any] = json.loads(result.stdout)
    return data


def check(path: Path, platform: str) -> None:
    data = estimate(path, platform)
    expected, weight_bytes = counted(path)
    products = [layer for layer in data["layers"] if layer["macs"]]
    assert Counter(layer["macs"] for layer in products) == expected
    assert data["total_cycles"] >= data["total_macs"] / PEAK_MACS
    assert data["total_cycles"] >= weight_bytes / BUS_BYTES
    assert all(layer["cycles"] >= layer["macs"] / PEAK_MACS for layer in products)
    assert data["unmapped"] == []


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("name", SMALL)
def test_small_models(name: str, platform: str) -> None:
    (path,) = (path for path in MODELS if path.stem == name)
    check(path, platform)


@pytest.mark.slow
@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("path", [m for m in MODELS if m.stem not in SMALL], ids=lambda path: path.stem)
def test_all_models(path: Path, platform: str) -> None:
    check(path, platform)
