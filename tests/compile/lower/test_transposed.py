"""ConvTranspose by its phases, against ONNX Runtime."""

from typing import Any

import numpy as np
import onnx
import pytest
from agreement import engine_outputs, onnxruntime_outputs
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from reference import floats, node_model

from apus.compile import compile_model

WINDOWS: list[dict[str, Any]] = [
    {},
    {"strides": [3, 2]},
    {"strides": [2, 2], "pads": [1, 0, 1, 1], "output_padding": [1, 0]},
    {"strides": [4, 3], "pads": [2, 1, 0, 2]},
    {"dilations": [2, 3], "strides": [2, 1]},
    {"strides": [2, 2], "auto_pad": "SAME_UPPER"},
    {"strides": [2, 2], "auto_pad": "SAME_LOWER"},
    {"strides": [2, 2], "output_shape": [8, 5]},
]


def agrees(feed: dict[str, np.ndarray], **window: Any) -> None:
    model = node_model("ConvTranspose", feed, opset=17, known=("w", "b"), **window)
    graph = compile_model(model)
    assert any(node.op == "conv" for node in graph.nodes) and all(node.op != "matmul" for node in graph.nodes)
    (want,) = onnxruntime_outputs(model, {"x": feed["x"]})
    (mine,) = engine_outputs(graph, {"x": feed["x"]})
    np.testing.assert_allclose(mine, want, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("groups", [1, 2])
def test_two_dimensions(window: dict[str, Any], groups: int) -> None:
    feed = {"x": floats(2, 4, 4, 3), "w": floats(4, 3, 3, 2, seed=1), "b": floats(3 * groups, seed=2)}
    agrees(feed, group=groups, **window)


@settings(max_examples=40, deadline=None)
@given(
    size=st.integers(1, 9),
    kernel=st.integers(1, 7),
    stride=st.integers(1, 5),
    dilation=st.integers(1, 3),
    pads=st.tuples(st.integers(0, 4), st.integers(0, 4)),
    extra=st.integers(0, 4),
    groups=st.sampled_from([1, 3]),
)
def test_one_dimension(
    size: int, kernel: int, stride: int, dilation: int, pads: tuple[int, int], extra: int, groups: int
) -> None:
    assume(extra < stride)
    assume((size - 1) * stride + dilation * (kernel - 1) + 1 + extra - sum(pads) >= 1)
    feed = {"x": floats(1, 6, size), "w": floats(6, 5, kernel, seed=1), "b": floats(5 * groups, seed=2)}
    window = {"strides": [stride], "dilations": [dilation], "pads": list(pads), "output_padding": [extra]}
    agrees(feed, group=groups, **window)


def test_the_batch_may_stay_symbolic() -> None:
    weight = onnx.numpy_helper.from_array(floats(4, 3, 3, 2, seed=1), "w")
    model = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["": 17]> m (float[N,4,4,3] x) => (float[N,3,9,8] y) '
        "{ y = ConvTranspose <strides = [2, 3]> (x, w) }"
    )
    model.graph.initializer.append(weight)
    graph = compile_model(model)
    for batch in (1, 3):
        x = floats(batch, 4, 4, 3)
        (want,) = onnxruntime_outputs(model, {"x": x})
        (mine,) = engine_outputs(graph, {"x": x})
        np.testing.assert_allclose(mine, want, rtol=1e-4, atol=1e-5)
