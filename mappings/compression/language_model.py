"""A small language model over bytes, built like Llama: what the compression methods are tried on.

RMS norms, rotary positions, causal attention, a gated feed-forward part (SwiGLU); weights without bias,
embedding and head apart. Everything is seeded, so that the same text gives the same model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mappings.compression.torch_extra import need_torch

need_torch()

import torch  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

if TYPE_CHECKING:
    from torch import Tensor

BYTES = 256
RATE = 2e-3  # largest, of learning


@dataclass(frozen=True)
class Size:
    """Sizes of a model."""

    hidden: int = 128
    layers: int = 3
    heads: int = 4
    ffn: int = 256


class Norm(nn.Module):
    """RMS norm: x / sqrt(mean(x^2)) * weight."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(hidden))

    def forward(self, x: Tensor) -> Tensor:
        normed: Tensor = x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * self.weight
        return normed


class Attention(nn.Module):
    """Causal attention with rotary positions."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.heads = size.heads
        self.q_proj, self.k_proj, self.v_proj, self.o_proj = (
            nn.Linear(size.hidden, size.hidden, bias=False) for _ in range(4)
        )

    def forward(self, x: Tensor) -> Tensor:
        batch, tokens, hidden = x.shape
        split = (batch, tokens, self.heads, hidden // self.heads)
        q, k, v = (layer(x).view(split).transpose(1, 2) for layer in (self.q_proj, self.k_proj, self.v_proj))
        y = F.scaled_dot_product_attention(_rotated(q), _rotated(k), v, is_causal=True)
        result: Tensor = self.o_proj(y.transpose(1, 2).reshape(batch, tokens, hidden))
        return result


class FeedForward(nn.Module):
    """down(silu(gate(x)) * up(x))."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(size.hidden, size.ffn, bias=False)
        self.up_proj = nn.Linear(size.hidden, size.ffn, bias=False)
        self.down_proj = nn.Linear(size.ffn, size.hidden, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))
        return result


class Block(nn.Module):
    """Attention and feed-forward part, each behind a norm and beside a shortcut."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.input_norm, self.attention = Norm(size.hidden), Attention(size)
        self.post_norm, self.mlp = Norm(size.hidden), FeedForward(size)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.input_norm(x))
        result: Tensor = x + self.mlp(self.post_norm(x))
        return result


class LanguageModel(nn.Module):
    """Predicts the next byte."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.size = size
        self.embedding = nn.Embedding(BYTES, size.hidden)
        self.blocks = nn.ModuleList(Block(size) for _ in range(size.layers))
        self.norm = Norm(size.hidden)
        self.head = nn.Linear(size.hidden, BYTES, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embedding(tokens)
        for block in self.blocks:
            x = block(x)
        result: Tensor = self.head(self.norm(x))
        return result


def train(
    text: bytes,
    size: Size | None = None,
    *,
    steps: int = 1400,
    tokens: int = 512,
    seed: int = 0,
    done: Callable[[int, float], None] | None = None,
) -> LanguageModel:
    """A model trained on ``text``; ``done`` is told the step and its loss.

    Args:
        text: Training text, much longer than ``tokens``.
        size: Of the model.
        steps: Updates, each on four sequences of ``tokens`` / 4 bytes.
        tokens: Bytes that one update sees.
        seed: Of weights and order.
    """
    torch.manual_seed(seed)
    model = LanguageModel(size or Size())
    data = torch.frombuffer(bytearray(text), dtype=torch.uint8).long()
    random = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.95), weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps, pct_start=0.1)
    length = tokens // 4
    for step in range(steps):
        starts = torch.randint(len(data) - length - 1, (4,), generator=random)
        batch = torch.stack([data[s : s + length + 1] for s in starts])
        loss = F.cross_entropy(model(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if done is not None:
            done(step, float(loss))
    model.eval()
    return model


def sequences(text: bytes, count: int, length: int, seed: int) -> Tensor:
    """Parts of a text, [count, length], starting anywhere."""
    data = torch.frombuffer(bytearray(text), dtype=torch.uint8).long()
    random = torch.Generator().manual_seed(seed)
    starts = torch.randint(len(data) - length, (count,), generator=random)
    return torch.stack([data[s : s + length] for s in starts])


def losses(model: nn.Module, tokens: Tensor) -> Tensor:
    """Mean negative log-likelihood of each sequence, [count]; exp of their mean is the perplexity."""
    with torch.inference_mode():
        logits = model(tokens[:, :-1])
        each = F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten(), reduction="none")
        return each.view(len(tokens), -1).mean(dim=1)


def divergences(
    model: Callable[[Tensor], Tensor], other: Callable[[Tensor], Tensor], tokens: Tensor
) -> Tensor:
    """Mean Kullback-Leibler divergence of the other's predictions from the model's in each sequence, in nats.

    What quantization changes, whether the text likes the change or not: much less noise than losses have.
    """
    with torch.inference_mode():
        mine, others = (F.log_softmax(each(tokens[:, :-1]), dim=-1) for each in (model, other))
        return F.kl_div(others, mine, log_target=True, reduction="none").sum(-1).mean(dim=1)


def inject_outliers(model: LanguageModel, channels: int = 3, factor: float = 16.0, seed: int = 0) -> None:
    """Make some channels behind every norm large without changing the function: the norm's weight times
    ``factor``, the columns that read it divided by it."""
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for block in model.blocks:
            chosen = torch.randperm(model.size.hidden, generator=random)[:channels]
            for norm, readers in (
                (block.input_norm, (block.attention.q_proj, block.attention.k_proj, block.attention.v_proj)),
                (block.post_norm, (block.mlp.gate_proj, block.mlp.up_proj)),
            ):
                norm.weight[chosen] *= factor
                for reader in readers:
                    reader.weight[:, chosen] /= factor


def _rotated(x: Tensor) -> Tensor:
    """Pairs of a head's entries, turned by angles that grow with the position (Su et al., RoFormer)."""
    tokens, half = x.shape[-2], x.shape[-1] // 2
    frequency = 10000.0 ** (-torch.arange(half, dtype=torch.float32) / half)
    angle = torch.arange(tokens, dtype=torch.float32)[:, None] * frequency
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()], dim=-1)
