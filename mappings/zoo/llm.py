"""Large language models, one step at a time: the prompt at once (prefill), or the next token (decode).

Dimensions are those of the models' published configurations, in ``_llm_models.csv``: Llama 2 (H. Touvron et
al., 2023), Llama 3 (Meta, 2024), Mistral (A. Jiang et al., 2023), OPT (S. Zhang et al., 2022), Falcon
(E. Almazrouei et al., 2023), MPT (MosaicML, 2023), StarCoder (R. Li et al., 2023), Qwen2 (A. Yang et al.,
2024). Parameters counted from them equal the published totals.

The blocks of a model are alike: each layer of a block is one layer here, which occurs as often as there are
blocks (``count``); its input from the block before is named for the first block only. Attention takes one
product per group of query heads with common keys. A prefill computes the full square of scores, as matrix
engines do, not the half that a causal mask leaves; only its last token's logits are computed. Keys and values
are written to the cache by the projections that make them.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

from acadl.errors import AcadlError
from mappings.layers import Layer
from mappings.zoo import Builder
from mappings.zoo._transformer import Attention, TransformerBuilder

TABLE = Path(__file__).with_name("_llm_models.csv")
QKV = ("q_proj", "k_proj", "v_proj", "qkv_proj")
TOKENS = 512  # of a context or prompt where none is given


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A decoder-only transformer.

    Attributes:
        name, model: In the zoo, and as published.
        layers, hidden, heads, kv_heads, head_dim, ffn, vocab: Sizes.
        ctx: Positions that it was trained for; those of the embedding where positions are learned.
        mlp: ``relu``, ``gelu`` or ``swiglu``.
        norm: ``rms``, ``ln`` or ``ln-nobias``.
        pos: ``rope``, ``learned`` or ``alibi``.
        linear_bias, qkv_bias: Whether products have a bias; whether those for queries, keys and values have.
        fused_qkv: Whether one product makes queries, keys and values.
        parallel: Whether attention and feed-forward part read the same normalised input.
    """

    name: str
    model: str
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    ffn: int
    vocab: int
    ctx: int
    mlp: str
    norm: str
    pos: str
    linear_bias: int
    qkv_bias: int
    fused_qkv: int
    parallel: int

    @property
    def attention(self) -> Attention:
        """Its heads."""
        return Attention(self.heads, self.kv_heads, self.head_dim)


@cache
def models() -> tuple[Model, ...]:
    """All models of the table."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    texts = {field.name for field in fields(Model) if field.type == "str"}
    return tuple(Model(**{k: v if k in texts else int(v) for k, v in row.items()}) for row in rows)  # type: ignore[arg-type]


def decode(model: Model, batch: int, context: int) -> tuple[Layer, ...]:
    """The next token of ``batch`` sequences; it attends to ``context`` positions, its own included."""
    return _step(model, batch, 1, context)


def prefill(model: Model, batch: int, prompt: int) -> tuple[Layer, ...]:
    """The ``prompt`` tokens of each of ``batch`` sequences, up to the logits of the last one."""
    return _step(model, batch, prompt, prompt)


def _step(model: Model, batch: int, tokens: int, context: int) -> tuple[Layer, ...]:
    if context > model.ctx:
        raise AcadlError(f"{model.model} has {model.ctx} positions; {context} is too long for '{model.name}'")
    net, rows = TransformerBuilder(batch), batch * tokens
    x = net.rows("embedding", "gather", (), rows, model.hidden)
    if model.pos == "learned":
        elements = rows * model.hidden + tokens * model.hidden
        x = net.rows("positions", "add", (x,), rows, model.hidden, operands=2, in_elements=elements)
    net.count = model.layers
    x = _block(_Block(net, model, tokens, context), x)
    net.count = 1
    x = _norm(net, model, "norm", x, rows)
    net.fc("lm_head", x, batch, model.hidden, model.vocab, bias=False)
    return tuple(net.layers)


@dataclass(frozen=True, slots=True)
class _Block:
    net: TransformerBuilder
    model: Model
    tokens: int
    context: int

    @property
    def rows(self) -> int:
        return self.net.batch * self.tokens

    def fc(self, name: str, x: str, inputs: int, outputs: int) -> str:
        bias = self.model.qkv_bias if name in QKV else self.model.linear_bias
        return self.net.fc(f"block.{name}", x, self.rows, inputs, outputs, bias=bool(bias))

    def on(self, name: str, op: str, *x: str, features: int, **more: int) -> str:
        return self.net.rows(f"block.{name}", op, x, self.rows, features, **more)

    def norm(self, name: str, x: str) -> str:
        return _norm(self.net, self.model, f"block.{name}", x, self.rows)


def _block(block: _Block, x: str) -> str:
    """One block of the model; the next one reads what it returns."""
    net, hidden = block.net, block.model.hidden
    normed = block.norm("norm1", x)
    attended = block.fc("o_proj", _attention(block, normed), block.model.attention.width, hidden)
    if block.model.parallel:
        fed = _feed_forward(block, normed)
        return block.on("add", "add", attended, fed, x, features=hidden, operands=3)
    x = net.add("block.add1", attended, x, block.rows, hidden)
    fed = _feed_forward(block, block.norm("norm2", x))
    return net.add("block.add2", fed, x, block.rows, hidden)


def _attention(block: _Block, x: str) -> str:
    model, sizes = block.model, block.model.attention
    if model.fused_qkv:
        query = key = value = block.fc("qkv_proj", x, model.hidden, sizes.width + 2 * sizes.kv_width)
    else:
        query = block.fc("q_proj", x, model.hidden, sizes.width)
        key = block.fc("k_proj", x, model.hidden, sizes.kv_width)
        value = block.fc("v_proj", x, model.hidden, sizes.kv_width)
    if model.pos == "rope":
        query = block.on("rope_q", "rope", query, features=sizes.width)
        key = block.on("rope_k", "rope", key, features=sizes.kv_width)
    alibi = model.pos == "alibi"
    return block.net.attention("block", (query, key, value), sizes, block.tokens, block.context, alibi=alibi)


def _feed_forward(block: _Block, x: str) -> str:
    hidden, ffn = block.model.hidden, block.model.ffn
    if block.model.mlp == "swiglu":
        gate = block.on("silu", "silu", block.fc("gate_proj", x, hidden, ffn), features=ffn)
        up = block.fc("up_proj", x, hidden, ffn)
        return block.fc("down_proj", block.on("mul", "mul", gate, up, features=ffn, operands=2), ffn, hidden)
    inner = block.fc("fc1", x, hidden, ffn)
    return block.fc("fc2", block.on(block.model.mlp, block.model.mlp, inner, features=ffn), ffn, hidden)


def _norm(net: TransformerBuilder, model: Model, name: str, x: str, rows: int) -> str:
    op = "rmsnorm" if model.norm == "rms" else "layernorm"
    parameters = (2 if model.norm == "ln" else 1) * model.hidden
    return net.rows(name, op, (x,), rows, model.hidden, param_elements=parameters)


def _named(model: Model) -> Iterator[tuple[str, Builder]]:
    def decode_step(batch: int, *, context: int = TOKENS) -> tuple[Layer, ...]:
        return decode(model, batch, context)

    def prefill_step(batch: int, *, prompt: int = TOKENS) -> tuple[Layer, ...]:
        return prefill(model, batch, prompt)

    yield f"{model.name}_decode", decode_step
    yield f"{model.name}_prefill", prefill_step


NETWORKS: dict[str, Builder] = {name: made for model in models() for name, made in _named(model)}
