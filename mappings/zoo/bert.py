"""BERT-base: J. Devlin et al., BERT: Pre-training of deep bidirectional transformers, 2019; uncased.

Embeddings, 12 blocks, and the pooler on the first token. Without a task's own output layer.
"""

from __future__ import annotations

from acadl.errors import AcadlError
from mappings.layers import Layer
from mappings.zoo._transformer import Attention, TransformerBuilder

_BLOCKS, _HIDDEN, _FEED_FORWARD = 12, 768, 3072
_POSITIONS = 512  # that the network has learned
_HEADS = Attention(heads=12, kv_heads=12, head_dim=64)


def bert_base(batch: int, *, tokens: int = 128) -> tuple[Layer, ...]:
    """109,482,240 parameters, embeddings included; 11,174,215,680 multiply-accumulates (128 tokens)."""
    if tokens > _POSITIONS:
        raise AcadlError(f"'bert_base' has {_POSITIONS} positions; tokens is {tokens}")
    net, rows = TransformerBuilder(batch), batch * tokens
    x = net.rows("embeddings.word", "gather", (), rows, _HIDDEN)
    added = rows * _HIDDEN + (tokens + 1) * _HIDDEN  # a position each, one type of token
    x = net.rows("embeddings.add", "add", (x,), rows, _HIDDEN, operands=3, in_elements=added)
    x = _norm(net, "embeddings.norm", x, rows)
    for number in range(_BLOCKS):
        x = _block(net, f"block{number}", x, tokens)
    pooled = net.fc("pooler", x, batch, _HIDDEN, _HIDDEN, bias=True)
    net.rows("pooler.tanh", "tanh", (pooled,), batch, _HIDDEN)
    return tuple(net.layers)


def _block(net: TransformerBuilder, name: str, x: str, tokens: int) -> str:
    rows = net.batch * tokens
    query, key, value = (
        net.fc(f"{name}.{part}", x, rows, _HIDDEN, _HIDDEN, bias=True) for part in ("query", "key", "value")
    )
    y = net.attention(name, (query, key, value), _HEADS, tokens, tokens)
    y = net.fc(f"{name}.output", y, rows, _HIDDEN, _HIDDEN, bias=True)
    x = _norm(net, f"{name}.norm1", net.add(f"{name}.add1", y, x, rows, _HIDDEN), rows)
    y = net.fc(f"{name}.ffn1", x, rows, _HIDDEN, _FEED_FORWARD, bias=True)
    y = net.rows(f"{name}.gelu", "gelu", (y,), rows, _FEED_FORWARD)
    y = net.fc(f"{name}.ffn2", y, rows, _FEED_FORWARD, _HIDDEN, bias=True)
    return _norm(net, f"{name}.norm2", net.add(f"{name}.add2", y, x, rows, _HIDDEN), rows)


def _norm(net: TransformerBuilder, name: str, x: str, rows: int) -> str:
    return net.rows(name, "layernorm", (x,), rows, _HIDDEN, param_elements=2 * _HIDDEN)


NETWORKS = {"bert_base": bert_base}
ALIASES = {"bert": "bert_base"}
