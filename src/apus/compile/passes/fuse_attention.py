"""Find attention: heads split by reshape and transpose, softmax(q kᵀ · factor + mask) v, heads joined again.

One `attention` node reads the rows of q, k and v as the projections wrote them, so nothing is transposed.
"""

from dataclasses import dataclass

import numpy as np

from apus.artifact import Graph, Node
from apus.compile.draft import make_node
from apus.compile.wiring import Wiring

_ROWS, _COLUMNS = [0, 2, 1, 3], [0, 2, 3, 1]  # [batch, token, head, size] → heads first; the same, transposed


@dataclass(frozen=True)
class _Heads:
    """An operand of a product: `source` [batch, token, heads · size], multiplied by `factor`.

    `rows` is that shape where the source has [batch · token, heads · size].
    """

    source: str
    heads: int
    size: int
    factor: float
    rows: list[int] | None


def run(graph: Graph) -> None:
    """Replace each attention by one node."""
    wiring = Wiring(graph)
    for node in list(graph.nodes):
        if node.op == "softmax" and len(graph.values[node.output].shape) == 4 and node.attributes["axis"] in (-1, 3):
            _replace(graph, wiring, node)


def _replace(graph: Graph, wiring: Wiring, softmax: Node) -> None:
    product, mask, factor = _scores(graph, wiring, softmax.inputs[0])
    weighted = wiring.sole_reader(softmax.output, "matmul")
    joined = _joined(graph, wiring, weighted) if weighted is not None else None
    if product is None or weighted is None or joined is None or weighted.inputs[0] != softmax.output:
        return
    q = _split(graph, wiring, product.inputs[0], _ROWS)
    k = _split(graph, wiring, product.inputs[1], _COLUMNS)
    v = _split(graph, wiring, weighted.inputs[1], _ROWS)
    if q is None or k is None or v is None or len({(h.heads, h.size) for h in (q, k, v)}) != 1 or v.factor != 1:
        return
    attributes = {"heads": q.heads, "channels": q.heads * q.size, "offsets": [0, 0, 0]}
    attributes["factor"] = float(np.float32(factor * q.factor * k.factor))
    inputs = [_rows(graph, wiring, each, joined) for each in (q, k, v)] + ([mask] if mask is not None else [])
    node = make_node(graph, "attention", inputs, attributes, name=weighted.name, output=f"{softmax.output}.attention")
    found, wanted = graph.values[node.output].shape, graph.values[joined.output].shape
    if len(wanted) == 3 and found != wanted:
        del graph.values[node.output]
        return
    wiring.insert(node, before=joined)
    if len(wanted) == 3:
        wiring.take_over(node, joined)
    else:  # rows of all batches together, made of the same elements
        wiring.set_inputs(joined, [node.output])


def _rows(graph: Graph, wiring: Wiring, heads: _Heads, before: Node) -> str:
    """The operand with its batches apart."""
    if heads.rows is None:
        return heads.source
    name = f"{heads.source}.rows"
    node = make_node(graph, "reshape", [heads.source], {"shape": heads.rows}, name=name, output=name)
    wiring.insert(node, before=before)
    return str(node.output)


def _number(graph: Graph, name: str) -> float | None:
    array = graph.tensors.get(name)
    return float(array.reshape(())) if array is not None and array.size == 1 else None


def _scaled(graph: Graph, wiring: Wiring, name: str) -> tuple[str, float]:
    """`name` as a value times a number."""
    node = wiring.producer(name, "binary")
    if node is None or "activation" in node.attributes or wiring.sole_reader(name) is None:
        return name, 1.0
    for value, other in (node.inputs, node.inputs[::-1]):
        number, function = _number(graph, other), node.attributes["function"]
        if number is not None and (function == "mul" or (function == "div" and value == node.inputs[0] and number)):
            return value, number if function == "mul" else 1 / number
    return name, 1.0


def _scores(graph: Graph, wiring: Wiring, name: str) -> tuple[Node | None, str | None, float]:
    """The product q kᵀ, the mask added to it, and the factor in between."""
    mask, total = None, wiring.producer(name, "binary")
    if total is not None and total.attributes["function"] == "add" and "activation" not in total.attributes:
        for scores, other in (total.inputs, total.inputs[::-1]):
            if _fits(graph, other, scores) and wiring.producer(_scaled(graph, wiring, scores)[0], "matmul"):
                name, mask = scores, other
                break
    inner, factor = _scaled(graph, wiring, name)
    product = wiring.producer(inner, "matmul")
    alone = product is not None and wiring.sole_reader(inner) is not None
    return product if alone else None, mask, factor


def _fits(graph: Graph, mask: str, scores: str) -> bool:
    if mask not in graph.values or scores not in graph.values:
        return False
    small, full = graph.values[mask].shape, graph.values[scores].shape
    float_4d = len(small) == len(full) == 4 and graph.values[mask].dtype == "float32"
    return float_4d and small[3] == full[3] and all(a in (1, b) for a, b in zip(small, full, strict=True))


def _split(graph: Graph, wiring: Wiring, name: str, order: list[int]) -> _Heads | None:
    """The operand whose heads were brought to the front in `order`, by one or two transpositions."""
    perm, factor = [0, 1, 2, 3], 1.0
    while True:
        inner, number = _scaled(graph, wiring, name)
        node = wiring.producer(inner)
        factor *= number
        if node is None or node.op != "transpose":
            break
        perm = [node.attributes["perm"][i] for i in perm]
        name = node.inputs[0]
    if node is None or node.op != "reshape" or perm != order:
        return None
    source, shape = graph.values[node.inputs[0]].shape, graph.values[node.output].shape
    if len(shape) != 4:
        return None
    heads, size = shape[2:]
    if not isinstance(heads, int) or not isinstance(size, int):
        return None
    if len(source) == 3 and source[:2] == shape[:2]:
        return _Heads(node.inputs[0], heads, size, factor, None)
    if len(source) != 2 or source[1] != heads * size:
        return None
    return _Heads(node.inputs[0], heads, size, factor, [*node.attributes["shape"][:2], heads * size])


def _joined(graph: Graph, wiring: Wiring, weighted: Node) -> Node | None:
    """The reshape that ends transpose and reshape of the heads."""
    transpose = wiring.sole_reader(weighted.output, "transpose")
    if transpose is None or transpose.attributes["perm"] != _ROWS:
        return None
    reshape = wiring.sole_reader(transpose.output, "reshape")
    if reshape is None:
        return None
    shape, (heads, size) = graph.values[reshape.output].shape, graph.values[transpose.output].shape[2:]
    whole = isinstance(heads, int) and isinstance(size, int) and shape[-1] == heads * size
    return reshape if whole and len(shape) in (2, 3) else None
