"""Which linear layers of a block share an input, and which operation before them takes up their scales.

A mapping is data: names of modules within a block. Before it is used, its shapes are checked; one that does
not fit (values and outputs of different widths where keys are shared) is left out, and the report says so.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ScaleMapping:
    """Layers that read the same input.

    Attributes:
        previous: Norm or linear layer whose output they read (between them nothing that does not commute with
            a positive scale per channel).
        layers: They are scaled together.
        inspect: The module whose output tells how much the quantization of these layers hurts.
    """

    previous: str
    layers: tuple[str, ...]
    inspect: str


LLAMA = (
    ScaleMapping("input_norm", ("attention.q_proj", "attention.k_proj", "attention.v_proj"), "attention"),
    ScaleMapping("attention.v_proj", ("attention.o_proj",), "attention.o_proj"),
    ScaleMapping("post_norm", ("mlp.gate_proj", "mlp.up_proj"), "mlp"),
    ScaleMapping("mlp.up_proj", ("mlp.down_proj",), "mlp.down_proj"),
)
# One product makes queries, keys and values; ReLU between fc1 and fc2 commutes with positive scales.
OPT = (
    ScaleMapping("input_norm", ("attention.q_proj", "attention.k_proj", "attention.v_proj"), "attention"),
    ScaleMapping("attention.v_proj", ("attention.o_proj",), "attention.o_proj"),
    ScaleMapping("post_norm", ("mlp.fc1",), "mlp"),
    ScaleMapping("mlp.fc1", ("mlp.fc2",), "mlp.fc2"),
)
# Keys are shared by all heads, so values are narrower than outputs: no mapping for o_proj. GELU does not
# commute with scales, so the second layer of the feed-forward part has none either.
FALCON = (ScaleMapping("input_norm", ("attention.qkv_proj", "mlp.fc1"), ""),)
MPT = (
    ScaleMapping("input_norm", ("attention.qkv_proj",), "attention"),
    ScaleMapping("post_norm", ("mlp.fc1",), "mlp"),
)
MAPPINGS = {"llama": LLAMA, "opt": OPT, "falcon": FALCON, "mpt": MPT}
# Their errors enter a product of queries and keys, where clipping does harm.
NOT_CLIPPED = ("q_proj", "k_proj")
