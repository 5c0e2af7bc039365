"""Bits for each layer of a language model, so that its step on an accelerator meets a target at least loss.

Cycles come from the machine's own programs with unpacked weights (:mod:`mappings.packed`), losses from
quantizing one layer at a time; both are taken to add up, and the choice is exact for these sums. The model is
then quantized as chosen, by AWQ, and its perplexity measured on text that nothing was fitted to.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from math import exp
from typing import TYPE_CHECKING, Any

from acadl.errors import AcadlError
from mappings.compression.quantizer import Scheme
from mappings.network import Network
from mappings.packed import WHOLE, map_bits, packed_bits
from platforms.bit_widths import Assignment, Option, best_within, front

if TYPE_CHECKING:
    from acadl.model import Architecture
    from mappings.compression.language_model import LanguageModel, Size

SLICES, CALIBRATION, LENGTH = 96, 32, 128
SHOWN = 12  # assignments of the front

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Target:
    """What is to be met: ``cycles`` of a step, or ``bytes`` of the weights in the blocks; one of them."""

    cycles: int | None = None
    bytes: int | None = None


@dataclass(frozen=True)
class State:
    """A model on the machine.

    Attributes:
        cycles, latency_s: Of a decode step, all layers.
        weight_bytes: Of the layers in the blocks, with their scales.
        perplexity: On held-out text.
    """

    cycles: int
    latency_s: float
    weight_bytes: int
    perplexity: float


@dataclass(frozen=True)
class ChosenLayer:
    """A layer of a block, and what was chosen for it."""

    name: str
    bits: int
    cycles: int
    weight_bytes: int
    loss: float


@dataclass(frozen=True)
class Compressed:
    """What was found; perplexity ``unquantized`` is the model's own."""

    architecture: str
    unquantized: float
    before: State
    after: State
    layers: tuple[ChosenLayer, ...]
    curve: tuple[dict[str, float], ...]

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"method": "awq", **asdict(self), "layers": [asdict(each) for each in self.layers]}


@dataclass(frozen=True)
class _Costs:
    """Of one layer of a block at one width."""

    cycles: int
    bytes: int


def compress(
    arch: Architecture,
    model: LanguageModel,
    training: bytes,
    held_out: bytes,
    target: Target,
    *,
    context: int = 64,
    progress: Progress | None = None,
) -> Compressed:
    """Choose bits, quantize a copy of the model, measure.

    Args:
        arch: A machine that unpacks weights.
        model: A trained model; it stays as it is.
        training: Calibration text is taken from it.
        held_out: Perplexity is measured on it.
        target: Of the step.
        context: Positions that the step attends to.
        progress: Told what has been done, of how much, and what it is.

    Raises:
        AcadlError: The machine unpacks nothing, or the target cannot be met.
    """
    from mappings.compression.language_model import sequences
    from mappings.compression.sensitivity import sensitivities

    costs, rest = _costs(arch, model.size, context)
    _check_reachable(arch, model.size, target, costs, rest)
    calibration = sequences(training, CALIBRATION, LENGTH, seed=1)
    losses = sensitivities(
        model, list(model.blocks), calibration, {bits: _scheme(bits) for bits in packed_bits(arch)},
        None if progress is None else lambda done, total: progress(done - 1, total, "layers"),
    )  # fmt: skip
    by_bytes = target.cycles is None
    options = [
        [
            Option(b, costs[name][b].bytes if by_bytes else costs[name][b].cycles, loss)
            for b, loss in found.items()
        ]
        for (_, name), found in losses.items()
    ]
    found = front(options)
    limit = target.bytes if target.bytes is not None else (target.cycles or 0) - rest
    chosen = best_within(found, limit)
    everywhere = [WHOLE] * len(losses)

    def state(bits: list[int]) -> State:
        at = [costs[name][b] for (_, name), b in zip(losses, bits, strict=True)]
        cycles = rest + sum(each.cycles for each in at)
        widths_of = dict(zip(losses, bits, strict=True))
        return State(
            cycles,
            cycles / arch.clock_hz,
            sum(each.bytes for each in at),
            _perplexity(_quantized(model, widths_of, calibration), held_out),
        )

    return Compressed(
        arch.name,
        _perplexity(model, held_out),
        state(everywhere),
        state(list(chosen.bits)),
        tuple(
            ChosenLayer(
                f"block{number}.{name}",
                b,
                costs[name][b].cycles,
                costs[name][b].bytes,
                losses[number, name][b],
            )
            for (number, name), b in zip(losses, chosen.bits, strict=True)
        ),
        tuple(_point(each, 0 if by_bytes else rest, arch, by_bytes) for each in _thinned(found)),
    )


def check_reachable(arch: Architecture, size: Size, target: Target, context: int) -> None:
    """Raise :class:`AcadlError` where no choice of bits meets the target, without looking at weights."""
    _check_reachable(arch, size, target, *_costs(arch, size, context))


def _check_reachable(
    arch: Architecture, size: Size, target: Target, costs: Mapping[str, Mapping[int, _Costs]], rest: int
) -> None:
    if target.bytes is not None:
        least = size.layers * sum(min(each.bytes for each in of.values()) for of in costs.values())
        if least > target.bytes:
            raise AcadlError(f"{target.bytes:,} bytes of weights cannot be met: the least is {least:,} bytes")
        return
    if target.cycles is None:
        raise AcadlError("a target is needed: cycles of a step, or bytes of its weights")
    least = rest + size.layers * sum(min(each.cycles for each in of.values()) for of in costs.values())
    if least > target.cycles:
        us = 1e6 / arch.clock_hz
        raise AcadlError(
            f"a latency of {target.cycles * us:,.1f} µs ({target.cycles:,} cycles) cannot be met: "
            f"the least is {least * us:,.1f} µs ({least:,} cycles, {rest:,} of them not for weights)"
        )


def _costs(arch: Architecture, size: Size, context: int) -> tuple[dict[str, dict[int, _Costs]], int]:
    """Of the layers of a block by their names in the model and width, and the cycles of everything else."""
    import aidg
    import platforms

    network = step_of(size, context)
    whole = platforms.estimate(arch, network)
    costs, inside = {}, 0
    for layer, estimated in zip(network.layers, whole.layers, strict=True):
        name = NAMES.get(layer.name.removeprefix("block."))
        if name is None:
            continue
        inside += estimated.cycles  # of all its occurrences
        costs[name] = {
            bits: _Costs(
                aidg.estimate(arch, map_bits(layer, arch, bits)).cycles,
                _scheme(bits).stored_bytes(layer.gemm_N, layer.gemm_K),
            )
            for bits in packed_bits(arch)
        }
    return costs, whole.total_cycles - inside


NAMES: Mapping[str, str] = {
    **{f"{part}_proj": f"attention.{part}_proj" for part in "qkvo"},
    **{f"{part}_proj": f"mlp.{part}_proj" for part in ("gate", "up", "down")},
}


def step_of(size: Size, context: int) -> Network:
    """A decode step of the model as a network: its blocks, and the output layer at 8 bits."""
    from mappings.zoo.llm import Model, decode

    model = Model(
        name="bytes", model="a model of bytes", layers=size.layers, hidden=size.hidden, heads=size.heads,
        kv_heads=size.heads, head_dim=size.hidden // size.heads, ffn=size.ffn, vocab=256, ctx=context,
        mlp="swiglu", norm="rms", pos="rope", linear_bias=0, qkv_bias=0, fused_qkv=0, parallel=0,
    )  # fmt: skip
    return Network("bytes_decode", decode(model, 1, context))


def _scheme(bits: int) -> Scheme:
    """What such a machine computes with: a scale for each output channel, no zero point."""
    return Scheme(bits, 0, symmetric=True)


def _quantized(model: LanguageModel, bits: Mapping[tuple[int, str], int], tokens: Any) -> LanguageModel:
    from mappings.compression.awq import Settings, awq

    other = copy.deepcopy(model)
    awq(
        other, list(other.blocks), tokens, Settings(_scheme(WHOLE)),
        schemes=lambda block, name: _scheme(bits[block, name]),
    )  # fmt: skip
    return other


def _perplexity(model: LanguageModel, text: bytes) -> float:
    from mappings.compression.language_model import losses, sequences

    return exp(float(losses(model, sequences(text, SLICES, LENGTH + 1, seed=1000)).mean()))


def _thinned(found: tuple[Assignment, ...]) -> list[Assignment]:
    """Some of the front, both ends among them, evenly spread."""
    if len(found) <= SHOWN:
        return list(found)
    return [found[round(i * (len(found) - 1) / (SHOWN - 1))] for i in range(SHOWN)]


def _point(each: Assignment, rest: int, arch: Architecture, by_bytes: bool) -> dict[str, float]:
    cost: dict[str, float] = (
        {"weight_bytes": each.cost}
        if by_bytes
        else {"cycles": each.cost + rest, "latency_s": (each.cost + rest) / arch.clock_hz}
    )
    return {**cost, "mean_bits": sum(each.bits) / len(each.bits), "loss": each.loss}
