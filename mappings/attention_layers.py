"""An attention as the sequence of layers that it is: projections, scores, softmax, context, output.

A. Vaswani et al., Attention is all you need, NeurIPS 2017, equation 1: softmax(Q · Kᵀ / √d) · V, for several
heads side by side. Heads that share keys and values (N. Shazeer, Fast transformer decoding, 2019; J. Ainslie
et al., GQA, EMNLP 2023) are rows of one product.

    >>> [layer.op for layer in attention("a", queries=16, width=64, heads=4)]
    ['fc', 'fc', 'fc', 'gemm', 'softmax', 'gemm', 'fc']
"""

from __future__ import annotations

from acadl.errors import AcadlError
from mappings.layers import Layer


def attention(
    name: str,
    *,
    queries: int,
    width: int,
    heads: int,
    batch: int = 1,
    past: int = 0,
    memory: int | None = None,
    kv_heads: int | None = None,
    head_size: int | None = None,
    bias: bool = False,
    inputs: tuple[str, ...] = (),
) -> tuple[Layer, ...]:
    """The layers ``NAME.q``, ``.k``, ``.v``, ``.scores``, ``.softmax``, ``.context``, ``.out``.

    The factor 1/√d is part of the weights of ``.q``. A causal mask takes no work off the machine: scores of
    later keys are computed and not used. New keys and values are written where those of earlier tokens lie.

    Args:
        queries: Tokens that are computed now: the prompt's (prefill), or 1 (a decode step).
        width: Elements of a token outside; the model's hidden size.
        heads: Query heads.
        past: Tokens whose keys and values are there already (the cache).
        memory: Tokens of another sequence that keys and values are made of (cross-attention).
        kv_heads: Heads of keys and values; as many as query heads by default. It divides ``heads``.
        head_size: Elements of a token in one head; ``width / heads`` by default.
        bias: Whether the projections have one.
        inputs: Layers that make the tokens.

    Raises:
        AcadlError: Sizes do not fit.
    """
    shared = heads if kv_heads is None else kv_heads
    _check(name, heads, shared, width, head_size)
    size = width // heads if head_size is None else head_size
    new = queries if memory is None else memory

    def project(part: str, tokens: int, depth: int, columns: int, after: tuple[str, ...]) -> Layer:
        return Layer(
            name=f"{name}.{part}", op="fc", N=batch * tokens, gemm_M=batch * tokens, gemm_N=columns,
            gemm_K=depth, bias=bias, inputs=after,
        )  # fmt: skip

    core = attention_core(
        name, batch=batch, queries=queries, keys=past + new, heads=heads, kv_heads=shared, head_size=size,
        inputs=((f"{name}.q",), (f"{name}.k",), (f"{name}.v",)),
    )  # fmt: skip
    return (
        project("q", queries, width, heads * size, inputs),
        project("k", new, width, shared * size, inputs),
        project("v", new, width, shared * size, inputs),
        *core,
        project("out", queries, heads * size, width, (f"{name}.context",)),
    )


def attention_core(
    name: str,
    *,
    batch: int,
    queries: int,
    keys: int,
    heads: int,
    kv_heads: int,
    head_size: int,
    value_size: int | None = None,
    inputs: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]] = ((), (), ()),
) -> tuple[Layer, ...]:
    """The layers ``NAME.scores``, ``.softmax``, ``.context``: an attention without projections.

    Args:
        keys: Tokens that are attended to, those of the cache included.
        value_size: Elements of a value in one head; ``head_size`` by default.
        inputs: Layers that make the queries, the keys, the values.
    """
    rows = heads // kv_heads * queries

    def product(part: str, columns: int, depth: int, after: tuple[str, ...]) -> Layer:
        return Layer(
            name=f"{name}.{part}", op="gemm", gemm_batch=batch * kv_heads, gemm_M=rows, gemm_N=columns,
            gemm_K=depth, inputs=after,
        )  # fmt: skip

    return (
        product("scores", keys, head_size, (*inputs[0], *inputs[1])),
        Layer(
            name=f"{name}.softmax",
            op="softmax",
            N=batch * heads * queries,
            C=keys,
            inputs=(f"{name}.scores",),
        ),
        product("context", value_size or head_size, keys, (f"{name}.softmax", *inputs[2])),
    )


def _check(name: str, heads: int, kv_heads: int, width: int, head_size: int | None) -> None:
    if heads < 1 or kv_heads < 1 or heads % kv_heads:
        raise AcadlError(
            f"attention '{name}' has {heads} query heads and {kv_heads} heads of keys and values; "
            "the second number must divide the first"
        )
    if head_size is None and width % heads:
        raise AcadlError(
            f"attention '{name}': {heads} heads do not divide a width of {width}; give head_size"
        )
