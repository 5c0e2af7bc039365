"""ViT-B/16: A. Dosovitskiy et al., An image is worth 16 × 16 words, 2021; as in torchvision, 224 × 224."""

from __future__ import annotations

from mappings.layers import Layer
from mappings.zoo._transformer import Attention, TransformerBuilder

_BLOCKS, _HIDDEN, _FEED_FORWARD, _PATCH, _SIDE = 12, 768, 3072, 16, 224
_PATCHES = (_SIDE // _PATCH) ** 2
_TOKENS = _PATCHES + 1  # and the class
_HEADS = Attention(heads=12, kv_heads=12, head_dim=64)


def vit_b16(batch: int) -> tuple[Layer, ...]:
    """86,567,656 parameters, 17,563,828,224 multiply-accumulates per image."""
    net, rows = TransformerBuilder(batch), batch * _TOKENS
    net.layers.append(
        Layer(
            name="patches", op="conv", N=batch, C=3, H=_SIDE, W=_SIDE, K=_HIDDEN, R=_PATCH, S=_PATCH,
            stride_h=_PATCH, stride_w=_PATCH, bias=True,
        )
    )  # fmt: skip
    joined = rows * _HIDDEN
    x = net.rows(
        "class", "concat", ("patches",), batch * _PATCHES, _HIDDEN,
        in_elements=joined, out_elements=joined, operands=2,
    )  # fmt: skip
    positions = _TOKENS * _HIDDEN
    x = net.rows("positions", "add", (x,), rows, _HIDDEN, operands=2, in_elements=rows * _HIDDEN + positions)
    for number in range(_BLOCKS):
        x = _block(net, f"block{number}", x)
    x = _norm(net, "norm", x, rows)
    net.fc("head", x, batch, _HIDDEN, 1000, bias=True)
    return tuple(net.layers)


def _block(net: TransformerBuilder, name: str, x: str) -> str:
    rows = net.batch * _TOKENS
    y = _norm(net, f"{name}.norm1", x, rows)
    query, key, value = (
        net.fc(f"{name}.{part}", y, rows, _HIDDEN, _HIDDEN, bias=True) for part in ("query", "key", "value")
    )
    y = net.attention(name, (query, key, value), _HEADS, _TOKENS, _TOKENS)
    y = net.fc(f"{name}.output", y, rows, _HIDDEN, _HIDDEN, bias=True)
    x = net.add(f"{name}.add1", y, x, rows, _HIDDEN)
    y = net.fc(f"{name}.mlp1", _norm(net, f"{name}.norm2", x, rows), rows, _HIDDEN, _FEED_FORWARD, bias=True)
    y = net.rows(f"{name}.gelu", "gelu", (y,), rows, _FEED_FORWARD)
    y = net.fc(f"{name}.mlp2", y, rows, _FEED_FORWARD, _HIDDEN, bias=True)
    return net.add(f"{name}.add2", y, x, rows, _HIDDEN)


def _norm(net: TransformerBuilder, name: str, x: str, rows: int) -> str:
    return net.rows(name, "layernorm", (x,), rows, _HIDDEN, param_elements=2 * _HIDDEN)


NETWORKS = {"vit_b16": vit_b16}
