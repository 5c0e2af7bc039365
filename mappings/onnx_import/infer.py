"""Shapes of all tensors, node by node: the rules of the onnx package, fed with values of small constants.

Node by node means that an operator that is not known does not stop the others, that an error has the node's
name, and that shapes computed by the graph itself (Shape, Gather, Concat, Reshape) are followed in every
operator set.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, TypeProto, checker, defs, helper, numpy_helper, shape_inference

from acadl.errors import AcadlError
from mappings.onnx_import.constants import Array, evaluate
from mappings.onnx_import.dims import Sizes, choose_sizes, resolved
from mappings.onnx_import.file import SMALL
from mappings.onnx_import.graph import Graph, Node, Tensor, subgraphs
from mappings.onnx_import.order import ordered, uses

ONNX_ERRORS = (
    shape_inference.InferenceError,
    checker.ValidationError,
    defs.SchemaError,
    ArithmeticError,
    AttributeError,
    IndexError,
    KeyError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
)
"""What the onnx package raises for parts of a model that are not valid."""

_RANDOM = frozenset({"Bernoulli", "Multinomial", "RandomNormalLike", "RandomUniformLike"})
_STRICT_AXIS = frozenset({"LayerNormalization", "RMSNormalization"})
_TERM = r"[A-Za-z ]*(?:\.\.\.[A-Za-z ]*)?"
_EQUATION = re.compile(rf"{_TERM}(?:,{_TERM})*(?:->{_TERM})?")
_WEIGHTS = {"Conv": 1, "ConvInteger": 1, "ConvTranspose": 1, "QLinearConv": 3}
_SHAPE_INPUT = {"ConstantOfShape": 0, "Expand": 1, "Reshape": 1, "Tile": 1, "Unsqueeze": 1}
_MOST_DIMENSIONS = 64
_LARGEST_DIMENSION = 2**31 - 1
_FROM_SHAPE = frozenset({"Shape", "Size"})
_SMALL_FOR_SMALL = frozenset({"NonZero"})
"""Operators with small outputs for small inputs, though their shape depends on data."""


def infer(model: onnx.ModelProto, *, batch: int | None, dims: dict[str, int]) -> Graph:
    """The graph of a model with the shapes of its tensors.

    Raises:
        AcadlError: The graph is not valid, a size is open, or the shapes of a node do not fit.
    """
    pairs = ordered(model.graph)
    sizes = choose_sizes(model.graph, batch, dims)
    inference = _Inference(model, sizes)
    nodes = [inference.step(name, proto) for name, proto in pairs]
    outputs = frozenset(x.name for x in model.graph.output)
    return Graph(nodes, uses(model.graph), outputs, sizes.assumptions)


class _Inference:
    """Types, constant values and tensors so far, by name of the tensor."""

    def __init__(self, model: onnx.ModelProto, sizes: Sizes) -> None:
        self.opsets = _opsets(model)
        self.imports = [helper.make_opsetid(domain, version) for domain, version in self.opsets.items()]
        self.types: dict[str, TypeProto] = {}
        self.data: dict[str, TensorProto] = {}
        self.tensors: dict[str, Tensor] = {}
        self.declared: dict[str, TypeProto] = {}
        graph = model.graph
        if not sizes.overridden:
            self.declared = {x.name: resolved(x.type, sizes) for x in (*graph.value_info, *graph.output)}
        for x in graph.input:
            self._add(x.name, _with_shape(x.type, sizes.inputs.get(x.name)))
        for initializer in graph.initializer:
            self._add_constant(initializer.name, initializer)
        for sparse in graph.sparse_initializer:
            self._add(
                sparse.values.name, helper.make_tensor_type_proto(sparse.values.data_type, sparse.dims), True
            )

    def step(self, name: str, proto: NodeProto) -> Node:
        """The node, with its outputs' shapes and values entered for those that follow."""
        node = Node(
            name=name,
            op=proto.op_type,
            domain="" if proto.domain == "ai.onnx" else proto.domain,
            inputs=tuple(self.tensors[x] if x else None for x in proto.input),
            outputs=tuple(Tensor(x) if x else None for x in proto.output),
            attributes={x.name: x for x in proto.attribute},
        )
        node.opset = self.opsets.get(node.domain, 0)
        constant = _is_constant(node, proto)
        types = self._types(node, proto)
        values = self._values(node, types) if constant else None
        for position, out in enumerate(proto.output):
            if out:
                self._add(out, types.get(out), constant, values[position] if values else None)
        node.outputs = tuple(self.tensors[x] if x else None for x in proto.output)
        for tensor in node.outputs:
            if tensor is not None and tensor.shape is not None and min(tensor.shape, default=0) < 0:
                windowed = "Conv" in node.op or "Pool" in node.op
                why = ": its window is larger than the padded input" if windowed else ""
                raise node.error(f"its output would have the shape {list(tensor.shape)}{why}")
        return node

    def _types(self, node: Node, proto: NodeProto) -> dict[str, TypeProto]:
        """Types of the outputs: inferred, or as the model declares them where there is no rule."""
        known = all(x in self.types for x in proto.input if x)
        version = self.opsets.get(node.domain)
        inferred: dict[str, TypeProto] = {}
        if known and version is not None and not any(subgraphs(proto)) and defs.has(node.op, node.domain):
            inferred = self._inferred(node, proto, version)
        elif version is None and not node.domain:
            raise AcadlError("the model names no version of the ONNX operator set (opset_import)")
        for name in filter(None, proto.output):
            if name in self.declared and _shape(inferred.get(name)) is None:
                inferred[name] = self.declared[name]
        return inferred

    def _inferred(self, node: Node, proto: NodeProto, version: int) -> dict[str, TypeProto]:
        _refuse_what_crashes(node)
        inputs = {x: self.types[x] for x in proto.input if x}
        data = {x: self.data[x] for x in proto.input if x in self.data}
        try:
            schema = defs.get_schema(node.op, version, node.domain)
            return shape_inference.infer_node_outputs(schema, proto, inputs, data, opset_imports=self.imports)
        except ONNX_ERRORS as error:
            shapes = ", ".join(f"{x}: {_shown(self.types[x])}" for x in proto.input if x)
            text = str(error).replace("[ShapeInferenceError] ", "").strip().rstrip(".")
            raise node.error(f"{text}; its inputs are {shapes or 'none'}") from None

    def _values(self, node: Node, types: dict[str, TypeProto]) -> list[Array] | None:
        """Values of the outputs of a constant node, where all of them are small."""
        shapes = [_shape(types.get(x.name)) for x in node.outputs if x is not None]
        small = all(shape is not None and _elements(shape) <= SMALL for shape in shapes)
        if not small and node.op not in _SMALL_FOR_SMALL:
            return None
        if any(x.t.data_location == TensorProto.EXTERNAL for x in node.attributes.values()):
            return None
        if node.op in _FROM_SHAPE:
            return (
                evaluate(node, [None])
                if node.inputs and node.inputs[0] and node.inputs[0].shape is not None
                else None
            )
        if any(x is not None and x.value is None for x in node.inputs):
            return None
        values = evaluate(node, [None if x is None else x.value for x in node.inputs])
        return values if values is not None and len(values) == len(node.outputs) else None

    def _add(
        self, name: str, kind: TypeProto | None, constant: bool = False, value: Array | None = None
    ) -> None:
        if value is not None:
            try:
                self.data[name] = numpy_helper.from_array(
                    np.ascontiguousarray(value).reshape(value.shape), name
                )
            except ONNX_ERRORS as error:
                raise AcadlError(f"tensor '{name}' cannot be computed: {error}") from None
            kind = helper.make_tensor_type_proto(self.data[name].data_type, value.shape)
        if kind is not None:
            self.types[name] = kind
        shape = _shape(kind)
        if max(shape or (0,)) > _LARGEST_DIMENSION:
            raise AcadlError(f"tensor '{name}' has the shape {list(shape or ())}; no network has such sizes")
        self.tensors[name] = Tensor(name, shape, constant, value)

    def _add_constant(self, name: str, tensor: TensorProto) -> None:
        kind = helper.make_tensor_type_proto(tensor.data_type, tensor.dims)
        self._add(name, kind, True)
        if tensor.data_location == TensorProto.EXTERNAL or _elements(tuple(tensor.dims)) > SMALL:
            return
        try:
            self.tensors[name].value = numpy_helper.to_array(tensor)
        except ONNX_ERRORS as error:
            raise AcadlError(f"initializer '{name}' is damaged: {error}") from None
        self.data[name] = tensor


def _opsets(model: onnx.ModelProto) -> dict[str, int]:
    found = {}
    for item in model.opset_import:
        if not 1 <= item.version < 2**31:
            raise AcadlError(f"version {item.version} of the operator set '{item.domain}' does not exist")
        found["" if item.domain == "ai.onnx" else item.domain] = item.version
    return found


def _refuse_what_crashes(node: Node) -> None:
    """Refuse what the rules of some releases of the onnx package do not check before they use it.

    It would end the whole process, fill the memory or take for ever.
    """
    first = node.input(0)
    rank = None if first is None or first.shape is None else len(first.shape)
    if rank is not None:
        axis, shared = node.integer("axis", 0), node.integer("batch_dims", 0)
        spare = 0 if node.op in _STRICT_AXIS else 1  # Unsqueeze and its kin count dimensions to come
        if not -rank - spare <= axis < rank + spare:
            raise node.error(f"axis {axis} is outside its input, which has {rank} dimensions")
        if not 0 <= shared <= rank:
            raise node.error(f"batch_dims {shared} is outside its input, which has {rank} dimensions")
    _refuse_windows(node, rank)
    parts = node.integer("num_outputs", len(node.outputs))
    if node.op == "Split" and parts != len(node.outputs):
        raise node.error(f"num_outputs is {parts}, but it has {len(node.outputs)} outputs")
    given = node.input(_SHAPE_INPUT[node.op]) if node.op in _SHAPE_INPUT else None
    if given is not None and given.elements > _MOST_DIMENSIONS:
        raise node.error(f"its shape '{given.name}' has {given.elements} dimensions")
    equation = node.text("equation", "")
    if node.op == "Einsum" and not _EQUATION.fullmatch(equation):
        raise node.error(f"'{equation}' is not an equation like 'bij,bjk->bik' or '...i,...i'")


def _refuse_windows(node: Node, rank: int | None) -> None:
    """The part of :func:`_refuse_what_crashes` that is about convolutions and pooling."""
    for name in ("kernel_shape", "strides", "dilations"):
        values = list(node.attributes[name].ints) if name in node.attributes else []
        if min(values, default=1) < 1:
            raise node.error(f"attribute {name} is {values}; each number must be at least 1")
    weights = node.input(_WEIGHTS[node.op]) if node.op in _WEIGHTS else None
    if rank is not None and weights is not None and weights.shape is not None and len(weights.shape) != rank:
        shape = list(weights.shape)
        raise node.error(f"its input has {rank} dimensions, its weights {len(shape)}: their shape is {shape}")


def _is_constant(node: Node, proto: NodeProto) -> bool:
    """Whether a node's outputs are the same for every input of the network."""
    if node.op in _FROM_SHAPE or (node.op == "Constant" and not node.domain):
        return True
    inputs = [x for x in node.inputs if x is not None]
    return (
        bool(inputs)
        and all(x.constant for x in inputs)
        and node.op not in _RANDOM
        and not any(subgraphs(proto))
    )


def _with_shape(kind: TypeProto, shape: tuple[int, ...] | None) -> TypeProto:
    return kind if shape is None else helper.make_tensor_type_proto(kind.tensor_type.elem_type, shape)


def _shape(kind: TypeProto | None) -> tuple[int, ...] | None:
    """The shape of a type; nothing if it is no tensor or a dimension is open."""
    if kind is None or not kind.HasField("tensor_type") or not kind.tensor_type.HasField("shape"):
        return None
    dims = kind.tensor_type.shape.dim
    return tuple(d.dim_value for d in dims) if all(d.HasField("dim_value") for d in dims) else None


def _shown(kind: TypeProto) -> str:
    shape = _shape(kind)
    return "of unknown shape" if shape is None else str(list(shape))


def _elements(shape: Iterable[int]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count
