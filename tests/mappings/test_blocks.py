"""Machines that work on blocks: any layer, on machines of any size."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import acadl
import aidg
from acadl.model import Architecture
from acadl.operations import Instruction
from mappings.compulsory import compulsory_bytes
from mappings.layers import Layer
from mappings.library._gamma_machine import BUFFERS
from mappings.library._split import even_pieces, even_split, pieces
from mappings.network import load_network
from mappings.registry import MappingError, library_module, map_layer
from tests.mappings.cases import LIBRARY, computed, equal, in_main_memory, layers

# Sizes of small machines, down to one of everything: parameter, least, most.
RANGES = {
    "eyeriss": {
        "rows": (1, 5), "cols": (1, 5), "ifmap_words": (1, 8), "filter_words": (1, 20), "psum_words": (1, 6),
        "ifmap_buffer": (64, 600), "filter_buffer": (16, 200), "psum_buffer": (64, 600),
        "psum_sections": (1, 9), "glb_bytes": (1, 8),
        "ifmap_rate": (1, 4), "psum_rate": (1, 4), "pass_latency": (1, 5),
        "queue_depth": (1, 4), "outstanding": (1, 3), "bus_bytes": (1, 8), "memory_latency": (1, 9),
    },
    "plasticine": {
        "rows": (1, 3), "cols": (1, 3), "lanes": (1, 4), "stages": (1, 6), "sums": (4, 20),
        "pmu_size": (64, 600), "pmu_ports": (1, 2), "hop_cycles": (0, 2), "queue_depth": (1, 4),
        "outstanding": (1, 3), "dram_channels": (1, 3), "bus_bytes": (1, 8), "memory_latency": (1, 9),
    },
    "gamma": {
        "units": (1, 3), "tile": (1, 5), "a_tiles": (1, 4), "b_tiles": (1, 4), "sums": (1, 5),
        "gemm_latency": (0, 5), "lanes": (1, 4), "vector_bytes": (4, 30), "vector_tiles": (1, 3),
        "scratchpad_size": (64, 600), "scratchpad_bytes": (1, 8), "queue_depth": (1, 4),
        "outstanding": (1, 3), "bus_bytes": (1, 8), "memory_latency": (1, 9),
    },
}  # fmt: skip
BLOCK_MACHINES = sorted(RANGES)


@st.composite
def machines(draw: st.DrawFn) -> Architecture:
    """One of the machines, small."""
    name = draw(st.sampled_from(BLOCK_MACHINES))
    sizes = {parameter: draw(st.integers(*ends)) for parameter, ends in RANGES[name].items()}
    return acadl.load(str(LIBRARY / f"{name}.acadl"), **sizes)


@settings(max_examples=60, deadline=None)
@given(machines(), layers())
def test_any_layer_on_any_machine_computes_what_numpy_computes(arch: Architecture, layer: Layer) -> None:
    """Blocks, tiles and shares of every shape."""
    try:
        map_layer(layer, arch)
    except MappingError:
        return
    found, expected = computed(library_module(arch.name), layer, arch, seed=4)
    assert equal(found, expected)


@pytest.mark.parametrize("name", BLOCK_MACHINES)
@pytest.mark.parametrize("op", ["maxpool", "conv"])
def test_images_of_one_pixel_follow_each_other_whatever_the_stride(name: str, op: str) -> None:
    arch = acadl.load(str(LIBRARY / f"{name}.acadl"))
    layer = Layer(name="l", op=op, N=3, C=4, K=4, stride_h=2, stride_w=3)
    found, expected = computed(library_module(name), layer, arch, seed=4)
    assert equal(found, expected)


@settings(max_examples=40, deadline=None)
@given(machines(), layers())
def test_nothing_is_larger_than_its_place(arch: Architecture, layer: Layer) -> None:
    """Tiles, vectors and buffers hold what is put into them, and every byte that is needed is read."""
    try:
        program = map_layer(layer, arch)
    except MappingError:
        return
    sizes, read = {name: int(value) for name, value in arch.parameters.items()}, 0
    sums: Counter[str] = Counter()
    for instruction in program:
        read += sum(a.total_bytes for a in in_main_memory(arch, instruction.read_addresses))
        CHECKS[arch.name](instruction, sizes)
        for register in instruction.write_registers:
            if register.startswith("ps"):
                bank = "low" if int(register[2:]) < sizes["psum_sections"] else "high"
                before, sums[register] = sums[register], instruction.immediates.get("sums", 0)
                sums[bank] += max(0, sums[register] - before) if sums[register] else -before
                assert 4 * sums[bank] <= sizes["psum_buffer"] // 2
    assert read >= compulsory_bytes(layer)[0]


def check_gamma(instruction: Instruction, sizes: dict[str, int]) -> None:
    i = instruction.immediates
    match instruction.operation:
        case "gemm":
            assert max(i["m"], i["n"], i["k"]) <= sizes["tile"]
        case "load_v":
            assert instruction.read_addresses[0].total_bytes <= sizes["vector_bytes"]
        case "fetch":
            target, buffer = instruction.write_addresses[0], sizes["scratchpad_size"] // BUFFERS
            assert target.start % (16 << 20) % buffer + target.total_bytes <= buffer


def check_plasticine(instruction: Instruction, sizes: dict[str, int]) -> None:
    i = instruction.immediates
    match instruction.operation:
        case "dot":
            assert i["m"] * i["n"] <= sizes["sums"]
        case "vmac" | "vadd" | "vmax":
            assert i["outputs"] * i["channels"] <= sizes["sums"]
        case "load":
            target, buffer = instruction.write_addresses[0], sizes["pmu_size"] // BUFFERS
            assert target.start % (1 << 20) % buffer + target.total_bytes <= buffer


def check_eyeriss(instruction: Instruction, sizes: dict[str, int]) -> None:
    """Scratchpads of an element hold what it works on, and no pass is shorter than its products take."""
    i = instruction.immediates
    match instruction.operation:
        case "convolve" | "depthwise" | "pool_max" | "pool_sum":
            window = i["tap_step"] * (i["taps_w"] - 1) + 1
            deep = i["filters"] if instruction.operation == "depthwise" else i["planes"]
            assert window * deep <= sizes["ifmap_words"]
            assert i["taps_h"] <= sizes["rows"]
            assert i["filters"] <= sizes["psum_words"]
            if instruction.operation == "convolve":
                assert i["taps_w"] * i["filters"] * i["planes"] <= sizes["filter_words"]
            products = i["sums"] * i["taps_h"] * i["taps_w"]
            products *= i["channels"] if instruction.operation == "convolve" else 1
            busy = i["width"] * i["taps_w"] * i["filters"] * i["planes"]
            assert busy * sizes["rows"] * sizes["cols"] >= products
        case "fetch":
            target = instruction.write_addresses[0]
            inside = target.start % 0x1000_0000
            buffer = sizes["ifmap_buffer" if target.start < 0x2000_0000 else "filter_buffer"] // 2
            assert inside % buffer + target.total_bytes <= buffer


CHECKS = {"gamma": check_gamma, "eyeriss": check_eyeriss, "plasticine": check_plasticine}


@settings(max_examples=12, deadline=None)
@given(machines(), layers())
def test_evaluators_agree_on_any_machine(arch: Architecture, layer: Layer) -> None:
    """Skipping is exact, and the simulation, which starts instructions out of order, keeps data right."""
    try:
        program = map_layer(layer, arch)
    except MappingError:
        return
    full = aidg.estimate(arch, program, method="full")
    exact = aidg.estimate(arch, program)
    assert (exact.cycles, exact.method) == (full.cycles, "exact")
    if program.instruction_count < 300:
        assert acadl.simulate(arch, program).cycles == full.cycles


@pytest.mark.parametrize("network", ["alexnet", "resnet18", "mobilenetv1", "tcresnet8"])
@pytest.mark.parametrize("platform", BLOCK_MACHINES)
def test_networks_are_exact_and_cheap(platform: str, network: str) -> None:
    """The largest layer of each operator of the network: exact, with a small part of it evaluated."""
    arch = acadl.load(str(LIBRARY / f"{platform}.acadl"))
    largest: dict[str, Layer] = {}
    for layer in load_network(network).layers:
        if layer.macs >= largest.get(layer.op, layer).macs:
            largest[layer.op] = layer
    for layer in largest.values():
        found = aidg.estimate(arch, map_layer(layer, arch))
        assert found.method == "exact", layer.name
        assert found.evaluated_instructions < 150_000, layer.name


@given(st.integers(1, 300), st.integers(1, 40))
def test_splits_cover_everything_once(size: int, limit: int) -> None:
    parts = even_split(size, limit)
    assert parts.size == size
    assert parts.tile <= limit
    for cut in (even_pieces(size, limit), pieces(size, limit)):
        covered = Counter(n for first, count in cut for n in range(first, first + count))
        assert covered == Counter(range(size))
        assert max(count for _, count in cut) <= limit
    assert len(even_pieces(size, limit)) == -(-size // limit)


def test_an_even_split_has_no_rest_where_a_tile_of_two_thirds_does() -> None:
    assert (even_split(56, 10).tile, even_split(56, 10).rest) == (8, 0)
    assert even_split(53, 10).rest == 53 % even_split(53, 10).tile
