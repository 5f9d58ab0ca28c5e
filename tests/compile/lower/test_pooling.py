"""Pools and reductions, alone, against ONNX Runtime."""

import pytest
from agreement import check, ops, text_model

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


@pytest.mark.parametrize("operator", ["ReduceMean", "ReduceMax", "ReduceMin"])
@pytest.mark.parametrize("attributes", ["axes = [2]", "axes = [-1, 1]", "keepdims = 1"])
def test_reductions_with_axes_as_attribute(operator: str, attributes: str) -> None:
    check(text_model(f"m {X} {{ y = {operator} <{attributes}> (x) }}"))


def test_reduction_with_axes_as_input_drops_dimensions() -> None:
    check(
        text_model("m (float[N,4,6] x) => (float[A] y) <int64[2] a = {1, 2}> { y = ReduceSum <keepdims = 0> (x, a) }")
    )
