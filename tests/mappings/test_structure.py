"""What programs look like: how many instructions, which addresses, how much work, how little time."""

from __future__ import annotations

import timeit
from collections import Counter

import pytest
from hypothesis import given, settings

import acadl
import aidg
from acadl.model import Architecture, MemoryInterface
from acadl.operations import Instruction
from acadl.routing import route
from mappings.layers import KERNELS, Layer
from mappings.network import load_network
from mappings.program import steps
from mappings.registry import library_module, map_layer
from tests.mappings.cases import (
    COPIES,
    GENERAL,
    LIBRARY,
    SMALL,
    SMALL_MACHINES,
    TIMED_ONLY,
    in_main_memory,
    layers,
    machine,
    with_names,
)

MACHINES = sorted(SMALL_MACHINES)
ARRAYS = [name for name in MACHINES if name.startswith("array")]


def multiplies(instruction: Instruction) -> int:
    """Multiply-accumulates of one instruction, of whichever machine."""
    i = instruction.immediates
    match instruction.operation:
        case "mac":
            return 1
        case "gemm" | "dot":
            return i["m"] * i["n"] * i["k"]
        case "vmac":
            return i["outputs"] * i["taps"] * i["channels"]
        case "convolve":
            return i["rows"] * i["pixels"] * i["columns"] * i["channels"] * i["taps_h"] * i["taps_w"]
        case "depthwise":
            return i["rows"] * i["pixels"] * i["columns"] * i["taps_h"] * i["taps_w"]
    return 0


@pytest.mark.parametrize("layer", with_names(SMALL | TIMED_ONLY | COPIES | GENERAL))
@pytest.mark.parametrize("name", MACHINES)
def test_every_access_lies_in_an_array_and_outputs_are_written_once(name: str, layer: Layer) -> None:
    """Inputs are only read, every byte of the output is written exactly once, nothing else is touched."""
    arch = machine(name)
    arrays = library_module(arch.name).arrays(layer, arch)
    output = arrays.pop("output")
    program = map_layer(layer, arch)
    read, written = Counter[str](), Counter[int]()
    for instruction in program:
        for piece in in_main_memory(arch, instruction.read_addresses):
            owner = [a for a in arrays.values() if a.address <= piece.start and piece.end <= a.end]
            assert len(owner) == 1, f"{instruction} reads outside of one array"
            read[owner[0].name] += piece.total_bytes
        for piece in in_main_memory(arch, instruction.write_addresses):
            for start in piece.row_starts():
                written.update(range(start, start + piece.bytes))
    assert written == Counter(range(output.address, output.end))
    assert set(read) == set(arrays)


@pytest.mark.parametrize("layer", with_names(SMALL))
@pytest.mark.parametrize("name", MACHINES)
def test_multiplications_are_the_layers(name: str, layer: Layer) -> None:
    """Not one is dropped, none is added; a transposed convolution multiplies inserted zeros, too."""
    done = sum(map(multiplies, map_layer(layer, machine(name))))
    if layer.op == "batchnorm":
        assert done == layer.output_elements
    elif layer.op == "convtranspose":
        inserted = layer.N * layer.K * layer.OH * layer.OW * layer.C // layer.groups * layer.R * layer.S
        assert done == inserted
    else:
        assert done == layer.macs


@settings(max_examples=100, deadline=None)
@given(layers())
def test_programs_are_valid_and_every_instruction_finds_its_unit(layer: Layer) -> None:
    """Random shapes: every instruction has a route, every read byte an owner."""
    for name in ARRAYS:
        arch = machine(name)
        arrays = library_module(arch.name).arrays(layer, arch).values()
        for instruction in map_layer(layer, arch):
            assert route(arch, instruction).unit is not None
            for piece in in_main_memory(arch, (*instruction.read_addresses, *instruction.write_addresses)):
                assert any(a.address <= piece.start and piece.end <= a.end for a in arrays)


@pytest.mark.parametrize("layer", with_names(SMALL | TIMED_ONLY | COPIES | GENERAL))
@pytest.mark.parametrize("name", MACHINES)
def test_small_programs_can_be_routed(name: str, layer: Layer) -> None:
    """One route per kind of instruction and unit; all of a layer's instructions have one."""
    arch = machine(name)
    for instruction in map_layer(layer, arch):
        assert instruction.operation in route(arch, instruction).unit.to_process


def tiles(rows: int, columns: int, depth: int, arch: Architecture, **more: bool) -> Layer:
    """A matrix product of so many full tiles."""
    m, n, k = (int(arch.parameters[name]) for name in ("stream", "cols", "rows"))
    return Layer(name="g", op="gemm", gemm_M=rows * m, gemm_N=columns * n, gemm_K=depth * k, **more)


@pytest.mark.parametrize(("rows", "columns", "depth"), [(1, 1, 1), (2, 3, 4), (1000, 1000, 1401)])
def test_a_product_is_two_loads_and_a_gemm_per_tile_and_a_store(rows: int, columns: int, depth: int) -> None:
    """The nest of full tiles holds nothing else; its size does not depend on the number of tiles."""
    arch = machine("array_16x16")
    program = map_layer(tiles(rows, columns, depth, arch), arch)
    assert [step.operation for step in steps(program.body)] == ["load_b", "load_a", "gemm", "store"]
    assert program.instruction_count == 3 * rows * columns * depth + rows * columns
    with_bias = map_layer(tiles(rows, columns, depth, arch, bias=True), arch)
    assert with_bias.instruction_count == program.instruction_count + columns


def test_four_billion_instructions_from_a_few_hundred() -> None:
    """1000 × 1000 × 1401 tiles: exact, from fewer than 2,000 evaluated instructions."""
    arch = machine("array_16x16")
    result = aidg.estimate(arch, map_layer(tiles(1000, 1000, 1401, arch), arch))
    assert result.method == "exact"
    assert result.instructions == 4_204_000_000
    assert result.evaluated_instructions < 2000
    assert result.cycles > tiles(1000, 1000, 1401, arch).macs / 256


@pytest.mark.parametrize("size", [(1, 1, 1), (2, 2, 3), (3, 2, 5), (5, 4, 7), (4, 5, 9), (6, 6, 8)])
def test_exact_is_full_for_products(size: tuple[int, int, int]) -> None:
    """Every size that can be propagated in full gives the same cycles both ways."""
    arch = machine("array_16x16")
    program = map_layer(tiles(*size, arch), arch)
    assert aidg.estimate(arch, program).cycles == aidg.estimate(arch, program, method="full").cycles


def test_small_rows_share_a_tile_of_weights() -> None:
    """Seven rows of seven pixels: one load of B serves seven products, and only the first shifts it in."""
    arch = machine("array_16x16")
    layer = Layer(name="l", op="conv", C=16, H=7, W=7, K=16, R=3, S=3, pad_h=1, pad_w=1)
    counts = Counter(i.operation for i in map_layer(layer, arch))
    assert counts == {"load_b": 9, "load_a": 63, "gemm": 63, "store": 7}
    fresh = [i.immediates["fresh"] for i in map_layer(layer, arch) if i.operation == "gemm"]
    assert fresh == [1, 0, 0, 0, 0, 0, 0] * 9


def test_few_channels_fill_the_array_with_a_kernel_row() -> None:
    """Three channels and a kernel of 7 × 7: 21 bytes of a kernel row in two parts, not 7 × 3 bytes."""
    arch = machine("array_16x16")
    layer = Layer(name="l", op="conv", C=3, H=20, W=20, K=16, R=7, S=7, stride_h=2, stride_w=2)
    depths = {i.immediates["k"] for i in map_layer(layer, arch) if i.operation == "gemm"}
    assert depths == {11, 10}


def test_pixels_of_an_unpadded_pointwise_convolution_are_one_dimension() -> None:
    """196 pixels in two tiles of 98, though rows are 14 long."""
    arch = machine("array_16x16")
    program = map_layer(Layer(name="l", op="conv", C=16, H=14, W=14, K=16), arch)
    assert [i.immediates["m"] for i in program if i.operation == "gemm"] == [98, 98]


def test_pixels_of_small_images_are_one_dimension_across_the_batch() -> None:
    """One pixel per image: the images of the batch stream through the array together."""
    arch = machine("array_16x16")
    program = map_layer(Layer(name="l", op="conv", N=5, C=4, H=2, W=2, K=4, R=2, S=2), arch)
    assert [(i.immediates["m"], i.immediates["k"]) for i in program if i.operation == "gemm"] == [(5, 16)]


def test_scalar_program_of_a_product() -> None:
    """Per output: accumulator, three instructions per term, store."""
    program = map_layer(Layer(name="l", op="gemm", gemm_M=3, gemm_N=4, gemm_K=5), machine("oma"))
    assert program.instruction_count == 3 * 4 * (1 + 3 * 5 + 1)


@pytest.mark.parametrize("layer", with_names(TIMED_ONLY))
@pytest.mark.parametrize("name", MACHINES)
def test_no_operator_is_dropped(name: str, layer: Layer) -> None:
    """Unknown operators take the general-purpose unit's time for every element at least."""
    arch = machine(name)
    program = map_layer(layer, arch)
    elements = max(layer.input_elements, layer.output_elements)
    worked = sum(i.immediates["n"] for i in program if i.operation == "scalar")
    assert worked >= elements
    assert aidg.estimate(arch, program).cycles >= elements * int(arch.parameters["scalar_cycles"])


@pytest.mark.parametrize("layer", with_names(COPIES))
@pytest.mark.parametrize("name", MACHINES)
def test_concatenations_are_copies(name: str, layer: Layer) -> None:
    """Every byte is read and written once and nothing is computed."""
    arch = machine(name)
    program = map_layer(layer, arch)
    read = [a for i in program for a in in_main_memory(arch, i.read_addresses)]
    written = [a for i in program for a in in_main_memory(arch, i.write_addresses)]
    assert sum(a.total_bytes for a in read) == layer.input_elements
    assert sum(a.total_bytes for a in written) == layer.output_elements
    assert not any(i.operation == "scalar" for i in program)


@pytest.mark.parametrize("network", ["alexnet", "mobilenetv2"])
def test_no_layer_beats_the_roofs(network: str) -> None:
    """Cycles are at least MACs per cell of the array, and at least the bytes that must move per bus width."""
    arch = acadl.load(str(LIBRARY / "systolic_array.acadl"))
    for layer in load_network(network).layers:
        cycles = aidg.estimate(arch, map_layer(layer, arch)).cycles
        assert cycles * 256 >= layer.macs, layer.name
        touched = min(layer.H, layer.OH * layer.R) * min(layer.W, layer.OW * layer.S) * layer.C * layer.N
        read = layer.gemm_M * layer.gemm_K if layer.op == "fc" else touched * layer.operands
        weights = layer.weight_elements if layer.op in KERNELS or layer.op == "fc" else 0
        assert cycles * 16 >= read + weights + layer.output_elements, layer.name


@pytest.mark.parametrize("name", ["oma", "array_16x16"])
@pytest.mark.parametrize("network", ["alexnet", "resnet50", "mobilenetv2"])
def test_layers_of_networks_map_at_once_and_small(network: str, name: str) -> None:
    """Less than 20 ms and less than 100 static instructions for each layer, whatever its size."""
    arch = machine(name)
    for layer in load_network(network).layers:
        program = map_layer(layer, arch)
        assert sum(1 for _ in steps(program.body)) < 100
        seconds = min(timeit.repeat(lambda: map_layer(layer, arch), number=1, repeat=3))  # noqa: B023
        assert seconds < 0.02, layer.name


@pytest.mark.parametrize("name", ["oma", "array_16x16"])
def test_the_largest_layer_of_vgg16_fits_as_described(name: str) -> None:
    """103 MB of weights, and the last byte of the output still lies in memory."""
    arch = machine(name)
    layer = max(load_network("vgg16").layers, key=lambda layer: layer.weight_elements)
    assert layer.weight_elements == 25088 * 4096
    assert map_layer(layer, arch).instruction_count > 0
    output = library_module(arch.name).arrays(layer, arch)["output"]
    assert any(memory.holds(output.address, output.end) for memory in arch.of_type(MemoryInterface))
