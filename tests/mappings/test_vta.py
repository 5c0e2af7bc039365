"""VTA: NumPy's numbers from micro-operations, tiles that fit, cycles that follow from the modules."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import acadl
import aidg
import platforms
from acadl.model import Architecture
from acadl.operations import AddressRange, Instruction
from mappings.layers import KERNELS, Layer
from mappings.library import vta
from mappings.library._channel_blocks import geometry
from mappings.library._vta_machine import UOP_BITS, machine
from mappings.library._vta_product import Series, connections, pairs
from mappings.library._vta_tiling import tiling, window
from mappings.library._vta_uops import Kernels, pack
from mappings.network import load_network
from mappings.registry import MappingError, map_layer
from tests.mappings.cases import SMALL, computed, equal, layers
from tests.mappings.oracle import random_operands, reference

# Small layers have several tiles, ragged ones, and more micro-operations than fit at once.
TINY = {
    "block_in": 2, "block_out": 2, "uop_depth": 8, "inp_depth": 10, "wgt_depth": 4, "acc_depth": 8,
    "queue_depth": 2, "fetch_burst": 2, "memory_latency": 3,
}  # fmt: skip
MACHINES: dict[str, dict[str, Any]] = {
    "default": {},
    "tiny": TINY,
    "priorities": {**TINY, "inp_depth": 16, "fixed_priorities": True},
}


# One of each kind; others take long where they fall into many tiles.
FEW = (
    "conv_strides_and_ends",
    "dwconv_multiplier",
    "convtranspose_cut",
    "gemm_bias",
    "maxpool_ceil",
    "avgpool",
    "add",
)
SIMULATED = [
    pytest.param(parameters, layer, id=f"{name}-{case}")
    for name, parameters in MACHINES.items()
    for case, layer in SMALL.items()
    if name == "default" or case in FEW
]


@pytest.mark.parametrize(("parameters", "layer"), SIMULATED)
def test_simulation_computes_what_numpy_computes(parameters: dict[str, Any], layer: Layer) -> None:
    """The simulation's data are exact, and its cycles are the kernel's."""
    arch = platforms.load("vta", **parameters)
    program = map_layer(layer, arch)
    inputs, weights, bias = random_operands(layer)
    run = acadl.simulate(arch, program, data=vta.prepare(layer, arch, inputs, weights, bias))
    assert equal(vta.read_output(layer, arch, run.state), reference(layer, inputs, weights, bias))
    exact = aidg.estimate(arch, program)
    assert (run.cycles, exact.method) == (exact.cycles, "exact")


@st.composite
def machines(draw: st.DrawFn) -> dict[str, int]:
    """Sizes of small machines, down to buffers of two tensors."""
    block = draw(st.integers(1, 4))
    depths = {name: 2 * draw(st.integers(1, 12)) for name in ("uop_depth", "inp_depth", "wgt_depth")}
    return {"block_in": block, "block_out": block, "acc_depth": 2 * draw(st.integers(2, 16)), **depths}


def inside(piece: AddressRange, memory: tuple[int, int]) -> bool:
    return memory[0] <= piece.start and piece.end <= memory[1]


@settings(max_examples=50, deadline=None)
@given(layers(), machines())
def test_any_layer_on_any_machine(layer: Layer, sizes: dict[str, int]) -> None:
    """Data are right, and no instruction leaves its buffer or reaches into the other half."""
    arch = platforms.load("vta", **sizes)
    found, expected = computed(vta, layer, arch, seed=4)
    assert equal(found, expected)
    buffers = machine(arch)
    for instruction in map_layer(layer, arch):
        for piece in (*instruction.read_addresses, *instruction.write_addresses):
            for buffer in (buffers.uop, buffers.inp, buffers.wgt, buffers.acc):
                low, high = buffer.address, buffer.address + buffer.depth * buffer.tensor
                if low <= piece.start < high:
                    assert piece.end <= high
                    if buffer is not buffers.uop:
                        middle = low + buffer.half * buffer.tensor
                        assert piece.end <= middle or piece.start >= middle


def products(program: list[Instruction]) -> int:
    """Blocks that the matrix core multiplies."""
    return sum(
        i.immediates["lp0"] * i.immediates["lp1"] * i.read_addresses[-1].bytes // 4
        for i in program
        if i.operation == "gemm"
    )


@settings(max_examples=25, deadline=None)
@given(layers(), machines())
def test_work_and_traffic_are_conserved(layer: Layer, sizes: dict[str, int]) -> None:
    """Blocks multiplied: each pair that a group connects, at each tap of each pixel, once.

    All weights are loaded, every byte of the output is written once; and no estimate beats the matrix core or
    the memory's port.
    """
    arch = platforms.load("vta", **sizes)
    program = list(map_layer(layer, arch))
    done = products(program)
    if layer.macs and layer.op != "convtranspose":
        view, block = geometry(layer), sizes["block_in"]
        connected = sum(1 for series in connections(layer, block) for _ in pairs(series))
        pixels = view.batch * view.out_h * view.out_w
        assert done == pixels * view.kernel_h * view.kernel_w * connected
        assert done * block * block >= layer.macs
    at, size = vta.arrays(layer, arch), aidg.estimate(arch, map_layer(layer, arch)).cycles
    read = dict.fromkeys(at, 0)
    written = Counter[int]()
    for instruction in program:
        for piece in instruction.read_addresses:
            for name, array in at.items():
                if array.address <= piece.start < array.end:
                    assert piece.end <= array.end
                    read[name] += piece.total_bytes
        for piece in instruction.write_addresses:
            if piece.start >= 0x8000_0000:
                written.update(b for row in piece.row_starts() for b in range(row, row + piece.bytes))
    output = at["output"]
    assert set(written) == set(range(output.address, output.end)) and set(written.values()) == {1}
    if "weights" in at:
        assert read["weights"] >= at["weights"].bytes
    moved = sum(read.values()) + output.bytes
    assert size >= done and size * 8 >= moved


@pytest.mark.parametrize("network", ["alexnet", "mobilenetv1", "resnet18", "tcresnet8"])
def test_networks_are_exact_and_beat_no_roof(network: str) -> None:
    arch = platforms.load("vta")
    found = platforms.estimate(arch, network)
    assert not found.unmapped
    for layer, estimate in zip(load_network(network).layers, found.layers, strict=True):
        assert estimate.method == "exact"
        assert estimate.cycles * 256 >= layer.macs
        weights = layer.weight_elements if layer.op in KERNELS or layer.op == "fc" else 0
        assert estimate.cycles * 8 >= weights + layer.output_elements


def test_a_matrix_instruction_takes_a_cycle_for_each_micro_operation() -> None:
    """lp0 · lp1 · micro-operations, plus what starts and drains it."""
    arch = platforms.load("vta", gemm_overhead=0)
    slow = platforms.load("vta", gemm_overhead=1000)
    layer = Layer(name="l", op="conv", C=256, H=14, W=14, K=256, R=3, S=3, pad_h=1, pad_w=1)
    program = map_layer(layer, arch)
    counts = Counter(i.operation for i in program)
    assert counts["gemm"] > 5
    found = aidg.estimate(arch, program).cycles
    assert products(list(program)) == layer.macs // 256
    more = aidg.estimate(slow, map_layer(layer, slow)).cycles - found
    assert 1000 * counts["gemm"] <= more <= 1000 * (counts["gemm"] + counts["reset"])


def test_loads_overlap_with_the_matrix_core() -> None:
    """With both halves of the buffers the core is busy nearly all the time."""
    arch = platforms.load("vta")
    layer = Layer(name="l", op="conv", C=256, H=14, W=14, K=256, R=3, S=3, pad_h=1, pad_w=1, bias=True)
    found = aidg.estimate(arch, map_layer(layer, arch))
    assert found.utilization["compute_module.matrix_core"] > 0.9
    reads = {i.operation: i.read_registers for i in map_layer(layer, arch)}
    assert {name[:-1] for name in reads["gemm"]} == {"ld2cmp"}
    assert {name[:-1] for name in reads["load_inp"]} == {"cmp2ld"}
    assert {name[:-1] for name in reads["store"]} == {"cmp2st"}


def test_priorities_and_ages_differ_little_where_the_core_is_busy() -> None:
    layer = Layer(name="l", op="conv", C=128, H=14, W=14, K=128, R=3, S=3, pad_h=1, pad_w=1, bias=True)
    by_age, by_priority = (platforms.load("vta", fixed_priorities=on) for on in (False, True))
    cycles = [aidg.estimate(arch, map_layer(layer, arch)).cycles for arch in (by_age, by_priority)]
    assert by_priority.in_order_of_time and not by_age.in_order_of_time
    assert abs(cycles[0] - cycles[1]) < 0.03 * cycles[0]


def test_micro_operations_have_their_fields() -> None:
    """11 bits for sums, 11 for inputs, 10 for weights: both ends of each."""
    assert list(UOP_BITS.values()) == [11, 11, 10]
    assert pack((2047, 0, 0)) == 2047
    assert pack((0, 2047, 0)) == 2047 << 11
    assert pack((0, 0, 1023)) == 1023 << 22
    assert pack((2047, 2047, 1023)) == 2**32 - 1


def test_more_tensors_than_a_micro_operation_names_are_refused() -> None:
    layer = Layer(name="l", op="relu", C=4, H=2, W=2)
    map_layer(layer, platforms.load("vta", wgt_depth=1024))
    with pytest.raises(MappingError, match="names 1024 tensors at most; 'wgt_depth' is 1025"):
        map_layer(layer, platforms.load("vta", wgt_depth=1025))


def test_buffers_without_room_for_a_result_and_its_bias_are_refused() -> None:
    layer = Layer(name="l", op="fc", gemm_M=1, gemm_N=4, gemm_K=4)
    map_layer(layer, platforms.load("vta", acc_depth=4))
    with pytest.raises(MappingError, match="at least 4 tensors; 'acc_depth' is 3"):
        map_layer(layer, platforms.load("vta", acc_depth=3))


def test_kernels_are_loaded_once_where_they_fit() -> None:
    """All of a layer's micro-operations at its start, or each kernel in front of its instruction."""
    layer = Layer(name="l", op="conv", C=80, H=9, W=9, K=80, R=3, S=3)
    for depth, once in ((2048, True), (32, True), (40, False)):
        arch = platforms.load("vta", uop_depth=depth, acc_depth=64)
        counts = Counter(i.operation for i in map_layer(layer, arch))
        assert counts["load_uop"] == 1 if once else counts["load_uop"] >= counts["gemm"] + counts["reset"]
    found, expected = computed(vta, layer, arch)
    assert equal(found, expected)


def test_equal_kernels_are_stored_once() -> None:
    kernels = Kernels(machine(platforms.load("vta")))
    first, again, other = (kernels.place(uops) for uops in ([(0, 0, 0)], [(0, 0, 0)], [(1, 0, 0)]))
    assert first == again != other
    assert kernels.packed().tolist() == [0, 1]


def test_groups_connect_blocks() -> None:
    """Depthwise: each block with itself. Groups of one and a half blocks: with one or two."""
    depthwise = Layer(name="l", op="dwconv", C=40, K=40, groups=40, H=3, W=3)
    assert connections(depthwise, 16) == [Series(1, 1, 0, 0, 3, 1, 1)]
    odd = Layer(name="l", op="conv", C=48, K=48, groups=2, H=3, W=3)
    assert [(s.output, s.input, s.outputs, s.inputs) for s in connections(odd, 16)] == [
        (0, 0, 1, 2), (1, 0, 1, 3), (2, 1, 1, 2),
    ]  # fmt: skip


def test_tiles_fit_half_of_every_buffer() -> None:
    """For all convolutions of the zoo's larger networks."""
    sizes = machine(platforms.load("vta"))
    for network in ("resnet50", "mobilenetv2", "inception_v1"):
        for layer in load_network(network).layers:
            if layer.op not in KERNELS or layer.groups > 1:
                continue
            view, inputs, outputs = geometry(layer), -(-layer.C // 16), -(-layer.K // 16)
            t = tiling(view, outputs, inputs, sizes)
            pixels = t.rows.tile * t.columns.tile
            rows, columns = window(
                view, t, (t.rows.tile, t.columns.tile), (t.tap_rows.tile, t.tap_columns.tile)
            )
            assert t.outputs.tile * (pixels + 1) <= sizes.acc.half
            assert t.inputs.tile * rows * columns <= sizes.inp.half
            assert t.outputs.tile * t.inputs.tile * t.tap_rows.tile * t.tap_columns.tile <= sizes.wgt.half


def test_means_run_where_they_can() -> None:
    """Over 16 taps a shift on the ALU, over 9 the host."""
    arch = platforms.load("vta")
    for size, operation in ((4, "alu"), (3, "host_mean")):
        layer = Layer(name="l", op="avgpool", C=20, H=8, W=8, K=20, R=size, S=size)
        assert operation in {i.operation for i in map_layer(layer, arch)}
    x = np.full((1, 20, 8, 8), 7, np.int8)
    layer = Layer(name="l", op="avgpool", C=20, H=8, W=8, K=20, R=4, S=4)
    run = acadl.simulate(arch, map_layer(layer, arch), data=vta.prepare(layer, arch, [x]))
    assert (vta.read_output(layer, arch, run.state) == 7).all()


def simulated_cycles(arch: Architecture, layer: Layer) -> int:
    return acadl.simulate(arch, map_layer(layer, arch)).cycles


def test_a_shared_queue_holds_back_what_comes_behind() -> None:
    """Queues of one instruction instead of 512 make a layer slower, never faster."""
    layer = Layer(name="l", op="conv", C=64, H=12, W=12, K=64, R=3, S=3, pad_h=1, pad_w=1)
    deep, shallow = (platforms.load("vta", queue_depth=depth) for depth in (512, 1))
    assert simulated_cycles(shallow, layer) >= simulated_cycles(deep, layer)
