"""Shapes computed from shapes, with a symbol in them, become 0 and −1."""

import numpy as np
import pytest
from agreement import check, ops, random_feed, text_model

from apus.compile import compile_model
from apus.errors import CompileError

HEAD = "m (float[N,4,6] x) => (float[A,B] y)"
COMPUTED = {
    "gather": "s = Shape(x)  i = Constant <value_ints = [0]> ()  n = Gather(s, i)  f = Constant <value_ints = [24]> ()"
    "  t = Concat <axis = 0> (n, f)  y = Reshape(x, t)",
    "product": "s = Shape <end = 1> (x)  four = Constant <value_ints = [4]> ()  p = Mul(s, four)"
    "  six = Constant <value_ints = [6]> ()  t = Concat <axis = 0> (p, six)  y = Reshape(x, t)",
    "slice and minus one": "s = Shape(x)  a = Constant <value_ints = [1]> ()  b = Constant <value_ints = [2]> ()"
    "  c = Slice(s, a, b)  m = Constant <value_ints = [-1]> ()  t = Concat <axis = 0> (m, c)  y = Reshape(x, t)",
    "scalar": "s = Shape(x)  i = Constant <value_int = 0> ()  n = Gather(s, i)  u = Constant <value_ints = [0]> ()"
    "  v = Unsqueeze(n, u)  m = Constant <value_ints = [-1]> ()  t = Concat <axis = 0> (v, m)  y = Reshape(x, t)",
    "division": "s = Shape <end = 1> (x)  k = Constant <value_ints = [8]> ()  p = Mul(s, k)"
    "  two = Constant <value_ints = [2]> ()  q = Div(p, two)  m = Constant <value_ints = [-1]> ()"
    "  t = Concat <axis = 0> (q, m)  y = Reshape(x, t)",
}


@pytest.mark.parametrize("name", sorted(COMPUTED))
def test_computed_targets(name: str) -> None:
    model = text_model(f"{HEAD} {{ {COMPUTED[name]} }}")
    graph = check(model, atol=0)
    assert ops(graph) == ["reshape"]
    check(model, random_feed(graph, batch=5), atol=0)


def test_a_mask_of_symbols_selects() -> None:
    body = (
        "s = Shape(z)  m = Constant <value_ints = [-1, -1]> ()  e = Equal(s, m)  w = Where(e, m, s)  y = Expand(x, w)"
    )
    model = text_model(f"m (float[1,6] x, float[N,6] z) => (float[A,B] y, float[N,6] t) {{ {body}  t = Neg(z) }}")
    with pytest.raises(CompileError, match="symbolic dimension grows; pass shapes="):
        compile_model(model)
    check(model, shapes={"z": [3, 6]}, atol=0)


def test_two_unknown_dimensions_are_refused() -> None:
    model = text_model(
        "m (float[N,T,6] x, float[P,Q] z) => (float[A,B] y, float[P,Q] t)"
        " { s = Shape(z)  y = Reshape(x, s)  t = Neg(z) }"
    )
    with pytest.raises(CompileError, match="two dimensions depend on the input"):
        compile_model(model)


def test_constants_fold_by_the_standard() -> None:
    model = text_model(
        "m (float[N,2] x) => (float[N,2] y) <float[2] c = {4.0, 9.0}>"
        " { r = Sqrt(c)  one = Constant <value_float = 1.0> ()  d = Div(one, r)  y = Mul(x, d) }"
    )
    graph = check(model)
    assert ops(graph) == ["binary"]
    assert np.allclose(graph.tensors[graph.nodes[0].inputs[1]], [1 / 2, 1 / 3])
