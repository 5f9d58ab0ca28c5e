"""Fold y·s + t after a `conv` or `linear` into its weights and bias: BatchNormalization, and MatMul + Add.

(W x + b)·s + t = (s W) x + (s b + t)
"""

import numpy as np

from apus.artifact import Array, Graph, Node
from apus.compile.draft import add_tensor
from apus.compile.wiring import Wiring


def run(graph: Graph) -> None:
    """Fold every per-channel `mul add sub div` by a constant that is the only reader of its input."""
    wiring = Wiring(graph)
    for node in list(graph.nodes):
        if node.op in ("conv", "linear"):
            while (later := wiring.sole_reader(node.output, "binary")) is not None and _fold(graph, node, later):
                wiring.take_over(node, later)


def _fold(graph: Graph, node: Node, later: Node) -> bool:
    terms = _affine(graph, node, later)
    if terms is None or "activation" in later.attributes:
        return False
    s, t = terms
    if "weight_scale" in node.tensors and (s <= 0).any():  # int8 −128 has no negative
        return False
    weight, bias = graph.tensor(node, "weight"), _bias(graph, node, len(s))
    if "weight_scale" in node.tensors:
        _set(graph, node, "weight_scale", graph.tensor(node, "weight_scale") * s)
    elif not (s == 1).all():
        _set(graph, node, "weight", weight * s.reshape(-1, *[1] * (weight.ndim - 1)))
    if not t.any() and "bias_scale" in node.tensors:  # the integers stay exact
        _set(graph, node, "bias_scale", graph.tensor(node, "bias_scale") * s)
    else:
        node.tensors.pop("bias_scale", None)
        _set(graph, node, "bias", bias * s + t)
    return True


def _set(graph: Graph, node: Node, role: str, array: Array) -> None:
    """Give `node` a new constant; the old one may have other readers."""
    node.tensors[role] = add_tensor(graph, f"{node.output}.{role}", np.asarray(array, np.float32))


def _bias(graph: Graph, node: Node, channels: int) -> Array:
    if "bias" not in node.tensors:
        return np.zeros(channels)
    scale = graph.tensor(node, "bias_scale").astype(np.float64) if "bias_scale" in node.tensors else 1.0
    return np.asarray(graph.tensor(node, "bias").astype(np.float64) * scale)


def _affine(graph: Graph, node: Node, later: Node) -> tuple[Array, Array] | None:
    """s and t, float64 [M], of what `later` does to the output of `node`; None if it does not do that."""
    place = later.inputs.index(node.output)
    constant = graph.tensors.get(later.inputs[1 - place])
    if constant is None:
        return None
    c = _per_channel(constant, node, len(graph.values[node.output].shape))
    if c is None:
        return None
    one, zero = np.ones_like(c), np.zeros_like(c)
    function = later.attributes["function"]
    if function == "add":
        return one, c
    if function == "mul":
        return c, zero
    if function == "sub":
        return (one, -c) if place == 0 else (-one, c)
    if function == "div" and place == 0 and c.all():
        return 1 / c, zero
    return None


def _per_channel(constant: Array, node: Node, rank: int) -> Array | None:
    """`constant` as float64 [M] if it varies along the channel axis only."""
    channels = int(node.attributes["channels"])
    if constant.ndim > rank:
        return None
    wide = [1] * (rank - constant.ndim) + list(constant.shape)
    axis = 1 if node.op == "conv" else rank - 1
    if any(d != 1 for i, d in enumerate(wide) if i != axis) or wide[axis] not in (1, channels):
        return None
    return np.broadcast_to(constant.reshape(-1).astype(np.float64), (channels,)).copy()
