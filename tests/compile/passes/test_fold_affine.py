"""What follows a matrix per channel goes into it, whatever its spelling; what differs per element does not."""

import pytest
from agreement import check, ops, text_model

IMAGE = "m (float[N,2,5,5] x) => (float[A,B,C,D] y) <float[3,2,1,1] w = {1,2,-3,4,5,6}, float[3] b = {1,2,3}"
ROWS = "m (float[N,2] x) => (float[A,B] y) <float[2,3] w = {1,2,-3,4,5,6}, float[3] b = {1,2,3}"
FOLDED = {
    "batch norm": (
        f"{IMAGE}, float[3] g = {{1,-2,3}}, float[3] h = {{3,2,1}}, float[3] v = {{4,5,6}}>"
        " { c = Conv(x, w, b)  y = BatchNormalization(c, g, h, b, v) }",
        ["conv"],
    ),
    "scale, shift": (
        f"{IMAGE}, float[1,3,1,1] s = {{2,-1,3}}, float[3,1,1] t = {{7,8,9}}>"
        " { c = Conv(x, w)  d = Mul(s, c)  y = Sub(t, d) }",
        ["conv"],
    ),
    "scalars": (
        f"{IMAGE}, float s = {{2}}> {{ c = Conv(x, w, b)  d = Div(c, s)  e = Sub(d, s)  y = Add(s, e) }}",
        ["conv"],
    ),
    "matmul bias": (f"{ROWS}> {{ c = MatMul(x, w)  y = Add(b, c) }}", ["linear"]),
    "then relu": (f"{ROWS}> {{ c = MatMul(x, w)  d = Add(c, b)  y = Relu(d) }}", ["linear"]),
}
KEPT = {
    "reciprocal": (f"{ROWS}> {{ c = MatMul(x, w)  y = Div(b, c) }}", ["linear", "binary"]),
    "along another axis": (
        f"{IMAGE}, float[5] s = {{1,2,3,4,5}}> {{ c = Conv(x, w)  y = Mul(c, s) }}",
        ["conv", "binary"],
    ),
    "another reader": (
        f"{ROWS}> {{ c = MatMul(x, w)  d = Add(c, b)  y = Mul(c, d) }}",
        ["linear", "binary", "binary"],
    ),
    "after relu": (f"{ROWS}> {{ c = MatMul(x, w)  d = Relu(c)  y = Add(d, b) }}", ["linear", "binary"]),
    "one more dimension": (
        "m (float[N,2] x) => (float[A,B,C] y) <float[2,3] w = {1,2,3,4,5,6}, float[1,1,3] b = {1,2,3}>"
        " { c = MatMul(x, w)  y = Add(c, b) }",
        ["linear", "binary"],
    ),
}


@pytest.mark.parametrize("name", sorted(FOLDED | KEPT))
def test_affine(name: str) -> None:
    body, expected = (FOLDED | KEPT)[name]
    assert ops(check(text_model(body))) == expected
