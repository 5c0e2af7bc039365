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

    Kernels, strides and paddings are one number for both dimensions, or a pair (height, width).
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
        op: str = "conv",
    ) -> Tensor:
        """Convolution; ``op="dwconv"``: one group per channel."""
        groups = x.shape[1] if op == "dwconv" else 1
        layer = self._window(name, op, x, kernel, stride, pad, K=channels, groups=groups, bias=True)
        return Tensor(name, (layer.N, layer.K, layer.OH, layer.OW))

    def maxpool(
        self, name: str, x: Tensor, kernel: int, stride: int, pad: int = 0, ceil_mode: bool = False
    ) -> Tensor:
        """Maximum over windows."""
        layer = self._window(name, "maxpool", x, kernel, stride, pad, K=x.shape[1], ceil_mode=ceil_mode)
        return Tensor(name, (layer.N, layer.C, layer.OH, layer.OW))

    def globalavgpool(self, name: str, x: Tensor) -> Tensor:
        """Mean over height and width; the result has no spatial dimensions left."""
        self._window(name, "globalavgpool", x, x.shape[2:4], 1, 0, K=x.shape[1])  # type: ignore[arg-type]
        return Tensor(name, x.shape[:2])

    def relu(self, name: str, x: Tensor) -> Tensor:
        """Maximum with zero (with an upper limit in ReLU6, which costs the same)."""
        return self._same_shape(name, "relu", (x,))

    def add(self, name: str, a: Tensor, b: Tensor) -> Tensor:
        """Element-wise sum of two tensors of one shape."""
        return self._same_shape(name, "add", (a, b))

    def concat(self, name: str, *tensors: Tensor) -> Tensor:
        """Tensors of one shape joined along the channels."""
        out = self._same_shape(name, "concat", tensors)
        return Tensor(name, (out.shape[0], out.shape[1] * len(tensors), *out.shape[2:]))

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
        **more: int | bool,
    ) -> Layer:
        n, c, h, w = x.shape
        (r, s), (sh, sw), (ph, pw) = _pair(kernel), _pair(stride), _pair(pad)
        layer = Layer(
            name=name, op=op, N=n, C=c, H=h, W=w, R=r, S=s, stride_h=sh, stride_w=sw, pad_h=ph, pad_w=pw,
            inputs=_names((x,)), **more,  # type: ignore[arg-type]
        )  # fmt: skip
        self.layers.append(layer)
        return layer

    def _same_shape(self, name: str, op: str, tensors: tuple[Tensor, ...]) -> Tensor:
        n, c, h, w = (*tensors[0].shape, 1, 1)[:4]
        self.layers.append(
            Layer(name=name, op=op, N=n, C=c, H=h, W=w, operands=len(tensors), inputs=_names(tensors))
        )
        return Tensor(name, tensors[0].shape)


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else value


def _names(tensors: tuple[Tensor, ...]) -> tuple[str, ...]:
    return tuple(x.layer for x in tensors if x.layer)
