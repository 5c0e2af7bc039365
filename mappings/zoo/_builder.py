"""Builder of networks: each method appends a layer and returns the tensor that it makes."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod

from mappings.layers import Layer


@dataclass(frozen=True, slots=True)
class Tensor:
    """Output of ``layer`` (empty: the network's input) with its shape, batch first."""

    layer: str
    shape: tuple[int, ...]


@dataclass
class NetworkBuilder:
    """Layers so far. Convolutions carry a bias: batch normalisation is folded into them.

    Kernels, strides and paddings are one number for both dimensions, or a pair (height, width). Padding at
    the end is that at the beginning, unless ``pad_end`` says otherwise.
    """

    layers: list[Layer] = field(default_factory=list)

    def input(self, *shape: int) -> Tensor:
        """The network's input."""
        return Tensor("", shape)

    def done(self) -> tuple[Layer, ...]:
        """The layers in order."""
        return tuple(self.layers)

    def conv(
        self,
        name: str,
        x: Tensor,
        channels: int,
        kernel: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        pad: int | tuple[int, int] = 0,
        *,
        pad_end: int | tuple[int, int] | None = None,
        op: str = "conv",
        bias: bool = True,
    ) -> Tensor:
        """Convolution; ``op="dwconv"``: one group per channel."""
        groups = x.shape[1] if op == "dwconv" else 1
        layer = self._window(name, op, x, kernel, stride, pad, pad_end, K=channels, groups=groups, bias=bias)
        return Tensor(name, (layer.N, layer.K, layer.OH, layer.OW))

    def maxpool(
        self,
        name: str,
        x: Tensor,
        kernel: int,
        stride: int,
        pad: int = 0,
        ceil_mode: bool = False,
        pad_end: int | None = None,
    ) -> Tensor:
        """Maximum over windows."""
        channels = x.shape[1]
        layer = self._window(
            name, "maxpool", x, kernel, stride, pad, pad_end, K=channels, ceil_mode=ceil_mode
        )
        return Tensor(name, (layer.N, layer.C, layer.OH, layer.OW))

    def avgpool(self, name: str, x: Tensor, kernel: int, stride: int) -> Tensor:
        """Mean over windows, without padding."""
        layer = self._window(name, "avgpool", x, kernel, stride, 0, K=x.shape[1])
        return Tensor(name, (layer.N, layer.C, layer.OH, layer.OW))

    def globalavgpool(self, name: str, x: Tensor) -> Tensor:
        """Mean over height and width; the result has no spatial dimensions left."""
        self._window(name, "globalavgpool", x, x.shape[2:4], 1, 0, K=x.shape[1])  # type: ignore[arg-type]
        return Tensor(name, x.shape[:2])

    def relu(self, name: str, x: Tensor) -> Tensor:
        """Maximum with zero (with an upper limit in ReLU6, which costs the same)."""
        return self.unary(name, "relu", x)

    def unary(self, name: str, op: str, x: Tensor, **more: int) -> Tensor:
        """Any operator with one input, whose output has the same shape."""
        return self._same_shape(name, op, (x,), **more)

    def batchnorm(self, name: str, x: Tensor) -> Tensor:
        """A normalisation that no convolution precedes: a scale and a shift for each channel."""
        return self.unary(name, "batchnorm", x, param_elements=2 * x.shape[1])

    def scaled(self, name: str, x: Tensor, scales: Tensor) -> Tensor:
        """Every channel times its scale."""
        elements = prod(x.shape) + prod(scales.shape)
        return self._same_shape(name, "mul", (x, scales), in_elements=elements)

    def upsample(self, name: str, x: Tensor, factor: int) -> Tensor:
        """The nearest element, ``factor`` times as many in each direction."""
        n, c, h, w = x.shape
        out = (n, c, factor * h, factor * w)
        self._same_shape(name, "upsample", (x,), out_elements=prod(out))
        return Tensor(name, out)

    def add(self, name: str, a: Tensor, b: Tensor) -> Tensor:
        """Element-wise sum of two tensors of one shape."""
        return self._same_shape(name, "add", (a, b))

    def concat(self, name: str, *tensors: Tensor) -> Tensor:
        """Tensors of one height and width joined along the channels."""
        sizes: dict[str, int] = {}
        if len({x.shape for x in tensors}) > 1:
            total = sum(prod(x.shape) for x in tensors)
            sizes = {"in_elements": total, "out_elements": total}
        out = self._same_shape(name, "concat", tensors, **sizes)
        return Tensor(name, (out.shape[0], sum(x.shape[1] for x in tensors), *out.shape[2:]))

    def fc(self, name: str, x: Tensor, features: int) -> Tensor:
        """Fully connected layer with bias; flattens its input."""
        batch, length = x.shape[0], prod(x.shape[1:])
        self.layers.append(
            Layer(
                name=name, op="fc", N=batch, gemm_M=batch, gemm_N=features, gemm_K=length, bias=True,
                inputs=_names((x,)),
            )
        )  # fmt: skip
        return Tensor(name, (batch, features))

    def _window(
        self,
        name: str,
        op: str,
        x: Tensor,
        kernel: int | tuple[int, int],
        stride: int | tuple[int, int],
        pad: int | tuple[int, int],
        pad_end: int | tuple[int, int] | None = None,
        **more: int | bool,
    ) -> Layer:
        n, c, h, w = x.shape
        (r, s), (sh, sw), (ph, pw) = _pair(kernel), _pair(stride), _pair(pad)
        if pad_end is not None:
            more["pad_h_end"], more["pad_w_end"] = _pair(pad_end)
        layer = Layer(
            name=name, op=op, N=n, C=c, H=h, W=w, R=r, S=s, stride_h=sh, stride_w=sw, pad_h=ph, pad_w=pw,
            inputs=_names((x,)), **more,  # type: ignore[arg-type]
        )  # fmt: skip
        self.layers.append(layer)
        return layer

    def _same_shape(self, name: str, op: str, tensors: tuple[Tensor, ...], **more: int) -> Tensor:
        n, c, h, w = (*tensors[0].shape, 1, 1)[:4]
        self.layers.append(
            Layer(name=name, op=op, N=n, C=c, H=h, W=w, operands=len(tensors), inputs=_names(tensors), **more)  # type: ignore[arg-type]
        )
        return Tensor(name, tensors[0].shape)


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else value


def _names(tensors: tuple[Tensor, ...]) -> tuple[str, ...]:
    return tuple(x.layer for x in tensors if x.layer)
