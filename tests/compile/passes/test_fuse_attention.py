"""fuse_attention, merge_projections, fuse_layer_norm: what exporters spell out becomes one node; look-alikes stay."""

import numpy as np
import pytest
from agreement import check, ops, text_model

SCALE = "float scale = {0.5}, int64[4] split = {0, 0, 2, 4}, int64[3] join = {0, 0, 8}"
BODY = """q = MatMul(x, Wq)  k = MatMul(x, Wk)  v = MatMul(x, Wv)
    qs = Reshape(q, split)  ks = Reshape(k, split)  vs = Reshape(v, split)
    qt = Transpose <perm = [0, 2, 1, 3]> (qs)  kt = Transpose <perm = [0, 2, 3, 1]> (ks)
    vt = Transpose <perm = [0, 2, 1, 3]> (vs)"""
SCORES = {
    "plain": "s = MatMul(qt, kt)",
    "scaled": "r = MatMul(qt, kt)  s = Mul(r, scale)",
    "divided": "r = MatMul(qt, kt)  s = Div(r, scale)",
    "both sides": "qh = Mul(qt, scale)  kh = Mul(scale, kt)  s = MatMul(qh, kh)",
    "masked": "r = MatMul(qt, kt)  h = Mul(r, scale)  s = Add(h, mask)",
    "masked first": "r = MatMul(qt, kt)  s = Add(mask, r)",
}
TAIL = """p = Softmax <axis = -1> (s)  o = MatMul(p, vt)
    ot = Transpose <perm = [0, 2, 1, 3]> (o)  y = Reshape(ot, join)"""


def model(body: str, scores: str, tail: str = TAIL) -> str:
    random = np.random.default_rng(0)
    weights = ", ".join(
        f"float[8,8] W{name} = {{{', '.join(f'{w:.6f}' for w in random.standard_normal(64))}}}" for name in "qkv"
    )
    mask = ", float[N,1,1,T] mask" if "mask" in scores else ""
    return f"m (float[N,T,8] x{mask}) => (float[N,T,8] y) <{SCALE}, {weights}> {{ {body} {scores} {tail} }}"


@pytest.mark.parametrize("name", sorted(SCORES))
def test_attention_becomes_one_node_after_one_linear(name: str) -> None:
    graph = check(text_model(model(BODY, SCORES[name])))
    assert ops(graph) == ["linear", "attention"]
    assert graph.nodes[1].attributes["offsets"] == [0, 8, 16]


@pytest.mark.parametrize("join", ["0, 3, 8", "-1, 8"])
def test_rows_of_all_batches_together(join: str) -> None:
    """As a network is exported whose layers of 2 bits are Gemm."""
    body = BODY
    for name in "qk":
        body = body.replace(f"MatMul(x, W{name})", f"MatMul(f, W{name})")
        body = body.replace(f"Reshape({name}, split)", f"Reshape({name}, apart)")
    shapes = f"int64[2] flat = {{-1, 8}}, int64[4] apart = {{-1, 3, 2, 4}}, int64[{join.count(',') + 1}] join"
    text = model(f"f = Reshape(x, flat)  {body}", SCORES["scaled"]).replace("[N,T,8]", "[N,3,8]")
    text = text.replace("int64[3] join = {0, 0, 8}", f"{shapes} = {{{join}}}")
    if join.startswith("-1"):
        text = text.replace("(float[N,3,8] y)", "(float[M,8] y)")
    found = ops(check(text_model(text)))
    assert "attention" in found and not {"softmax", "transpose", "matmul"} & set(found)


def test_keys_transposed_twice() -> None:
    body = BODY.replace("[0, 2, 3, 1]> (ks)", "[0, 2, 1, 3]> (ks)  kw = Transpose <perm = [0, 1, 3, 2]> (kt)")
    assert ops(check(text_model(model(body, "s = MatMul(qt, kw)")))) == ["linear", "attention"]


def test_projections_of_different_inputs_stay_apart() -> None:
    body = BODY.replace("k = MatMul(x, Wk)", "n = Neg(x)  k = MatMul(n, Wk)")
    assert ops(check(text_model(model(body, SCORES["plain"])))) == ["linear", "unary", "linear", "linear", "attention"]


@pytest.mark.parametrize(
    "change",
    [
        ("p = Softmax <axis = -1>", "p = Softmax <axis = 2>"),
        ("ot = Transpose <perm = [0, 2, 1, 3]>", "ot = Transpose <perm = [0, 2, 3, 1]>"),
        ("o = MatMul(p, vt)", "pp = Mul(p, p)  o = MatMul(pp, vt)"),
    ],
)
def test_look_alikes_stay(change: tuple[str, str]) -> None:
    assert "attention" not in ops(check(text_model(model(BODY, SCORES["plain"], TAIL.replace(*change)))))


def test_scores_that_are_read_elsewhere_stay() -> None:
    text = model(BODY, SCORES["plain"]).replace("(float[N,T,8] y)", "(float[N,T,8] y, float[N,2,T,T] p)")
    assert "attention" not in ops(check(text_model(text)))


NORM = """c = ReduceMean <axes = [-1], keepdims = 1> (x)  d = Sub(x, c)  {square}
    v = ReduceMean <axes = [-1], keepdims = 1> (e)  t = Add(v, epsilon)  r = Sqrt(t)  n = Div(d, r)
    m = Mul(n, gamma)  y = Add(m, beta)"""
NORM_HEAD = (
    "m (float[N,3,4] x) => (float[N,3,4] y) <float two = {2.0}, float epsilon = {0.00001},"
    " float[4] gamma = {1.0, -2.0, 3.0, 0.5}, float[4] beta = {0.0, 1.0, -1.0, 2.0}>"
)


@pytest.mark.parametrize("square", ["e = Mul(d, d)", "e = Pow(d, two)"])
def test_a_spelled_out_layer_norm_becomes_one_node(square: str) -> None:
    assert ops(check(text_model(f"{NORM_HEAD} {{ {NORM.format(square=square)} }}"))) == ["layer_norm"]


def test_a_residual_is_added_inside() -> None:
    body = "s = Sigmoid(x)  z = Add(x, s)  y = LayerNormalization <axis = -1> (z, gamma, beta)"
    assert ops(check(text_model(f"{NORM_HEAD} {{ {body} }}"))) == ["unary", "layer_norm"]


@pytest.mark.parametrize("square", ["e = Mul(d, x)", "e = Pow(d, epsilon)"])
def test_what_only_looks_like_a_layer_norm_stays(square: str) -> None:
    text = f"{NORM_HEAD} {{ a = Abs(x)  {NORM.format(square=square).replace('t = Add(v,', 'w = Abs(v)  t = Add(w,')} }}"
    assert "layer_norm" not in ops(check(text_model(text)))
