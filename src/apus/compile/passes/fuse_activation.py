"""Let `conv`, `linear` and `binary` apply the element-wise function that follows them before they store."""

from apus.artifact import Graph, Node
from apus.artifact.operators import ACTIVATIONS, QUANTISED_ACTIVATIONS
from apus.compile.wiring import Wiring

_LEGAL = {"conv": ACTIVATIONS, "linear": ACTIVATIONS, "binary": QUANTISED_ACTIVATIONS}


def run(graph: Graph) -> None:
    """Fuse each such function that is the only reader of its input."""
    wiring = Wiring(graph)
    for node in list(graph.nodes):
        later = wiring.sole_reader(node.output, "unary") if node.op in _LEGAL else None
        if (
            later is not None
            and later.attributes["function"] in _LEGAL[node.op]
            and "activation" not in node.attributes
        ):
            _fuse(node, later)
            wiring.take_over(node, later)


def _fuse(node: Node, later: Node) -> None:
    parameters = dict(later.attributes)
    node.attributes = node.attributes | {"activation": parameters.pop("function")} | parameters
