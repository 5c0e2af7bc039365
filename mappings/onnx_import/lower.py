"""Nodes to layers: constants, views and parts of other layers are noted, everything else becomes a layer."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from mappings.layers import MATRIX_PRODUCTS, WINDOWED, Layer, layer_problems
from mappings.network import Note
from mappings.onnx_import.attention import attention
from mappings.onnx_import.fold import affine, channel_axis
from mappings.onnx_import.graph import Graph, Node, Tensor
from mappings.onnx_import.operators import LAYERS, MATRIX_WORK, UNCOUNTED, is_view
from mappings.onnx_import.shapes import Fields, generic


def lower(graph: Graph) -> tuple[tuple[Layer, ...], tuple[Note, ...]]:
    """Layers in an order in which they can be computed, and notes on all nodes that are none.

    Raises:
        AcadlError: The shapes of a node do not fit, or are not known though it multiplies matrices.
    """
    lowering = _Lowering(graph)
    for node in graph.nodes:
        lowering.step(node)
    return tuple(lowering.layers), tuple(lowering.notes)


@dataclass
class _Lowering:
    """Layers and notes so far.

    Attributes:
        sources: Names of the layers that make a tensor, views passed through.
        results: Position of the layer whose result a tensor is, element by element.
    """

    graph: Graph
    layers: list[Layer] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    sources: dict[str, tuple[str, ...]] = field(default_factory=dict)
    results: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.notes += [Note("assumed", name, "", text) for name, text in self.graph.assumptions]

    def step(self, node: Node) -> None:
        """Lower one node."""
        if all(x is None or x.constant for x in node.outputs):
            self._note("constant", node, "the same for every input")
        elif reason := is_view(node):
            self._note("view", node, reason)
            self._pass_on(node)
        elif not self._fold(node):
            self._add(node)

    def _note(self, kind: str, node: Node, text: str) -> None:
        name = f"{node.domain}.{node.op}" if node.domain else node.op
        self.notes.append(Note(kind, node.name, name, text))

    def _inputs(self, node: Node) -> tuple[str, ...]:
        """Layers that make a node's inputs, each once for each input that it makes."""
        return tuple(name for x in node.activations for name in self.sources.get(x.name, ()))

    def _pass_on(self, node: Node) -> None:
        """Let a view's output stand for its input."""
        data = node.input(0)
        for out in node.outputs:
            if out is not None:
                self.sources[out.name] = self._inputs(node)
        if data is not None and data.name in self.results and self._only_use(data):
            same = data.shape == node.output.shape
            if same and data.shape is not None:
                self.results[node.output.name] = self.results[data.name]

    def _only_use(self, tensor: Tensor) -> bool:
        return self.graph.uses.get(tensor.name, 0) == 1 and tensor.name not in self.graph.outputs

    def _fold(self, node: Node) -> bool:
        """Merge a scale and shift by constants into the layer before it; whether that was possible."""
        step = affine(node)
        if step is None or step.data.name not in self.results or not self._only_use(step.data):
            return False
        position = self.results[step.data.name]
        layer = self.layers[position]
        rank = len(node.shape_of(step.data))
        if step.axis not in (None, channel_axis(layer.op, rank)):
            return False
        self.layers[position] = replace(layer, bias=layer.bias or (step.shifts and layer.op != "batchnorm"))
        self._note("folded", node, f"part of '{layer.name}'")
        self.sources[node.output.name] = (layer.name,)
        self.results[node.output.name] = position
        return True

    def _add(self, node: Node) -> None:
        """Append the node's layer, or note why there is none."""
        if not node.domain and node.op == "Attention":
            self._add_attention(node)
            return
        if not node.domain and node.op in LAYERS and (node.op in MATRIX_WORK or _shapes_known(node)):
            fields = LAYERS[node.op](node)
        elif _shapes_known(node):
            fields = generic(node)
        else:
            self._note(
                "unknown", node, "not imported: its shapes depend on data or on an operator that is not known"
            )
            self._reach_through(node)
            return
        if node.domain or node.op in UNCOUNTED:
            self._note(
                "unknown", node, "a layer by its shapes; multiply-accumulates inside it are not counted"
            )
        inputs = self._inputs(node)
        layer = Layer(name=node.name, inputs=inputs, onnx_op=node.op, **fields)  # type: ignore[arg-type]
        _check(node, layer, fields)
        if _takes_in(node, layer):
            self.results[node.output.name] = len(self.layers)
        self.layers.append(layer)
        for out in node.outputs:
            if out is not None:
                self.sources[out.name] = (layer.name,)

    def _add_attention(self, node: Node) -> None:
        """Append the sequence of layers that an attention is."""
        inputs = (node.input(position) for position in range(3))
        sources = tuple(self.sources.get(x.name, ()) if x is not None else () for x in inputs)
        made = attention(node, sources)
        self.layers += made
        for out in node.outputs:
            if out is not None:
                self.sources[out.name] = (made[-1].name,)

    def _reach_through(self, node: Node) -> None:
        for out in node.outputs:
            if out is not None:
                self.sources[out.name] = self._inputs(node)


def _takes_in(node: Node, layer: Layer) -> bool:
    """Whether a scale and shift per channel can be made part of the layer: its weights are constants."""
    if any(not x.constant for x in node.inputs[1:] if x is not None):
        return False
    if layer.op in MATRIX_PRODUCTS:  # not those of a vector, whose result has no dimension for the columns
        return bool(node.output.shape) and node.shape_of(node.output)[-1] == layer.gemm_N
    return channel_axis(layer.op, 2) is not None


def _shapes_known(node: Node) -> bool:
    return all(x.shape is not None for x in (*node.activations, *node.outputs) if x is not None)


def _check(node: Node, layer: Layer, fields: Fields) -> None:
    """Refuse layers without meaning, and windows whose output is not what shape inference says.

    Raises:
        AcadlError: The node cannot be computed.
    """
    problems = layer_problems(layer)
    if problems:
        raise node.error("; ".join(text for _, text in problems))
    shape = node.output.shape
    if layer.op not in WINDOWED or shape is None or len(shape) not in (3, 4) or layer.op == "globalavgpool":
        return
    inferred = shape[2:] if len(shape) == 4 else (1, *shape[2:])
    if inferred != (layer.OH, layer.OW):
        raise node.error(f"its window gives {layer.OH} × {layer.OW} positions, the model says {inferred}")
