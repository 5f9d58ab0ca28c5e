"""One linear for the queries, keys and values of an attention, so that their input is read once."""

from dataclasses import replace

import numpy as np

from apus.artifact import Graph, Node
from apus.compile.draft import add_tensor, fresh
from apus.compile.wiring import Wiring


def run(graph: Graph) -> None:
    """Merge the linears in front of each attention where they differ in nothing but their weights."""
    wiring = Wiring(graph)
    for node in list(graph.nodes):
        if node.op == "attention" and len(set(node.inputs[:3])) == 3 and node.attributes["offsets"] == [0, 0, 0]:
            linears = [wiring.producer(name, "linear") for name in node.inputs[:3]]
            found = [linear for linear in linears if linear is not None]
            if len(found) == 3 and _alike(wiring, found):
                _merge(graph, wiring, node, found)


def _alike(wiring: Wiring, linears: list[Node]) -> bool:
    first, graph = linears[0], wiring.graph
    plain = all(wiring.sole_reader(one.output) and "activation" not in one.attributes for one in linears)
    same = all(one.inputs == first.inputs and one.tensors.keys() == first.tensors.keys() for one in linears)
    dtypes = {tuple(graph.tensor(one, role).dtype for role in sorted(one.tensors)) for one in linears}
    return plain and same and len(dtypes) == 1


def _merge(graph: Graph, wiring: Wiring, attention: Node, linears: list[Node]) -> None:
    first, widths = linears[0], [int(linear.attributes["channels"]) for linear in linears]
    value, name = graph.values[first.output], fresh(graph, f"{first.output}.projections")
    graph.values[name] = replace(value, shape=[*value.shape[:-1], sum(widths)])
    merged = Node("linear", first.name, list(first.inputs), [name], {"channels": sum(widths)})
    for role in first.tensors:
        joined = np.concatenate([graph.tensor(one, role) for one in linears])
        merged.tensors[role] = add_tensor(graph, f"{name}.{role}", joined)
    wiring.insert(merged, before=first)
    wiring.set_inputs(attention, [name] * 3 + attention.inputs[3:])
    attention.attributes = attention.attributes | {"offsets": [0, widths[0], widths[0] + widths[1]]}
    for linear in linears:
        wiring.remove(linear)
