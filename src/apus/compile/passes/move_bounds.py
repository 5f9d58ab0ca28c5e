"""What bounds a value before it is quantised becomes one clip, above the moves, where a matrix applies it as it stores.

A clip of a clip is a clip, and all of them are monotone and element-wise, so they commute with moves and `max_pool`.
Few-bit activations come so: relu, max_pool, the range of the quantiser, and that of its 2 or 4 bits.
"""

import math
from functools import reduce

import numpy as np

from apus.artifact import Graph, Node, Value
from apus.compile.draft import MOVES, fresh
from apus.compile.wiring import Wiring

Bounds = tuple[float, float]
_LARGEST = float(np.finfo(np.float32).max)
_STORES = ("conv", "linear")


def run(graph: Graph) -> None:
    """Gather the bounds between each matrix and the quantize that alone reads it."""
    wiring = Wiring(graph)
    for node in list(graph.nodes):
        if node.op == "quantize":
            _gather(graph, wiring, node)


def _gather(graph: Graph, wiring: Wiring, quantize: Node) -> None:
    between = _between(wiring, quantize)
    found = [(node, bounds) for node in between if (bounds := _bounds(graph, node)) is not None]
    if not found or (len(found) == 1 and found[0][0] is between[0]):
        return
    low, high = reduce(_after, [bounds for _, bounds in found])
    source = between[0].inputs[0]
    for node, _ in found:
        wiring.bypass(node, node.inputs[0])
    reader = wiring.readers(source)[0]
    attributes = {"function": "clip", "clip": [max(low, -_LARGEST), min(high, _LARGEST)]}
    if (low, high) == (0.0, math.inf):
        attributes = {"function": "relu"}
    clip = Node("unary", found[0][0].name, [source], [fresh(graph, f"{source}.bounded")], attributes)
    graph.values[clip.output] = Value("float32", list(graph.values[source].shape))
    wiring.insert(clip, before=reader)
    wiring.set_inputs(reader, [clip.output if name == source else name for name in reader.inputs])


def _between(wiring: Wiring, quantize: Node) -> list[Node]:
    """What stands between a matrix and its quantize, in the order of execution; nothing if anybody else reads it."""
    found: list[Node] = []
    name = quantize.inputs[0]
    while wiring.sole_reader(name) is not None and (maker := wiring.producer(name)) is not None:
        if maker.op in _STORES:
            return found[::-1]
        if maker.op not in MOVES - {"pad"} and _bounds(wiring.graph, maker) is None:
            return []
        found.append(maker)
        name = maker.inputs[0]
    return []


def _bounds(graph: Graph, node: Node) -> Bounds | None:
    """(lowest, highest) that a node lets pass, if that is all it does."""
    function = node.attributes.get("function")
    if node.op == "unary" and function in ("relu", "clip"):
        low, high = node.attributes["clip"] if function == "clip" else (0.0, math.inf)
        return float(low), float(high)
    limit = graph.tensors.get(node.inputs[1]) if node.op == "binary" and function in ("min", "max") else None
    if limit is None or limit.size != 1 or "activation" in node.attributes:
        return None
    return (-math.inf, float(limit.item())) if function == "min" else (float(limit.item()), math.inf)


def _after(first: Bounds, second: Bounds) -> Bounds:
    """Both, one after the other."""
    low, high = (min(max(end, second[0]), second[1]) for end in first)
    return low, high
