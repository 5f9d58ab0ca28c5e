"""Find layer norm where exporters spelled it out, and let it add the residual that comes before it.

c = x − mean(x);  y = c / √(mean(c²) + ε) · scale + bias     means over the last axis, c² as c·c or c^2
"""

import numpy as np

from apus.artifact import Array, Graph, Node
from apus.compile.draft import add_tensor
from apus.compile.wiring import Wiring


def run(graph: Graph) -> None:
    """Replace each spelled-out layer norm by one node, then fuse each sum that only a layer norm reads."""
    wiring = Wiring(graph)
    for node in list(graph.nodes):
        if node.op == "binary" and node.attributes["function"] == "div":
            _replace(graph, wiring, node)
    for node in graph.nodes:
        if node.op == "layer_norm" and len(node.inputs) == 1:
            _add_skip(graph, wiring, node)


def _replace(graph: Graph, wiring: Wiring, quotient: Node) -> None:
    centred, deviation = (wiring.producer(name) for name in quotient.inputs)
    x, epsilon = _source(wiring, centred), _epsilon(graph, wiring, deviation, quotient.inputs[0])
    if x is None or epsilon is None:
        return
    scale, scaled = _constant(graph, wiring, quotient, "mul")
    if scale is None or scaled is None:
        return
    bias, shifted = _constant(graph, wiring, scaled, "add")
    last = quotient
    for later in (scaled, shifted):
        if later is not None:
            wiring.take_over(last, later)
    quotient.op, quotient.attributes = "layer_norm", {"epsilon": epsilon}
    quotient.tensors = {"multiplier": add_tensor(graph, f"{quotient.output}.multiplier", scale)}
    if bias is not None:
        quotient.tensors["bias"] = add_tensor(graph, f"{quotient.output}.bias", bias)
    wiring.set_inputs(quotient, [x])


def _is(node: Node | None, op: str, function: str) -> bool:
    return node is not None and node.op == op and node.attributes["function"] == function


def _source(wiring: Wiring, centred: Node | None) -> str | None:
    """x of x − mean(x)."""
    if centred is None or not _is(centred, "binary", "sub"):
        return None
    mean = wiring.producer(centred.inputs[1])
    return centred.inputs[0] if mean is not None and _mean_of(wiring, mean) == centred.inputs[0] else None


def _mean_of(wiring: Wiring, mean: Node) -> str | None:
    if not _is(mean, "reduce", "mean") or not mean.attributes["keepdims"]:
        return None
    rank = len(wiring.graph.values[mean.inputs[0]].shape)
    return mean.inputs[0] if [axis % rank for axis in mean.attributes["axes"]] == [rank - 1] else None


def _epsilon(graph: Graph, wiring: Wiring, root: Node | None, centred: str) -> float | None:
    """ε of √(mean(centred²) + ε)."""
    if root is None or not _is(root, "unary", "sqrt"):
        return None
    total = wiring.producer(root.inputs[0])
    if total is None or not _is(total, "binary", "add"):
        return None
    for name, other in (total.inputs, total.inputs[::-1]):
        constant, variance = graph.tensors.get(name), wiring.producer(other)
        if constant is None or constant.size != 1 or variance is None:
            continue
        square = _mean_of(wiring, variance)
        epsilon = float(constant.reshape(()))
        if square is not None and _squares(graph, wiring.producer(square), centred) and epsilon >= 0:
            return epsilon
    return None


def _squares(graph: Graph, square: Node | None, centred: str) -> bool:
    if _is(square, "binary", "mul"):
        return square is not None and square.inputs == [centred, centred]
    if square is None or not _is(square, "binary", "pow"):
        return False
    exponent = graph.tensors.get(square.inputs[1])
    return square.inputs[0] == centred and exponent is not None and exponent.size == 1 and float(exponent.item()) == 2.0


def _constant(graph: Graph, wiring: Wiring, node: Node, function: str) -> tuple[Array | None, Node | None]:
    """The constant of the last axis that the only reader of `node` multiplies by or adds, and that reader."""
    later = wiring.sole_reader(node.output, "binary")
    if later is None or later.attributes["function"] != function or "activation" in later.attributes:
        return None, None
    constant = graph.tensors.get(later.inputs[1 - later.inputs.index(node.output)])
    count = graph.values[node.output].shape[-1]
    if constant is None or not isinstance(count, int):
        return None, None
    if constant.size != 1 and (constant.size != count or constant.shape[-1] != count):
        return None, None
    return np.broadcast_to(constant.reshape(-1), (count,)).astype(np.float32), later


def _add_skip(graph: Graph, wiring: Wiring, norm: Node) -> None:
    total = wiring.producer(norm.inputs[0], "binary")
    if total is None or total.attributes["function"] != "add" or "activation" in total.attributes:
        return
    shapes = [graph.values[name].shape if name in graph.values else None for name in total.inputs]
    if wiring.sole_reader(total.output) is not norm or any(s != graph.values[total.output].shape for s in shapes):
        return
    wiring.set_inputs(norm, list(total.inputs))
    wiring.remove(total)
