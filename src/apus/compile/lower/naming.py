"""Names of values in a graph under construction."""

from apus.artifact import Graph
from apus.compile.draft import fresh


def rename(graph: Graph, value: str, name: str, start: int) -> str:
    """Give a value that was made since node `start` its ONNX name, if that is free."""
    if name in graph.values or name in graph.tensors or not any(n.output == value for n in graph.nodes[start:]):
        return value
    graph.values[name] = graph.values.pop(value)
    for node in graph.nodes[start:]:
        node.inputs = [name if entry == value else entry for entry in node.inputs]
        node.outputs = [name if entry == value else entry for entry in node.outputs]
    return name


def release(graph: Graph, old: str) -> str:
    """Take the name `old` from its value, for another to have; returns the value's new name."""
    new = fresh(graph, f"{old}.inner")
    graph.values[new] = graph.values.pop(old)
    for node in graph.nodes:
        node.inputs = [new if entry == old else entry for entry in node.inputs]
        node.outputs = [new if entry == old else entry for entry in node.outputs]
    return new
