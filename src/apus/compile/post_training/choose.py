"""What becomes int8: layers with constant weights, and what follows them as far as the engine has int8 for it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

import onnx_ir as ir

from apus.compile.post_training.spelled import READS, reader
from apus.compile.post_training.weights import added_bias, is_bias_add
from apus.errors import NothingMatchedError

LAYERS = {"Conv", "Gemm", "MatMul"}
FUSED = {"Relu", "Clip"}
"""Activations that only narrow the range of the layer before them."""
MOVES = {"MaxPool", "Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze", "Slice", "Concat", "Identity", "Dropout"}
"""Operations that move values without changing them: their output keeps the scale of their input."""
FOLLOWERS = (
    FUSED
    | MOVES
    | {"Add", "Sub", "Mul", "AveragePool", "GlobalAveragePool", "ReduceMean", "Sigmoid", "HardSigmoid", "HardSwish"}
    | {"Tanh", "LeakyRelu", "Elu", "Gelu"}
)
_DATA_INPUTS = {"Add": 2, "Sub": 2, "Mul": 2}


@dataclass(slots=True)
class Choice:
    """The plan of a quantisation, by node and value of one model."""

    layers: list[ir.Node] = field(default_factory=list)
    followers: list[ir.Node] = field(default_factory=list)
    values: list[ir.Value] = field(default_factory=list)
    """Activations that get a scale, in topological order."""


def choose(graph: ir.Graph, exclude: Sequence[str]) -> Choice:
    """Decide which nodes and activations are quantised.

    Args:
        graph: prepared, fp32.
        exclude: shell patterns of node names that stay in float.

    Returns:
        Layers, followers and activations to quantise.

    Raises:
        NothingMatchedError: a pattern matches no node, or no layer is left.
    """
    kept = _kept(graph, exclude)
    choice, quantised = Choice(), set[ir.Value]()
    for node in graph:
        if node not in kept or not _eligible(node, quantised):
            continue
        (choice.layers if _is_layer(node) else choice.followers).append(node)
        quantised.update(node.outputs[:1])
    _drop_dead_ends(choice)
    if not choice.layers:
        raise NothingMatchedError("no Conv, Gemm or MatMul with constant weights is left to quantise")
    choice.values = _values(graph, choice)
    return choice


def _drop_dead_ends(choice: Choice) -> None:
    """Leave in float what only float nodes read, such as heads on their way to attention: its bytes serve nobody."""
    chosen = set(choice.layers) | set(choice.followers)
    for node in reversed(choice.followers):
        inside = node.op_type in FUSED or is_bias_add(node)
        if not inside and not any(reader(user) in chosen for user, _ in node.outputs[0].uses()):
            chosen.remove(node)
    choice.followers = [node for node in choice.followers if node in chosen]


def _kept(graph: ir.Graph, exclude: Sequence[str]) -> set[ir.Node]:
    nodes = [node for node in graph if node.op_type in LAYERS | FOLLOWERS and node.domain in {"", "ai.onnx"}]
    for pattern in exclude:
        if not any(fnmatchcase(node.name or "", pattern) for node in nodes):
            some = ", ".join(node.name or "" for node in nodes if node.op_type in LAYERS)
            raise NothingMatchedError(f"pattern {pattern!r} matches no node that could be quantised; layers are {some}")
    return {node for node in nodes if not any(fnmatchcase(node.name or "", pattern) for pattern in exclude)}


def _is_layer(node: ir.Node) -> bool:
    return node.op_type in LAYERS and node.inputs[1] is not None and node.inputs[1].is_initializer()


def _eligible(node: ir.Node, quantised: set[ir.Value]) -> bool:
    if node.op_type in LAYERS:
        return _is_layer(node) and not _shared_weight(node)
    return reader(node) is node and any(value in quantised for value in data_inputs(node))


def _shared_weight(node: ir.Node) -> bool:
    """Whether the weight is something else's activation too; two layers may share one."""
    weight = node.inputs[1]
    assert weight is not None
    return any(index != 1 or user.op_type not in LAYERS for user, index in weight.uses())


def data_inputs(node: ir.Node) -> list[ir.Value]:
    """Inputs that carry activations, or constants that stand in for one."""
    if READS in node.meta:
        return list(node.meta[READS])
    count = len(node.inputs) if node.op_type == "Concat" else _DATA_INPUTS.get(node.op_type, 1)
    return [value for value in node.inputs[:count] if value is not None]


def _values(graph: ir.Graph, choice: Choice) -> list[ir.Value]:
    nodes = set(choice.layers) | set(choice.followers)
    found: dict[ir.Value, None] = {}
    for node in graph:
        if node in nodes:
            found |= dict.fromkeys(data_inputs(node))
            found |= dict.fromkeys(node.outputs[:1])
    return [value for value in found if not value.is_initializer() and not _stays_inside(value, nodes)]


def _stays_inside(value: ir.Value, nodes: set[ir.Node]) -> bool:
    """Whether a value exists only inside one int8 kernel, or is the float result of the last layer."""
    producer, users = value.producer(), [reader(user) for user, _ in value.uses()]
    if producer is None or producer not in nodes:
        return False
    if not any(user in nodes for user in users):  # only float nodes, or the caller, read it
        return producer.op_type in {"Gemm", "MatMul"} or is_bias_add(producer)
    if value.is_graph_output():
        return False
    if len(users) != 1 or producer.op_type not in LAYERS | {"Add"}:
        return False
    return users[0].op_type in FUSED or added_bias(producer) is users[0]
