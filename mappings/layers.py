"""One operator with its shape: what a mapping turns into a loop program.

Field names are the columns of the layer table: C, H, W are the input's channels, height and width, K the output
channels, R and S the kernel's height and width. Sizes are elements; one element of an activation or weight is one
byte (int8), accumulators are four (int32).
"""

from __future__ import annotations

from dataclasses import dataclass

CONVOLUTIONS = frozenset({"conv", "dwconv", "conv1d"})
MATRIX_PRODUCTS = frozenset({"gemm", "fc"})
POOLINGS = frozenset({"maxpool", "avgpool", "globalavgpool"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """An operator instance.

    Attributes:
        name: Unique in the network.
        op: ``conv, dwconv, conv1d, gemm, fc, maxpool, avgpool, globalavgpool, relu, add, concat, softmax, …``;
            other operators carry their ONNX name in lower case.
        N, C, H, W: Input shape; for element-wise operators the product is the number of elements.
        K, R, S: Output channels and kernel size (convolutions, pooling).
        stride_h, stride_w, dilation_h, dilation_w: As in ONNX.
        pad_h, pad_w: Padding before the first row and column.
        pad_h_end, pad_w_end: Padding after the last row and column; ``None``: as before the first.
        ceil_mode: Pooling output sizes are rounded up.
        groups: Convolution groups.
        gemm_M, gemm_N, gemm_K: ``C[M, N] = A[M, K] · B[K, N]`` (matrix products).
        operands: Tensors that are combined element-wise (``add``: 2 or more) or joined (``concat``).
        count: How often the layer occurs.
        bias: Whether a bias is added (int32 per output channel).
        inputs: Names of the layers that produce the inputs; empty for network inputs.
        onnx_op: Operator of the ONNX node it came from, empty otherwise.
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
    groups: int = 1
    gemm_M: int = 0
    gemm_N: int = 0
    gemm_K: int = 0
    operands: int = 1
    bias: bool = False
    inputs: tuple[str, ...] = ()
    onnx_op: str = ""

    @property
    def OH(self) -> int:
        """Output height."""
        end = self.pad_h if self.pad_h_end is None else self.pad_h_end
        return _output_size(
            self.H, self.R, self.stride_h, self.dilation_h, self.pad_h, end, self.ceil_mode
        )

    @property
    def OW(self) -> int:
        """Output width."""
        end = self.pad_w if self.pad_w_end is None else self.pad_w_end
        return _output_size(
            self.W, self.S, self.stride_w, self.dilation_w, self.pad_w, end, self.ceil_mode
        )

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one occurrence, padded taps included; 0 for other operators."""
        if self.op in CONVOLUTIONS:
            return self.N * self.OH * self.OW * self.K * (self.C // self.groups) * self.R * self.S
        if self.op in MATRIX_PRODUCTS:
            return self.gemm_M * self.gemm_N * self.gemm_K
        return 0

    @property
    def input_elements(self) -> int:
        """Elements of all inputs, weights excluded."""
        if self.op in MATRIX_PRODUCTS:
            return self.gemm_M * self.gemm_K
        return self.N * self.C * self.H * self.W * self.operands

    @property
    def weight_elements(self) -> int:
        """Elements of the weights, bias excluded."""
        if self.op in CONVOLUTIONS:
            return self.K * (self.C // self.groups) * self.R * self.S
        if self.op in MATRIX_PRODUCTS:
            return self.gemm_K * self.gemm_N
        return 0

    @property
    def output_elements(self) -> int:
        """Elements of the output."""
        if self.op in CONVOLUTIONS:
            return self.N * self.K * self.OH * self.OW
        if self.op in MATRIX_PRODUCTS:
            return self.gemm_M * self.gemm_N
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
