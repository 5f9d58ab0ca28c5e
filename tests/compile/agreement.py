"""Compile a model, and compare ONNX Runtime, the NumPy oracle (tests/oracle.py) and the engine on it."""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from apus import _native, artifact
from apus.artifact import Array, Graph
from apus.compile import compile_model

sys.path.insert(0, str(Path(__file__).parent.parent))
import oracle

Feed = dict[str, Array]


def text_model(body: str, opset: int = 17) -> onnx.ModelProto:
    """A model in ONNX's text syntax, checked."""
    model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["": {opset}, "com.microsoft": 1]> {body}')
    onnx.checker.check_model(model)
    return model


def random_feed(graph: Graph, seed: int = 0, batch: int = 3) -> Feed:
    """Standard normal inputs; symbolic dimensions become `batch`."""
    random = np.random.default_rng(seed)
    shapes = {name: [batch if isinstance(d, str) else d for d in graph.values[name].shape] for name in graph.inputs}
    return {name: random.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


def onnxruntime_outputs(model: onnx.ModelProto, feed: Feed, optimise: bool = True) -> list[Array]:
    """What ONNX Runtime gives; not optimised, it runs each node as the standard says."""
    options = onnxruntime.SessionOptions()
    if not optimise:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return list(session.run(None, feed))


def engine_outputs(graph: Graph, feed: Feed, threads: int = 1) -> list[Array]:
    model = _native.Model.from_bytes(artifact.to_bytes(graph))
    return list(_native.Session(model, threads).run([feed[name].copy() for name in graph.inputs]))


def check(
    model: onnx.ModelProto,
    feed: Feed | None = None,
    *,
    atol: float = 2e-5,
    passes: Sequence[str] | None = None,
    shapes: dict[str, list[int]] | None = None,
    optimise: bool = True,
) -> Graph:
    """Assert that all three agree within `atol` of the largest output; returns the compiled graph."""
    graph = compile_model(model, passes=passes, shapes=shapes)
    feed = feed or random_feed(graph)
    mine_all = oracle.run(graph, feed)
    want = onnxruntime_outputs(model, feed, optimise)
    got = engine_outputs(graph, feed)
    for name, mine, theirs, native in zip(graph.outputs, mine_all.values(), want, got, strict=True):
        assert mine.dtype == theirs.dtype == native.dtype and mine.shape == theirs.shape == native.shape
        scale = max(1.0, float(np.abs(theirs.astype(np.float64)).max(initial=0)))
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=atol * scale, err_msg=f"oracle, {name}")
        np.testing.assert_allclose(native, theirs, rtol=0, atol=atol * scale, err_msg=f"engine, {name}")
    return graph


def ops(graph: Graph) -> list[str]:
    return [node.op for node in graph.nodes]
