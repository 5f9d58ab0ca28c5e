"""dequantize → operation → quantize becomes one operation on bytes (SPEC.md §4)."""

from apus.artifact import Graph, Node
from apus.artifact.operators import QUANTISED_ACTIVATIONS
from apus.compile.draft import add_tensor
from apus.compile.integer import Integers, integer_weights
from apus.compile.wiring import Wiring

_ELEMENTWISE = frozenset({"binary", "unary", "avg_pool", "reduce", "softmax", "concat"})


def run(graph: Graph) -> None:
    """Quantise every node whose operands all come from dequantize; matrices may keep a float32 result."""
    wiring = Wiring(graph)
    for node in list(graph.nodes):
        if node.op in ("conv", "linear"):
            _fuse_matrix(graph, wiring, node)
        elif node.op in _ELEMENTWISE:
            _fuse_elementwise(graph, wiring, node)


def _quantised_source(wiring: Wiring, name: str) -> str | None:
    source = wiring.producer(name, "dequantize")
    return source.inputs[0] if source is not None else None


def _fuse_matrix(graph: Graph, wiring: Wiring, node: Node) -> None:
    source = _quantised_source(wiring, node.inputs[0])
    if source is None or "weight_scale" not in node.tensors:
        return
    quantize = wiring.sole_reader(node.output, "quantize")
    if node.attributes.get("activation", "none") not in QUANTISED_ACTIVATIONS:
        quantize = None
    y = graph.values[quantize.output] if quantize is not None else None
    integers = integer_weights(graph, node, graph.values[source], y)
    if integers is None:
        return
    _set_integers(graph, node, integers)
    wiring.set_inputs(node, [source])
    if quantize is not None:
        wiring.take_over(node, quantize)


def _set_integers(graph: Graph, node: Node, integers: Integers) -> None:
    stem = node.output
    node.tensors = {
        "weight": node.tensors["weight"],
        "multiplier": add_tensor(graph, f"{stem}.multiplier", integers.multiplier),
    }
    if integers.bias is not None:
        node.tensors["bias"] = add_tensor(graph, f"{stem}.bias", integers.bias)


def _fuse_elementwise(graph: Graph, wiring: Wiring, node: Node) -> None:
    quantize = wiring.sole_reader(node.output, "quantize")
    sources = [name if name in graph.tensors else _quantised_source(wiring, name) for name in node.inputs]
    if quantize is None or None in sources or node.attributes.get("activation", "none") not in QUANTISED_ACTIVATIONS:
        return
    wiring.set_inputs(node, [source for source in sources if source is not None])
    wiring.take_over(node, quantize)
