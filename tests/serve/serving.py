"""A small network to serve, and requests for it."""

from typing import Any

import numpy as np

import apus
from apus.artifact import Array, Graph, Node, Value, to_bytes


def network(batch: int | str = "N") -> bytes:
    """y = 2 x + shift over [batch, 3], and its sum over the columns."""
    graph = Graph("net", ["x", "shift"], ["y", "total"])
    graph.values = {name: Value("float32", [batch, 3]) for name in ("x", "shift", "double", "y")}
    graph.values["total"] = Value("float32", [batch, 1])
    graph.tensors = {"two": np.float32(2)}
    graph.nodes = [
        Node("binary", "double", ["x", "two"], ["double"], {"function": "mul"}),
        Node("binary", "shift", ["double", "shift"], ["y"], {"function": "add"}),
        Node("reduce", "total", ["y"], ["total"], {"function": "sum", "axes": [1], "keepdims": 1}),
    ]
    return to_bytes(graph)


def session(batch: int | str = "N") -> apus.Session:
    return apus.Session(network(batch), threads=1)


def feed(rows: int = 2, seed: int = 0) -> dict[str, Array]:
    random = np.random.default_rng(seed)
    return {name: random.standard_normal((rows, 3)).astype(np.float32) for name in ("x", "shift")}


def body(arrays: dict[str, Array], **changes: Any) -> dict[str, Any]:
    """A request; `changes` go into its first input."""
    inputs: list[dict[str, Any]] = [
        {"name": name, "datatype": "FP32", "shape": list(array.shape), "data": array.tolist()}
        for name, array in arrays.items()
    ]
    inputs[0] |= changes
    return {"inputs": inputs}
