"""Rooflines: no exact estimate beats them, and their limits are those of the description."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import acadl
import aidg
import mappings
import platforms
from aidg.work import count_work
from mappings.compulsory import compulsory_bytes, compulsory_macs
from mappings.layers import Layer
from mappings.network import Network
from mappings.registry import MappingError, map_layer
from platforms.baselines import Baselines, baselines_of, main_bandwidth
from tests.mappings.cases import SMALL, layers
from tests.shipped import ACCELERATORS

CONVOLUTIONS = [layer for layer in SMALL.values() if "conv" in layer.op]

SMALL_PARAMETERS = {
    "plasticine": {"rows": 2, "cols": 3, "lanes": 4, "sums": 9, "pmu_size": "512 bytes"},
    "eyeriss": {"rows": 3, "cols": 4, "ifmap_words": 4, "filter_words": 6, "psum_words": 2},
    "gamma": {"units": 3, "tile": 3, "lanes": 2, "vector_bytes": 24, "scratchpad_size": "512 bytes"},
    "gemmini": {"dim": 4, "scratchpad_bytes": "4 KiB", "accumulator_bytes": "2 KiB"},
    "systolic_array": {"rows": 4, "cols": 3, "stream": 9, "lanes": 2, "vector_bytes": 24},
}


@st.composite
def machines(draw: st.DrawFn) -> acadl.Architecture:
    """A shipped accelerator, as it is or small, and Gemmini row by row."""
    name = draw(st.sampled_from(ACCELERATORS))
    if name in SMALL_PARAMETERS and draw(st.booleans()):
        return platforms.load(name, **SMALL_PARAMETERS[name])
    if name == "gemmini" and draw(st.booleans()):
        return platforms.load(name, dim=4, by_rows=True)
    return platforms.load(name)


@settings(max_examples=120)
@given(arch=machines(), layer=layers())
def test_no_exact_estimate_beats_the_rooflines(arch: acadl.Architecture, layer: Layer) -> None:
    """Every machine, generated layers: roofline ≤ refined roofline ≤ exact."""
    try:
        program = map_layer(layer, arch)
    except MappingError:
        return
    work = count_work(arch, program)
    lines = _baselines(arch, layer, work).of(layer, work)
    assert lines.roofline <= lines.refined <= aidg.estimate(arch, program).cycles


def _baselines(arch: acadl.Architecture, layer: Layer, work: object) -> Baselines:
    made = Baselines(arch)
    made.seen(layer, work)  # type: ignore[arg-type]
    return made


@pytest.mark.parametrize("platform", ACCELERATORS)
def test_networks_stay_above_the_rooflines(platform: str) -> None:
    """Layer by layer, with what the whole network does as the peak."""
    report = platforms.estimate(platform, "tcresnet8", published=True)
    assert report.layers
    for layer in report.layers:
        assert layer.roofline_cycles <= layer.refined_roofline_cycles <= layer.cycles
        assert layer.fixed_point_cycles is not None
    assert report.to_dict()["baselines"] == {
        "peak_macs_per_cycle": report.peak_macs_per_cycle,
        "memory_bytes_per_cycle": report.memory_bytes_per_cycle,
        "roofline_cycles": sum(layer.roofline_cycles for layer in report.layers),
        "refined_roofline_cycles": sum(layer.refined_roofline_cycles for layer in report.layers),
        "fixed_point_cycles": sum(layer.fixed_point_cycles or 0 for layer in report.layers),
    }


@pytest.mark.parametrize(
    ("platform", "parameters", "peak", "bandwidth"),
    [
        ("gemmini", {}, 256, 16),
        ("gemmini", {"dim": 8, "bus_bytes": 8}, 64, 8),
        ("systolic_array", {}, 256, 16),
        ("systolic_array", {"rows": 8, "cols": 32, "bus_bytes": 64}, 256, 64),
        ("oma", {}, 1, 4),
        ("oma", {"dmem_latency": 4}, 1, 1),
        ("axis_sa", {"rows": 3, "cols": 5}, 15, None),
        ("vta", {}, 254.2, 8),  # of 256: a tile's product begins with a few cycles of its own
    ],
)
def test_peak_and_bandwidth_are_the_machines(
    platform: str, parameters: dict[str, int], peak: float, bandwidth: int | None
) -> None:
    """Found from the description and its mapping: cells of the array, bytes of the bus."""
    found = baselines_of(platforms.load(platform, **parameters), ())
    assert float(found.peak or 0) == pytest.approx(peak, rel=1e-3)
    assert (None if found.bandwidth is None else found.bandwidth.both) == bandwidth


def test_sizes_that_the_array_does_not_divide_are_in_the_refined_roofline() -> None:
    """17 of 32 columns in use, 16 of 16 rows: ⌈17 / 16⌉ · 16 / 17 times the roofline."""
    layer = Layer(name="odd", op="gemm", gemm_M=4096, gemm_N=17, gemm_K=1024)
    (found,) = platforms.estimate("systolic_array", Network("n", (layer,))).layers
    assert found.roofline_cycles == -(-layer.macs // 256)
    assert found.refined_roofline_cycles == 2 * layer.macs // 17 // 16


DESCRIPTION = """
architecture memories {{
    clock 1 MHz
    operations {{ load(dst: out reg, src: in address) }}
    sram imem {{ data_width: 32 bits, addresses: 0 ..< 0x100 }}
    dram main {{ data_width: 8 bits, addresses: 0x1000 ..< 0x2000, {memory} }}
    {cache}
    registers rf {{ data_width: 32 bits, names: r }}
    fetch ifs {{ from: imem }}
    execute ex {{ memory_unit lsu {{ operations: load, latency: 1 }} }}
    ifs -> ex
    {way} => ex.lsu => rf
}}
"""
CACHE = "cache l1 { data_width: 8 bits, port_width: 8, sets: 4, ways: 1, hit_latency: 2 }"


@pytest.mark.parametrize(
    ("memory", "cache", "way", "bandwidth"),
    [
        ("port_width: 16, read_latency: 4, write_latency: 8", "", "main", 4),
        ("port_width: 16, read_latency: 4, initiation_interval: 1", "", "main", 16),
        ("port_width: 16, read_latency: 4, write_latency: 4, initiation_interval: 1, "
         "max_concurrent_requests: 2", "", "main", 8),
        ("port_width: 4, read_latency: 4, write_latency: 4, read_write_ports: 2", "", "main", 2),
        ("port_width: 1, read_latency: 50, write_latency: 50", CACHE, "main => l1", Fraction(8, 2)),
    ],
)  # fmt: skip
def test_bandwidth_follows_ports_and_intervals(
    memory: str, cache: str, way: str, bandwidth: Fraction
) -> None:
    """With a cache in front, what counts is how fast it answers at best."""
    arch = acadl.loads(DESCRIPTION.format(memory=memory, cache=cache, way=way))
    found = main_bandwidth(arch)
    assert found is not None
    whole = bandwidth if cache == "" else bandwidth + found.both - bandwidth
    assert found.both == whole >= bandwidth


@pytest.mark.parametrize("layer", CONVOLUTIONS)
def test_compulsory_work_equals_a_count_one_by_one(layer: Layer) -> None:
    """Pixels that a window touches, taps that meet the input, products without padding: by brute force."""
    products, pixels, taps = 0, set(), set()
    transposed = layer.op == "convtranspose"
    for y in range(layer.H if transposed else layer.OH):
        for x in range(layer.W if transposed else layer.OW):
            for r in range(layer.R):
                for s in range(layer.S):
                    row = y * layer.stride_h + r * layer.dilation_h - layer.pad_h
                    column = x * layer.stride_w + s * layer.dilation_w - layer.pad_w
                    inside = (layer.OH, layer.OW) if transposed else (layer.H, layer.W)
                    if 0 <= row < inside[0] and 0 <= column < inside[1]:
                        products += 1
                        pixels.add((y, x) if transposed else (row, column))
                        taps.add((r, s))
    pairs = layer.K * layer.C // layer.groups
    assert compulsory_macs(layer) == layer.N * pairs * products <= layer.macs
    bias = 4 * layer.K if layer.bias else 0
    read = layer.N * layer.C * len(pixels) + pairs * len(taps) + bias
    assert compulsory_bytes(layer) == (read, layer.output_elements)


@pytest.mark.parametrize("platform", ["gemmini", "oma", "systolic_array"])
@settings(max_examples=25)
@given(layer=layers())
def test_programs_move_what_they_have_to(platform: str, layer: Layer) -> None:
    """Conservation: bytes at main memory are at least the compulsory ones."""
    arch = platforms.load(platform)
    work = count_work(arch, map_layer(layer, arch))
    bandwidth = main_bandwidth(arch)
    assert bandwidth is not None
    moved = dict.fromkeys(("read", "write"), 0)
    for (name, direction), transfers in work.storages.items():
        if name in bandwidth.storages:
            moved[direction] += transfers.bytes
    read, written = compulsory_bytes(layer)
    assert moved["read"] >= read and moved["write"] >= written


def test_a_user_mapping_maps_no_layers_for_the_peak() -> None:
    """It may unroll loops, or take long: only the network's own layers are mapped."""
    from tests.platforms.toy import map_layer as toy_mapper
    from tests.platforms.toy import toy_architecture

    mapped = []

    def counting(layer: Layer, arch: acadl.Architecture) -> mappings.LoopProgram:
        mapped.append(layer.name)
        return toy_mapper(layer, arch)

    mappings.mapper("toy")(counting)
    network = Network("n", (Layer(name="one", op="fc", gemm_M=1, gemm_N=20, gemm_K=50),))
    report = platforms.estimate(toy_architecture(), network)
    assert mapped == ["one"]
    assert report.peak_macs_per_cycle == 5.0  # 1000 multiply-accumulates in 20 × 10 cycles
