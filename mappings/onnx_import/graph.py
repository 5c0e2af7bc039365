"""The graph between shape inference and lowering: ordered nodes over tensors whose shapes are known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING

import onnx
from onnx import AttributeProto, NodeProto

from acadl.errors import AcadlError

if TYPE_CHECKING:
    import numpy as np


@dataclass(slots=True, eq=False)
class Tensor:
    """A value of the graph.

    Attributes:
        name: As in the file.
        shape: Its dimensions, or ``None`` where one depends on data or on an operator that is not known.
        constant: Whether it is the same for every input of the network.
        value: Its elements, for small constants.
    """

    name: str
    shape: tuple[int, ...] | None = None
    constant: bool = False
    value: np.ndarray | None = None

    @property
    def elements(self) -> int:
        """Number of elements; 0 where the shape is not known."""
        return 0 if self.shape is None else prod(self.shape)


@dataclass(slots=True, eq=False)
class Node:
    """An operator of the graph with its tensors; inputs and outputs that are left out are ``None``."""

    name: str
    op: str
    domain: str
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor | None, ...]
    opset: int = 0
    attributes: dict[str, AttributeProto] = field(default_factory=dict)

    def __str__(self) -> str:
        domain = f"{self.domain}." if self.domain else ""
        return f"node '{self.name}' ({domain}{self.op})"

    def error(self, text: str) -> AcadlError:
        """An error that names the node."""
        return AcadlError(f"{self}: {text}")

    @property
    def activations(self) -> list[Tensor]:
        """Inputs that depend on the network's inputs."""
        return [x for x in self.inputs if x is not None and not x.constant]

    def input(self, position: int) -> Tensor | None:
        """An input, ``None`` where it is left out."""
        return self.inputs[position] if position < len(self.inputs) else None

    def needed(self, position: int) -> tuple[Tensor, tuple[int, ...]]:
        """An input and its shape.

        Raises:
            AcadlError: It is left out, or its shape is not known.
        """
        tensor = self.input(position)
        if tensor is None:
            raise self.error(f"input {position} is missing")
        return tensor, self.shape_of(tensor)

    def shape_of(self, tensor: Tensor) -> tuple[int, ...]:
        """The shape of one of the node's tensors.

        Raises:
            AcadlError: It is not known.
        """
        if tensor.shape is None:
            raise self.error(
                f"the shape of tensor '{tensor.name}' is not known; give it in the model's value_info, "
                "for instance with onnx.shape_inference or the exporter's own shape inference"
            )
        return tensor.shape

    @property
    def output(self) -> Tensor:
        """The first output."""
        first = next((x for x in self.outputs if x is not None), None)
        if first is None:
            raise self.error("it has no output")
        return first

    def integer(self, name: str, default: int) -> int:
        """An integer attribute."""
        found = self.attributes.get(name)
        return default if found is None else int(found.i)

    def integers(self, name: str, default: tuple[int, ...]) -> tuple[int, ...]:
        """An attribute that is a list of integers.

        Raises:
            AcadlError: It has another length than the default.
        """
        found = self.attributes.get(name)
        if found is None:
            return default
        values = tuple(int(x) for x in found.ints)
        if len(values) != len(default):
            raise self.error(f"attribute {name} has {len(values)} numbers, not {len(default)}")
        return values

    def number(self, name: str, default: float) -> float:
        """A floating-point attribute."""
        found = self.attributes.get(name)
        return default if found is None else float(found.f)

    def text(self, name: str, default: str) -> str:
        """An attribute that is a string."""
        found = self.attributes.get(name)
        return default if found is None else found.s.decode("utf-8", "replace")


@dataclass(slots=True, eq=False)
class Graph:
    """Nodes in an order in which they can be computed.

    Attributes:
        nodes: All of them, those of constants included.
        uses: How many node inputs and graph outputs read a tensor, by name.
        outputs: Names of the graph's outputs.
        assumptions: Pairs of an input and a sentence on the size that was taken for it.
    """

    nodes: list[Node]
    uses: dict[str, int]
    outputs: frozenset[str]
    assumptions: list[tuple[str, str]]


def reads(node: NodeProto) -> list[str]:
    """Names of the tensors that a node reads, those of its subgraphs from outside included."""
    names = [name for name in node.input if name]
    for graph in subgraphs(node):
        inner = {x.name for x in (*graph.input, *graph.initializer)}
        inner.update(name for inside in graph.node for name in inside.output)
        names += [name for inside in graph.node for name in reads(inside) if name not in inner]
        names += [x.name for x in graph.output if x.name not in inner]
    return names


def subgraphs(node: NodeProto) -> Iterator[onnx.GraphProto]:
    """Bodies of control flow."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def node_names(nodes: list[NodeProto]) -> list[str]:
    """A unique name for each node: its own, else its first output's, with a number where it is taken."""
    taken: set[str] = set()
    names = []
    for position, node in enumerate(nodes):
        base = node.name or next((name for name in node.output if name), f"node{position}")
        name, number = base, 2
        while name in taken:
            name, number = f"{base}_{number}", number + 1
        taken.add(name)
        names.append(name)
    return names
