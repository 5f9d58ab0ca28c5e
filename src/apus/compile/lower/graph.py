"""Walk an ONNX graph once, in order, and build the draft of an Apus graph."""

import difflib
from dataclasses import replace
from typing import NoReturn

import onnx
import onnx_ir as ir

from apus.artifact import Dim, Graph, Node, Value
from apus.compile.draft import fresh
from apus.compile.lower import (
    convolution,
    elementwise,
    layout,
    matrix,
    normalisation,
    pooling,
    quantisation,
)
from apus.compile.lower.constants import fold
from apus.compile.lower.context import Call, Context
from apus.errors import CompileError, UnsupportedOperatorError

_HANDLERS = (
    convolution.HANDLERS
    | elementwise.HANDLERS
    | layout.HANDLERS
    | matrix.HANDLERS
    | normalisation.HANDLERS
    | pooling.HANDLERS
    | quantisation.HANDLERS
)
_DTYPES = {
    ir.DataType.FLOAT: "float32",
    ir.DataType.UINT8: "uint8",
    ir.DataType.INT8: "int8",
    ir.DataType.INT32: "int32",
    ir.DataType.INT64: "int64",
    ir.DataType.BOOL: "bool",
}
_DOMAINS = {"", "ai.onnx", "com.microsoft"}


def supported() -> list[str]:
    """ONNX operators that this edition compiles (others fold away when all they read is constant)."""
    return sorted(_HANDLERS)


def lower(model: ir.Model, file: str, shapes: dict[str, list[int]] | None = None) -> Graph:
    """Build the draft graph of a cleaned model.

    Args:
        model: functions inlined, constants lifted.
        file: for messages.
        shapes: shapes of inputs that replace those in the model.

    Returns:
        A graph whose weights are not packed yet.

    Raises:
        CompileError: an input has no shape or a wrong dtype, or a node breaks a rule or has an operator that this
            edition cannot compile (UnsupportedOperatorError).
    """
    source = model.graph
    graph = Graph(str(source.name or "model"), [], [str(value.name) for value in source.outputs])
    context = Context(graph, file, int(model.opset_imports.get("", 1)))
    _declare_inputs(context, source, shapes or {})
    _lower_body(context, source)
    for output in source.outputs:
        _finish_output(context, output)
    return graph


def _declare_inputs(context: Context, source: ir.Graph, shapes: dict[str, list[int]]) -> None:
    names = [str(value.name) for value in source.inputs]
    for name in shapes:
        if name not in names:
            raise CompileError(f"{context.file}: shapes names {name!r}; the inputs are {', '.join(names)}")
    for value in source.inputs:
        name = str(value.name)
        tensor = isinstance(value.type, ir.TensorType)
        dtype = _DTYPES.get(value.dtype) if tensor and value.dtype is not None else None
        if dtype is None:
            raise CompileError(
                f"{context.file}: input {name!r} is {value.dtype if tensor else value.type};"
                f" tensors of {' '.join(_DTYPES.values())} are supported:"
                " export the model in float32"
            )
        context.graph.inputs.append(name)
        context.graph.values[name] = Value(dtype, _input_shape(context, value, shapes.get(name)))
        context.names[name] = name


def _input_shape(context: Context, value: ir.Value, given: list[int] | None) -> list[Dim]:
    name = str(value.name)
    if value.shape is None and given is None:
        raise CompileError(f"{context.file}: input {name!r} has no shape; give it: shapes={{{name!r}: [1, ...]}}")
    if value.shape is None:
        return list(given or [])
    declared: list[Dim] = [
        int(d) if isinstance(d, int) else str(d.value) if d.value is not None else f"{name}.{i}"
        for i, d in enumerate(value.shape)
    ]
    if given is None:
        return declared
    clash = len(given) != len(declared) or any(
        isinstance(d, int) and d != g for d, g in zip(declared, given, strict=True)
    )
    if clash:
        raise CompileError(
            f"{context.file}: shapes gives {given} for input {name!r}, which the model fixes to {declared}"
        )
    return list(given)


def _lower_body(context: Context, source: ir.Graph) -> None:
    for name, value in source.initializers.items():
        if value.const_value is None:
            raise CompileError(f"{context.file}: initializer {name!r} has no data")
        context.constants[name] = value.const_value.numpy()
    for node in source:
        _lower_node(context, node)


def _lower_node(context: Context, node: ir.Node) -> None:
    call = Call(context, node)
    if node.op_type == "If" and node.domain in _DOMAINS and call.is_constant(0):
        _take_branch(call)
        return
    if fold(call):
        return
    handler = _HANDLERS.get(node.op_type) if node.domain in _DOMAINS else None
    if handler is None:
        _unsupported(call)
    start = len(context.graph.nodes)
    results = handler(call)
    for name, result in zip(call.outputs, [results] if isinstance(results, str) else results, strict=False):
        context.names[name] = _rename(context.graph, result, name, start)


def _take_branch(call: Call) -> None:
    """An If whose condition is known becomes its branch; ONNX lets no name of it mean something else outside."""
    context, start = call.context, len(call.graph.nodes)
    branch: ir.Graph = call.attribute("then_branch" if call.constant(0).any() else "else_branch")
    _lower_body(context, branch)
    for name, value in zip(call.outputs, branch.outputs, strict=True):
        inner = str(value.name)
        if inner in context.names:
            context.names[name] = _rename(context.graph, context.names[inner], name, start)
        elif inner in context.quantised:
            context.quantised[name] = context.quantised[inner]
        else:
            context.constants[name] = context.constants[inner]


def _unsupported(call: Call) -> NoReturn:
    if call.node.domain in ("", "ai.onnx") and not onnx.defs.has(call.node.op_type):
        near = difflib.get_close_matches(call.node.op_type, _HANDLERS, n=2, cutoff=0.6)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise UnsupportedOperatorError(
            f"{call.context.file}: ONNX has no operator {call.node.op_type}, which node {call.node.name!r} is{hint}"
        )
    domain = f"{call.node.domain}." if call.node.domain not in ("", "ai.onnx") else ""
    raise UnsupportedOperatorError(
        f"{call.context.file}: operator {domain}{call.node.op_type} of node {call.node.name!r} is not supported."
        f" Fix: write the layer with operators that are ({', '.join(supported())}) and export again,"
        " or cut the model before this node"
    )


def _rename(graph: Graph, value: str, name: str, start: int) -> str:
    """Give a value that was made since node `start` its ONNX name, if that is free."""
    if name in graph.values or name in graph.tensors or not any(n.output == value for n in graph.nodes[start:]):
        return value
    graph.values[name] = graph.values.pop(value)
    for node in graph.nodes[start:]:
        node.inputs = [name if entry == value else entry for entry in node.inputs]
        node.outputs = [name if entry == value else entry for entry in node.outputs]
    return name


def _finish_output(context: Context, output: ir.Value) -> None:
    """Make sure that an output exists under its ONNX name, with its ONNX dtype."""
    graph, name = context.graph, str(output.name)
    if name not in context.names:
        what = "a constant" if name in context.constants or name in context.quantised else "produced by no node"
        raise CompileError(f"{context.file}: output {name!r} is {what}, so there is nothing to run")
    value = context.names[name]
    signed = graph.values[value].quantised and output.dtype == ir.DataType.INT8
    if value == name and not signed:
        return
    if value == name:  # the engine's own copy of signed bytes is unsigned, and the caller wants them signed
        value = fresh(graph, f"{name}.unsigned")
        _rename_everywhere(graph, name, value)
    out = graph.values[value]
    rank = len(out.shape)
    node = (
        Node("cast", name, [value], [name]) if signed else Node("reshape", name, [value], [name], {"shape": [0] * rank})
    )
    graph.values[name] = Value("int8", list(out.shape)) if signed else replace(out, shape=list(out.shape))
    graph.nodes.append(node)


def _rename_everywhere(graph: Graph, old: str, new: str) -> None:
    graph.values[new] = graph.values.pop(old)
    for node in graph.nodes:
        node.inputs = [new if entry == old else entry for entry in node.inputs]
        node.outputs = [new if entry == old else entry for entry in node.outputs]
