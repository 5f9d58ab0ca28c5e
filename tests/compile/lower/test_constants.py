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


BRANCHES = (
    "<then_branch = t () => (float[N,4] u) { u = Relu(s) }, else_branch = e () => (float[N,4] v)"
    " { two = Constant <value_float = 2.0> ()  v = Mul(s, two) }>"
)
ADD_THRICE = "{ more = Identity(go)  o = Add(a, k) }"


@pytest.mark.parametrize(("condition", "last"), [(1, "unary"), (0, "binary")])
def test_an_if_with_a_known_condition_is_its_branch(condition: int, last: str) -> None:
    body = f"c = Constant <value = bool[1] {{{condition}}}> ()  s = Neg(x)  y = If (c) {BRANCHES}"
    graph = check(text_model(f"m (float[N,4] x) => (float[N,4] y) {{ {body} }}"))
    assert ops(graph) == ["unary", last] and graph.nodes[-1].outputs == ["y"]


def test_a_known_branch_may_be_constant_or_an_outer_value() -> None:
    branches = "<then_branch = t () => (float u) { u = Neg(k) }, else_branch = e () => (float v) { v = Identity(k) }>"
    body = (
        "c = Constant <value = bool {1}> ()  k = Constant <value_float = 3.0> ()"
        f"  s = If (c) {branches}  t = If (c) <then_branch = t2 () => (float[N,4] u2) {{ u2 = Identity(x) }},"
        " else_branch = e2 () => (float[N,4] v2) { v2 = Neg(x) }>  y = Mul(t, s)"
    )
    assert ops(check(text_model(f"m (float[N,4] x) => (float[N,4] y) {{ {body} }}"))) == ["binary"]


def test_an_if_that_depends_on_data_runs_both_branches() -> None:
    model = text_model(f"m (float[N,4] x, bool c) => (float[N,4] y) {{ s = Neg(x)  y = If (c) {BRANCHES} }}")
    for chosen in (True, False):
        x = np.arange(-3, 5, dtype=np.float32).reshape(2, 4)
        assert ops(check(model, {"x": x, "c": np.asarray(chosen)}))[-1] == "elementwise"


def loop(k: str) -> str:
    body = f"<body = b (int64 i, bool go, float[4] a) => (bool more, float[4] o) {ADD_THRICE}>"
    constants = (
        "n = Constant <value_int = 3> ()  c = Constant <value = bool {1}> ()"
        "  z = Constant <value_floats = [0.0, 1.0, 2.0, 3.0]> ()"
    )
    return f"m (float[4] x) => (float[4] y) {{ {constants}  {k}  l = Loop (n, c, z) {body}  y = Add(x, l) }}"


def test_a_loop_of_known_length_runs_step_by_step_when_not_all_is_known() -> None:
    graph = check(text_model(loop("k = Neg(x)")))
    assert ops(graph).count("binary") == 4


def test_a_loop_folds_when_all_it_reads_is_known() -> None:
    graph = check(text_model(loop("k = Constant <value_float = 0.5> ()")))
    assert ops(graph) == ["binary"]
