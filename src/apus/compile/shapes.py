"""The shape of a node's output, symbols included: one small function per operation of SPEC.md §5."""

from collections.abc import Callable
from functools import reduce
from typing import Any

from apus.artifact import Dim, Graph, Node
from apus.compile.dims import add, broadcast, divide, product, subtract

Shape = list[Dim]
INT32_MAX = 2**31 - 1


def infer(node: Node, graph: Graph) -> Shape:
    """Shape of the output of `node`; ValueError if the inputs' shapes do not fit the operation.

    Args:
        node: its inputs are values or tensors of `graph`.
        graph: what has been built so far.

    Returns:
        Integers and symbols.
    """
    shapes = [_shape(graph, name) for name in node.inputs]
    if node.op == "matmul":
        return _matmul(*shapes)
    if node.op == "binary":
        return broadcast(*shapes)
    if node.op == "concat":
        return _concat(shapes, node.attributes["axis"])
    if node.op == "elementwise":
        return reduce(broadcast, shapes)
    if node.op in _INDEXED:
        return _INDEXED[node.op](shapes, node.attributes)
    rule = _ONE_INPUT.get(node.op)
    return rule(shapes[0], node.attributes) if rule else list(shapes[0])


def _shape(graph: Graph, name: str) -> Shape:
    return list(graph.values[name].shape if name in graph.values else graph.tensors[name].shape)


def window(dim: Dim, kernel: int, stride: int, pads: int, dilation: int, ceil: bool = False) -> Dim:
    """Positions of a sliding window.

    >>> window(28, 3, 2, 2, 1), window("t", 3, 1, 2, 1), window("t", 2, 2, 0, 1)
    (14, 't', '((t-2)//2+1)')
    """
    slack = pads - dilation * (kernel - 1) - 1
    if isinstance(dim, str):
        shifted = dim if slack == 0 else f"{dim}{slack:+d}"
        return add(dim, slack + 1) if stride == 1 else f"(({shifted})//{stride}+1)"
    span = dim + slack
    return (-(-span // stride) if ceil else span // stride) + 1


def _windows(x: Shape, a: dict[str, Any], channels: Dim) -> Shape:
    rank = len(a["kernel"])
    if len(x) != rank + 2:
        raise ValueError(f"input {x} has rank {len(x)}, a kernel {a['kernel']} needs {rank + 2}")
    pads = [a["pads"][i] + a["pads"][i + rank] for i in range(rank)]
    ceil = bool(a.get("ceil_mode", 0))
    spatial = [
        _drop_last_in_padding(window(d, k, s, p, e, ceil), d, s, a["pads"][i], ceil)
        for i, (d, k, s, p, e) in enumerate(zip(x[2:], a["kernel"], a["strides"], pads, a["dilations"], strict=True))
    ]
    return [x[0], channels, *spatial]


def _drop_last_in_padding(out: Dim, dim: Dim, stride: int, begin: int, ceil: bool) -> Dim:
    """With ceil_mode a window that would start in the end padding is left out (ONNX since opset 19, as PyTorch)."""
    if ceil and isinstance(out, int) and isinstance(dim, int) and (out - 1) * stride >= dim + begin:
        return out - 1
    return out


def _matmul(a: Shape, b: Shape) -> Shape:
    left, right = ([1, *a] if len(a) == 1 else a), ([*b, 1] if len(b) == 1 else b)
    if left[-1] != right[-2] and isinstance(left[-1], int) and isinstance(right[-2], int):
        raise ValueError(f"matrices {a} and {b} do not multiply")
    rows = [] if len(a) == 1 else [left[-2]]
    return broadcast(left[:-2], right[:-2]) + rows + ([] if len(b) == 1 else [right[-1]])


def _concat(shapes: list[Shape], axis: int) -> Shape:
    result = list(shapes[0])
    axis %= len(result)
    for shape in shapes[1:]:
        result[axis] = add(result[axis], shape[axis])
    return result


def _reduce(x: Shape, a: dict[str, Any]) -> Shape:
    axes = {axis % len(x) for axis in a["axes"]}
    return [1 if i in axes else d for i, d in enumerate(x) if i not in axes or a["keepdims"]]


def _reshape(x: Shape, a: dict[str, Any]) -> Shape:
    result: Shape = [x[i] if n == 0 else n for i, n in enumerate(a["shape"])]
    if -1 in result:
        known = product([d for d in result if d != -1])
        result[result.index(-1)] = divide(product(x), known)
    return result


def _slice(x: Shape, a: dict[str, Any]) -> Shape:
    result = list(x)
    for start, end, axis, step in zip(a["starts"], a["ends"], a["axes"], a["steps"], strict=True):
        result[axis] = _slice_one(x[axis], start, end, step)
    return result


def _slice_one(dim: Dim, start: int, end: int, step: int) -> Dim:
    if isinstance(dim, int):
        return len(range(dim)[slice(start, None if end < -INT32_MAX else end, step)])
    if step == 1 and start >= 0 and end >= INT32_MAX:
        return subtract(dim, start)
    if step == 1 and start < 0 and end >= INT32_MAX:
        return -start
    if step == 1 and 0 <= start <= end:  # assumes that the dimension reaches `end`, as the exporter did
        return end - start
    return f"({dim}[{start}:{end}:{step}])"


def _gather(shapes: list[Shape], a: dict[str, Any]) -> Shape:
    x, axis = shapes[0], a["axis"] % len(shapes[0])
    return [*x[:axis], *shapes[1], *x[axis + 1 :]]


def _gather_nd(shapes: list[Shape], a: dict[str, Any]) -> Shape:
    x, indices = shapes
    if isinstance(indices[-1], str):
        raise ValueError(f"the length {indices[-1]!r} of an index is symbolic")
    return [*indices[:-1], *x[a["batch_dims"] + indices[-1] :]]


_INDEXED: dict[str, Callable[[list[Shape], dict[str, Any]], Shape]] = {
    "gather": _gather,
    "gather_elements": lambda shapes, a: shapes[1],
    "recurrent": lambda shapes, a: [*shapes[1][:2], shapes[0][1] * (len(shapes) - 1)],
    "gather_nd": _gather_nd,
}


def _top_k(x: Shape, a: dict[str, Any]) -> Shape:
    axis = a["axis"] % len(x)
    return [*x[:axis], a["k"], *x[axis + 1 :]]


_ONE_INPUT: dict[str, Callable[[Shape, dict[str, Any]], Shape]] = {
    "conv": lambda x, a: _windows(x, a, a["channels"]),
    "linear": lambda x, a: [*x[:-1], a["channels"]],
    "max_pool": lambda x, a: _windows(x, a, x[1]),
    "avg_pool": lambda x, a: _windows(x, a, x[1]),
    "reduce": _reduce,
    "reshape": _reshape,
    "attention": lambda x, a: [*x[:-1], a["channels"]],
    "flatten": lambda x, a: [product(x[: a["axis"]]), product(x[a["axis"] :])],
    "transpose": lambda x, a: [x[i] for i in a["perm"]],
    "pad": lambda x, a: [add(d, a["pads"][i] + a["pads"][i + len(x)]) for i, d in enumerate(x)],
    "slice": _slice,
    "arg": lambda x, a: _reduce(x, a | {"axes": [a["axis"]]}),
    "top_k": _top_k,
}
