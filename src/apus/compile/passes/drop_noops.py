"""Drop operations that change nothing: reshapes to the same shape, identity transposes, ×1, +0, relu after relu."""

from apus.artifact import Graph, Node
from apus.compile.wiring import Wiring

_NEUTRAL = {"add": 0.0, "sub": 0.0, "mul": 1.0, "div": 1.0, "pow": 1.0}


def run(graph: Graph) -> None:
    """Bypass every node that returns its input."""
    wiring = Wiring(graph)
    for node in list(graph.nodes):
        if _is_noop(node, graph, wiring):
            wiring.bypass(node, node.inputs[0])


def _is_noop(node: Node, graph: Graph, wiring: Wiring) -> bool:
    x = graph.values.get(node.inputs[0])
    if x is None or graph.values[node.output] != x:
        return False
    if node.op in ("reshape", "flatten"):
        return True  # the inferred shapes are equal, symbol by symbol
    if node.op == "transpose":
        return bool(node.attributes["perm"] == list(range(len(x.shape))))
    if node.op == "binary" and node.inputs[1] in graph.tensors:
        neutral = _NEUTRAL.get(node.attributes["function"])
        return neutral is not None and bool((graph.tensors[node.inputs[1]] == neutral).all())
    if node.op == "unary":
        maker = wiring.producer(node.inputs[0], "unary")
        relu = node.attributes["function"] == "relu"
        return relu and maker is not None and maker.attributes["function"] == "relu"
    return node.op == "concat" and len(node.inputs) == 1
