"""A graph under construction: weights still plain matrices, names handed out as nodes come.

Until `pack`, a `conv` or `linear` holds these roles instead of the packed ones of SPEC.md §3:
`weight` [M, C/groups, kernel…] or [M, K], float32, or int8 with `weight_scale` [M]; `bias` [M], float32, or int32
with `bias_scale` [M].
"""

from typing import Any

import numpy as np

from apus.artifact import Array, Graph, Node, Value
from apus.compile.shapes import infer

MOVES = frozenset({"reshape", "flatten", "transpose", "slice", "max_pool", "pad"})  # the output is some of the input
KEEP_DTYPE = frozenset(
    [
        "elementwise",
        "gather",
        "gather_elements",
        "gather_nd",
        "scatter_elements",
        "scatter_nd",
        "cumulative",
        "top_k",
        "reduce",
        "matmul",
    ]
)


def fresh(graph: Graph, stem: str) -> str:
    """A name that no value and no tensor of `graph` has, starting with `stem`."""
    name, count = stem, 1
    while name in graph.values or name in graph.tensors:
        name, count = f"{stem}.{count}", count + 1
    return name


def add_tensor(graph: Graph, stem: str, array: Array) -> str:
    """Keep a constant in `graph`; returns its name."""
    name = fresh(graph, stem)
    graph.tensors[name] = np.ascontiguousarray(array) if array.ndim else array
    return name


def _moved(graph: Graph, op: str, first: str) -> Value | None:
    """The first operand, where the result has its dtype."""
    if (op in MOVES or op == "concat") and first in graph.values:
        return graph.values[first]
    if op in KEEP_DTYPE:
        given = graph.values[first].dtype if first in graph.values else graph.tensors[first].dtype.name
        return None if op == "reduce" and graph.values[first].quantised else Value(given, [])
    return None


def make_node(
    graph: Graph,
    op: str,
    inputs: list[str],
    attributes: dict[str, Any] | None = None,
    *,
    name: str,
    output: str,
    like: Value | None = None,
) -> Node:
    """A node with its output value in `graph.values`, but not yet in `graph.nodes`.

    Args:
        graph: where the inputs live.
        op: an operation of SPEC.md §5.
        inputs: values or tensors.
        attributes: of the operation.
        name: for messages and profiles, usually the ONNX node's.
        output: stem of the output's name.
        like: dtype and quantisation of the output; by default those of the first input for moves, else float32.

    Returns:
        The node.
    """
    node = Node(op, name, inputs, [fresh(graph, output)], attributes or {})
    like = like or _moved(graph, op, inputs[0]) or Value("float32", [])
    graph.values[node.output] = Value(like.dtype, infer(node, graph), like.scale, like.zero_point)
    return node
