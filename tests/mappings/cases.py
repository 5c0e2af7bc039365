"""Small layers of every kind, and a way to run them in program order."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

import acadl
from acadl.model import Architecture
from acadl.operations import AddressRange
from acadl.simulate_functions import execute
from acadl.state import ArchitecturalState
from mappings.layers import Layer, layer_problems
from mappings.library._memory import main_memory
from mappings.registry import map_layer
from tests.mappings.oracle import random_operands, reference

LIBRARY = Path(__file__).parents[2] / "platforms" / "library"

SMALL = {
    "conv_3x3": Layer(name="l", op="conv", C=5, H=5, W=4, K=5, R=3, S=3, pad_h=1, pad_w=1, bias=True),
    "conv_1x1": Layer(name="l", op="conv", C=5, H=3, W=5, K=7),
    "conv_1x1_stride_2": Layer(name="l", op="conv", C=4, H=7, W=7, K=5, stride_h=2, stride_w=2),
    "conv_strides_and_ends": Layer(
        name="l", op="conv", C=3, H=9, W=8, K=5, R=3, S=2, stride_h=2, stride_w=3,
        pad_h=1, pad_h_end=2, pad_w_end=1,
    ),
    "conv_dilated": Layer(
        name="l", op="conv", C=3, H=6, W=8, K=4, R=3, S=3, dilation_h=2, dilation_w=3, pad_h=2, pad_w=1
    ),
    "conv_groups": Layer(
        name="l", op="conv", C=6, H=4, W=4, K=9, R=3, S=3, groups=3, pad_h=1, pad_w=1, bias=True
    ),
    "conv_batch": Layer(name="l", op="conv", N=2, C=3, H=5, W=6, K=5, R=2, S=3, bias=True),
    "conv_covers_input": Layer(name="l", op="conv", N=3, C=2, H=3, W=4, K=5, R=3, S=4),
    "conv_wide": Layer(name="l", op="conv", C=2, H=3, W=21, K=3, R=3, S=3),
    "conv_many_channels": Layer(name="l", op="conv", C=11, H=3, W=4, K=8, R=2, S=2),
    "conv_one_channel": Layer(name="l", op="conv", C=1, H=5, W=5, K=1, R=3, S=3, bias=True),
    "conv1d": Layer(name="l", op="conv1d", C=5, W=13, K=6, S=5, stride_w=2, pad_w=2, bias=True),
    "dwconv": Layer(
        name="l", op="dwconv", C=6, H=6, W=7, K=6, R=3, S=3, groups=6, pad_h=1, pad_w=1, bias=True
    ),
    "dwconv_stride_dilation": Layer(
        name="l", op="dwconv", N=2, C=5, H=9, W=8, K=5, R=2, S=3, groups=5,
        stride_h=2, stride_w=2, dilation_w=2,
    ),
    "dwconv_multiplier": Layer(name="l", op="dwconv", C=3, H=5, W=5, K=6, R=3, S=3, groups=3),
    "dwconv_long": Layer(name="l", op="dwconv", C=3, H=1, W=40, K=3, R=1, S=9, groups=3, pad_w=4),
    "convtranspose": Layer(
        name="l", op="convtranspose", C=3, H=3, W=3, K=2, R=3, S=3, stride_h=2, stride_w=2, pad_h=1, pad_w=1,
        output_pad_h=1, output_pad_w=1, bias=True,
    ),
    "convtranspose_cut": Layer(
        name="l", op="convtranspose", C=2, H=4, W=4, K=4, R=2, S=2, pad_h=2, pad_w=1, groups=2, dilation_w=2
    ),
    "gemm": Layer(name="l", op="gemm", gemm_M=11, gemm_N=10, gemm_K=13),
    "gemm_bias": Layer(name="l", op="gemm", gemm_M=3, gemm_N=5, gemm_K=4, bias=True),
    "gemm_tall": Layer(name="l", op="gemm", gemm_M=37, gemm_N=2, gemm_K=3),
    "fc": Layer(name="l", op="fc", N=2, gemm_M=2, gemm_N=9, gemm_K=23, bias=True),
    "fc_one": Layer(name="l", op="fc", gemm_M=1, gemm_N=1, gemm_K=1),
    "maxpool": Layer(
        name="l", op="maxpool", C=5, H=7, W=8, K=5, R=3, S=3, stride_h=2, stride_w=2, pad_h=1, pad_w=1
    ),
    "maxpool_ceil": Layer(
        name="l", op="maxpool", N=2, C=3, H=6, W=6, K=3, R=3, S=3, stride_h=2, stride_w=2, ceil_mode=True
    ),
    "maxpool_wide": Layer(name="l", op="maxpool", C=3, H=2, W=30, K=3, R=2, S=20, stride_w=3),
    "avgpool": Layer(name="l", op="avgpool", C=5, H=6, W=6, K=5, R=3, S=2, stride_h=2, stride_w=2, pad_h=1),
    "avgpool_dilated_wide": Layer(name="l", op="avgpool", C=3, H=1, W=40, K=3, R=1, S=15, dilation_w=2),
    "globalavgpool": Layer(name="l", op="globalavgpool", N=2, C=5, H=5, W=7, K=5, R=5, S=7),
    "globalavgpool_without_kernel": Layer(name="l", op="globalavgpool", C=3, H=2, W=50),
    "batchnorm": Layer(name="l", op="batchnorm", N=2, C=5, H=3, W=4, param_elements=10),
    "relu": Layer(name="l", op="relu", C=5, H=3, W=5),
    "add": Layer(name="l", op="add", N=2, C=5, H=3, W=5, operands=2),
    "add_three": Layer(name="l", op="add", C=5, H=3, W=3, operands=3),
}  # fmt: skip

# Operators without a function on data, or shapes that only the general-purpose path takes.
TIMED_ONLY = {
    "layernorm_scaled": Layer(name="l", op="layernorm", N=2, C=10, param_elements=20),
    "upsample": Layer(name="l", op="upsample", C=3, H=4, W=4, out_elements=192),
    "slice": Layer(name="l", op="slice", C=3, H=4, W=4, out_elements=24),
    "add_constant": Layer(name="l", op="add", C=3, H=4, W=4, operands=1, param_elements=3),
    "unheard_of": Layer(name="l", op="frobnicate", C=3, H=4, W=4),
}

# What general-purpose units compute, or the one-MAC machine in passes.
GENERAL = {
    "softmax": Layer(name="l", op="softmax", N=3, C=10),
    "logsoftmax": Layer(name="l", op="logsoftmax", N=2, C=5),
    "layernorm": Layer(name="l", op="layernorm", N=3, C=29),
    "lrn": Layer(name="l", op="lrn", C=6, H=3, W=3, window=5),
    "lrn_wide": Layer(name="l", op="lrn", C=3, H=2, W=3, window=9),
    "transpose": Layer(name="l", op="transpose", N=2, C=5, H=3, W=4, perm=(2, 3, 0, 1)),
    "sigmoid": Layer(name="l", op="sigmoid", C=5, H=3, W=3),
    "mul": Layer(name="l", op="mul", C=5, H=3, W=4, operands=2),
    "div": Layer(name="l", op="div", N=2, C=5, H=3, W=4, operands=2),
}

# Copies, which the vector unit runs; modelled in time only, too.
COPIES = {
    "concat": Layer(name="l", op="concat", C=3, H=5, W=5, operands=2),
    "concat_unlike": Layer(
        name="l", op="concat", C=3, H=5, W=5, operands=2, in_elements=125, out_elements=125
    ),
}

# Machines on which small layers have full tiles, ragged ones and shared ones.
SMALL_MACHINES: dict[str, tuple[str, dict[str, int]]] = {
    "oma": ("oma", {}),
    "array_16x16": ("systolic_array", {}),
    "array_4x3": (
        "systolic_array",
        {
            "rows": 4, "cols": 3, "stream": 9, "sections": 3, "a_tiles": 3, "b_tiles": 2, "lanes": 2,
            "vector_bytes": 24, "vector_tiles": 2, "memory_latency": 5,
        },
    ),
    "eyeriss": ("eyeriss", {}),
    "eyeriss_small": (
        "eyeriss",
        {
            "rows": 3, "cols": 4, "ifmap_words": 4, "filter_words": 6, "psum_words": 2, "ifmap_buffer": 256,
            "filter_buffer": 64, "psum_buffer": 256, "psum_sections": 4, "glb_bytes": 2, "memory_latency": 5,
        },
    ),
    "plasticine": ("plasticine", {}),
    "plasticine_small": (
        "plasticine",
        {"rows": 2, "cols": 3, "lanes": 4, "sums": 9, "pmu_size": 256, "bus_bytes": 4, "memory_latency": 5},
    ),
    "gamma": ("gamma", {}),
    "gamma_small": (
        "gamma",
        {
            "units": 3, "tile": 3, "a_tiles": 2, "b_tiles": 3, "sums": 4, "lanes": 2, "vector_bytes": 24,
            "vector_tiles": 2, "scratchpad_size": 256, "scratchpad_bytes": 4, "memory_latency": 5,
        },
    ),
}  # fmt: skip


@cache
def machine(name: str) -> Architecture:
    """One of ``SMALL_MACHINES``."""
    file, parameters = SMALL_MACHINES[name]
    return acadl.load(str(LIBRARY / f"{file}.acadl"), **parameters)


def in_main_memory(arch: Architecture, pieces: Iterable[AddressRange]) -> list[AddressRange]:
    """Those of the ranges that lie where a layer's arrays do, not on the chip."""
    memory = main_memory(arch)
    return [piece for piece in pieces if memory.holds(piece.start, piece.end)]


def computed(module: ModuleType, layer: Layer, arch: Architecture, seed: int = 0) -> tuple[Any, Any]:
    """The layer's output when its program is executed in program order, and the expected one."""
    inputs, weights, bias = random_operands(layer, seed)
    state = ArchitecturalState(arch)
    for address, array in module.prepare(layer, arch, inputs, weights, bias).items():
        state.write_array(address, array)
    program = map_layer(layer, arch)
    for instruction in program:
        execute(arch.operations[instruction.operation], instruction, state, program.functions)
    return module.read_output(layer, arch, state), reference(layer, inputs, weights, bias)


def equal(found: Any, expected: Any) -> bool:
    """Same shape, same values."""
    return bool(found.shape == expected.shape and np.array_equal(found, expected))


@st.composite
def layers(draw: st.DrawFn) -> Layer:
    """Layers of every kind with random small shapes that make sense."""
    kind = draw(st.sampled_from(["conv", "dwconv", "convtranspose", "pool", "gemm", "add", "relu"]))
    small = st.integers(1, 4)
    if kind == "gemm":
        m, n, k = (draw(st.integers(1, 14)) for _ in range(3))
        return Layer(name="l", op="gemm", gemm_M=m, gemm_N=n, gemm_K=k, bias=draw(st.booleans()))
    shape = {"N": draw(st.integers(1, 2)), "H": draw(st.integers(1, 8)), "W": draw(st.integers(1, 8))}
    if kind in ("add", "relu"):
        operands = draw(st.integers(2, 3)) if kind == "add" else 1
        return Layer(name="l", op=kind, C=draw(st.integers(1, 6)), operands=operands, **shape)
    window = {
        "R": draw(small), "S": draw(small),
        "stride_h": draw(st.integers(1, 3)), "stride_w": draw(st.integers(1, 3)),
        "dilation_h": draw(st.integers(1, 2)), "dilation_w": draw(st.integers(1, 2)),
        "pad_h": draw(st.integers(0, 2)), "pad_w": draw(st.integers(0, 2)),
        "pad_h_end": draw(st.integers(0, 2)), "pad_w_end": draw(st.integers(0, 2)),
    }  # fmt: skip
    groups, inputs, outputs = draw(st.integers(1, 3)), draw(small), draw(small)
    bias = draw(st.booleans())
    match kind:
        case "pool":
            op, ceil_mode = draw(st.sampled_from(["maxpool", "avgpool"])), draw(st.booleans())
            layer = Layer(name="l", op=op, C=inputs, K=inputs, ceil_mode=ceil_mode, **shape, **window)
        case "dwconv":
            layer = Layer(name="l", op=kind, C=inputs, K=inputs, groups=inputs, bias=bias, **shape, **window)
        case _:
            layer = Layer(
                name="l",
                op=kind,
                C=groups * inputs,
                K=groups * outputs,
                groups=groups,
                bias=bias,
                **shape,
                **window,
            )
    return layer if not layer_problems(layer) else Layer(name="l", op="relu", C=inputs, **shape)


def with_names(cases: dict[str, Layer]) -> list[Any]:
    """Cases as pytest parameters."""
    return [pytest.param(layer, id=name) for name, layer in cases.items()]
