"""One operator with its shape: what a mapping turns into a loop program.

Field names are the columns of the layer table: C, H, W are the input's channels, height and width, K the
output channels, R and S the kernel's height and width. Sizes are elements; one element of an activation or
weight is one byte (int8), accumulators are four (int32).

Shapes of operators without a window: tensors of other ranks than four keep the product of N, C, H, W.
``softmax``, ``layernorm`` and ``rmsnorm`` (divided by the root of the mean square) are N rows of C elements
that are normalised together. ``rope`` turns pairs of elements by an angle of their position; ``gather`` reads
rows of a table, of which only those that are read count.
"""

from __future__ import annotations

from dataclasses import dataclass

CONVOLUTIONS = frozenset({"conv", "dwconv", "conv1d"})
TRANSPOSED_CONVOLUTIONS = frozenset({"convtranspose"})
MATRIX_PRODUCTS = frozenset({"gemm", "fc"})
POOLINGS = frozenset({"maxpool", "avgpool", "globalavgpool"})
KERNELS = CONVOLUTIONS | TRANSPOSED_CONVOLUTIONS
WINDOWED = KERNELS | POOLINGS

# Operators with one shape for all their inputs and outputs, or that only move data.
# fmt: off
SHAPE_ONLY = frozenset((
    "add", "batchnorm", "clip", "concat", "div", "elu", "erf", "exp", "gather", "gelu", "hardsigmoid",
    "hardswish", "layernorm", "leakyrelu", "log", "logsoftmax", "lrn", "max", "min", "mish", "mul", "neg",
    "pad", "pow", "prelu", "reciprocal", "relu", "resize", "rmsnorm", "rope", "selu", "sigmoid", "silu",
    "slice", "softmax", "softplus", "split", "sqrt", "sub", "tanh", "transpose", "upsample",
))
# fmt: on

OPERATORS = WINDOWED | MATRIX_PRODUCTS | SHAPE_ONLY


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """An operator instance.

    Attributes:
        name: Unique in the network.
        op: ``conv, dwconv, conv1d, gemm, fc, maxpool, avgpool, globalavgpool, relu, add, concat, …``; other
            operators carry their ONNX name in lower case.
        N, C, H, W: Input shape; for element-wise operators the product is the number of elements.
        K, R, S: Output channels and kernel size (convolutions, pooling).
        stride_h, stride_w, dilation_h, dilation_w: As in ONNX.
        pad_h, pad_w: Padding before the first row and column.
        pad_h_end, pad_w_end: Padding after the last row and column; ``None``: as before the first.
        ceil_mode: Pooling output sizes are rounded up.
        count_include_pad: The mean of a pooling window is over its taps in the padding, too.
        groups: Convolution groups.
        gemm_M, gemm_N, gemm_K: ``C[M, N] = A[M, K] · B[K, N]`` (matrix products).
        gemm_batch: Products of that shape, each with an A and a B of its own; a bias is the same for all.
        operands: Tensors that are combined element-wise (``add``: 2 or more; 1: with constants only) or
            joined (``concat``). Where they differ in shape, N, C, H, W are the result's (``concat``: the
            first input's) and ``in_elements``, ``out_elements`` hold the true sizes.
        count: How often the layer occurs.
        bias: Whether a bias is added (int32 per output channel).
        inputs: Names of the layers that produce the inputs; empty for network inputs.
        onnx_op: Operator of the ONNX node it came from, empty otherwise.
        output_pad_h, output_pad_w: Rows and columns added at the end of a transposed convolution's output.
        window: Channels that one element is normalised over (``lrn``).
        perm: Axes of the input, N, C, H, W from 0 on, in the order of the output's (``transpose``); empty:
            not known.
        in_elements, out_elements: Elements of all inputs and outputs, where the shape does not give them.
        param_elements: Elements of constant operands (scales, slopes) other than weights and bias.
    """

    name: str
    op: str
    count: int = 1
    N: int = 1
    C: int = 1
    H: int = 1
    W: int = 1
    K: int = 1
    R: int = 1
    S: int = 1
    stride_h: int = 1
    stride_w: int = 1
    pad_h: int = 0
    pad_w: int = 0
    pad_h_end: int | None = None
    pad_w_end: int | None = None
    dilation_h: int = 1
    dilation_w: int = 1
    ceil_mode: bool = False
    count_include_pad: bool = True
    groups: int = 1
    gemm_M: int = 0
    gemm_N: int = 0
    gemm_K: int = 0
    gemm_batch: int = 1
    operands: int = 1
    bias: bool = False
    inputs: tuple[str, ...] = ()
    onnx_op: str = ""
    output_pad_h: int = 0
    output_pad_w: int = 0
    window: int = 0
    perm: tuple[int, ...] = ()
    in_elements: int | None = None
    out_elements: int | None = None
    param_elements: int = 0

    @property
    def OH(self) -> int:
        """Output height."""
        end = self.pad_h if self.pad_h_end is None else self.pad_h_end
        if self.op in TRANSPOSED_CONVOLUTIONS:
            reach = self.dilation_h * (self.R - 1) + 1
            return self.stride_h * (self.H - 1) + reach + self.output_pad_h - self.pad_h - end
        return _output_size(self.H, self.R, self.stride_h, self.dilation_h, self.pad_h, end, self.ceil_mode)

    @property
    def OW(self) -> int:
        """Output width."""
        end = self.pad_w if self.pad_w_end is None else self.pad_w_end
        if self.op in TRANSPOSED_CONVOLUTIONS:
            reach = self.dilation_w * (self.S - 1) + 1
            return self.stride_w * (self.W - 1) + reach + self.output_pad_w - self.pad_w - end
        return _output_size(self.W, self.S, self.stride_w, self.dilation_w, self.pad_w, end, self.ceil_mode)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one occurrence, padded taps included; 0 for other operators.

        A transposed convolution counts one per input element and weight of its group, cropped ones included.
        """
        if self.op in CONVOLUTIONS:
            return self.N * self.OH * self.OW * self.K * (self.C // self.groups) * self.R * self.S
        if self.op in TRANSPOSED_CONVOLUTIONS:
            return self.N * self.H * self.W * self.C * (self.K // self.groups) * self.R * self.S
        if self.op in MATRIX_PRODUCTS:
            return self.gemm_batch * self.gemm_M * self.gemm_N * self.gemm_K
        return 0

    @property
    def input_elements(self) -> int:
        """Elements of all inputs of one occurrence, weights and other constants excluded."""
        if self.in_elements is not None:
            return self.in_elements
        if self.op in MATRIX_PRODUCTS:
            return self.gemm_batch * self.gemm_M * self.gemm_K
        return self.N * self.C * self.H * self.W * self.operands

    @property
    def weight_elements(self) -> int:
        """Elements of the weights of one occurrence, bias excluded; constant operands of other operators."""
        if self.op in KERNELS:
            return self.K * (self.C // self.groups) * self.R * self.S
        if self.op in MATRIX_PRODUCTS:
            return self.gemm_batch * self.gemm_K * self.gemm_N
        return self.param_elements

    @property
    def output_elements(self) -> int:
        """Elements of the output of one occurrence."""
        if self.out_elements is not None:
            return self.out_elements
        if self.op in KERNELS:
            return self.N * self.K * self.OH * self.OW
        if self.op in MATRIX_PRODUCTS:
            return self.gemm_batch * self.gemm_M * self.gemm_N
        if self.op == "globalavgpool":
            return self.N * self.C
        if self.op in POOLINGS:
            return self.N * self.C * self.OH * self.OW
        if self.op == "concat":
            return self.input_elements
        return self.N * self.C * self.H * self.W


def _output_size(
    size: int, kernel: int, stride: int, dilation: int, before: int, after: int, ceil_mode: bool
) -> int:
    """Positions of a window; the ONNX formula, windows that start in the end padding dropped."""
    room = size + before + after - dilation * (kernel - 1) - 1
    positions = (-(-room // stride) if ceil_mode else room // stride) + 1
    if ceil_mode and (positions - 1) * stride >= size + before:
        positions -= 1
    return positions


_POSITIVE = "count N C H W K R S stride_h stride_w dilation_h dilation_w groups gemm_batch".split()  # noqa: SIM905 - a row
_NOT_NEGATIVE = ("pad_h", "pad_w", "pad_h_end", "pad_w_end", "output_pad_h", "output_pad_w", "window")


def layer_problems(layer: Layer) -> tuple[tuple[str, str], ...]:
    """What makes a layer meaningless, as pairs of field name and sentence; empty if nothing does."""
    found = [
        (field, f"{field} is {value}; it must be at least 1")
        for field in _POSITIVE
        if (value := getattr(layer, field)) < 1
    ]
    found += [
        (field, f"{field} is {value}; it must not be negative")
        for field in _NOT_NEGATIVE
        if (value := getattr(layer, field)) is not None and value < 0
    ]
    if layer.perm and sorted(layer.perm) != [0, 1, 2, 3]:
        found.append(("perm", f"perm is {layer.perm}; it must have each of the axes 0, 1, 2, 3 once"))
    if layer.op in MATRIX_PRODUCTS:
        found += [
            (field, f"{field} is {value}; {layer.op} needs at least 1")
            for field in ("gemm_M", "gemm_N", "gemm_K")
            if (value := getattr(layer, field)) < 1
        ]
    if not found and layer.op in KERNELS:
        found += _group_problems(layer)
    if not found and layer.op in WINDOWED:
        found += _window_problems(layer)
    return tuple(found)


def _group_problems(layer: Layer) -> list[tuple[str, str]]:
    found = [
        ("groups", f"groups is {layer.groups}, which does not divide {field} = {value}")
        for field, value in (("C", layer.C), ("K", layer.K))
        if value % layer.groups
    ]
    if layer.op == "dwconv" and layer.groups != layer.C:
        text = f"groups is {layer.groups}; a depthwise convolution has one per channel, C = {layer.C}"
        found.append(("groups", text))
    if layer.op == "conv1d" and (layer.H, layer.R) != (1, 1):
        field, value = ("H", layer.H) if layer.H != 1 else ("R", layer.R)
        text = f"{field} is {value}; a one-dimensional convolution runs along W and has H = R = 1"
        found.append((field, text))
    return found


def _window_problems(layer: Layer) -> list[tuple[str, str]]:
    if layer.op in TRANSPOSED_CONVOLUTIONS:
        sizes = (("pad_h", "height", layer.OH), ("pad_w", "width", layer.OW))
        return [
            (field, f"{field} leaves an output {word} of {size}") for field, word, size in sizes if size < 1
        ]
    end_h = layer.pad_h if layer.pad_h_end is None else layer.pad_h_end
    end_w = layer.pad_w if layer.pad_w_end is None else layer.pad_w_end
    spans = (
        ("R", "high", layer.dilation_h * (layer.R - 1) + 1, layer.H + layer.pad_h + end_h),
        ("S", "wide", layer.dilation_w * (layer.S - 1) + 1, layer.W + layer.pad_w + end_w),
    )
    return [
        (field, f"the window is {reach} {word}, more than the padded input, {room}")
        for field, word, reach, room in spans
        if reach > room
    ]
