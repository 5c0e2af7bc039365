"""Whole-network estimates: counts multiply, shapes are shared, nothing is dropped."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

import acadl
import platforms
from acadl.errors import AcadlError
from acadl.model import FunctionalUnit
from mappings import Layer, LoopProgram, MappingError, Network, registry
from platforms.whole_network import Method, _computes
from tests.platforms.toy import map_layer, toy_architecture

NETWORK = Network(
    "small",
    (
        Layer(name="first", op="fc", gemm_M=1, gemm_N=100, gemm_K=4),
        Layer(name="act", op="sigmoid", C=100),
        Layer(name="again", op="fc", gemm_M=1, gemm_N=100, gemm_K=4, count=3, inputs=("act",)),
        Layer(name="last", op="fc", gemm_M=1, gemm_N=50, gemm_K=100),
    ),
)
# fetch, the fetch stage's latency, then the unit works without a gap
START = 2


@pytest.fixture(autouse=True)
def _toy_mapping() -> Iterator[None]:
    registry.mapper("toy")(map_layer)
    yield
    del registry._registered["toy"]


def test_layers_and_totals() -> None:
    report = platforms.estimate(toy_architecture(), NETWORK)
    assert [layer.name for layer in report.layers] == ["first", "again", "last"]
    assert [layer.cycles for layer in report.layers] == [1000 + START, 3 * (1000 + START), 500 + START]
    assert [layer.macs for layer in report.layers] == [400, 1200, 5000]
    assert [layer.instructions for layer in report.layers] == [100, 300, 50]
    assert report.total_cycles == 4 * (1000 + START) + 500 + START
    assert report.total_macs == 6600
    assert report.latency_s == pytest.approx(report.total_cycles / 1e6)


def test_a_layer_that_cannot_run_is_named_and_not_in_the_total() -> None:
    report = platforms.estimate(toy_architecture(), NETWORK)
    assert [(layer.name, layer.op) for layer in report.unmapped] == [("act", "sigmoid")]
    assert "cannot run operator 'sigmoid'" in report.unmapped[0].reason


def test_no_layer_chosen_is_an_error() -> None:
    with pytest.raises(AcadlError, match=r"no layer was chosen.* or leave the choice out for all 4"):
        platforms.estimate(toy_architecture(), NETWORK, layers=())
    assert len(platforms.estimate(toy_architecture(), NETWORK, layers=["last"]).layers) == 1


def test_a_mapper_that_fails_by_itself_is_not_an_unmapped_layer() -> None:
    def broken(layer: Layer, arch: object) -> LoopProgram:
        raise ZeroDivisionError("oops")

    registry.mapper("toy")(broken)
    with pytest.raises(MappingError, match=r"mapper '.*broken'.* failed on layer 'first' \(fc\)") as caught:
        platforms.estimate(toy_architecture(), NETWORK)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_layers_of_one_shape_are_evaluated_once() -> None:
    first, again, last = platforms.estimate(toy_architecture(), NETWORK).layers
    assert 0 < first.evaluated_instructions < first.instructions
    assert again.evaluated_instructions == 0
    assert last.evaluated_instructions > 0


@pytest.mark.parametrize("method", ["exact", "full", "fixed_point"])
def test_method_reaches_the_evaluator(method: Method) -> None:
    report = platforms.estimate(toy_architecture(), NETWORK, method=method)
    assert {layer.method for layer in report.layers} == {method}
    assert report.provenance["method"] == method


def test_full_evaluates_every_instruction() -> None:
    first, _, last = platforms.estimate(toy_architecture(), NETWORK, method="full").layers
    assert (first.evaluated_instructions, last.evaluated_instructions) == (100, 50)


def test_chosen_layers_only_in_the_order_of_the_network() -> None:
    report = platforms.estimate(toy_architecture(), NETWORK, layers=["last", "first"])
    assert [layer.name for layer in report.layers] == ["first", "last"]
    assert report.unmapped == ()


def test_unknown_layer_names_are_all_reported_with_the_nearest() -> None:
    with pytest.raises(AcadlError) as caught:
        platforms.estimate(toy_architecture(), NETWORK, layers=["fist", "first", "zzz"])
    assert "no layer 'fist' (did you mean 'first'?), 'zzz'" in str(caught.value)


def test_no_mapping_for_the_architecture_is_an_error() -> None:
    with pytest.raises(MappingError, match="no mapping for architecture 'nameless'"):
        platforms.estimate(toy_architecture("nameless"), NETWORK)


def test_progress_names_each_layer() -> None:
    seen: list[tuple[int, int, str]] = []
    platforms.estimate(toy_architecture(), NETWORK, progress=lambda *call: seen.append(call))
    assert seen == [(0, 4, "first"), (1, 4, "act"), (2, 4, "again"), (3, 4, "last")]


def test_slowest_layer_and_its_reason() -> None:
    report = platforms.estimate(toy_architecture(), NETWORK)
    assert report.slowest is report.layers[1]
    assert report.reason.startswith("slowest layer: again (fc), 67 % of the cycles, bound by ex.unit (100 %)")
    assert report.layers[0].compute_utilization == pytest.approx(1000 / (1000 + START))


def test_an_empty_choice_has_no_slowest_layer() -> None:
    report = platforms.estimate(toy_architecture(), NETWORK, layers=["act"])
    assert (report.layers, report.total_cycles, report.slowest) == ((), 0, None)
    assert report.reason == "no layer was estimated"


def test_json_has_the_promised_keys() -> None:
    report = platforms.estimate(toy_architecture(), NETWORK)
    data = json.loads(report.to_json())
    promised = ["architecture", "network", "clock_hz", "total_cycles", "latency_s", "wall_s", "layers"]
    assert list(data)[:7] == promised
    keys = ["name", "op", "macs", "cycles", "method", "instructions", "evaluated_instructions", "bound_by"]
    assert [list(layer)[:8] for layer in data["layers"]] == [keys] * 3
    assert data["total_cycles"] == sum(layer["cycles"] for layer in data["layers"])
    assert data["unmapped"][0]["name"] == "act"
    assert data["provenance"]["network_sha256"] == NETWORK.source_sha256


def test_equal_inputs_give_equal_results() -> None:
    arch = toy_architecture()
    assert platforms.estimate(arch, NETWORK) == platforms.estimate(arch, NETWORK)


def test_html_is_escaped() -> None:
    network = Network("<b>", (Layer(name="<i>&", op="fc", gemm_M=1, gemm_N=2, gemm_K=2),))
    html = platforms.estimate(toy_architecture(), network)._repr_html_()
    assert "&lt;i&gt;&amp;" in html
    assert "<i>" not in html
    assert "<b>" not in html.replace("<b>&lt;b&gt; on toy, 1 MHz</b>", "")


def test_controllers_whose_movers_reach_main_memory_do_not_compute() -> None:
    text = """
        architecture rows {
            clock 1 GHz
            operations { load(dst: out address, src: in address), fold(dst: out address, src: in address) }
            sram imem { data_width: 32 bits, addresses: 0 ..< 64 }
            dram memory { data_width: 64 bits, addresses: 0x1000 ..< 0x2000 }
            sram pad { data_width: 64 bits, addresses: 0x4000 ..< 0x5000 }
            fetch ifs { from: imem }
            execute ex { controller dma { operations: load }, controller vector { operations: fold } }
            mover request { }
            mover fill { }
            mover lanes { }
            ifs -> ex, ex.dma -> request -> fill, memory => request, ex.vector -> lanes, pad <=> {fill, lanes}
        }
    """
    arch = acadl.loads(text)
    dma, vector = arch.objects["ex.dma"], arch.objects["ex.vector"]
    assert isinstance(dma, FunctionalUnit)
    assert isinstance(vector, FunctionalUnit)
    assert (_computes(arch, dma), _computes(arch, vector)) == (False, True)


@pytest.mark.parametrize(
    ("platform", "unit", "computes"),
    [
        ("gemmini", "execute_queue.mesh", True),  # reads and writes on-chip memories
        ("gemmini", "load_queue.load", False),
        ("systolic_array", "array_stage.array", True),
        ("systolic_array", "store_stage.drain", False),
        ("oma", "ex.alu", True),
        ("oma", "ex.lsu", False),
        ("ultratrail", "array_stage.array_unit", True),  # no main memory; accumulates
        ("ultratrail", "control.registers_of_layer", True),
        ("ultratrail", "output_stage.values", False),
    ],
)
def test_units_that_access_main_memory_do_not_compute(platform: str, unit: str, computes: bool) -> None:
    arch = platforms.load(platform)
    item = arch.objects[unit]
    assert isinstance(item, FunctionalUnit)
    assert _computes(arch, item) is computes
