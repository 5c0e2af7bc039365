"""What VILA sees with: J. Lin et al., VILA: On pre-training for visual language models, 2024; 336 × 336.

The tower is CLIP's ViT-L/14 (A. Radford et al., 2021) with a quick GELU (x · sigmoid(1.702 x), two layers
here); one linear layer projects each of its 576 patches to a token of the language model, which is Llama 2.
"""

from __future__ import annotations

from mappings.layers import Layer
from mappings.zoo import Builder
from mappings.zoo._transformer import Attention, TransformerBuilder

_BLOCKS, _HIDDEN, _FEED_FORWARD, _PATCH, _SIDE = 24, 1024, 4096, 14, 336
_PATCHES = (_SIDE // _PATCH) ** 2
_TOKENS = _PATCHES + 1  # and the class
_HEADS = Attention(heads=16, kv_heads=16, head_dim=64)


def _vision(batch: int, width: int) -> tuple[Layer, ...]:
    """The tower and the projector to a language model of ``width``."""
    net = TransformerBuilder(batch)
    x = _patches(net)
    net.count = _BLOCKS
    x = _block(net, x)
    net.count = 1
    # the class is left out; the last norm of CLIP serves the class only
    net.fc("projector", x, batch * _PATCHES, _HIDDEN, width, bias=True)
    return tuple(net.layers)


def _patches(net: TransformerBuilder) -> str:
    rows, batch = net.batch * _TOKENS, net.batch
    net.layers.append(
        Layer(
            name="patches", op="conv", N=batch, C=3, H=_SIDE, W=_SIDE, K=_HIDDEN, R=_PATCH, S=_PATCH,
            stride_h=_PATCH, stride_w=_PATCH,
        )
    )  # fmt: skip
    joined = rows * _HIDDEN
    x = net.rows(
        "class", "concat", ("patches",), batch * _PATCHES, _HIDDEN,
        in_elements=joined, out_elements=joined, operands=2,
    )  # fmt: skip
    elements = joined + _TOKENS * _HIDDEN
    x = net.rows("positions", "add", (x,), rows, _HIDDEN, operands=2, in_elements=elements)
    return _norm(net, "pre_norm", x)


def _block(net: TransformerBuilder, x: str) -> str:
    rows = net.batch * _TOKENS
    y = _norm(net, "block.norm1", x)
    query, key, value = (net.fc(f"block.{part}_proj", y, rows, _HIDDEN, _HIDDEN, bias=True) for part in "qkv")
    y = net.attention("block", (query, key, value), _HEADS, _TOKENS, _TOKENS)
    y = net.fc("block.o_proj", y, rows, _HIDDEN, _HIDDEN, bias=True)
    x = net.add("block.add1", y, x, rows, _HIDDEN)
    y = net.fc("block.fc1", _norm(net, "block.norm2", x), rows, _HIDDEN, _FEED_FORWARD, bias=True)
    gate = net.rows("block.sigmoid", "sigmoid", (y,), rows, _FEED_FORWARD)
    y = net.rows("block.gelu", "mul", (y, gate), rows, _FEED_FORWARD, operands=2)
    y = net.fc("block.fc2", y, rows, _FEED_FORWARD, _HIDDEN, bias=True)
    return net.add("block.add2", y, x, rows, _HIDDEN)


def _norm(net: TransformerBuilder, name: str, x: str) -> str:
    return net.rows(name, "layernorm", (x,), net.batch * _TOKENS, _HIDDEN, param_elements=2 * _HIDDEN)


def vila_7b_vision(batch: int) -> tuple[Layer, ...]:
    """An image for Llama-2-7B."""
    return _vision(batch, 4096)


def vila_13b_vision(batch: int) -> tuple[Layer, ...]:
    """An image for Llama-2-13B."""
    return _vision(batch, 5120)


NETWORKS: dict[str, Builder] = {"vila_7b_vision": vila_7b_vision, "vila_13b_vision": vila_13b_vision}
# Its language models, and Vicuna's, are Llama 2 with other weights.
ALIASES = {
    f"{family}_{size}_{step}": f"llama2_{size}_{step}"
    for family in ("vila", "vicuna")
    for size in ("7b", "13b")
    for step in ("decode", "prefill")
}
