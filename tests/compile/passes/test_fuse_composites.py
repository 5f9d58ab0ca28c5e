"""Spelled-out activations, in the orders in which exporters write them, and look-alikes that must not match."""

import pytest
from agreement import check, ops, text_model

HEAD = (
    "m (float[N,6] x) => (float[N,6] y) <float half = {0.5}, float one = {1.0}, float three = {3.0}, float six = {6.0},"
    " float zero = {0.0}, float root = {1.41421356}, float inverse = {0.70710678}, float c = {0.044715},"
    " float k = {0.79788456}, float sixth = {0.16666667}, float two = {2.0}>"
)
MATCHES = {
    "silu": "s = Sigmoid(x)  y = Mul(x, s)",
    "silu reversed": "s = Sigmoid(x)  y = Mul(s, x)",
    "hard_swish by hard_sigmoid": "s = HardSigmoid <alpha = 0.16666667, beta = 0.5> (x)  y = Mul(x, s)",
    "hard_swish by clip": "a = Add(x, three)  b = Clip(a, zero, six)  d = Mul(x, b)  y = Div(d, six)",
    "hard_swish by clip first": "a = Add(x, three)  b = Clip(a, zero, six)  d = Mul(b, sixth)  y = Mul(x, d)",
    "gelu": "a = Div(x, root)  e = Erf(a)  b = Add(e, one)  d = Mul(x, b)  y = Mul(d, half)",
    "gelu half first": "h = Mul(x, half)  a = Mul(x, inverse)  e = Erf(a)  b = Add(one, e)  y = Mul(h, b)",
    "gelu gate halved": "a = Mul(inverse, x)  e = Erf(a)  b = Add(e, one)  d = Mul(half, b)  y = Mul(x, d)",
    "gelu_tanh by products": "q = Mul(x, x)  p = Mul(x, q)  r = Mul(c, p)  a = Add(x, r)  b = Mul(k, a)  t = Tanh(b)"
    "  u = Add(one, t)  h = Mul(half, x)  y = Mul(h, u)",
    "gelu_tanh by pow": "p = Pow(x, three)  r = Mul(p, c)  a = Add(x, r)  b = Mul(a, k)  t = Tanh(b)"
    "  u = Add(t, one)  h = Mul(x, half)  y = Mul(h, u)",
}
LOOK_ALIKES = {
    "sigmoid of another": "n = Neg(x)  s = Sigmoid(n)  y = Mul(x, s)",
    "scaled sigmoid": "a = Mul(x, two)  s = Sigmoid(a)  y = Mul(x, s)",
    "silu doubled": "s = Sigmoid(x)  a = Mul(x, s)  y = Mul(a, two)",
    "other clip": "a = Add(x, three)  b = Clip(a, zero, three)  d = Mul(x, b)  y = Div(d, six)",
    "gelu without half": "a = Div(x, root)  e = Erf(a)  b = Add(e, one)  y = Mul(x, b)",
    "gelu with another root": "a = Div(x, two)  e = Erf(a)  b = Add(e, one)  d = Mul(x, b)  y = Mul(d, half)",
}


@pytest.mark.parametrize("name", sorted(MATCHES))
def test_spelled_out_functions_become_one_node(name: str) -> None:
    graph = check(text_model(f"{HEAD} {{ {MATCHES[name]} }}"))
    assert [node.attributes["function"] for node in graph.nodes] == [name.split()[0]]


@pytest.mark.parametrize("name", sorted(LOOK_ALIKES))
def test_look_alikes_do_not(name: str) -> None:
    functions = {node.attributes["function"] for node in check(text_model(f"{HEAD} {{ {LOOK_ALIKES[name]} }}")).nodes}
    expected = {"silu"} if name == "silu doubled" else set()
    assert functions & {"silu", "hard_swish", "gelu", "gelu_tanh"} == expected


def test_a_gate_with_another_reader_stays_for_it() -> None:
    model = text_model("m (float[N,6] x) => (float[N,6] y, float[N,6] s) { s = Sigmoid(x)  y = Mul(x, s) }")
    assert sorted(ops(check(model))) == ["unary", "unary"]
