"""Small layers of every operator: odd sizes, and every attribute that the operator has.

A row of the table is a name and the layers that are checked for it; an attention is its sequence of layers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mappings.attention_layers import attention
from mappings.layers import Layer


def _image(op: str, channels: int, height: int, width: int, **more: Any) -> Layer:
    """A layer on an image; poolings have as many output channels as input channels."""
    return Layer(name=op, **{"op": op, "C": channels, "K": channels, "H": height, "W": width, **more})


def _conv(
    channels: int, height: int, width: int, outputs: int, kernel: tuple[int, int], **more: Any
) -> Layer:
    return _image("conv", channels, height, width, K=outputs, R=kernel[0], S=kernel[1], **more)


def _depthwise(channels: int, height: int, width: int, kernel: tuple[int, int], **more: Any) -> Layer:
    return _image("dwconv", channels, height, width, R=kernel[0], S=kernel[1], **{"groups": channels, **more})


def _transposed(
    channels: int, height: int, width: int, outputs: int, kernel: tuple[int, int], **more: Any
) -> Layer:
    return _image("convtranspose", channels, height, width, K=outputs, R=kernel[0], S=kernel[1], **more)


def _line(channels: int, width: int, outputs: int, kernel: int, **more: Any) -> Layer:
    return _image("conv1d", channels, 1, width, K=outputs, S=kernel, **more)


def _product(m: int, n: int, k: int, **more: Any) -> Layer:
    return Layer(**{"name": "gemm", "op": "gemm", "gemm_M": m, "gemm_N": n, "gemm_K": k, **more})


def _pool(op: str, channels: int, height: int, width: int, kernel: tuple[int, int], **more: Any) -> Layer:
    return _image(op, channels, height, width, R=kernel[0], S=kernel[1], **more)


def _pools(op: str) -> tuple[Layer, ...]:
    """Every attribute that maximum and average have in common."""
    return (
        _pool(op, 5, 7, 8, (3, 3), stride_h=2, stride_w=2, pad_h=1, pad_w=1),
        _pool(op, 3, 6, 6, (3, 3), stride_h=2, stride_w=2, ceil_mode=True, N=2),
        _pool(op, 3, 5, 9, (2, 3), stride_w=3, pad_w_end=1, pad_h=1, pad_h_end=0),
        _pool(op, 7, 7, 9, (2, 3), dilation_h=3, dilation_w=2),
        _pool(op, 17, 5, 5, (5, 5)),
        _pool(op, 1, 1, 13, (1, 4), stride_w=3, ceil_mode=True),
        _pool(op, 9, 1, 11, (1, 3), stride_w=2, pad_w=1),
    )


# Of one number, by their ONNX names.
ACTIVATIONS = (
    "elu", "erf", "exp", "gelu", "hardsigmoid", "hardswish", "leakyrelu", "log", "mish", "neg", "reciprocal",
    "selu", "sigmoid", "silu", "softplus", "sqrt", "tanh",
)  # fmt: skip

CASES: Mapping[str, tuple[Layer, ...]] = {
    "conv1d": (
        _line(5, 13, 6, 5, stride_w=2, pad_w=2, bias=True),
        _line(3, 17, 7, 3, dilation_w=4, pad_w=3, pad_w_end=1, N=2),
        _line(6, 11, 9, 3, groups=3),
        _line(1, 9, 1, 9),
    ),
    "conv2d": (
        _conv(5, 5, 4, 5, (3, 3), pad_h=1, pad_w=1, bias=True),
        _conv(5, 3, 5, 7, (1, 1)),
        _conv(4, 7, 7, 5, (1, 1), stride_h=2, stride_w=2),
        _conv(3, 9, 8, 5, (3, 2), stride_h=2, stride_w=3, pad_h=1, pad_h_end=2, pad_w_end=1),
        _conv(3, 6, 8, 4, (3, 3), dilation_h=2, dilation_w=3, pad_h=2, pad_w=1),
        _conv(3, 5, 6, 5, (2, 3), N=2, bias=True),
        _conv(17, 3, 4, 19, (2, 2), pad_h=1),
    ),
    "conv2d, groups": (
        _conv(6, 4, 4, 9, (3, 3), groups=3, pad_h=1, pad_w=1, bias=True),
        _conv(4, 5, 7, 8, (1, 3), groups=2, stride_w=2, N=2),
        _conv(6, 5, 5, 4, (3, 3), groups=2, dilation_h=2, dilation_w=2),
    ),
    "depthwise": (
        _depthwise(6, 6, 7, (3, 3), pad_h=1, pad_w=1, bias=True),
        _depthwise(5, 9, 8, (2, 3), stride_h=2, stride_w=2, dilation_w=2, N=2),
        _depthwise(3, 5, 5, (3, 3), K=6),
        _depthwise(19, 5, 5, (5, 5), pad_h=2, pad_w=2, pad_h_end=1),
    ),
    "transposed conv": (
        _transposed(
            3,
            3,
            3,
            2,
            (3, 3),
            stride_h=2,
            stride_w=2,
            pad_h=1,
            pad_w=1,
            output_pad_h=1,
            output_pad_w=1,
            bias=True,
        ),
        _transposed(2, 4, 4, 4, (2, 2), pad_h=2, pad_w=1, groups=2, dilation_w=2),
        _transposed(3, 2, 5, 5, (3, 1), stride_h=3, stride_w=1, pad_h_end=2, pad_h=0, N=2),
    ),
    "GEMM": (
        _product(11, 10, 13),
        _product(3, 5, 4, bias=True),
        _product(37, 2, 3),
        _product(17, 33, 19, bias=True),
        _product(1, 1, 1),
    ),
    "batched GEMM": (
        _product(5, 7, 19, gemm_batch=3, bias=True),
        _product(1, 17, 3, gemm_batch=5),
        _product(9, 1, 5, gemm_batch=2),
    ),
    "GEMV": (
        _product(1, 23, 17, bias=True),
        _product(1, 9, 33, op="fc"),
        _product(29, 1, 7),
    ),
    "max pooling": _pools("maxpool"),
    "average pooling": _pools("avgpool"),
    "average pooling, padding not counted": tuple(
        _pool("avgpool", *sizes, count_include_pad=False, **more)
        for sizes, more in (
            ((5, 7, 8, (3, 3)), {"stride_h": 2, "stride_w": 2, "pad_h": 1, "pad_w": 1}),
            ((3, 6, 5, (2, 4)), {"pad_w": 3, "pad_w_end": 2, "pad_h_end": 1, "N": 2}),
            ((3, 6, 6, (3, 3)), {"stride_h": 2, "stride_w": 3, "ceil_mode": True, "pad_h": 1}),
            ((9, 1, 11, (1, 3)), {"stride_w": 2, "pad_w": 1}),
        )
    ),
    "global average": (
        _image("globalavgpool", 5, 5, 7, N=2),
        _image("globalavgpool", 17, 1, 13),
    ),
    "batch normalisation": (_image("batchnorm", 5, 3, 4, N=2, param_elements=10),),
    "ReLU": (_image("relu", 5, 3, 5), _image("relu", 1, 1, 37, N=2)),
    "sum": (
        _image("add", 5, 3, 5, N=2, operands=2),
        _image("add", 5, 3, 3, operands=3),
        _image("add", 9, 1, 7, operands=2),
    ),
    "concatenation": (_image("concat", 3, 5, 5, operands=2),),
    "difference": (_image("sub", 5, 3, 5, N=2, operands=2), _image("sub", 1, 1, 37, operands=2)),
    "product of elements": (_image("mul", 5, 3, 5, N=2, operands=2), _image("mul", 1, 1, 37, operands=2)),
    "quotient": (_image("div", 5, 3, 5, N=2, operands=2), _image("div", 7, 1, 31, operands=2)),
    "minimum, maximum": (_image("min", 5, 3, 5, operands=2), _image("max", 5, 3, 5, N=2, operands=2)),
    "activations": tuple(_image(op, 5, 3, 9) for op in ACTIVATIONS),
    "softmax": (
        _image("softmax", 10, 1, 1),
        _image("softmax", 37, 1, 1, N=5),
        _image("logsoftmax", 11, 1, 1, N=3),
    ),
    "layer normalisation": (
        _image("layernorm", 12, 1, 1, N=3),
        _image("layernorm", 37, 1, 1, N=5),
        _image("rmsnorm", 13, 1, 1, N=3),
    ),
    "layer normalisation, scale and shift": (_image("layernorm", 12, 1, 1, N=3, param_elements=24),),
    "local response normalisation": (_image("lrn", 6, 3, 3, window=5), _image("lrn", 7, 2, 5, window=4, N=2)),
    "transpose": tuple(
        _image("transpose", 3, 4, 5, N=2, perm=perm)
        for perm in ((0, 2, 3, 1), (0, 3, 1, 2), (0, 1, 3, 2), (1, 0, 2, 3), (3, 2, 1, 0))
    ),
    "transpose of more than four axes": (_image("transpose", 3, 4, 5),),
    "slice, pad, upsample": (
        _image("slice", 3, 4, 5, out_elements=20),
        _image("pad", 3, 4, 5, out_elements=120),
        _image("upsample", 3, 2, 5, out_elements=120),
    ),
    "attention": attention("attention", queries=5, width=12, heads=3, kv_heads=1, past=2, bias=True),
}
