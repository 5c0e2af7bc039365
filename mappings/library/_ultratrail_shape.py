"""What a layer is on UltraTrail: a one-dimensional convolution, or values on their way out of the array.

Feature memories hold rows of ``array`` channels, one for each position: blocks of channels, each with all its
positions, images of a batch one after the other. Channels are filled up to whole blocks with zeros.
"""

from __future__ import annotations

from dataclasses import dataclass

from acadl.model import Architecture
from mappings.layers import MATRIX_PRODUCTS, Layer
from mappings.library._memory import parameter
from mappings.library._windows import mean_regions
from mappings.registry import MappingError, unsupported

CONVOLUTIONS = frozenset({"conv1d", "conv"}) | MATRIX_PRODUCTS
MEANS = frozenset({"avgpool", "globalavgpool"})
SUPPORTED = CONVOLUTIONS | MEANS | {"relu", "add"}


@dataclass(frozen=True, slots=True)
class Limits:
    """What the mapping needs to know of the machine; names are the description's parameters."""

    array: int
    max_kernel: int
    max_stride: int
    max_length: int
    max_blocks: int


@dataclass(frozen=True, slots=True)
class Windows1D:
    """Windows along the positions of ``batch`` sequences.

    Attributes:
        inputs, outputs: Channels.
        length: Positions of the input, without padding.
        positions: Windows.
        taps, stride: Of a window.
        before: Padding in front of the first position.
    """

    batch: int
    inputs: int
    outputs: int
    length: int
    positions: int
    taps: int = 1
    stride: int = 1
    before: int = 0

    def inside(self, position: int) -> range:
        """Taps of a window that do not lie on padding."""
        first = position * self.stride - self.before
        return range(max(0, -first), max(0, -first, min(self.taps, self.length - first)))


def limits(arch: Architecture) -> Limits:
    """The limits of a layer. Raises :class:`MappingError` if the description has none."""
    return Limits(*(parameter(arch, name) for name in Limits.__slots__))


def windows_1d(layer: Layer, machine: Limits) -> Windows1D:
    """The layer as windows along one dimension; a row of a matrix product is a position.

    Raises:
        MappingError: The machine cannot run it: another operator, a second dimension, groups, a dilation, or
            more taps, channels, positions or a larger stride than the machine has room for.
    """
    if layer.op not in SUPPORTED:
        raise unsupported(layer, "ultratrail", SUPPORTED)
    if layer.op in MATRIX_PRODUCTS:
        if layer.gemm_batch > 1:
            _refuse(layer, [f"it runs one matrix product at a time; gemm_batch is {layer.gemm_batch}"])
        found = Windows1D(1, layer.gemm_K, layer.gemm_N, layer.gemm_M, layer.gemm_M)
    else:
        _refuse(layer, _second_dimension(layer))
        found = _along_width(layer)
    _refuse(layer, _too_large(found, machine))
    return found


def _along_width(layer: Layer) -> Windows1D:
    if layer.op in ("relu", "add"):
        return Windows1D(layer.N, layer.C, layer.C, layer.W, layer.W)
    if layer.op == "globalavgpool":
        return Windows1D(layer.N, layer.C, layer.C, layer.W, 1, layer.W)
    outputs = layer.K if layer.op in CONVOLUTIONS else layer.C
    return Windows1D(layer.N, layer.C, outputs, layer.W, layer.OW, layer.S, layer.stride_w, layer.pad_w)


def _second_dimension(layer: Layer) -> list[str]:
    """What keeps a layer from being a one-dimensional one without groups."""
    windowed = layer.op in CONVOLUTIONS or layer.op == "avgpool"
    found = []
    if layer.H != 1 or (windowed and (layer.R != 1 or layer.OH != 1 or layer.pad_h)):
        found.append(
            f"it runs one-dimensional networks only, along W with H = R = 1; H is {layer.H}, R {layer.R}"
            + (f", pad_h {layer.pad_h}" if layer.pad_h else "")
        )
    if layer.op in CONVOLUTIONS and layer.groups > 1:
        found.append(f"the array has no groups; groups is {layer.groups}")
    if layer.op == "avgpool" and not found and any(r.taps != layer.S for r in mean_regions(layer)):
        found.append("a mean divides by all taps of its window; some of these do not count")
    if windowed and layer.S > 1 and layer.dilation_w > 1:
        found.append(f"taps are neighbours; dilation_w is {layer.dilation_w}")
    if layer.op == "add" and layer.operands != 2:
        found.append(f"a residual sum has two operands; operands is {layer.operands}")
    if layer.op == "relu" and layer.operands != 1:
        found.append(f"a ReLU has one operand; operands is {layer.operands}")
    if layer.in_elements is not None or layer.out_elements is not None or layer.param_elements:
        found.append("constant operands and tensors of different shapes are not combined")
    return found


def _too_large(windows: Windows1D, machine: Limits) -> list[str]:
    """Which limits of the machine the layer exceeds. A mean over all positions is no window of the array."""
    array = machine.array
    sizes = [
        ("positions of the input", windows.length, machine.max_length, "max_length"),
        ("positions of the output", windows.positions, machine.max_length, "max_length"),
        ("blocks of input channels", -(-windows.inputs // array), machine.max_blocks, "max_blocks"),
        ("blocks of output channels", -(-windows.outputs // array), machine.max_blocks, "max_blocks"),
        ("positions of stride", windows.stride, machine.max_stride, "max_stride"),
    ]
    if windows.taps != windows.length or windows.positions > 1:
        sizes.append(("taps", windows.taps, machine.max_kernel, "max_kernel"))
    return [
        f"{value} {what}, more than {limit} ({name})" for what, value, limit, name in sizes if value > limit
    ]


def _refuse(layer: Layer, problems: list[str]) -> None:
    if problems:
        raise MappingError(
            f"layer '{layer.name}' ({layer.op}): 'ultratrail' cannot run it: {'; '.join(problems)}"
        )
