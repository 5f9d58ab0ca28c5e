"""One ONNX node at a time: fold it, lower it by its handler, or by the body that the standard gives it."""

import difflib
from dataclasses import replace
from typing import NoReturn

import onnx
import onnx_ir as ir

from apus.artifact import Graph
from apus.compile.lower import control, functions
from apus.compile.lower.constants import captured, fold
from apus.compile.lower.context import Call, Context
from apus.compile.lower.naming import rename
from apus.compile.lower.table import HANDLERS
from apus.errors import CompileError, UnsupportedOperatorError

DOMAINS = {"", "ai.onnx", "com.microsoft"}


def lower_node(context: Context, node: ir.Node) -> None:
    """Add the operations of `node` to the graph, or its results to the constants.

    Args:
        context: where the nodes before it are.
        node: the next one.

    Raises:
        CompileError: the node breaks a rule, or its operator is none that this edition compiles
            (UnsupportedOperatorError).
    """
    call = Call(context, node)
    if node.domain in DOMAINS and node.op_type in control.HANDLERS:
        control.HANDLERS[node.op_type](call, lower_body)
        return
    if fold(call):
        return
    start = len(context.graph.nodes)
    results = _results(call, start)
    read = [*call.inputs, *captured(node)]
    sources = set() if node.op_type in ("Shape", "Size") else _sources(context, read)
    context.sources |= {name: sources for name in call.outputs if name}
    for name, result in zip(call.outputs, results, strict=False):
        if name and result:
            if _is_half(call) and context.graph.values[result].dtype == "float32":
                context.halves.add(name)
            context.names[name] = rename(context.graph, result, name, start)


def _is_half(call: Call) -> bool:
    """Whether a real result of the node is float16 in the model."""
    if call.node.op_type == "Cast":
        return bool(call.attribute("to") == onnx.TensorProto.FLOAT16)
    inputs = call.inputs[1:2] if call.node.op_type == "CastLike" else call.inputs
    return any(call.context.is_half(name) for name in inputs if name)


def _sources(context: Context, names: list[str]) -> set[str]:
    return set().union(*(context.sources.get(name, set()) for name in names if name))


def lower_body(context: Context, source: ir.Graph) -> None:
    """Lower every node of a graph, its initialisers first.

    Args:
        context: gets them all.
        source: a graph, or the branch of an If.

    Raises:
        CompileError: an initialiser has no data, or a node is refused; its `output` names the outermost one.
    """
    for name, value in source.initializers.items():
        if value.const_value is None:
            raise CompileError(f"{context.file}: initializer {name!r} has no data")
        context.constants[name] = value.const_value.numpy()
    for node in source:
        try:
            lower_node(context, node)
        except CompileError as error:
            error.output = str(node.outputs[0].name)
            raise
        except (TypeError, ValueError, IndexError, KeyError, AttributeError, ArithmeticError) as error:
            call = Call(context, node)
            broken = CompileError(call.complaint(f"it breaks a rule of its operator: {type(error).__name__}: {error}"))
            broken.output = call.outputs[0]
            raise broken from error


def _results(call: Call, start: int) -> list[str]:
    """Values of the node's outputs, by its handler; by its standard body where there is none, or it refuses."""
    handler = HANDLERS.get(call.node.op_type) if call.node.domain in DOMAINS else None
    if handler is not None:
        try:
            made = handler(call)
            return [made] if isinstance(made, str) else made
        except CompileError:
            _forget(call.graph, start)
            results = _by_body(call, start)
            if results is None:
                raise
            return results
    found = _by_body(call, start) if call.node.domain in ("", "ai.onnx") else None
    if found is None:
        _unsupported(call)
    return found


def _forget(graph: Graph, start: int) -> None:
    for node in graph.nodes[start:]:
        graph.values.pop(node.output, None)
    del graph.nodes[start:]


def _by_body(call: Call, start: int) -> list[str] | None:
    """The node lowered as its standard body, or None where it has none or the body is refused too."""
    expanded = functions.expand(call)
    if expanded is None:
        return None
    graph, opset = expanded
    inner = replace(call.context, opset=opset)
    try:
        lower_body(inner, graph)
    except CompileError:
        if call.node.op_type not in HANDLERS:
            raise
        _forget(call.graph, start)
        return None
    made = {str(value.name) for value in graph.outputs}
    return [control.value_of(call, name) if name in made else "" for name in call.outputs]


def _unsupported(call: Call) -> NoReturn:
    if call.node.domain in ("", "ai.onnx") and not onnx.defs.has(call.node.op_type):
        near = difflib.get_close_matches(call.node.op_type, HANDLERS, n=2, cutoff=0.6)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise UnsupportedOperatorError(
            f"{call.context.file}: ONNX has no operator {call.node.op_type}, which node {call.node.name!r} is{hint}"
        )
    domain = f"{call.node.domain}." if call.node.domain not in ("", "ai.onnx") else ""
    raise UnsupportedOperatorError(
        f"{call.context.file}: operator {domain}{call.node.op_type} of node {call.node.name!r} is not supported."
        " Fix: write the layer with operators that docs/operators.md lists and export again,"
        " or cut the model before this node"
    )
