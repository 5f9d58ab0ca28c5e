"""Consecutive nodes of an ONNX model as a model of their own."""

import contextlib
from collections.abc import Container, Mapping, Sequence
from typing import Any

import numpy as np
import onnx

Types = dict[str, onnx.ValueInfoProto]


def inferred(model: onnx.ModelProto) -> Types:
    """Types of the values by name, as far as the model says them or they follow from it."""
    graph = model.graph
    with contextlib.suppress(Exception):  # a model that is too large or breaks a rule: what it says itself must do
        graph = onnx.shape_inference.infer_shapes(model).graph
    return {value.name: value for value in [*graph.value_info, *graph.input, *graph.output]}


def piece(
    model: onnx.ModelProto, start: int, end: int, types: Types, known: Container[str], finals: Sequence[str]
) -> onnx.ModelProto:
    """Nodes start..end-1 as a model.

    Args:
        model: nodes in order, its initializers inside.
        start: number of the first node.
        end: number behind the last.
        types: of values, as far as they are known.
        known: names of the values that exist before; those among them that the nodes read become inputs.
        finals: outputs of the whole, which stay outputs of the piece that makes them.

    Returns:
        The model; its outputs are what later nodes or `finals` need.
    """
    graph = model.graph
    nodes, later = graph.node[start:end], graph.node[end:]
    made = {name for node in nodes for name in node.output if name}
    constants = {tensor.name: tensor for tensor in graph.initializer}
    read = list(dict.fromkeys(name for node in nodes for name in reads(node) if name not in made))
    wanted = {name for node in later for name in reads(node)} | set(finals)
    inputs = [types[name] for name in read if name in known and name not in constants]
    outputs = [types.get(name, onnx.ValueInfoProto(name=name)) for name in sorted(made & wanted)]
    kept = [constants[name] for name in read if name in constants]
    part = onnx.helper.make_graph(nodes, f"{graph.name}.{start}", inputs, outputs, kept)
    return onnx.helper.make_model(
        part, opset_imports=model.opset_import, ir_version=model.ir_version, functions=model.functions
    )


def reads(node: onnx.NodeProto) -> list[str]:
    """What a node reads, the bodies of an If or Loop included."""
    names = [name for name in node.input if name]
    for attribute in node.attribute:
        names += [name for inner in attribute.g.node for name in reads(inner)]
        names += [value.name for value in attribute.g.output]
    return names


def seen(known: Mapping[str, Any], types: Types) -> Types:
    """Types of values that are at hand; each dimension a symbol, since another feed may bring another shape."""
    return {name: _info(name, value, types.get(name)) for name, value in known.items()}


def _info(name: str, value: Any, given: onnx.ValueInfoProto | None) -> onnx.ValueInfoProto:
    if given is not None and not given.type.HasField("tensor_type"):
        return given
    if not isinstance(value, np.ndarray | np.generic):
        return given or onnx.ValueInfoProto(name=name)
    array = np.asarray(value)
    rank = [f"{name}.{i}" for i in range(array.ndim)]
    return onnx.helper.make_tensor_value_info(name, onnx.helper.np_dtype_to_tensor_dtype(array.dtype), rank)


def reason(error: Exception | None) -> str:
    """What a refusal says, without the fix."""
    return str(error).split(" Fix:")[0].removeprefix("<model>: ")
