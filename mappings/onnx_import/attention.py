"""Attention: the scores, their softmax, and the sum of the values."""

from __future__ import annotations

from dataclasses import replace

from mappings.attention_layers import attention_core
from mappings.layers import Layer
from mappings.onnx_import.graph import Node

PAST_KEY = 4


def attention(node: Node, sources: tuple[tuple[str, ...], ...]) -> tuple[Layer, ...]:
    """Attention of operator set 23 and later, whose projections are nodes of their own.

    Args:
        sources: Layers that make the queries, keys and values.

    Raises:
        AcadlError: A shape is not known, or the shapes do not fit.
    """
    batch, heads, queries, size = _by_heads(node, 0, "q_num_heads")
    key_batch, kv_heads, keys, key_size = _by_heads(node, 1, "kv_num_heads")
    _, value_heads, value_rows, value_size = _by_heads(node, 2, "kv_num_heads")
    if (batch, size, kv_heads, keys) != (key_batch, key_size, value_heads, value_rows) or heads % kv_heads:
        shapes = ", ".join(str(list(node.needed(position)[1])) for position in range(3))
        raise node.error(f"queries, keys and values of the shapes {shapes} do not fit")
    if node.input(PAST_KEY) is not None:
        keys += node.needed(PAST_KEY)[1][2]
    layers = attention_core(
        node.name, batch=batch, queries=queries, keys=keys, heads=heads, kv_heads=kv_heads, head_size=size,
        value_size=value_size, inputs=(sources[0], sources[1], sources[2]),
    )  # fmt: skip
    return tuple(replace(layer, onnx_op=node.op) for layer in layers)


def _by_heads(node: Node, position: int, attribute: str) -> tuple[int, int, int, int]:
    """Batch, heads, tokens and elements of a head; with three dimensions an attribute says how many heads."""
    _, shape = node.needed(position)
    if len(shape) == 4:
        return shape[0], shape[1], shape[2], shape[3]
    heads = node.integer(attribute, 0)
    if len(shape) != 3 or heads < 1 or shape[2] % heads:
        raise node.error(
            f"input {position} has the shape {list(shape)} and {attribute} is {heads}; expected (batch, "
            "heads, tokens, elements), or (batch, tokens, heads · elements) with that attribute"
        )
    return shape[0], heads, shape[1], shape[2] // heads
