"""Walk an ONNX graph once, in order, and build the draft of an Apus graph."""

from dataclasses import replace

import numpy as np
import onnx_ir as ir

from apus.artifact import Array, Dim, Graph, Node, Value
from apus.compile.draft import make_node
from apus.compile.lower.context import Context
from apus.compile.lower.naming import release
from apus.compile.lower.nodes import lower_body
from apus.compile.lower.table import HANDLERS
from apus.errors import CompileError

_DTYPES = {
    ir.DataType.FLOAT: "float32",
    ir.DataType.UINT8: "uint8",
    ir.DataType.INT8: "int8",
    ir.DataType.INT32: "int32",
    ir.DataType.INT64: "int64",
    ir.DataType.BOOL: "bool",
    ir.DataType.DOUBLE: "float64",
    ir.DataType.INT16: "int16",
    ir.DataType.UINT16: "uint16",
    ir.DataType.UINT32: "uint32",
    ir.DataType.UINT64: "uint64",
    ir.DataType.FLOAT16: "float16",
}


def supported() -> list[str]:
    """ONNX operators that this edition compiles (others fold away when all they read is constant)."""
    return sorted(HANDLERS)


def lower(
    model: ir.Model,
    file: str,
    shapes: dict[str, list[int]] | None = None,
    known: dict[str, Array] | None = None,
) -> Graph:
    """Build the draft graph of a cleaned model.

    Args:
        model: functions inlined, constants lifted.
        file: for messages.
        shapes: shapes of inputs that replace those in the model.
        known: inputs whose values are fixed; they are inputs no longer.

    Returns:
        A graph whose weights are not packed yet.

    Raises:
        CompileError: an input has no shape or a wrong dtype, or a node breaks a rule or has an operator that this
            edition cannot compile (UnsupportedOperatorError).
    """
    source = model.graph
    graph = Graph(str(source.name or "model"), [], [str(value.name) for value in source.outputs])
    context = Context(graph, file, int(model.opset_imports.get("", 1)))
    _check_inputs(context, source, [*(shapes or {}), *(known or {})])
    context.constants |= known or {}
    for value in source.inputs:
        if str(value.name) not in context.constants:
            _declare_input(context, value, (shapes or {}).get(str(value.name)))
    lower_body(context, source)
    for output in source.outputs:
        _finish_output(context, output)
    return graph


def _check_inputs(context: Context, source: ir.Graph, given: list[str]) -> None:
    names = [str(value.name) for value in source.inputs]
    for name in given:
        if name not in names:
            raise CompileError(f"{context.file}: shapes names {name!r}; the inputs are {', '.join(names)}")


def _declare_input(context: Context, value: ir.Value, given: list[int] | None) -> None:
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
    context.graph.values[name] = Value(dtype, _input_shape(context, value, given))
    context.names[name], context.sources[name] = name, {name}
    if dtype == "float16":  # computed in float32; rounded where the model casts, and at its outputs
        context.names[name] = _append(context, "cast", name, Value("float32", []))
        context.halves.add(name)


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


def _finish_output(context: Context, output: ir.Value) -> None:
    """Make sure that an output exists under its ONNX name, with its ONNX dtype."""
    graph, name = context.graph, str(output.name)
    if output.type is not None and not isinstance(output.type, ir.TensorType):
        raise CompileError(f"{context.file}: output {name!r} is {output.type}; only tensors are supported")
    if name not in context.names:
        _constant_output(context, name, output)
        return
    value = context.names[name]
    target = _converted(graph.values[value], output)
    if value == name:
        if target is None:
            return
        value = context.names[name] = release(graph, name)
    if name in graph.tensors:
        raise CompileError(f"{context.file}: output {name!r} has the name of a constant")
    out = graph.values[value]
    node = Node("cast" if target else "reshape", name, [value], [name])
    if target is None:
        node.attributes = {"shape": [0] * len(out.shape)}
    graph.values[name] = Value(target, list(out.shape)) if target else replace(out, shape=list(out.shape))
    graph.nodes.append(node)


def _converted(value: Value, output: ir.Value) -> str | None:
    """Dtype of an output where the engine's own copy has another: signed bytes are unsigned, float16 is float32."""
    if value.quantised and output.dtype == ir.DataType.INT8:
        return "int8"
    return "float16" if output.dtype == ir.DataType.FLOAT16 and value.dtype == "float32" else None


def _append(context: Context, op: str, x: str, like: Value) -> str:
    node = make_node(context.graph, op, [x], name=x, output=f"{x}.{like.dtype}", like=like)
    context.graph.nodes.append(node)
    return node.output


def _constant_output(context: Context, name: str, output: ir.Value) -> None:
    """An output that is known now is a copy of a constant."""
    if name not in context.quantised and name not in context.constants:
        raise CompileError(f"{context.file}: output {name!r} is produced by no node")
    array = context.constant(name)
    if output.dtype == ir.DataType.FLOAT16 and array.dtype == np.float32:
        array = array.astype(np.float16)
    if array.dtype == object:
        raise CompileError(f"{context.file}: output {name!r} is a shape with symbols {array.tolist()}: pass shapes=")
    graph = context.graph
    tensor = f"{name}.value"
    graph.tensors[tensor] = np.asarray(array)
    graph.values[name] = Value(array.dtype.name, list(array.shape))
    graph.nodes.append(Node("elementwise", name, [tensor], [name], {"function": "copy"}))
