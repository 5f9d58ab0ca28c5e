"""Wiring of a graph, and the order in which the rules of SPEC.md §6 are checked."""

from typing import Any

from apus.artifact import attributes, dtypes, fields, operators, transformer, weights
from apus.artifact.graph import Graph, Node, Value
from apus.artifact.operators import OPERATORS
from apus.errors import ArtifactError


def parse_graph(raw: Any, *, parts: bool = False) -> Graph:
    """A Graph without constants from the JSON object `graph`, which has `segments` where `parts` says so."""
    raw = fields.keys(
        raw, "graph", {"name", "inputs", "outputs", "values", "nodes"} | ({"segments"} if parts else set())
    )
    values = {name: _value(name, value) for name, value in fields.mapping(raw["values"], "graph, values").items()}
    return Graph(
        name=fields.text(raw["name"], "graph, name"),
        inputs=_names(raw["inputs"], "graph, inputs"),
        outputs=_names(raw["outputs"], "graph, outputs"),
        values=values,
        nodes=[_node(index, node) for index, node in enumerate(fields.items(raw["nodes"], "graph, nodes"))],
    )


def _names(raw: Any, where: str) -> list[str]:
    return [fields.text(name, where, allow_empty=False) for name in fields.items(raw, where)]


def _value(name: str, raw: Any) -> Value:
    where = f"value {name!r}"
    fields.text(name, "graph, values", allow_empty=False)
    raw = fields.keys(raw, where, {"dtype", "shape"}, {"scale", "zero_point"})
    value = Value(
        fields.choice(raw["dtype"], f"{where}, dtype", operators.DTYPES),
        fields.dims(raw["shape"], f"{where}, shape", symbols=True),
    )
    if ("scale" in raw) != ("zero_point" in raw) or ("scale" in raw and value.dtype != "uint8"):
        raise ArtifactError(f"{where}: scale and zero_point come together, and only with uint8")
    if "scale" in raw:
        value.scale = fields.real(raw["scale"], f"{where}, scale")
        value.zero_point = fields.integer(raw["zero_point"], f"{where}, zero_point", 0, 255)
        if value.scale <= 0:
            raise ArtifactError(f"{where}, scale: {value.scale} is not above 0")
    return value


def _node(index: int, raw: Any) -> Node:
    where = f"node {index}"
    raw = fields.keys(raw, where, {"op", "name", "inputs", "outputs", "attributes", "tensors"})
    fields.choice(raw["op"], f"{where}, op", frozenset(OPERATORS))
    where = f"node {index} {fields.text(raw['name'], f'{where}, name')!r}"
    operator = OPERATORS[raw["op"]]
    roles = fields.keys(raw["tensors"], f"{where}, tensors", *operator.names(operator.roles))
    return Node(
        raw["op"],
        raw["name"],
        _names(raw["inputs"], f"{where}, inputs"),
        _names(raw["outputs"], f"{where}, outputs"),
        fields.mapping(raw["attributes"], f"{where}, attributes"),
        {role: fields.text(name, f"{where}, {role}", allow_empty=False) for role, name in roles.items()},
    )


def check_graph(graph: Graph) -> None:
    """Check a whole graph, constants included.

    Args:
        graph: packed, its tensors loaded.

    Raises:
        ArtifactError: a rule of SPEC.md §6 is broken; the message names value or node.
    """
    known = _check_names(graph)
    lost = [name for name in graph.outputs if name not in graph.values]
    if lost:
        raise ArtifactError(f"graph, outputs: {lost[0]!r} is not a value")
    if graph.segments:
        if graph.nodes:
            raise ArtifactError("graph, nodes: a graph of segments has none")
        return
    for index, node in enumerate(graph.nodes):
        where = f"node {index} {node.name!r} ({node.op})"
        _check_wiring(node, graph, known, where)
        attributes.check(node, where)
        dtypes.check_operands(node, graph, where)
        attributes.check_shapes(node, dtypes.ranks(node, graph), where)
        dtypes.check(node, graph, where)
        if node.op in ("layer_norm", "attention", "recurrent"):
            transformer.check(node, graph, where)
        if node.op in ("conv", "linear", "recurrent"):
            weights.check(node, graph, where)
        known.add(node.output)
    missing = [name for name in graph.values if name not in known]
    if missing:
        raise ArtifactError(f"value {missing[0]!r}: nothing produces it")


def _check_names(graph: Graph) -> set[str]:
    clash = graph.values.keys() & graph.tensors.keys()
    if clash:
        raise ArtifactError(f"{min(clash)!r} names both a value and a tensor")
    for name in graph.inputs:
        if name not in graph.values:
            raise ArtifactError(f"graph, inputs: {name!r} is not a value")
    if len(set(graph.inputs)) != len(graph.inputs):
        raise ArtifactError("graph, inputs: a name is repeated")
    return set(graph.inputs)


def _check_wiring(node: Node, graph: Graph, known: set[str], where: str) -> None:
    low, high = OPERATORS[node.op].inputs
    if not low <= len(node.inputs) <= high or len(node.outputs) != 1:
        raise ArtifactError(f"{where}: {len(node.inputs)} inputs and {len(node.outputs)} outputs")
    for name in node.inputs:
        if name not in known and name not in graph.tensors:
            raise ArtifactError(f"{where}: input {name!r} is neither known by then nor a tensor")
    for role, name in node.tensors.items():
        if name not in graph.tensors:
            raise ArtifactError(f"{where}, {role}: there is no tensor {name!r}")
    if node.output in known or node.output not in graph.values:
        raise ArtifactError(f"{where}: output {node.output!r} is no value, or already has a producer")
