"""A convolutional network as a list of operators, by tracing its module (torch.fx).

Only structure whose channels can be followed is taken; anything else is an error that names the operator.
"""

from __future__ import annotations

import copy
import operator
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mappings.compression.errors import CompressionError
from mappings.compression.torch_extra import need_torch

need_torch()

import torch  # noqa: E402
from torch import fx, nn  # noqa: E402
from torch.fx.passes.shape_prop import ShapeProp  # noqa: E402
from torch.nn import functional as F  # noqa: E402

if TYPE_CHECKING:
    from torch import Tensor

Attributes = Mapping[str, Any]

POINTWISE_MODULES = {
    nn.ReLU: "relu", nn.ReLU6: "relu6", nn.LeakyReLU: "leaky_relu", nn.Sigmoid: "sigmoid", nn.Tanh: "tanh",
    nn.SiLU: "silu", nn.Hardswish: "hardswish", nn.Hardsigmoid: "hardsigmoid", nn.GELU: "gelu",
}  # fmt: skip
SKIPPED_MODULES = (nn.Identity, nn.Dropout, nn.Dropout2d)
POINTWISE_FUNCTIONS = {
    F.relu: "relu", torch.relu: "relu", F.relu6: "relu6", F.sigmoid: "sigmoid", torch.sigmoid: "sigmoid",
    torch.tanh: "tanh", F.silu: "silu", F.hardswish: "hardswish", F.hardsigmoid: "hardsigmoid",
    F.gelu: "gelu",
}  # fmt: skip
POINTWISE_METHODS = {"relu": "relu", "relu_": "relu", "sigmoid": "sigmoid", "tanh": "tanh"}
SKIPPED_METHODS = ("contiguous",)
SUMS = (operator.add, operator.iadd, torch.add)
PRODUCTS = (operator.mul, operator.imul, torch.mul)
FLATTENING_METHODS = ("flatten", "view", "reshape")
POOL_DEFAULTS = {"padding": 0, "ceil_mode": False, "count_include_pad": True, "dilation": 1, "stride": None}
_MAX_POOL = ("kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")
_AVG_POOL = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")
ACCEPTED = (
    "convolutions (dense or depthwise), linear layers, batch norms, pointwise activations, poolings, "
    "flatten, sums, products and concatenations of channels"
)


@dataclass(frozen=True)
class Operator:
    """One step of the network.

    Attributes:
        name: Of its node in the graph; unique.
        kind: ``input, conv, dwconv, linear, batchnorm, pointwise, maxpool, avgpool, globalavgpool, flatten,
            add, mul, concat, skip`` or ``output``.
        inputs: Names of the operators that are read.
        shape: Of the result, batch first.
        module: Path of the module that holds its weights; empty without.
        attributes: ``function`` of a pointwise operator; window sizes of poolings as pairs.
    """

    name: str
    kind: str
    inputs: tuple[str, ...]
    shape: tuple[int, ...]
    module: str = ""
    attributes: Attributes = field(default_factory=dict)

    @property
    def channels(self) -> int:
        """Size of the result's second dimension."""
        return self.shape[1]


@dataclass(frozen=True)
class Traced:
    """A network with its operators.

    Attributes:
        module: The traced module (``torch.fx.GraphModule``); it shares no parameters with the original.
        operators: In order of evaluation.
        shape: Of the example input, batch first.
    """

    module: Any
    operators: tuple[Operator, ...]
    shape: tuple[int, ...]

    def __getitem__(self, name: str) -> Operator:
        return next(op for op in self.operators if op.name == name)

    def weights(self, op: Operator) -> Any:
        """The module that holds an operator's weights."""
        return self.module.get_submodule(op.module)

    def readers(self, name: str) -> tuple[Operator, ...]:
        """Operators that read a result."""
        return tuple(op for op in self.operators if name in op.inputs)


def trace(model: nn.Module, shape: tuple[int, ...]) -> Traced:
    """The operators of a network for an input of that shape (batch, channels, height, width).

    Raises:
        CompressionError: PyTorch cannot trace the module, or an operator is of a kind that cannot be pruned.
    """
    source = copy.deepcopy(model)
    try:
        graph = fx.symbolic_trace(source)
    except Exception as error:  # whatever a stranger's forward() does under tracing
        raise CompressionError(f"the model cannot be traced: {error}") from None
    return read(graph, shape)


def read(graph: Any, shape: tuple[int, ...]) -> Traced:
    """The operators of a traced module, whose flattenings are rewritten so that they fit any width."""
    example = torch.zeros(shape, dtype=next((p.dtype for p in graph.parameters()), torch.float32))
    was_training = graph.training
    graph.eval()
    try:
        with torch.no_grad():
            ShapeProp(graph).propagate(example)
    except Exception as error:  # shapes that do not fit show in whatever operator meets them first
        raise CompressionError(f"the model does not run on an input of shape {shape}: {error}") from None
    _flatten_alike(graph)
    found = tuple(_operator(graph, node) for node in graph.graph.nodes if _shape(node) is not None)
    _check_single_use(found)
    graph.train(was_training)
    return Traced(graph, found, tuple(shape))


def _shape(node: Any) -> tuple[int, ...] | None:
    """Of the tensor that a node makes; ``None`` for sizes."""
    if node.op == "output":
        return ()
    meta = node.meta.get("tensor_meta")
    return tuple(meta.shape) if hasattr(meta, "shape") else None


def _flatten_alike(graph: Any) -> None:
    for node in list(graph.graph.nodes):
        if node.op == "call_method" and node.target in FLATTENING_METHODS:
            source, made = _shape(node.args[0]), _shape(node)
            if source is None or made is None or not _flattens(source, made):
                raise _unsupported(node, f"{node.target} from {source} to {made}")
            with graph.graph.inserting_after(node):
                new = graph.graph.call_function(torch.flatten, (node.args[0], 1))
            new.meta = node.meta
            node.replace_all_uses_with(new)
            graph.graph.erase_node(node)
    graph.graph.eliminate_dead_code()
    graph.recompile()


def _flattens(source: tuple[int, ...], made: tuple[int, ...]) -> bool:
    return len(made) == 2 and len(source) >= 2 and made[0] == source[0]


def _operator(graph: Any, node: Any) -> Operator:
    shape = _shape(node) or ()
    inputs = tuple(arg.name for arg in node.all_input_nodes if _shape(arg) is not None)
    if node.op in ("placeholder", "output"):
        if node.op == "output" and (len(inputs) != 1 or not isinstance(node.args[0], fx.Node)):
            raise CompressionError(f"the model returns {len(inputs)} results; one tensor is expected")
        return Operator(node.name, "input" if node.op == "placeholder" else "output", inputs, shape)
    if node.op == "call_module":
        kind, attributes = _module_kind(node, graph.get_submodule(node.target))
        held = node.target if kind in ("conv", "dwconv", "linear", "batchnorm") else ""
        return Operator(node.name, kind, inputs, shape, held, attributes)
    if node.op == "call_function":
        kind, attributes = _function_kind(node)
    elif node.op == "call_method":
        kind, attributes = _method_kind(node)
    else:
        raise _unsupported(node, f"parameter '{node.target}' used outside of a layer")
    if kind in ("add", "mul", "concat"):
        inputs = _operands(node, kind, inputs)
    return Operator(node.name, kind, inputs, shape, "", attributes)


def _module_kind(node: Any, module: nn.Module) -> tuple[str, Attributes]:
    if isinstance(module, nn.Conv2d):
        return _conv_kind(node, module), {}
    if isinstance(module, nn.Linear):
        if len(_shape(node) or ()) != 2:
            raise _unsupported(node, f"Linear on a tensor of shape {_shape(node.args[0])}")
        return "linear", {}
    if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
        if module.running_mean is None or module.weight is None:
            raise _unsupported(node, "batch norm without running statistics or without scales")
        return "batchnorm", {}
    if type(module) in POINTWISE_MODULES:
        return "pointwise", {"function": POINTWISE_MODULES[type(module)], **_slope(module)}
    if isinstance(module, SKIPPED_MODULES):
        return "skip", {}
    if isinstance(module, nn.MaxPool2d):
        return "maxpool", _pool(node, {name: getattr(module, name) for name in _MAX_POOL})
    if isinstance(module, nn.AvgPool2d):
        return "avgpool", _pool(node, {name: getattr(module, name) for name in _AVG_POOL})
    if isinstance(module, nn.AdaptiveAvgPool2d):
        return _adaptive(node)
    if isinstance(module, nn.Flatten):
        if not _flattens(_shape(node.args[0]) or (), _shape(node) or ()):
            raise _unsupported(node, "Flatten that keeps other dimensions than the batch")
        return "flatten", {}
    raise _unsupported(node, type(module).__name__)


def _conv_kind(node: Any, module: nn.Conv2d) -> str:
    if isinstance(module.padding, str) or module.padding_mode != "zeros":
        raise _unsupported(node, f"Conv2d with padding={module.padding!r}, {module.padding_mode}")
    if module.groups == 1:
        return "conv"
    if module.groups == module.in_channels == module.out_channels:
        return "dwconv"
    raise _unsupported(node, f"Conv2d with {module.groups} groups of more than one channel")


def _slope(module: nn.Module) -> Attributes:
    return {"slope": module.negative_slope} if isinstance(module, nn.LeakyReLU) else {}


def _function_kind(node: Any) -> tuple[str, Attributes]:
    target = node.target
    if target in POINTWISE_FUNCTIONS:
        return "pointwise", {"function": POINTWISE_FUNCTIONS[target]}
    if target in SUMS:
        return "add", {}
    if target in PRODUCTS:
        return "mul", {}
    if target is torch.cat:
        dim = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else 0)
        if dim % len(_shape(node) or (0,)) != 1:
            raise _unsupported(node, f"concatenation along dimension {dim}")
        return "concat", {}
    if target in (F.dropout, F.dropout2d):
        return "skip", {}
    if target is torch.flatten:
        if not _flattens(_shape(node.args[0]) or (), _shape(node) or ()):
            raise _unsupported(node, "flatten that keeps other dimensions than the batch")
        return "flatten", {}
    if target is F.adaptive_avg_pool2d:
        return _adaptive(node)
    name = getattr(target, "__name__", str(target))
    if target in (F.max_pool2d, torch.max_pool2d) or "max_pool2d" in name:
        return "maxpool", _pool(node, _bound(node, _MAX_POOL))
    if target in (F.avg_pool2d,) or "avg_pool2d" in name:
        return "avgpool", _pool(node, _bound(node, _AVG_POOL))
    if target is torch.mean:
        return _mean(node)
    raise _unsupported(node, name)


def _method_kind(node: Any) -> tuple[str, Attributes]:
    if node.target in POINTWISE_METHODS:
        return "pointwise", {"function": POINTWISE_METHODS[node.target]}
    if node.target in SKIPPED_METHODS:
        return "skip", {}
    if node.target in ("add", "add_"):
        return "add", {}
    if node.target in ("mul", "mul_"):
        return "mul", {}
    if node.target == "mean":
        return _mean(node)
    raise _unsupported(node, f"tensor method {node.target}")


def _operands(node: Any, kind: str, inputs: tuple[str, ...]) -> tuple[str, ...]:
    """Operands with repetitions (x + x), which must have as many channels as the result."""
    given = node.args[0] if kind == "concat" else node.args[:2]
    if any(not isinstance(arg, fx.Node) for arg in given) or node.kwargs.get("alpha", 1) != 1:
        raise _unsupported(node, f"{kind} with a number")
    if kind != "concat" and any((_shape(a) or ())[1:2] != (_shape(node) or ())[1:2] for a in given):
        raise _unsupported(node, f"{kind} that repeats channels")
    return tuple(arg.name for arg in given)


def _adaptive(node: Any) -> tuple[str, Attributes]:
    source, made = _shape(node.args[0]) or (), _shape(node) or ()
    if made[2:] == (1, 1):
        return "globalavgpool", {"keep": True}
    if any(a % b for a, b in zip(source[2:], made[2:], strict=True)):
        raise _unsupported(node, f"adaptive pooling from {source[2:]} to {made[2:]}")
    window = tuple(a // b for a, b in zip(source[2:], made[2:], strict=True))
    return "avgpool", {**_pairs(POOL_DEFAULTS), "kernel_size": window, "stride": window}


def _mean(node: Any) -> tuple[str, Attributes]:
    dims = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else None)
    source = _shape(node.args[0]) or ()
    axes = (dims,) if isinstance(dims, int) else tuple(dims or ())
    if len(source) != 4 or sorted(d % 4 for d in axes) != [2, 3]:
        raise _unsupported(node, f"mean over dimensions {dims}")
    return "globalavgpool", {"keep": len(_shape(node) or ()) == 4}


def _bound(node: Any, names: tuple[str, ...]) -> dict[str, Any]:
    given = dict(zip(names, node.args[1:], strict=False))
    return {**{k: v for k, v in POOL_DEFAULTS.items() if k in names}, **given, **node.kwargs}


def _pool(node: Any, given: Mapping[str, Any]) -> Attributes:
    if given.get("divisor_override") or given.get("return_indices"):
        raise _unsupported(node, "pooling with divisor_override or return_indices")
    values = {**POOL_DEFAULTS, **given}
    stride = values["stride"]
    values["stride"] = values["kernel_size"] if stride is None or stride == [] else stride
    return _pairs(values)


def _pairs(values: Mapping[str, Any]) -> dict[str, Any]:
    flags = ("ceil_mode", "count_include_pad", "divisor_override", "return_indices")
    return {k: v if k in flags else (v, v) if isinstance(v, int) else v for k, v in values.items()}


def _check_single_use(found: tuple[Operator, ...]) -> None:
    seen: dict[str, str] = {}
    for op in found:
        if op.module in seen:
            raise CompressionError(
                f"'{op.name}' uses the weights of '{op.module}' a second time (after '{seen[op.module]}'); "
                "weights that are shared cannot be pruned: give each use a module of its own"
            )
        if op.module:
            seen[op.module] = op.name


def _unsupported(node: Any, what: str) -> CompressionError:
    return CompressionError(
        f"'{node.name}': {what} cannot be pruned; channels are followed through {ACCEPTED}"
    )


def evaluated(traced: Traced, x: Tensor) -> dict[str, Tensor]:
    """The result of every operator for an input, by name."""
    results: dict[str, Tensor] = {}

    class Recorder(fx.Interpreter):
        def run_node(self, n: Any) -> Any:
            results[n.name] = super().run_node(n)
            return results[n.name]

    with torch.no_grad():
        Recorder(traced.module).run(x)
    return results
