"""Operators that move elements, alone, against ONNX Runtime."""

import numpy as np
import pytest
from agreement import check, text_model
from reference import check_node, floats

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


def test_no_elements_may_take_any_shape_that_has_none() -> None:
    check_node("Reshape", {"x": floats(0, 3, 4), "s": np.asarray([3, 4, 0])}, known=("s",), allowzero=1)
