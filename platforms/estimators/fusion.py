"""Fusion: layers that a device carries out together with the one before, merged before an estimate.

As mapping models of ANNETTE (Wess et al., IEEE Access 2021): an ordered list of rules, each for a layer of
one operator whose only reader is of another one. A rule always holds, or a decision tree says for which
sizes. Chains are merged by repetition: convolution, batch normalisation, activation, pooling.

>>> fused = ALWAYS.apply(load_network("resnet18"))
>>> model.predict_network(fused.table())
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from acadl.files import write_text
from acadl.reading import ReadError, read_text
from platforms.estimators.errors import EstimatorError
from platforms.estimators.forest import Forest, forest_from_dict
from platforms.estimators.layer_table import (
    CONVOLUTIONS,
    POOLINGS,
    PRODUCTS,
    SIZES,
    LayerTable,
    from_layers,
)
from platforms.estimators.tree_export import tree_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mappings.layers import Layer
    from mappings.network import Network

SCHEMA = "acadl-fusion/1"
ACTIVATIONS = ("relu", "clip", "leakyrelu", "prelu", "sigmoid", "tanh", "hardswish", "hardsigmoid")
NORMALISATIONS = ("batchnormalization",)
CLEARLY = 0.5  # part of the second layer's own time that fusing it saves at least
PRUNING = 0.001  # cost of a further leaf, as published


@dataclass(frozen=True)
class Rule:
    """A layer that is merged into the one before.

    Attributes:
        first: Operator of the layer before.
        second: Operator of its only reader.
        tree: Decides by the sizes of both, above 0.5 for yes; ``None``: always.
    """

    first: str
    second: str
    tree: Forest | None = None

    def holds(self, first: Layer, second: Layer) -> bool:
        """Whether the second layer is merged into the first one."""
        if (first.op, second.op) != (self.first, self.second):
            return False
        return self.tree is None or bool(self.tree.predict(_sizes([first], [second]))[0][0] > 0.5)


@dataclass(frozen=True)
class Fused:
    """A network after fusion.

    Attributes:
        network: Without the layers that were merged.
        merged: Name of a layer to the operators and names of those merged into it, in their order.
    """

    network: Network
    merged: Mapping[str, tuple[tuple[str, str], ...]]

    def table(self) -> LayerTable:
        """Its layers as columns, each as often as it occurs; activations and poolings as flags."""
        layers = [layer for layer in self.network.layers for _ in range(layer.count)]
        table = from_layers(layers)
        behind = [{op for op, _ in self.merged.get(layer.name, ())} for layer in layers]
        flags = {
            "act": np.array([float(bool(ops & set(ACTIVATIONS))) for ops in behind]),
            "pool": np.array([float(bool(ops & POOLINGS)) for ops in behind]),
        }
        return LayerTable(table.ops, {**table.columns, **flags}, table.labels)


@dataclass(frozen=True)
class Fusion:
    """Rules, tried in their order until none holds any more."""

    rules: tuple[Rule, ...] = field(default_factory=tuple)

    def apply(self, network: Network) -> Fused:
        """The network as the device carries it out.

        A layer takes the place of what is merged into it, behind all that this reads.
        """
        layers = list(network.layers)
        merged: dict[str, tuple[tuple[str, str], ...]] = {}
        for rule in self.rules:
            while (pair := _pair(rule, layers, merged)) is not None:
                first, second = pair
                _merge(layers, first, second)
                merged[first.name] = (*merged.get(first.name, ()), (second.op, second.name))
                merged[first.name] += merged.pop(second.name, ())
        return Fused(replace(network, layers=tuple(layers), source_sha256=""), merged)

    def to_dict(self) -> dict[str, Any]:
        """For a file."""
        rules = [
            {"first": r.first, "second": r.second, "tree": None if r.tree is None else r.tree.to_dict()}
            for r in self.rules
        ]
        return {"schema": SCHEMA, "rules": rules}

    def write(self, path: str | os.PathLike[str]) -> None:
        """As JSON, in one step. Raises :class:`AcadlError`."""
        write_text(path, json.dumps(self.to_dict(), indent=1) + "\n")


ALWAYS = Fusion(
    tuple(
        Rule(first, second)
        for second in (*NORMALISATIONS, *ACTIVATIONS)
        for first in sorted(CONVOLUTIONS | PRODUCTS)
    )
)
"""Normalisations and activations are part of the convolution or product before: true of most runtimes."""


def load_fusion(path: str | os.PathLike[str]) -> Fusion:
    """Rules from a file. Raises :class:`EstimatorError` that says what is wrong with it."""
    file = os.fspath(path)
    try:
        data = json.loads(read_text(Path(path)))
        return fusion_from_dict(data)
    except ReadError as error:
        raise EstimatorError(f"cannot read '{file}': {error}") from error
    except json.JSONDecodeError as error:
        raise EstimatorError(f"{file}, line {error.lineno}: no JSON: {error.msg}") from error
    except EstimatorError as error:
        raise EstimatorError(f"{file}: {error}") from error


def fusion_from_dict(data: object) -> Fusion:
    """Of :meth:`Fusion.to_dict`. Raises :class:`EstimatorError`."""
    if not isinstance(data, dict) or data.get("schema") != SCHEMA or not isinstance(data.get("rules"), list):
        raise EstimatorError(f'these are no rules of fusion: expected "schema": "{SCHEMA}" and "rules": […]')
    rules = []
    for number, item in enumerate(data["rules"], 1):
        given = item if isinstance(item, dict) else {}
        names = [str(given.get(name) or "") for name in ("first", "second")]
        if not all(names):
            raise EstimatorError(f'rule {number}: expected "first" and "second", the names of operators')
        tree = None if item.get("tree") is None else forest_from_dict(item["tree"])
        if tree is not None and tree.features != 2 * len(SIZES):
            raise EstimatorError(f"rule {number}: its tree is not for the sizes of two layers")
        rules.append(Rule(names[0], names[1], tree))
    return Fusion(tuple(rules))


def is_fused(together: float, first: float, second: float) -> bool:
    """Whether two layers are carried out as one, by their latencies together and alone."""
    return first + second - together >= CLEARLY * second


def fit_fusion(pairs: Iterable[tuple[Layer, Layer, bool]]) -> Fusion:
    """Rules from what was seen: two layers one after the other, and whether they were carried out as one.

    A pair of operators that always was gets a rule, one that never was gets none, and others a decision tree
    over the sizes of both layers.

    Raises:
        EstimatorError: The extra ``fit`` is not installed.
    """
    seen: dict[tuple[str, str], list[tuple[Layer, Layer, bool]]] = {}
    for first, second, fused in pairs:
        seen.setdefault((first.op, second.op), []).append((first, second, fused))
    rules = []
    for (first_op, second_op), rows in sorted(seen.items()):
        answers = np.array([fused for _, _, fused in rows])
        if answers.all():
            rules.append(Rule(first_op, second_op))
        elif answers.any():
            sizes = _sizes([a for a, _, _ in rows], [b for _, b, _ in rows])
            rules.append(Rule(first_op, second_op, tree_of(sizes, answers.astype(float), PRUNING)))
    return Fusion(tuple(rules))


def _sizes(first: Sequence[Layer], second: Sequence[Layer]) -> NDArray[np.float32]:
    """What trees see: all sizes of both layers."""
    tables = (from_layers(first), from_layers(second))
    return np.stack([table[name] for table in tables for name in SIZES], axis=1).astype(np.float32)


def _pair(
    rule: Rule, layers: Sequence[Layer], merged: Mapping[str, tuple[tuple[str, str], ...]]
) -> tuple[Layer, Layer] | None:
    """Two layers for which a rule holds: the second reads the first, and nobody else does."""
    readers: dict[str, list[Layer]] = {}
    for layer in layers:
        for name in set(layer.inputs):
            readers.setdefault(name, []).append(layer)
    for first in layers:
        behind = readers.get(first.name, [])
        if len(behind) == 1 and behind[0].count == first.count and rule.holds(first, behind[0]):
            return first, behind[0]
    return None


def _merge(layers: list[Layer], first: Layer, second: Layer) -> None:
    """Put the first layer in the place of the second one."""
    others = tuple(name for name in second.inputs if name != first.name)
    place = layers.index(second)
    layers[place] = replace(first, inputs=(*first.inputs, *others))
    layers.remove(first)
    for number, layer in enumerate(layers):
        if second.name in layer.inputs:
            inputs = tuple(first.name if name == second.name else name for name in layer.inputs)
            layers[number] = replace(layer, inputs=inputs)
