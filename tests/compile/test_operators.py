"""Every supported ONNX operator, alone, against ONNX Runtime."""

import numpy as np
import pytest
from agreement import check, ops, random_feed, text_model

from apus.compile import compile_model, supported

X = "(float[N,4,6] x) => (float[A,B,C] y)"
IMAGE = "(float[N,4,8,8] x) => (float[A,B,C,D] y)"
TWO = "(float[N,4,6] x, float[N,1,6] z) => (float[A,B,C] y)"
ROWS = "(float[N,8] x) => (float[A,B] y)"

UNARY = [
    "Relu", "HardSwish", "Sigmoid", "Tanh", "Exp", "Abs", "Neg", "Erf", "Floor", "Ceil", "Round", "Softplus",
    "LeakyRelu <alpha = 0.3>", "Elu <alpha = 0.7>", "HardSigmoid <alpha = 0.3, beta = 0.4>",
]  # fmt: skip


@pytest.mark.parametrize("operator", UNARY)
def test_unary(operator: str) -> None:
    name, _, attributes = operator.partition(" ")
    assert ops(check(text_model(f"m {X} {{ y = {name} {attributes} (x) }}"))) == ["unary"]


@pytest.mark.parametrize("operator", ["Log", "Sqrt", "Reciprocal"])
def test_unary_of_positive_numbers(operator: str) -> None:
    check(text_model(f"m {X} {{ z = Exp(x)  y = {operator}(z) }}"))


@pytest.mark.parametrize("operator", ["Gelu", 'Gelu <approximate = "tanh">'])
def test_gelu(operator: str) -> None:
    check(text_model(f"m {X} {{ y = {operator}(x) }}", 20), atol=2e-6)


@pytest.mark.parametrize("operator", ["Add", "Sub", "Mul", "Div", "Max", "Min"])
def test_binary_broadcasts(operator: str) -> None:
    assert ops(check(text_model(f"m {TWO} {{ y = {operator}(x, z) }}"))) == ["binary"]


@pytest.mark.parametrize("operator", ["Add", "Sub", "Mul", "Div", "Max", "Min"])
@pytest.mark.parametrize("order", ["x, c", "c, x"])
def test_binary_with_a_constant(operator: str, order: str) -> None:
    check(text_model(f"m {X} <float[4,1] c = {{1.5, -2.0, 3.0, 0.5}}> {{ y = {operator}({order}) }}"))


def test_pow_and_variadic() -> None:
    check(text_model(f"m {X} <float p = {{2.0}}> {{ y = Pow(x, p) }}"))
    check(text_model(f"m {TWO} <float c = {{0.25}}> {{ y = Max(c, x, z) }}"))
    check(text_model(f"m {TWO} {{ y = Sum(x, z, x) }}"))


@pytest.mark.parametrize("ends", ["low, high", "low", ",high"])
def test_clip(ends: str) -> None:
    ends = ends.replace(",high", '"", high')
    check(
        text_model(f"m {X} <float low = {{-0.5}}, float high = {{0.75}}> {{ y = Clip(x, {ends}) }}".replace('""', ""))
    )


def test_prelu() -> None:
    check(text_model(f"m {X} <float[4,1] slope = {{0.1, 0.2, -0.3, 2.0}}> {{ y = PRelu(x, slope) }}"))
    check(text_model(f"m {X} <float[1] slope = {{0.1}}> {{ y = PRelu(x, slope) }}"))


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


@pytest.mark.parametrize("opset", [11, 17])
@pytest.mark.parametrize("axis", [1, 2, -1])
def test_softmax_old_and_new(opset: int, axis: int) -> None:
    check(text_model(f"m (float[N,4,6] x) => (float[N,4,6] y) {{ y = Softmax <axis = {axis}> (x) }}", opset))


def test_log_softmax_stays_finite() -> None:
    model = text_model(f"m {ROWS} {{ y = LogSoftmax(x) }}")
    check(model, {"x": np.array([[1000, 0, -1000, 3, 4, 5, 6, 7]], np.float32)})


def test_layer_and_instance_normalisation() -> None:
    constants = "<float[6] g = {1,2,3,4,5,6}, float[6] b = {6,5,4,3,2,1}>"
    check(text_model(f"m {X} {constants} {{ y = LayerNormalization <axis = -1, epsilon = 0.01> (x, g, b) }}"))
    constants = "<float[4] g = {1,2,3,4}, float[4] b = {4,3,2,1}>"
    check(text_model(f"m {X} {constants} {{ y = InstanceNormalization(x, g, b) }}"))


def test_batch_normalisation_alone() -> None:
    constants = (
        "<float[4] g = {1,2,3,4}, float[4] b = {4,3,2,1}, float[4] m = {0.1,0.2,0.3,0.4}, float[4] v = {1,2,3,4}>"
    )
    graph = check(text_model(f"m {IMAGE} {constants} {{ y = BatchNormalization(x, g, b, m, v) }}"))
    assert ops(graph) == ["binary", "binary"]


PADS = "int64[6] p = {0,1,2,0,0,1}"
MOVES = {
    "Reshape": "m (float[N,4,6] x) => (float[A,B] y) <int64[2] s = {-1, 24}> { y = Reshape(x, s) }",
    "Reshape zero": "m (float[N,4,6] x) => (float[A,B] y) <int64[2] s = {0, -1}> { y = Reshape(x, s) }",
    "Flatten": "m (float[N,4,6] x) => (float[A,B] y) { y = Flatten <axis = 2> (x) }",
    "Flatten negative": "m (float[N,4,6] x) => (float[A,B] y) { y = Flatten <axis = -2> (x) }",
    "Squeeze": "m (float[N,1,6] x) => (float[A,B] y) <int64[1] a = {1}> { y = Squeeze(x, a) }",
    "Unsqueeze": "m (float[N,6] x) => (float[A,B,C] y) <int64[1] a = {-1}> { y = Unsqueeze(x, a) }",
    "Transpose": "m (float[N,4,6] x) => (float[A,B,C] y) { y = Transpose <perm = [2, 0, 1]> (x) }",
    "Transpose reverse": "m (float[N,4,6] x) => (float[A,B,C] y) { y = Transpose(x) }",
    "Concat": "m (float[N,4,6] x) => (float[A,B,C] y) { z = Relu(x)  y = Concat <axis = -2> (x, z, x) }",
    "Slice": "m (float[N,4,6] x) => (float[A,B,C] y) <int64[2] s = {1, -1}, int64[2] e = {9223372036854775807, -5},"
    " int64[2] a = {1, 2}, int64[2] t = {2, -2}> { y = Slice(x, s, e, a, t) }",
    "Split": "m (float[N,4,6] x) => (float[A,B,C] y) { p, q, r = Split <axis = 2> (x)  s = Mul(p, r)  y = Sub(s, q) }",
    "Split sizes": "m (float[N,4,6] x) => (float[A,B,C] y, float[D,E,F] z) <int64[2] s = {1, 5}>"
    " { y, z = Split <axis = 2> (x, s) }",
    "Gather": "m (float[N,4,6] x) => (float[A,B] y) <int64 i = {-1}> { y = Gather <axis = 1> (x, i) }",
    "Gather keeps": "m (float[N,4,6] x) => (float[A,B,C] y) <int64[1] i = {2}> { y = Gather <axis = 1> (x, i) }",
    "Pad": "m (float[N,4,6] x) => (float[A,B,C] y) <int64[6] p = {0,1,2,0,0,1}, float v = {1.5}> { y = Pad(x, p, v) }",
    "Pad reflect": 'm (float[N,4,6] x) => (float[A,B,C] y) <' + PADS + '> { y = Pad <mode = "reflect"> (x, p) }',
    "Pad edge": 'm (float[N,4,6] x) => (float[A,B,C] y) <' + PADS + '> { y = Pad <mode = "edge"> (x, p) }',
    "Expand": "m (float[N,1,6] x) => (float[A,B,C] y) <int64[3] s = {1, 5, 1}> { y = Expand(x, s) }",
    "Identity": "m (float[N,6] x) => (float[N,6] y) { y = Identity(x) }",
    "Dropout": "m (float[N,6] x) => (float[N,6] y) { z = Relu(x)  y = Dropout(z) }",
    "Cast": "m (float[N,6] x) => (int64[N,6] y) { y = Cast <to = 7> (x) }",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(MOVES))
def test_moves(name: str) -> None:
    check(text_model(MOVES[name], 18 if name.startswith("Pad") else 17 if name != "Identity" else 16), atol=0)


W23, W32 = "float[2,3] w = {1,2,3,4,5,6}", "float[3,2] w = {1,2,3,4,5,6}"
CUBE, FLAT = "m (float[N,5,3] x) => (float[A,B,C] y)", "m (float[N,3] x) => (float[A,B] y)"
MATRICES = {
    "MatMul constant": (f"{CUBE} <{W32}> {{ y = MatMul(x, w) }}", "linear"),
    "MatMul activations": (f"{CUBE} {{ t = Transpose <perm = [0,2,1]> (x)  y = MatMul(x, t) }}", "matmul"),
    "MatMul left constant": (f"{CUBE} <float[2,5] w = {{1,2,3,4,5,6,7,8,9,0}}> {{ y = MatMul(w, x) }}", "matmul"),
    "Gemm": (f"{FLAT} <{W23}, float[2] b = {{7,8}}> {{ y = Gemm <transB = 1> (x, w, b) }}", "linear"),
    "Gemm scaled": (f"{FLAT} <{W32}, float[1] b = {{7}}> {{ y = Gemm <alpha = 0.5, beta = 2.0> (x, w, b) }}", "linear"),
    "Gemm without bias": (f"{FLAT} <{W32}> {{ y = Gemm(x, w) }}", "linear"),
    "Gemm transposed": (
        f"m (float[3,N] x) => (float[A,B] y) <{W32}> {{ y = Gemm <transA = 1> (x, w) }}",
        "linear",
    ),
    "Gemm activations": (
        "m (float[2,3] x, float[2,3] w, float[2] b) => (float[A,B] y) { y = Gemm <transB = 1> (x, w, b) }",
        "matmul",
    ),
}


@pytest.mark.parametrize("name", sorted(MATRICES))
def test_matrices(name: str) -> None:
    body, op = MATRICES[name]
    assert op in ops(check(text_model(body)))


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
