"""Conv in all its forms, alone, against ONNX Runtime."""

import numpy as np
import pytest
from agreement import check, ops, random_feed, text_model

from apus.compile import compile_model, supported

X = "(float[N,4,6] x) => (float[A,B,C] y)"
IMAGE = "(float[N,4,8,8] x) => (float[A,B,C,D] y)"


def weights(*shape: int) -> str:
    count = int(np.prod(shape))
    numbers = np.random.default_rng(0).standard_normal(count).round(3)
    return f"float[{','.join(map(str, shape))}] w = {{{','.join(map(str, numbers))}}}"


CONVOLUTIONS = {
    "3x3": (IMAGE, weights(20, 4, 3, 3), "pads = [1, 1, 1, 1]"),
    "stride and dilation": (IMAGE, weights(5, 4, 3, 2), "strides = [2, 1], dilations = [1, 2], pads = [0, 1, 2, 0]"),
    "1x1": (IMAGE, weights(33, 4, 1, 1), "group = 1"),
    "grouped": (IMAGE, weights(6, 2, 3, 3), "group = 2"),
    "depthwise": (IMAGE, weights(4, 1, 3, 3), "group = 4, pads = [1, 1, 1, 1]"),
    "depthwise with multiplier": (IMAGE, weights(8, 1, 3, 3), "group = 4, strides = [2, 2]"),
    "same upper": (IMAGE, weights(3, 4, 4, 4), 'auto_pad = "SAME_UPPER"'),
    "1d": (X, weights(7, 4, 3), "pads = [2, 0], dilations = [2]"),
    "1d depthwise": (X, weights(4, 1, 3), "group = 4"),
}


@pytest.mark.parametrize("name", sorted(CONVOLUTIONS))
def test_convolutions(name: str) -> None:
    io, weight, attributes = CONVOLUTIONS[name]
    graph = check(text_model(f"m {io} <{weight}> {{ y = Conv <{attributes}> (x, w) }}"))
    assert ops(graph) == ["conv"]
    assert graph.nodes[0].attributes["format"] == ("depthwise" if "depthwise" in name else "block16x1")


def test_convolution_over_a_symbolic_length() -> None:
    model = text_model(
        f"m (float[N,4,T] x) => (float[A,B,C] y) <{weights(7, 4, 3)}> {{ y = Conv <pads = [1, 1]> (x, w) }}"
    )
    graph = compile_model(model)
    assert graph.values["y"].shape == ["N", 7, "T"]
    check(model, {"x": random_feed(graph, batch=9)["x"]})


def test_the_list_of_operators_is_public() -> None:
    assert {"Conv", "Gemm", "MatMul", "QuantizeLinear", "Softmax"} <= set(supported())
