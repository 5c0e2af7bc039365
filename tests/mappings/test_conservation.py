"""Laws that hold on every platform: nothing is lost, nothing is invented, no model beats its machine.

Platforms are found by looking. Each law is checked on generated layers, on the machine as it ships and, where
it has sizes, on a small one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import ModuleType

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import aidg
import platforms
from acadl.model import Architecture
from acadl.simulate_functions import execute
from acadl.state import ArchitecturalState
from aidg.work import Work, count_work
from benchmarks.operators import machines
from mappings.compulsory import compulsory_bytes, compulsory_macs
from mappings.layers import KERNELS, MATRIX_PRODUCTS, TRANSPOSED_CONVOLUTIONS, Layer
from mappings.registry import library_module, map_layer
from platforms.baselines import Baselines, baselines_of, main_bandwidth
from tests.mappings.cases import layers
from tests.mappings.oracle import random_operands
from tests.shipped import ACCELERATORS, NARROW, mapped

MACHINES = [
    pytest.param(arch, id=name + ("" if number == 0 else ", small"))
    for name in ACCELERATORS
    for number, arch in enumerate(machines(name))
]

# Multiply-accumulates of an instruction by its name and what it carries; zeros that fill up an array count.
MULTIPLIES: dict[str, Callable[[str, dict[str, int], Architecture], int]] = {
    "oma": lambda name, i, arch: int(name == "mac"),
    "systolic_array": lambda name, i, arch: (
        i["m"] * i["n"] * i["k"] if name == "gemm" else
        i["outputs"] * i["taps"] * i["channels"] if name == "vmac" else 0
    ),
    "gemmini": lambda name, i, arch: (
        i["rows"] * int(arch.parameters["dim"]) ** 2
        if name in ("multiply", "compute_preloaded", "compute_accumulated") else 0
    ),
    "axis_sa": lambda name, i, arch: i["k"] * _cells(arch),
    "eyeriss": lambda name, i, arch: (
        i["rows"] * i["pixels"] * i["channels"] * i["taps_h"] * i["taps_w"]
        * (i["columns"] if name == "convolve" else 1) if name in ("convolve", "depthwise") else 0
    ),
    "gamma": lambda name, i, arch: (
        i["m"] * i["n"] * i["k"] if name == "gemm" else
        i["outputs"] * i["taps"] * i["channels"] if name == "vmac" else 0
    ),
    "plasticine": lambda name, i, arch: (
        i["m"] * i["n"] * i["k"] if name == "dot" else
        i["outputs"] * i["taps"] * i["channels"] if name == "vmac" else 0
    ),
    "vta": lambda name, i, arch: (
        i["lp0"] * i["lp1"] * i["uop.bytes"] // 4 * _block(arch) if name == "gemm" else 0
    ),
    "riscv_mcu": lambda name, i, arch: int(name == "mul"),
    "simd": lambda name, i, arch: int(arch.parameters["lanes"]) if name in ("vmac", "vmac_lane") else 0,
    "ultratrail": lambda name, i, arch: (i["taps"] + i["padded"]) * 64 if name in ("mac", "zeros") else 0,
}  # fmt: skip
# They multiply what the layer multiplies, and nothing else.
NOT_FILLED_UP = ("eyeriss", "gamma", "oma", "plasticine", "riscv_mcu", "systolic_array")
PEAK: dict[str, Callable[[Architecture], int]] = {
    "oma": lambda arch: 1,
    "systolic_array": lambda arch: _cells(arch) + int(arch.parameters["lanes"]),
    "gemmini": lambda arch: int(arch.parameters["dim"]) ** 2,
    "axis_sa": lambda arch: _cells(arch),
    "eyeriss": lambda arch: _cells(arch),
    "gamma": lambda arch: (
        int(arch.parameters["units"]) * (int(arch.parameters["tile"]) ** 2 + int(arch.parameters["lanes"]))
    ),
    "plasticine": lambda arch: _cells(arch) * int(arch.parameters["lanes"]),
    "riscv_mcu": lambda arch: 1,
    "simd": lambda arch: int(arch.parameters["lanes"]),
    "vta": lambda arch: _block(arch),
    "ultratrail": lambda arch: 64,
}


def _cells(arch: Architecture) -> int:
    return int(arch.parameters["rows"]) * int(arch.parameters["cols"])


def _block(arch: Architecture) -> int:
    return int(arch.parameters["block_in"]) * int(arch.parameters["block_out"])


GENERAL = ("softmax", "layernorm", "lrn", "sigmoid", "mul", "transpose", "concat", "pad")


@cache
def rooflines(name: str, number: int) -> Baselines:
    """Of a platform's machine, its peak probed with large layers."""
    return baselines_of(machines(name)[number], ())


def rooflines_of(arch: Architecture) -> Baselines:
    return rooflines(arch.name, machines(arch.name).index(arch))


@st.composite
def any_layers(draw: st.DrawFn) -> Layer:
    """Layers of every kind: batches of products, and what runs on general-purpose units."""
    kind = draw(st.integers(0, 7))
    if kind > 1:
        return draw(layers())
    if kind == 1:
        shape = {"N": draw(st.integers(1, 3)), "H": draw(st.integers(1, 4)), "W": draw(st.integers(1, 4))}
        op, c = draw(st.sampled_from(GENERAL)), draw(st.integers(1, 30))
        two, perm = op in ("mul", "concat"), (0, 2, 3, 1) if op == "transpose" else ()
        return Layer(name="l", op=op, C=c, operands=1 + two, window=3, perm=perm, **shape)
    m, n, k = (draw(st.integers(1, 14)) for _ in range(3))
    return Layer(name="l", op="gemm", gemm_M=m, gemm_N=n, gemm_K=k, gemm_batch=draw(st.integers(2, 4)))


@st.composite
def one_dimensional(draw: st.DrawFn) -> Layer:
    """Layers that machines of one dimension run, too."""
    c, k, w, s = (
        draw(st.integers(1, 9)),
        draw(st.integers(1, 9)),
        draw(st.integers(1, 20)),
        draw(st.integers(1, 4)),
    )
    assume(s <= w)
    pad, stride = draw(st.integers(0, s - 1)), draw(st.integers(1, 3))
    return Layer(
        name="l", op="conv1d", C=c, W=w, K=k, S=s, pad_w=pad, stride_w=stride, bias=draw(st.booleans())
    )


def drawn(arch: Architecture) -> st.SearchStrategy[Layer]:
    return any_layers() | one_dimensional() if arch.name in NARROW else any_layers()


def worked(layer: Layer, arch: Architecture) -> Work:
    """What the layer makes the machine do; a layer that it refuses is no example."""
    program = mapped(layer, arch)
    assume(program is not None)
    assert program is not None
    return count_work(arch, program)


def multiplied(work: Work, arch: Architecture) -> int:
    count = MULTIPLIES[arch.name]
    return sum(item.times * count(item.operation, dict(item.names), arch) for item in work.instances)


def expected_macs(layer: Layer) -> int:
    """What a mapping multiplies at least; of a transposed convolution the inserted zeros, too."""
    if layer.op in TRANSPOSED_CONVOLUTIONS:
        return layer.N * layer.K * layer.OH * layer.OW * (layer.C // layer.groups) * layer.R * layer.S
    return layer.macs


@pytest.mark.parametrize("arch", MACHINES)
@settings(max_examples=15, deadline=None)
@given(st.data())
def test_no_multiplication_is_lost_and_none_is_added(arch: Architecture, data: st.DataObject) -> None:
    """As the instructions say: exactly those of the layer, or more where blocks are filled up."""
    if arch.name not in MULTIPLIES:
        pytest.skip("what its instructions multiply is not listed; the law on data below holds for it")
    layer = data.draw(drawn(arch))
    work = worked(layer, arch)
    if layer.op in KERNELS | MATRIX_PRODUCTS:
        found = multiplied(work, arch)
        assert found >= expected_macs(layer)
        assert found == expected_macs(layer) or arch.name not in NOT_FILLED_UP


@pytest.mark.parametrize("arch", MACHINES)
@settings(max_examples=10, deadline=None)
@given(st.data())
def test_every_product_counts_once_in_the_result(arch: Architecture, data: st.DataObject) -> None:
    """With ones for all operands the outputs add up to the layer's products outside of the padding."""
    module = library_module(arch.name)
    if module is None or not hasattr(module, "prepare"):
        pytest.skip("modelled in time only")
    layer = data.draw(drawn(arch))
    assume(layer.op in KERNELS | MATRIX_PRODUCTS)
    assume(mapped(layer, arch) is not None)
    outputs = _on_ones(layer, arch, module)
    assume(outputs.max() < 127)  # cut to a byte
    assert outputs.sum() == compulsory_macs(layer)


def _on_ones(layer: Layer, arch: Architecture, module: ModuleType) -> np.ndarray:
    inputs, weights, bias = random_operands(layer)
    ones = [np.ones_like(array) for array in inputs]
    zeros = None if bias is None else np.zeros_like(bias)
    state = ArchitecturalState(arch)
    for address, array in module.prepare(layer, arch, ones, np.ones_like(weights), zeros).items():
        state.write_array(address, array)
    program = map_layer(layer, arch)
    for instruction in program:
        execute(arch.operations[instruction.operation], instruction, state, program.functions)
    return module.read_output(layer, arch, state).astype(int)


@pytest.mark.parametrize("arch", MACHINES)
@settings(max_examples=15, deadline=None)
@given(st.data())
def test_what_has_to_move_moves(arch: Architecture, data: st.DataObject) -> None:
    """Every byte that is needed is read from main memory at least once, every output is written."""
    bandwidth = main_bandwidth(arch)
    if bandwidth is None:
        pytest.skip("it has no main memory")
    layer = data.draw(drawn(arch))
    work = worked(layer, arch)
    moved = {
        direction: sum(
            transfers.bytes
            for (name, way), transfers in work.storages.items()
            if way == direction and name in bandwidth.storages
        )
        for direction in ("read", "write")
    }
    read, written = compulsory_bytes(layer)
    assert moved["read"] >= read
    assert moved["write"] >= written


@pytest.mark.parametrize("arch", MACHINES)
@settings(max_examples=15, deadline=None)
@given(st.data())
def test_no_estimate_beats_the_machine(arch: Architecture, data: st.DataObject) -> None:
    """Cycles are at least products over peak and bytes over bandwidth, by hand and by the rooflines."""
    layer = data.draw(drawn(arch))
    program = mapped(layer, arch)
    assume(program is not None)
    assert program is not None
    cycles, work = aidg.estimate(arch, program).cycles, count_work(arch, program)
    if arch.name in PEAK:
        assert cycles * PEAK[arch.name](arch) >= compulsory_macs(layer)
    bandwidth = main_bandwidth(arch)
    if bandwidth is not None:
        assert cycles >= bandwidth.cycles(*compulsory_bytes(layer))
    baselines = rooflines_of(arch)
    baselines.seen(layer, work)
    bounds = baselines.of(layer, work)
    assert bounds.roofline <= cycles
    assert bounds.refined <= cycles


# -- faster machines ---------------------------------------------------------------------------------------

# Every access finds a port: what docs/semantics.md promises holds.
NO_CONTENTION = {
    "rows": 4,
    "cols": 3,
    "stream": 9,
    "sections": 3,
    "lanes": 2,
    "vector_bytes": 24,
    "memory_ports": 64,
}


@settings(max_examples=30, deadline=None)
@given(
    layers(),
    st.fixed_dictionaries(
        {
            "queue_depth": st.integers(1, 4),
            "outstanding": st.integers(1, 4),
            "bus_bytes": st.integers(1, 16),
            "memory_latency": st.integers(2, 40),
            "scalar_cycles": st.integers(2, 9),
        }
    ),
    st.sampled_from(
        [("queue_depth", 1), ("outstanding", 1), ("bus_bytes", 5), ("memory_ports", 1),
         ("memory_latency", -1), ("scalar_cycles", -1)]
    ),
)  # fmt: skip
def test_without_contention_a_better_machine_is_never_slower(
    layer: Layer, sizes: dict[str, int], change: tuple[str, int]
) -> None:
    """More bandwidth, more places and shorter latencies; the program stays the same."""
    name, more = change
    before = {**NO_CONTENTION, **sizes}
    after = {**before, name: before[name] + more}
    worse, better = (platforms.load("systolic_array", **found) for found in (before, after))
    program = map_layer(layer, worse)
    assert map_layer(layer, better).body == program.body
    assert aidg.estimate(better, program).cycles <= aidg.estimate(worse, program).cycles


@settings(max_examples=15, deadline=None)
@given(layers(), st.integers(2, 6), st.sampled_from(["dmem_latency", "divide_cycles", "scalar_cycles"]))
def test_a_machine_with_one_unit_at_its_memory_is_never_slower(layer: Layer, value: int, name: str) -> None:
    slow, fast = platforms.load("oma", **{name: value}), platforms.load("oma", **{name: value - 1})
    program = map_layer(layer, slow)
    assert aidg.estimate(fast, program).cycles <= aidg.estimate(slow, program).cycles


def test_a_shorter_latency_can_be_slower_where_units_share_a_port() -> None:
    """The example of docs/semantics.md on a shipped machine: 31 instead of 32 cycles of memory latency."""
    sizes = {"rows": 4, "cols": 4, "stream": 16, "queue_depth": 1, "bus_bytes": 2}
    layer = Layer(name="l", op="gemm", gemm_M=15, gemm_N=15, gemm_K=5)
    cycles = {}
    for latency in (32, 31):
        arch = platforms.load("systolic_array", memory_latency=latency, **sizes)
        cycles[latency] = aidg.estimate(arch, map_layer(layer, arch)).cycles
    assert cycles[31] > cycles[32]
