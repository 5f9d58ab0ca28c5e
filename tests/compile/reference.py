"""Compile one ONNX node for the shapes at hand, run it, and compare with the standard's reference implementation."""

from typing import Any

import numpy as np
import onnx
from agreement import engine_outputs
from onnx import helper
from onnx.reference import ReferenceEvaluator

from apus.artifact import Array, Graph
from apus.compile import compile_model


def node_model(
    op: str, feed: dict[str, Array], outputs: int = 1, opset: int = 23, known: tuple[str, ...] = (), **attributes: Any
) -> onnx.ModelProto:
    """A model of one node that reads the feed in order, `known` ones as constants; "" stands for an absent input."""
    names = [f"y{i}" for i in range(outputs)]
    node = helper.make_node(op, list(feed), names, name="node", **attributes)
    inputs = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in feed.items()
        if name and name not in known
    ]
    constants = [onnx.numpy_helper.from_array(feed[name], name) for name in known]
    unknown = [onnx.ValueInfoProto(name=name) for name in names]
    graph = helper.make_graph([node], "m", inputs, unknown, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
    return onnx.shape_inference.infer_shapes(model, data_prop=True)


def check_node(
    op: str,
    feed: dict[str, Array],
    outputs: int = 1,
    opset: int = 23,
    known: tuple[str, ...] = (),
    atol: float = 1e-5,
    **attributes: Any,
) -> Graph:
    """Assert that the engine gives what the reference gives; returns the compiled graph."""
    model = node_model(op, feed, outputs, opset, known, **attributes)
    given = {name: array for name, array in feed.items() if name and name not in known}
    with np.errstate(all="ignore"):
        want = ReferenceEvaluator(model).run(None, given)
    graph = compile_model(model)
    for mine, theirs in zip(engine_outputs(graph, given), want, strict=True):
        theirs = np.asarray(theirs)
        assert mine.shape == theirs.shape
        np.testing.assert_allclose(mine, theirs.astype(mine.dtype), rtol=1e-4, atol=atol, err_msg=op)
    return graph


def floats(*shape: int, seed: int = 0) -> Array:
    """Standard normal float32."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
