"""What transformers are made of, layer by layer.

Activations of ``tokens`` tokens are matrices of tokens × features; to split them into heads renames data and
moves none. A product of two activations is a ``gemm``, one with weights an ``fc``. Scores are divided by a
constant, which is part of the query's weights.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from mappings.layers import Layer


@dataclass(frozen=True, slots=True)
class Attention:
    """Sizes of an attention: ``kv_heads`` of the ``heads`` have keys and values of their own.

    Query heads that share keys are rows of one product, so that the shared keys are read once.
    """

    heads: int
    kv_heads: int
    head_dim: int

    @property
    def width(self) -> int:
        """Features of all query heads."""
        return self.heads * self.head_dim

    @property
    def kv_width(self) -> int:
        """Features of all keys, and of all values."""
        return self.kv_heads * self.head_dim


@dataclass
class TransformerBuilder:
    """Layers so far; each method appends one and returns its name. ``count``: how often it occurs.

    ``batch`` sequences are computed together: they share the products with weights, not the attention.
    """

    batch: int
    count: int = 1
    layers: list[Layer] = field(default_factory=list)

    def fc(self, name: str, x: str, rows: int, inputs: int, outputs: int, *, bias: bool) -> str:
        """``rows`` tokens in all × weights."""
        return self._add(
            Layer(
                name=name, op="fc", N=rows, gemm_M=rows, gemm_N=outputs, gemm_K=inputs, bias=bias,
                count=self.count, inputs=_named(x),
            )
        )  # fmt: skip

    def rows(self, name: str, op: str, x: tuple[str, ...], rows: int, features: int, **more: int) -> str:
        """An operator on ``rows`` rows of ``features`` elements; as many operands as inputs."""
        layer = Layer(
            name=name, op=op, N=rows, C=features, count=self.count, inputs=_named(*x), **more,  # type: ignore[arg-type]
        )  # fmt: skip
        return self._add(layer)

    def add(self, name: str, a: str, b: str, rows: int, features: int) -> str:
        """Sum of two activations."""
        return self.rows(name, "add", (a, b), rows, features, operands=2)

    def attention(
        self, name: str, query_key_value: tuple[str, str, str], sizes: Attention, tokens: int, context: int,
        *, alibi: bool = False,
    ) -> str:  # fmt: skip
        """Every one of ``tokens`` tokens attends to ``context`` positions. Returns the heads side by side.

        ``alibi``: a bias for every head and position is added to the scores.
        """
        query, key, value = query_key_value
        rows, times = sizes.heads // sizes.kv_heads * tokens, self.batch * sizes.kv_heads
        x = self._product(f"{name}.scores", (query, key), rows, context, sizes.head_dim, times)
        score_rows = self.batch * sizes.heads * tokens
        if alibi:
            elements = score_rows * context + sizes.heads * context
            x = self.rows(f"{name}.alibi", "add", (x,), score_rows, context, operands=2, in_elements=elements)
        x = self.rows(f"{name}.softmax", "softmax", (x,), score_rows, context)
        return self._product(f"{name}.values", (x, value), rows, sizes.head_dim, context, times)

    def _product(
        self, name: str, inputs: tuple[str, str], rows: int, columns: int, depth: int, times: int
    ) -> str:
        layer = Layer(
            name=name, op="gemm", gemm_M=rows, gemm_N=columns, gemm_K=depth, count=self.count * times,
            inputs=_named(*inputs),
        )  # fmt: skip
        return self._add(layer)

    def _add(self, layer: Layer) -> str:
        self.layers.append(layer)
        return layer.name


def _named(*names: str) -> tuple[str, ...]:
    return tuple(name for name in names if name)
