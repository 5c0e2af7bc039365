"""What Gemmini's programs look like: addresses, work, size, and the cycles that no mapping can beat."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings

import aidg
from acadl.operations import Instruction
from acadl.routing import route
from mappings.layers import KERNELS, MATRIX_PRODUCTS, Layer
from mappings.library import gemmini as mapping
from mappings.library._gemmini_elementwise import host_cycles
from mappings.network import load_network
from mappings.program import steps
from mappings.registry import MappingError, map_layer
from tests.mappings.cases import COPIES, GENERAL, SMALL, TIMED_ONLY, layers, with_names
from tests.mappings.gemmini_cases import MACHINES, gemmini, owner, with_parameters


@pytest.mark.parametrize("layer", with_names(SMALL | TIMED_ONLY | COPIES | GENERAL))
@pytest.mark.parametrize("name", MACHINES)
def test_every_access_lies_in_an_array_and_outputs_are_written_once(name: str, layer: Layer) -> None:
    """Inputs are only read, every byte of the output is written exactly once."""
    arch = gemmini(name)
    arrays = mapping.arrays(layer, arch)
    output = arrays["output"]
    written = Counter[int]()
    for instruction in map_layer(layer, arch):
        for piece in instruction.read_addresses:
            assert owner(arch, arrays, piece) not in ("", "output"), f"{instruction} reads outside"
        for piece in instruction.write_addresses:
            assert owner(arch, arrays, piece) in ("scratchpad", "accumulator", "scale_unit", "output")
            if owner(arch, arrays, piece) == "output":
                for start in piece.row_starts():
                    written.update(range(start, start + piece.bytes))
    assert written == Counter(range(output.address, output.end))


@settings(max_examples=80, deadline=None)
@given(layers())
def test_every_instruction_of_any_layer_finds_its_unit(layer: Layer) -> None:
    """Random shapes: one route for each instruction, addresses in bounds."""
    for name in MACHINES:
        arch = gemmini(name)
        arrays = mapping.arrays(layer, arch)
        for instruction in map_layer(layer, arch):
            assert instruction.operation in route(arch, instruction).unit.to_process
            for piece in (*instruction.read_addresses, *instruction.write_addresses):
                assert owner(arch, arrays, piece)


def slots(instruction: Instruction, dim: int) -> int:
    """Multiply-accumulates that a compute has room for."""
    if not instruction.operation.startswith(("compute", "multiply")):
        return 0
    return instruction.immediates["rows"] * dim * dim


@pytest.mark.parametrize("layer", with_names(SMALL))
@pytest.mark.parametrize("name", MACHINES)
def test_all_multiplications_have_their_place(name: str, layer: Layer) -> None:
    """No work is dropped: the computes have room for every multiply-accumulate of the layer."""
    arch = gemmini(name)
    room = sum(slots(instruction, int(arch.parameters["dim"])) for instruction in map_layer(layer, arch))
    assert room >= layer.macs


@pytest.mark.parametrize(
    ("layer", "blocks"),
    [
        # pixels × (blocks of columns) × (blocks of the reduction)
        (Layer(name="l", op="gemm", gemm_M=100, gemm_N=32, gemm_K=64), 100 * 2 * 4),
        (Layer(name="l", op="gemm", gemm_M=100, gemm_N=33, gemm_K=65), 100 * 3 * 5),
        # a kernel row of 3 × 16 bytes is one run
        (Layer(name="l", op="conv", C=16, H=14, W=14, K=16, R=3, S=3, pad_h=1, pad_w=1), 196 * 1 * 3 * 3),
        # a kernel row of 7 × 3 bytes fills two blocks
        (Layer(name="l", op="conv", C=3, H=20, W=20, K=16, R=7, S=7), 196 * 1 * 7 * 2),
        # 37 channels: two packs of 16 and one of 5, tap by tap
        (Layer(name="l", op="dwconv", C=37, H=6, W=6, K=37, R=3, S=3, groups=37), 16 * 3 * 9),
        # groups of 8 input and 4 output channels, two in a pack
        (Layer(name="l", op="conv", C=32, H=4, W=4, K=16, groups=4), 16 * 2),
    ],
)
def test_work_is_counted_in_blocks(layer: Layer, blocks: int) -> None:
    """Rows that stream through the array, by hand."""
    rows = sum(slots(instruction, 16) // 256 for instruction in map_layer(layer, gemmini()))
    assert rows == blocks


def test_weights_and_pixels_are_moved_once_per_tile() -> None:
    """64 × 64 × 64: one macro tile; every block of A and B is moved in once, four side by side."""
    program = map_layer(Layer(name="l", op="gemm", gemm_M=64, gemm_N=64, gemm_K=64), gemmini())
    counts = Counter(instruction.operation for instruction in program)
    assert (counts["mvin"], counts["mvin2"], counts["mvout"]) == (4, 4, 4)
    assert counts["load_weights"] == counts["multiply"] == 64
    moved = [i.immediates for i in program if i.operation in ("mvin", "mvin2")]
    assert all((m["rows"], m["cols"]) == (16, 64) for m in moved)


def test_a_bias_is_moved_once_per_block_of_sums() -> None:
    """One row of 16 int32 for each of the 16 blocks."""
    layer = Layer(name="l", op="gemm", gemm_M=64, gemm_N=64, gemm_K=64, bias=True)
    moved = [i for i in map_layer(layer, gemmini()) if i.operation == "mvin3"]
    assert len(moved) == 16
    assert {i.read_addresses[0].total_bytes for i in moved} == {64}
    assert len({i.write_addresses[0].start for i in moved}) == 16


@pytest.mark.parametrize("layer", with_names(TIMED_ONLY))
def test_no_operator_is_dropped(layer: Layer) -> None:
    """Unknown operators take the host's time for every element."""
    arch = gemmini()
    program = map_layer(layer, arch)
    assert {instruction.operation for instruction in program} <= {"host", "mvin", "mvin2", "mvin3",
        "load_weights", "multiply", "mvout", "fence", "config_ex", "config_ld", "config_st"}  # fmt: skip
    cycles = aidg.estimate(arch, program).cycles
    elements = max(layer.input_elements, layer.output_elements)
    on_host = [i.immediates["cycles"] for i in program if i.operation == "host"]
    if on_host:
        assert sum(on_host) >= elements * host_cycles(layer)
        assert cycles > sum(on_host)
    assert cycles * 16 >= layer.input_elements + layer.output_elements


def test_a_pooling_window_beyond_the_accumulator_goes_to_the_host() -> None:
    """Half of the accumulator holds 512 rows: windows of 22 × 22 pixels fit, of 23 × 23 do not."""
    fits = Layer(name="l", op="maxpool", C=16, H=23, W=23, K=16, R=22, S=22)
    beyond = Layer(name="l", op="maxpool", C=16, H=23, W=23, K=16, R=23, S=23)
    assert {"mvout_pool"} <= {i.operation for i in map_layer(fits, gemmini())}
    assert {i.operation for i in map_layer(beyond, gemmini())} == {"host"}


def touched_bytes(layer: Layer) -> int:
    """Bytes that must move whatever the mapping: touched inputs, weights, outputs."""
    if layer.op in MATRIX_PRODUCTS:
        read = layer.gemm_M * layer.gemm_K
    elif layer.op in KERNELS or layer.op == "maxpool":
        rows, columns = min(layer.H, layer.OH * layer.R), min(layer.W, layer.OW * layer.S)
        read = rows * columns * layer.C * layer.N
    else:
        read = layer.input_elements
    weights = layer.weight_elements if layer.op in KERNELS | MATRIX_PRODUCTS else 0
    return read + weights + layer.output_elements


@pytest.mark.parametrize(
    "network",
    [
        "tc_resnet8",
        pytest.param("alexnet", marks=pytest.mark.slow),
        pytest.param("mobilenetv2", marks=pytest.mark.slow),
    ],
)
def test_no_layer_beats_the_roofs(network: str) -> None:
    """Cycles are at least MACs per cell of the array, and at least the bytes that must move per bus width."""
    arch = gemmini()
    for layer in load_network(network).layers:
        result = aidg.estimate(arch, map_layer(layer, arch))
        assert result.cycles * 256 >= layer.macs, layer.name
        assert result.cycles * 16 >= touched_bytes(layer), layer.name


@settings(max_examples=60, deadline=None)
@given(layers())
def test_no_small_layer_beats_the_roofs(layer: Layer) -> None:
    """The same for random shapes on a machine with a narrow bus."""
    arch = gemmini("8x8")
    cycles = aidg.estimate(arch, map_layer(layer, arch)).cycles
    assert cycles * 64 >= layer.macs
    padded = layer.op in KERNELS and max(layer.dilation_h, layer.dilation_w) > 1  # windows that skip inputs
    if not padded and layer.stride_h <= layer.R and layer.stride_w <= layer.S and layer.op != "maxpool":
        assert cycles * 4 >= layer.output_elements + (layer.weight_elements if layer.op in KERNELS else 0)


def test_convolutions_use_the_array_well() -> None:
    """A large layer of AlexNet keeps the array at least 75 % busy with useful products."""
    arch = gemmini()
    (layer,) = (layer for layer in load_network("alexnet").layers if layer.name == "conv4")
    assert layer.macs / 256 / aidg.estimate(arch, map_layer(layer, arch)).cycles > 0.75


@pytest.mark.parametrize("network", ["alexnet", "resnet50", "mobilenetv2"])
def test_programs_stay_small(network: str) -> None:
    """Static instructions do not grow with the layer."""
    for layer in load_network(network).layers:
        assert sum(1 for _ in steps(map_layer(layer, gemmini()).body)) < 800, layer.name


def test_exact_is_full_over_several_tiles() -> None:
    """Skipped iterations make no difference, in loops over tiles, taps and pieces of the reduction."""
    arch = gemmini()
    for layer in (
        Layer(name="l", op="conv", C=64, H=20, W=20, K=64, R=3, S=3, pad_h=1, pad_w=1, bias=True),
        Layer(name="l", op="gemm", gemm_M=200, gemm_N=200, gemm_K=300),
        Layer(name="l", op="dwconv", C=48, H=20, W=20, K=48, R=3, S=3, groups=48, bias=True),
        Layer(name="l", op="maxpool", C=128, H=30, W=30, K=128, R=3, S=3, stride_h=2, stride_w=2),
    ):
        program = map_layer(layer, arch)
        exact, full = aidg.estimate(arch, program), aidg.estimate(arch, program, method="full")
        assert exact.cycles == full.cycles
        assert exact.evaluated_instructions < full.evaluated_instructions


def test_cost_does_not_grow_with_the_size_of_a_product() -> None:
    """A product of 10¹² multiply-accumulates evaluates as many instructions as one of 10⁹."""
    arch = gemmini()
    small, large = (
        aidg.estimate(arch, map_layer(Layer(name="l", op="gemm", gemm_M=n, gemm_N=n, gemm_K=n), arch))
        for n in (1024, 10240)
    )
    assert large.evaluated_instructions < 1.5 * small.evaluated_instructions
    assert large.cycles / small.cycles == pytest.approx(1000, rel=0.05)


def test_arrays_that_do_not_fit_are_refused() -> None:
    """A small memory names the sizes."""
    arch = with_parameters(memory_bytes=4096)
    with pytest.raises(MappingError, match="bytes of memory"):
        map_layer(Layer(name="l", op="gemm", gemm_M=64, gemm_N=64, gemm_K=64), arch)
