"""windows.py and geometry.py: convolutions and pools of any rank, with weights that are fed, against the reference."""

from typing import Any

import numpy as np
import pytest
from agreement import engine_outputs, onnxruntime_outputs
from reference import check_node, floats, node_model

from apus.compile import compile_model

WINDOWS: list[dict[str, Any]] = [
    {},
    {"strides": [2, 1], "pads": [1, 0, 2, 1]},
    {"dilations": [2, 1], "pads": [2, 0, 0, 1]},
    {"auto_pad": "SAME_UPPER", "strides": [2, 2]},
    {"auto_pad": "SAME_LOWER"},
]


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("groups", [1, 2])
def test_conv_with_fed_weights(window: dict[str, Any], groups: int) -> None:
    feed = {"x": floats(2, 4, 7, 6), "w": floats(6, 4 // groups, 3, 2, seed=1), "b": floats(6)}
    check_node("Conv", feed, group=groups, **window)


@pytest.mark.parametrize("known", [(), ("w",)])
def test_conv_of_three_dimensions(known: tuple[str, ...]) -> None:
    feed = {"x": floats(1, 2, 5, 4, 6), "w": floats(3, 2, 2, 3, 2, seed=1)}
    check_node("Conv", feed, known=known, strides=[1, 2, 1], pads=[1, 0, 1, 0, 1, 0])


@pytest.mark.parametrize(
    "window",
    [
        {},
        {"strides": [3, 2]},
        {"strides": [2, 2], "pads": [1, 0, 1, 1], "output_padding": [1, 0]},
        {"dilations": [2, 2]},
    ],
)
@pytest.mark.parametrize("groups", [1, 2])
def test_conv_transpose(window: dict[str, Any], groups: int) -> None:
    feed = {"x": floats(2, 4, 4, 3), "w": floats(4, 3, 3, 2, seed=1)}
    model = node_model("ConvTranspose", feed, opset=11, group=groups, **window)
    (want,) = onnxruntime_outputs(model, feed)  # the reference knows no groups
    (mine,) = engine_outputs(compile_model(model), feed)
    np.testing.assert_allclose(mine, want, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("op", ["MaxPool", "AveragePool", "LpPool"])
@pytest.mark.parametrize("shape", [(2, 3, 9), (1, 2, 7, 8), (1, 2, 5, 6, 7)])
@pytest.mark.parametrize("ceil", [0, 1])
def test_pools_of_any_rank(op: str, shape: tuple[int, ...], ceil: int) -> None:
    rank = len(shape) - 2
    more = {"p": 3} if op == "LpPool" else {}
    window = {"kernel_shape": [3] * rank, "strides": [2] * rank, "pads": [1] * 2 * rank, "ceil_mode": ceil}
    if op == "LpPool":  # of which the reference divides by the part of the last window that lies inside
        window["ceil_mode"] = 0
    check_node(op, {"x": floats(*shape)}, opset=22, **window, **more)


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "int8"])
def test_max_pool_gives_positions(dtype: str) -> None:
    x = np.random.default_rng(0).permutation(2 * 2 * 36).reshape(2, 2, 6, 6).astype(dtype)
    graph = check_node("MaxPool", {"x": x}, 2, opset=22, kernel_shape=[3, 2], strides=[2, 1], pads=[1, 0, 1, 1])
    assert any(node.op == "arg" for node in graph.nodes)


def test_a_window_of_padding_alone_does_not_win() -> None:
    x = np.full((1, 1, 4, 3, 3), -5, np.float32)
    model = node_model("MaxPool", {"x": x}, opset=22, kernel_shape=[2] * 3, pads=[1] * 6)
    (y,) = engine_outputs(compile_model(model), {"x": x})
    assert y.shape == (1, 1, 5, 4, 4) and (y == -5).all()


def test_col2im_adds_where_windows_overlap() -> None:
    feed = {"x": floats(1, 9 * 2, 12), "i": np.asarray([5, 6]), "b": np.asarray([3, 3])}
    check_node("Col2Im", feed, known=("i", "b"))
