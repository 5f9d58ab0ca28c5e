"""Pools and reductions, alone, against ONNX Runtime."""

import numpy as np
import pytest
from agreement import check, engine_outputs, ops, text_model

from apus.compile import compile_model

X = "(float[N,4,6] x) => (float[A,B,C] y)"
IMAGE = "(float[N,4,8,8] x) => (float[A,B,C,D] y)"


@pytest.mark.parametrize(
    "attributes",
    [
        "kernel_shape = [3, 3]",
        "kernel_shape = [3, 2], strides = [2, 1], pads = [1, 0, 1, 1]",
        "kernel_shape = [3, 3], strides = [2, 2], ceil_mode = 1",
        'kernel_shape = [3, 3], strides = [2, 2], auto_pad = "SAME_UPPER"',
        'kernel_shape = [2, 2], auto_pad = "SAME_LOWER"',
    ],
)
@pytest.mark.parametrize("operator", ["MaxPool", "AveragePool"])
def test_pools(operator: str, attributes: str) -> None:
    check(text_model(f"m {IMAGE} {{ y = {operator} <{attributes}> (x) }}", 19))


def test_average_that_counts_padding() -> None:
    check(
        text_model(
            f"m {IMAGE} {{ y = AveragePool <kernel_shape = [3, 3], pads = [1, 1, 1, 1], count_include_pad = 1> (x) }}"
        )
    )


@pytest.mark.parametrize("operator", ["GlobalAveragePool", "GlobalMaxPool"])
def test_global_pools_reduce(operator: str) -> None:
    assert ops(check(text_model(f"m {IMAGE} {{ y = {operator}(x) }}"))) == ["reduce"]


@pytest.mark.parametrize("operator", ["ReduceMean", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2"])
@pytest.mark.parametrize("attributes", ["axes = [2]", "axes = [-1, 1]", "keepdims = 1"])
def test_reductions_with_axes_as_attribute(operator: str, attributes: str) -> None:
    check(text_model(f"m {X} {{ y = {operator} <{attributes}> (x) }}"))


def test_reduction_with_axes_as_input_drops_dimensions() -> None:
    check(
        text_model("m (float[N,4,6] x) => (float[A] y) <int64[2] a = {1, 2}> { y = ReduceSum <keepdims = 0> (x, a) }")
    )


@pytest.mark.parametrize("operator", ["ReduceL1", "ReduceL2"])
def test_norms_with_axes_as_input(operator: str) -> None:
    body = f"<int64[2] a = {{1, 2}}> {{ y = {operator} <keepdims = 0> (x, a) }}"
    check(text_model(f"m (float[N,4,6] x) => (float[A] y) {body}", 18))


@pytest.mark.parametrize("place", range(4))
def test_a_nan_anywhere_in_a_window_shows(place: int) -> None:
    """As in PyTorch; ONNX Runtime shows or hides it by its place in the window."""
    x = np.zeros((1, 1, 4, 4), np.float32)
    x[0, 0, place // 2, place % 2] = np.nan
    body = "{ y = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (x) }"
    (y,) = engine_outputs(compile_model(text_model(f"m (float[N,1,4,4] x) => (float[A,B,C,D] y) {body}")), {"x": x})
    assert np.isnan(y).ravel().tolist() == [True, False, False, False]


@pytest.mark.parametrize(("operator", "nothing"), [("Mean", np.nan), ("Max", -np.inf), ("Min", np.inf), ("Sum", 0)])
def test_reductions_of_nothing(operator: str, nothing: float) -> None:
    """As ONNX's reference and PyTorch; the standard leaves the mean undefined, and ONNX Runtime says 0."""
    body = f"<int64[1] a = {{0}}> {{ y = Reduce{operator}(x, a) }}"
    graph = compile_model(text_model(f"m (float[N,4] x) => (float[A,B] y) {body}", 18))
    (y,) = engine_outputs(graph, {"x": np.zeros((0, 4), np.float32)})
    np.testing.assert_array_equal(y, np.full((1, 4), nothing, np.float32))
