"""Operators with a window: convolutions and pooling, of one, two and three spatial dimensions."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from mappings.onnx_import.graph import Node
from mappings.onnx_import.shapes import Fields, generic, nchw

_QUANTISED_WEIGHT = {"QLinearConv": 3}
_QUANTISED_BIAS = {"QLinearConv": 8}
_NO_BIAS = frozenset({"ConvInteger"})


@dataclass(frozen=True, slots=True)
class _Window:
    """Geometry of a window; every tuple has one number per spatial dimension."""

    sizes: tuple[int, ...]
    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    begin: tuple[int, ...]
    end: tuple[int, ...]

    def fields(self) -> Fields:
        """Fields of the layer for the last two dimensions; one dimension runs along W."""
        lead = 2 - min(2, len(self.sizes))
        h, w = (1,) * lead + self.sizes[-2:]
        r, s = (1,) * lead + self.kernel[-2:]
        stride_h, stride_w = (1,) * lead + self.strides[-2:]
        dilation_h, dilation_w = (1,) * lead + self.dilations[-2:]
        pad_h, pad_w = (0,) * lead + self.begin[-2:]
        end_h, end_w = (0,) * lead + self.end[-2:]
        return {
            "H": h, "W": w, "R": r, "S": s, "stride_h": stride_h, "stride_w": stride_w,
            "dilation_h": dilation_h, "dilation_w": dilation_w, "pad_h": pad_h, "pad_w": pad_w,
            "pad_h_end": None if end_h == pad_h else end_h, "pad_w_end": None if end_w == pad_w else end_w,
        }  # fmt: skip


def convolution(node: Node) -> Fields:
    """Conv, QLinearConv, ConvInteger. Three dimensions become two: the kernel's depth joins the channels."""
    x, shape, kernel_shape = _data_and_kernel(node)
    out_channels, group_channels, *kernel = kernel_shape
    groups = node.integer("group", 1)
    channels = shape[1]
    if groups < 1 or channels != group_channels * groups:
        raise node.error(
            f"{channels} channels, {groups} groups and weights of shape {list(kernel_shape)} do not fit"
        )
    window = _window(node, shape[2:], tuple(kernel))
    op = "dwconv" if groups == channels > 1 else "conv1d" if len(kernel) == 1 else "conv"
    bias = node.op not in _NO_BIAS and node.input(_QUANTISED_BIAS.get(node.op, 2)) is not None
    fields: Fields = {
        "op": op,
        "N": shape[0],
        "C": channels,
        "K": out_channels,
        "groups": groups,
        "bias": bias,
    }
    fields |= window.fields()
    if len(kernel) == 3:
        depth = node.shape_of(node.output)[2]
        fields |= {"op": "conv", "N": shape[0] * depth, "C": channels * kernel[0], "in_elements": x}
    return fields


def transposed_convolution(node: Node) -> Fields:
    """ConvTranspose; weights are [C, K / groups, R, S]. In three dimensions the kernel's depth joins K."""
    _, shape, kernel_shape = _data_and_kernel(node)
    in_channels, group_outputs, *kernel = kernel_shape
    groups = node.integer("group", 1)
    if groups < 1 or shape[1] != in_channels or in_channels % groups:
        raise node.error(
            f"{shape[1]} channels, {groups} groups, weights of shape {list(kernel_shape)} do not fit"
        )
    window, extra = _transposed_window(node, shape[2:], tuple(kernel))
    extra_h, extra_w = (0, *extra)[-2:]
    fields: Fields = {
        "op": "convtranspose", "N": shape[0], "C": shape[1], "K": group_outputs * groups, "groups": groups,
        "bias": node.input(2) is not None, "output_pad_h": extra_h, "output_pad_w": extra_w,
    }  # fmt: skip
    if len(kernel) == 3:
        depth, total = shape[2], prod(node.shape_of(node.output))
        fields |= {"N": shape[0] * depth, "K": group_outputs * groups * kernel[0], "out_elements": total}
    return fields | window.fields()


def _transposed_window(
    node: Node, sizes: tuple[int, ...], kernel: tuple[int, ...]
) -> tuple[_Window, tuple[int, ...]]:
    """The window of a transposed convolution, and the rows that are added at the end of each dimension.

    What the window reaches beyond the output is cropped: as ``pads`` says, or half on each side.
    """
    zeros, ones = (0,) * len(kernel), (1,) * len(kernel)
    strides, dilations = node.integers("strides", ones), node.integers("dilations", ones)
    extra = list(node.integers("output_padding", zeros))
    out = node.shape_of(node.output)[2:]
    if len(out) != len(sizes):
        raise node.error(f"its output has {len(out)} spatial dimensions, its input {len(sizes)}")
    mode = node.text("auto_pad", "NOTSET")
    begin = list(node.integers("pads", zeros + zeros)[: len(kernel)])
    end = []
    for i, size in enumerate(sizes):
        cropped = strides[i] * (size - 1) + dilations[i] * (kernel[i] - 1) + 1 + extra[i] - out[i]
        if cropped < 0:  # a larger output_shape than the kernel reaches
            extra[i] -= cropped
            cropped = 0
        if mode != "NOTSET" or "output_shape" in node.attributes:
            begin[i] = cropped // 2 if mode == "SAME_UPPER" else cropped - cropped // 2
        end.append(cropped - begin[i])
    return _Window(sizes, kernel, strides, dilations, tuple(begin), tuple(end)), tuple(extra)


def pooling(node: Node) -> Fields:
    """MaxPool and AveragePool; three dimensions have no layer of their own."""
    _, shape = node.needed(0)
    if "kernel_shape" not in node.attributes or len(shape) < 3:
        raise node.error("it needs the attribute kernel_shape and an input of three or more dimensions")
    if len(shape) > 4:
        return generic(node, op=f"{node.op.lower()}{len(shape) - 2}d")
    window = _window(node, shape[2:], node.integers("kernel_shape", shape[2:]))
    op = {"MaxPool": "maxpool", "AveragePool": "avgpool"}[node.op]
    ceil_mode = node.integer("ceil_mode", 0) == 1
    fields: Fields = {"op": op, "N": shape[0], "C": shape[1], "K": shape[1], "ceil_mode": ceil_mode}
    if op == "avgpool" and any(window.begin + window.end):
        fields["count_include_pad"] = node.integer("count_include_pad", 0) == 1
    return fields | window.fields()


def global_pooling(node: Node) -> Fields:
    """GlobalAveragePool, GlobalMaxPool, and means over all spatial dimensions."""
    _, shape = node.needed(0)
    if len(shape) < 3:
        raise node.error(f"an input of shape {list(shape)} has no spatial dimension")
    n, c, h, w = nchw(shape)
    op = "maxpool" if node.op == "GlobalMaxPool" else "globalavgpool"
    return {"op": op, "N": n, "C": c, "H": h, "W": w, "K": c, "R": h, "S": w}


def mean(node: Node) -> Fields:
    """ReduceMean: a global average pooling where it is over all spatial dimensions and those only."""
    _, shape = node.needed(0)
    axes = _axes(node)
    spatial = set(range(2, len(shape)))
    if axes is not None and spatial and {axis % len(shape) for axis in axes} == spatial:
        return global_pooling(node)
    return generic(node)


def _axes(node: Node) -> tuple[int, ...] | None:
    given = node.input(1)
    if given is not None:
        return None if given.value is None else tuple(int(x) for x in given.value.reshape(-1))
    found = node.attributes.get("axes")
    return None if found is None else tuple(found.ints)


def _data_and_kernel(node: Node) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
    """Elements and shape of the input, shape of the weights."""
    _, shape = node.needed(0)
    _, kernel = node.needed(_QUANTISED_WEIGHT.get(node.op, 1))
    if not 3 <= len(shape) <= 5 or len(kernel) != len(shape):
        raise node.error(f"an input of shape {list(shape)} and weights of shape {list(kernel)} do not fit")
    if node.integers("kernel_shape", kernel[2:]) != kernel[2:]:
        raise node.error(f"kernel_shape differs from the weights, which have the shape {list(kernel)}")
    return prod(shape), shape, kernel


def _window(node: Node, sizes: tuple[int, ...], kernel: tuple[int, ...]) -> _Window:
    """The window of a convolution or pooling, padding computed where ``auto_pad`` asks for it."""
    zeros, ones = (0,) * len(sizes), (1,) * len(sizes)
    strides, dilations = node.integers("strides", ones), node.integers("dilations", ones)
    if min((*strides, *dilations, *kernel)) < 1:
        raise node.error(f"kernel {kernel}, strides {strides} and dilations {dilations} must be at least 1")
    mode = node.text("auto_pad", "NOTSET")
    if mode in ("SAME_UPPER", "SAME_LOWER"):
        total = [
            max((-(-size // stride) - 1) * stride + dilation * (k - 1) + 1 - size, 0)
            for size, k, stride, dilation in zip(sizes, kernel, strides, dilations, strict=True)
        ]
        small, large = tuple(t // 2 for t in total), tuple(t - t // 2 for t in total)
        begin, end = (small, large) if mode == "SAME_UPPER" else (large, small)
        return _Window(sizes, kernel, strides, dilations, begin, end)
    if mode not in ("NOTSET", "VALID"):
        raise node.error(f"auto_pad is '{mode}'; known are NOTSET, VALID, SAME_UPPER and SAME_LOWER")
    pads = node.integers("pads", zeros + zeros) if mode == "NOTSET" else zeros + zeros
    return _Window(sizes, kernel, strides, dilations, pads[: len(sizes)], pads[len(sizes) :])
